//! A spool's directory: opened, judged, and made.

pub(crate) mod accounts;
pub(crate) mod create;
pub(crate) mod spool_dir;
