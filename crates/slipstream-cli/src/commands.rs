//! The commands: a module for each, with its name.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod doctor;
pub(crate) mod failed;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod kinds;
pub(crate) mod man;
#[cfg(test)]
pub(crate) mod memory;
pub(crate) mod purge;
pub(crate) mod retry_now;
pub(crate) mod setup;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod work;
