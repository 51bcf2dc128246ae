//! What can go wrong with a spool, said so that the operator knows what to do.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use slipstream_core::{BacklogError, StoreError};

/// Why a spool could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The file system refused.
    #[error("cannot {doing} {}", .path.display())]
    Io {
        /// What was being done, as a verb that the path follows.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The directory was moved or removed under a worker that stays.
    #[error("{} was moved or removed; start again, in its place", .path.display())]
    Moved {
        /// Where it was.
        path: PathBuf,
    },
    /// The directory is not one to put requests into.
    #[error("{} {why}", .path.display())]
    Unsafe {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it and what to do, as the rest of a sentence.
        why: String,
    },
    /// The spool's settings are no settings, or not possible ones.
    #[error("{}: {why}", .path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Somebody kept a lock for too long.
    #[error("{} has been locked by another process for {} s; `fuser -v` on it tells which one, and ending that frees it", .path.display(), .waited.as_secs())]
    Locked {
        /// The file.
        path: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// A slot is full and the spool's policy is to refuse.
    #[error("{} is full: slot {slot} has {logs} logs that wait, and the policy is to refuse rather than overwrite; run the worker, or see why it does not run", .path.display())]
    Full {
        /// The spool.
        path: PathBuf,
        /// The slot.
        slot: u16,
        /// How many logs a slot may have waiting.
        logs: u32,
    },
    /// The current log changed under the writer again and again.
    #[error("{} was replaced again and again while a request was being stored; is another program moving files in the spool?", .path.display())]
    Restless {
        /// The log.
        path: PathBuf,
    },
    /// Another worker has the spool.
    #[error("another worker is at it")]
    Busy {
        /// Its process id, if it is known.
        holder: Option<u32>,
    },
}

impl SpoolError {
    /// Whether it would go through with more room on the disk.
    pub(crate) fn is_full_disk(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull, WriteZero};
        // WriteZero: the write was cut short.
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), StorageFull | QuotaExceeded | WriteZero))
    }
}

impl From<SpoolError> for StoreError {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::Full { .. } => Self::Full(error.to_string()),
            other => Self::Engine(Box::new(other)),
        }
    }
}

impl From<SpoolError> for BacklogError {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::Busy { holder } => Self::Busy { holder },
            other => Self::Engine(Box::new(other)),
        }
    }
}
