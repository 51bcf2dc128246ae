//! Errors of a spool, worded so that an operator can act on them.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use rustix::io::Errno;
use slipstream_core::operator::{OperatorError, Skipped};
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
        /// Its error.
        source: io::Error,
    },
    /// This process may read the file system there, and not write to it.
    #[error("cannot {doing} {}: the file system is read-only here; a service needs the spool in `ReadWritePaths=` of its unit", .path.display())]
    ReadOnly {
        /// What was being done, as a verb that the path follows.
        doing: &'static str,
        /// To what.
        path: PathBuf,
    },
    /// A part of the spool was removed.
    #[error("{} is gone; `slipstream --dir {} check --repair` makes it again", .spool.join(.dir).display(), .spool.display())]
    Gone {
        /// The spool.
        spool: PathBuf,
        /// The directory in it.
        dir: String,
    },
    /// The directory was moved, emptied, or made anew under a worker that stays.
    #[error("{} was moved, emptied or made anew; start again, in its place", .path.display())]
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
    /// A settings file of the command line and of programs is there, and cannot be read.
    #[error("cannot read the config file {}; mend it, or have SLIPSTREAM_CONFIG name another", .path.display())]
    SettingsFile {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        source: io::Error,
    },
    /// Another process kept a lock for too long.
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
    #[error("{} was replaced again and again while a request was being stored; stop the program that moves files in the spool", .path.display())]
    Contended {
        /// The log.
        path: PathBuf,
    },
    /// A claimed log is no longer in its place.
    #[error("{} was taken away, or replaced by another file, while a worker had it; `slipstream check` shows what is missing", .path.display())]
    Taken {
        /// The log.
        path: PathBuf,
    },
    /// Several logs could not be worked.
    #[error("{} files of the spool could not be used, among them this one", .others + 1)]
    Several {
        /// How many beside the first.
        others: usize,
        /// What kept the first.
        source: Box<SpoolError>,
    },
    /// Another worker has the spool.
    #[error("another worker is running")]
    Busy {
        /// Its process id, if it is known.
        holder: Option<u32>,
    },
    /// The backlog was opened before a fork, and is used behind it.
    #[error(
        "process {opened_by} opened the backlog, and this process was forked off it; open the backlog in the process that works it"
    )]
    Forked {
        /// The process that opened the backlog.
        opened_by: u32,
    },
}

impl SpoolError {
    /// The file system's error. That it is read-only is reported separately: to a service that is
    /// kept from writing there, it looks like the disk's fault.
    pub(crate) fn io(doing: &'static str, path: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { doing, path },
            _ => Self::Io { doing, path, source },
        }
    }

    /// Whether this process, or the machine, has no file descriptor left.
    pub(crate) fn is_out_of_descriptors(&self) -> bool {
        let short = [Errno::MFILE, Errno::NFILE].map(|errno| Some(errno.raw_os_error()));
        matches!(self, Self::Io { source, .. } if short.contains(&source.raw_os_error()))
    }

    /// Whether what was to be opened is no file of the spool: a link, a pipe, a directory, or another
    /// user's.
    pub(crate) fn is_no_log(&self) -> bool {
        use io::ErrorKind::{InvalidInput, IsADirectory};
        let no_file = [Errno::LOOP, Errno::NXIO, Errno::NODEV].map(|no| Some(no.raw_os_error()));
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), InvalidInput | IsADirectory)
                || no_file.contains(&source.raw_os_error()))
    }

    /// Whether nothing in the spool can be worked while it lasts.
    pub(crate) fn is_of_the_spool(&self) -> bool {
        matches!(self, Self::ReadOnly { .. } | Self::Moved { .. })
    }

    /// Itself and its cause, in one line.
    pub(crate) fn with_cause(&self) -> String {
        let mut words = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            words = format!("{words}: {error}");
            cause = error.source();
        }
        words
    }

    /// The file that it kept from being used.
    pub(crate) fn skipped(&self, path: impl Into<String>) -> Skipped {
        Skipped::new(path, self.with_cause())
    }

    /// The same, reported as the first of several.
    pub(crate) fn and_others(self, others: usize) -> Self {
        match others {
            0 => self,
            _ => Self::Several { others, source: Box::new(self) },
        }
    }

    /// Whether it would go through with more room on the disk.
    pub(crate) fn is_full_disk(&self) -> bool {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull, WriteZero};
        // WriteZero: the write was cut short. FileTooLarge: RLIMIT_FSIZE, too.
        matches!(self, Self::Io { source, .. }
            if matches!(source.kind(), FileTooLarge | StorageFull | QuotaExceeded | WriteZero))
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

impl From<SpoolError> for OperatorError {
    fn from(error: SpoolError) -> Self {
        match error {
            SpoolError::Busy { holder } => Self::Busy { holder },
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_may_not_write_to_the_spool_is_told_what_its_unit_needs() {
        let told = |errno| {
            let source = io::Error::from_raw_os_error(errno);
            SpoolError::io("make", "/var/spool/slipstream/ready".into(), source).to_string()
        };
        assert_eq!(
            told(30),
            "cannot make /var/spool/slipstream/ready: the file system is read-only here; a service needs the spool in `ReadWritePaths=` of its unit"
        );
        assert_eq!(told(13), "cannot make /var/spool/slipstream/ready");
    }
}
