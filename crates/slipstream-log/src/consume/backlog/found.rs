//! The findings of a look at the spool.

use std::fmt;

use crate::format::layout::{collecting_path, log_path};
use crate::format::log_name::{LogName, Stage};

/// What a look at the spool finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Found {
    Collecting(u16),
    Sealed(Stage, LogName),
    /// A whole directory.
    Dir(&'static str),
}

impl Found {
    /// A log that is claimed.
    pub(super) fn claimed(log: LogName) -> Self {
        Self::Sealed(Stage::Processing, log)
    }

    /// Its slot; none has that of a directory.
    pub(super) fn slot(self) -> u16 {
        match self {
            Self::Collecting(slot) => slot,
            Self::Sealed(_, log) => log.slot,
            Self::Dir(_) => u16::MAX,
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collecting(slot) => f.write_str(&collecting_path(*slot)),
            Self::Sealed(stage, log) => f.write_str(&log_path(*stage, *log)),
            Self::Dir(dir) => f.write_str(dir),
        }
    }
}
