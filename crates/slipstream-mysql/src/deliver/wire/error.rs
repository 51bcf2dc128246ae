//! The errors of talking to a server.
//!
//! # Non-goals
//! The meaning of an error for a request: see `classify`.

use std::io;
use std::time::Duration;

/// Why a command has no good answer.
#[derive(Debug)]
pub(crate) enum Error {
    /// The server reported it, and the connection is as good as before.
    Server { code: u16, message: String },
    /// The connection broke.
    Lost(io::Error),
    /// The server said nothing for so long.
    Silent(Duration),
    /// The time for all of it is over.
    Late,
    /// What came is not the protocol: here is what is wrong with it.
    Protocol(&'static str),
    /// The connection could not be protected.
    Tls(String),
    /// The server offers no TLS.
    NoTls,
    /// The server wants a proof of the password that is not known here, by its name.
    Plugin(String),
    /// The server wants the password itself, and others could read it on the way, or be it.
    Unprotected,
    /// The server's public key, as it was given, is not a valid key.
    Key,
    /// The statement has another number of placeholders.
    Params { wanted: usize, given: usize },
    /// The result is longer than so many bytes.
    TooMuch(u64),
}

impl Error {
    /// Whether the connection can be used after it.
    pub(crate) fn leaves_well(&self) -> bool {
        matches!(self, Self::Server { .. } | Self::Params { .. })
    }

    /// The server's number, 0 for none.
    pub(crate) fn code(&self) -> u16 {
        if let Self::Server { code, .. } = self { *code } else { 0 }
    }
}

pub(crate) type Result<T> = std::result::Result<T, Error>;
