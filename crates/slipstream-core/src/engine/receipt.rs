//! The outcome of a store: what an engine acknowledges, and why it refuses.

use std::error::Error;

use crate::invalid::Invalid;
use crate::request::id::RecordId;

/// An engine's answer to a successful store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Receipt {
    /// What was evicted to keep the bound on disk use.
    pub overwritten: Vec<Overwritten>,
    /// What was not stored, because it repeats what was stored a moment ago.
    pub duplicates: Vec<Duplicate>,
}

/// A record that was not stored: one with the same dedupe key was, within its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Duplicate {
    /// The record that was given.
    pub id: RecordId,
    /// The earlier one.
    pub of: RecordId,
}

impl Duplicate {
    /// The record `id`, which repeats the record `of`.
    pub fn new(id: RecordId, of: RecordId) -> Self {
        Self { id, of }
    }
}

/// Undelivered work that was evicted to keep the bound.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overwritten {
    /// The log that held it.
    pub log: String,
    /// Requests that it still held.
    pub requests: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Overwritten {
    /// What was evicted with this log: so many requests, in so many bytes.
    pub fn new(log: impl Into<String>, requests: u64, bytes: u64) -> Self {
        Self { log: log.into(), requests, bytes }
    }
}

/// Why a record was not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The request can never be delivered as it is.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The record is larger than the engine takes.
    #[error(
        "the request takes {bytes} bytes and the limit is {limit}; store it smaller, or raise the limit"
    )]
    TooLarge {
        /// Its size in bytes.
        bytes: u64,
        /// The engine's limit in bytes.
        limit: u64,
    },
    /// The engine is full and configured to refuse rather than overwrite.
    #[error("{0}")]
    Full(String),
    /// It was written, but whether it would survive a power loss is unknown.
    #[error("the request was written but may not survive a power loss")]
    DurabilityUnknown(#[source] Box<dyn Error + Send + Sync>),
    /// The engine failed.
    #[error(transparent)]
    Engine(Box<dyn Error + Send + Sync>),
}
