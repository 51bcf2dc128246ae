//! What to send: the trait that each kind of request implements.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A request of some kind: plain data that serde can write and read back.
///
/// Fields may be added to a kind later if they have a serde default; what an older
/// program stored is then still read.
pub trait Request: Serialize + DeserializeOwned {
    /// The kind's name, stored with every request. It never changes.
    const KIND: &'static str;

    /// Whom this request goes to: failures, limits and pauses are counted by it.
    fn destination(&self) -> Destination;

    /// Refuses what can never be delivered, before it is stored.
    ///
    /// # Errors
    /// What is wrong with it, in words for the program's user.
    fn check(&self) -> Result<(), Invalid>;
}

/// Scheme, host and port, as `https://example.com:443`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination(String);

impl Destination {
    /// A destination by its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A request that can never be delivered as it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(String);

impl Invalid {
    /// An error from words that say what is wrong and what would be right.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}
