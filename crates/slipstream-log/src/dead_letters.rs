//! Failed requests: retried and removed.

pub(crate) mod drop;
pub(crate) mod retry;
