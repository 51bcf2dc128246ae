//! A spool's directory: opened, judged, made; and its files, once it is open.

pub(crate) mod accounts;
pub(crate) mod create;
pub(crate) mod files;
pub(crate) mod locks;
pub(crate) mod renames;
pub(crate) mod spool_dir;
