//! The protocol that MySQL and MariaDB speak, as far as executing statements needs it.
//!
//! It is our own because of what a client library would do beside it: look up and connect by
//! itself, where the address that was judged has to be the address that is connected to; offer the
//! server to read local files and to take several statements in one; wait for a server that sends a
//! byte now and then for ever; and keep rows that are never read.
//!
//! # Invariants
//! - Every wait ends at the deadline that was set last.
//! - No length that a server claims is allocated or believed, and no answer of it panics.
//! - Neither CLIENT_LOCAL_FILES nor CLIENT_MULTI_STATEMENTS is ever asked for, and a server that
//!   asks for a file all the same gets none.
//!
//! # Non-goals
//! Rows as values, cursors, compression, and passwords in plain text over anything that others can
//! listen to.

mod auth;
mod channel;
mod connection;
mod error;
mod handshake;
mod login;
mod reader;
mod socket;
mod value;

pub(crate) use channel::Stream;
pub(crate) use connection::{Connection, IN_TRANSACTION};
pub(crate) use error::Error;
pub(crate) use login::{Login, ServerKey};
pub(crate) use socket::Socket;

#[cfg(test)]
mod tests;
