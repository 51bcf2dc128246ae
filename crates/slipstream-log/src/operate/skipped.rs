//! Files that were skipped by what looks at, or changes, many logs.

use crate::error::SpoolError;

/// A file of the spool that could not be used, while all others were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where it is, beneath the spool.
    pub path: String,
    /// What was tried and what came of it, lower case.
    pub why: String,
}

impl Skipped {
    pub(crate) fn new(path: impl Into<String>, error: &SpoolError) -> Self {
        Self { path: path.into(), why: error.with_cause() }
    }
}
