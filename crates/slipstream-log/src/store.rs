//! Storing: the hot path.

pub(crate) mod append;
pub(crate) mod dedupe;
pub(crate) mod group_commit;
pub(crate) mod records;
pub(crate) mod writer;
pub(crate) mod writers;
