//! The parts that a purge removed, and the parts that an action on many skipped.

/// A part of an engine that could not be used, while all others were.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// Its name: of a spool, the file's path beneath it.
    pub part: String,
    /// What was tried and what came of it, lower case.
    pub why: String,
}

impl Skipped {
    /// A part, and why it could not be used.
    pub fn new(part: impl Into<String>, why: impl Into<String>) -> Self {
        Self { part: part.into(), why: why.into() }
    }
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Purged {
    /// Parts.
    pub parts: u64,
    /// Requests that they still held.
    pub requests: u64,
    /// Bytes of those parts.
    pub bytes: u64,
    /// Parts that could not be removed.
    pub skipped: Vec<Skipped>,
}
