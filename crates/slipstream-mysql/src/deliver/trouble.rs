//! Reasons why a request was not executed: the server's errors, and what a transaction met.

use crate::deliver::wire::Error;

/// Why a request was not executed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The server, or the way there.
    Wire(Error),
    /// The same while a transaction was committed: it may be, or not.
    Commit(Error),
    /// A statement ended the transaction that it was to be a part of.
    Ended,
    /// Stored code ran in a session that others share; it was undone.
    StoredCode,
    /// The table that remembers requests is not there and cannot be made: what the server says.
    NoTable { code: u16, message: String },
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Wire(error)
    }
}

impl Trouble {
    /// Whether the connection can be used after it.
    pub(crate) fn leaves_well(&self) -> bool {
        match self {
            Self::Wire(error) | Self::Commit(error) => error.leaves_well(),
            Self::Ended | Self::StoredCode | Self::NoTable { .. } => true,
        }
    }

    /// Whether the connection was cut, by either side or between them.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Wire(Error::Lost(_)))
    }
}
