//! Execution of statements: the handler, its sessions and transactions, and the protocol.

pub(crate) mod classify;
pub(crate) mod endpoint;
pub(crate) mod executor;
pub(crate) mod group;
pub(crate) mod handler;
pub(crate) mod once;
pub(crate) mod option_file;
pub(crate) mod options;
pub(crate) mod plain;
pub(crate) mod pool;
pub(crate) mod protection;
pub(crate) mod resolve;
pub(crate) mod session;
pub(crate) mod sharing;
pub(crate) mod transaction;
pub(crate) mod trouble;
pub(crate) mod wire;
