//! Formats: bytes, names and settings, and how a log is read. docs/format.md mirrors it.

pub mod frame;
pub(crate) mod layout;
pub mod log_name;
pub mod scan;
pub(crate) mod settings;
pub(crate) mod slot;
