//! The trait that each kind of request implements.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::invalid::Invalid;
use crate::request::destination::Destination;

pub(crate) mod delivery_options;
pub(crate) mod destination;
pub(crate) mod id;
pub(crate) mod record;
pub(crate) mod shown;
pub(crate) mod source;
pub(crate) mod timeout;
pub(crate) mod tls;

/// A request of some kind: plain data that serde can write and read back.
///
/// Fields may be added to a kind later if they have a serde default; what an older
/// program stored is then still read.
pub trait Request: Serialize + DeserializeOwned {
    /// The kind's name, stored with every request. It never changes.
    const KIND: &'static str;

    /// The destination of this request: failures, limits and pauses are counted by it.
    fn destination(&self) -> Destination;

    /// Refuses what can never be delivered, before it is stored.
    ///
    /// # Errors
    /// What is wrong with it, in words for the program's user.
    fn check(&self) -> Result<(), Invalid>;
}
