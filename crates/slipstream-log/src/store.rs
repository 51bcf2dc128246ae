//! Storing: the hot path.

pub(crate) mod append;
pub(crate) mod dedupe;
pub(crate) mod group_commit;
pub(crate) mod records;
pub(crate) mod writer;
pub(crate) mod writers;

/// The locks of the group commit.
mod locks {
    pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
}

#[cfg(test)]
#[path = "store/group_commit/interleavings.rs"]
mod group_commit_interleavings;
#[cfg(test)]
#[path = "store/group_commit/tests.rs"]
mod group_commit_tests;
