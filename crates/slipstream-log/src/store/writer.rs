//! A slot's collecting log, opened by this process or made.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use slipstream_core::Timestamp;

use crate::dir::files::{SpoolFiles, TRIES};
use crate::error::SpoolError;
use crate::format::frame::LogHeader;
use crate::format::layout::collecting_path;
use crate::format::log_name::{LogName, Stage};
use crate::fs::{File, Open, Replace};
use crate::store::group_commit::GroupSync;

/// A slot's collecting log, open in this process.
pub(crate) struct Writer {
    pub(super) file: Arc<dyn File>,
    /// None when the header cannot be read: the log is sealed as it is.
    pub(super) header: Option<LogHeader>,
    pub(super) path: String,
    identity: (u64, u64),
    /// The log's length when it was looked at last, and what was appended since from here.
    pub(super) len: u64,
    pub(super) looked: Option<Duration>,
    /// What threads of this process that want to survive a power loss wait for together.
    pub(super) syncs: Arc<Syncs>,
}

/// The syncs of a log that is open in this process.
#[derive(Default)]
pub(super) struct Syncs {
    pub(super) data: GroupSync,
    /// Whether the log's name is known to survive a power loss.
    pub(super) name: AtomicBool,
}

impl Writer {
    /// Opens a slot's collecting log, made if it is not there.
    pub(super) fn open(files: &SpoolFiles, slot: u16) -> Result<Self, SpoolError> {
        let path = collecting_path(slot);
        for _ in 0..TRIES {
            match files.fs.open(&path, Open::Append) {
                Ok(file) => return Self::of(files, file, path),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(files.io("open", &path, error)),
            }
            make(files, slot, &path)?;
        }
        Err(files.contended(&path))
    }

    fn of(files: &SpoolFiles, file: Box<dyn File>, path: String) -> Result<Self, SpoolError> {
        let stat = file.stat().map_err(|error| files.io("look at", &path, error))?;
        let header = files.read_header(&*file, &path)?;
        Ok(Self {
            file: Arc::from(file),
            header,
            path,
            identity: stat.identity,
            len: stat.len,
            looked: None,
            syncs: Arc::default(),
        })
    }

    /// The length of the log if it still is what its path leads to.
    pub(super) fn current_len(&self, files: &SpoolFiles) -> Result<Option<u64>, SpoolError> {
        let path = &self.path;
        match files.fs.stat(path) {
            Ok(stat) if stat.identity == self.identity => Ok(Some(stat.len)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(files.io("look at", path, error)),
        }
    }
}

/// Puts a new log in a slot's place, unless another process just did. It gets its name once
/// its header is in it, so a log without one is never seen.
fn make(files: &SpoolFiles, slot: u16, path: &str) -> Result<(), SpoolError> {
    let salt = files.fs.random();
    let opened = files.clock.now();
    let stamp = match files.logs_of_slot(Stage::Ready, slot)?.last() {
        // The clock has stepped back, or stood still: this log is the newer one all the same.
        Some(LogName { stamp, .. }) if *stamp >= opened => {
            Timestamp::from_millis(stamp.as_millis() + 1)
        }
        _ => opened,
    };
    let header = LogHeader { slot, salt, opened, stamp };
    let temporary = format!("{path}.new-{salt:016x}");
    let file = match files.fs.create(&temporary) {
        Ok(file) => file,
        Err(error) => return Err(files.io("make", &temporary, error)),
    };
    let written =
        file.append(&header.encode()).map_err(|error| files.io("write", &temporary, error.error));
    let placed = written.and_then(|()| match files.fs.rename(&temporary, path, Replace::Never) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        // A worker that starts clears away what looks abandoned.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(files.io("rename", &temporary, error)),
    });
    if !matches!(placed, Ok(true)) {
        let _ = files.fs.remove(&temporary);
    }
    placed.map(drop)
}
