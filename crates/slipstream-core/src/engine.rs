//! Storage of records between the program that stores them and the worker that delivers them.
//!
//! The trait serves two engines: a directory on local disk, and a replicated stream on other
//! machines. So it promises only what both can do: records go in and are acknowledged; records come
//! out as claims, each settled by itself; an attempt is counted before it is made; what is deferred
//! comes out again when it is due. Files, slots and locks are internal to the spool, streams and
//! consumers to the stream. What an operator asks of an engine is in [`operator`].

use crate::engine::backlog::{Backlog, BacklogError};
use crate::engine::receipt::{Receipt, StoreError};
use crate::request::record::Record;
use crate::request::source::Source;

pub(crate) mod backlog;
pub(crate) mod claim;
pub(crate) mod last_run;
pub mod operator;
pub(crate) mod receipt;

/// Keeps records until they are delivered.
pub trait Engine: Send + Sync {
    /// Stores records, in this order. When it returns, they are acknowledged.
    ///
    /// # Errors
    /// Nothing of what was given is acknowledged; some of it may be delivered all the same
    /// when it was several records, or the error is [`StoreError::DurabilityUnknown`].
    fn store(&self, source: &Source, records: &[Record]) -> Result<Receipt, StoreError>;

    /// Opens what is stored for the one worker that may work it.
    ///
    /// # Errors
    /// [`BacklogError::Busy`] when another worker has it, else why it cannot be worked.
    fn backlog(&self) -> Result<Box<dyn Backlog>, BacklogError>;
}
