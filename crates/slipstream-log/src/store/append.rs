//! Storing: the hot path. For a log that is open already, four system calls: lock shared, read
//! the seal, write, unlock.
//!
//! The seal tells whether the log still is the slot's: the process that seals it writes that, alone under
//! the lock, before it moves the log. Looking where the path leads would tell the same and costs
//! four times as much (and, where times are looked at, makes the next write slower). So the path
//! is only looked at now and then: a log that was taken away by hand is noticed within
//! [`LOOK_EVERY`], which loses no more than taking it away that much later would have.
//!
//! Writers do not exclude each other: each record, or batch of small ones, is one write to a
//! descriptor opened with O_APPEND, and the kernel puts such writes one behind the other.
//!
//! A process that was forked off opens its logs anew ([`crate::store::writers`]). Which process this is, is
//! asked once a call.
//!
//! # Invariants
//! - What is acknowledged stands whole in a log that was the slot's collecting log at that moment,
//!   so the process that seals the log (alone under its lock) sees it.
//! - A write that fails leaves the log as it was, or bytes that no reader takes for a record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use slipstream_core::{Overwritten, StoreError, Timestamp};

use crate::error::SpoolError;
use crate::format::frame::{Frames, LOG_HEADER, LogHeader, SEAL, SEAL_AT};
use crate::format::log_name::{LogName, Stage};
use crate::format::settings::Settings;
use crate::fs::{AppendError, File, Lock, Open, Replace};
use crate::spool::{Shared, TRIES, collecting_path};
use crate::store::group_commit::{GroupSync, Written};
use crate::store::writers::Writers;

/// How often a writer looks whether its log is still in its place, and how long it is. Others'
/// records between two looks may make a log this much longer than it should get.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// A write of as many bytes looks where it ended: many at the same moment could make a log longer
/// than is ever read.
const LARGE: usize = 16 * 1024;

/// A slot's collecting log, open in this process.
pub(crate) struct Writer {
    file: Arc<dyn File>,
    /// None when the header cannot be read: the log is sealed as it is.
    header: Option<LogHeader>,
    path: String,
    identity: (u64, u64),
    /// The log's length when it was looked at last, and what was appended since from here.
    len: u64,
    looked: Option<Duration>,
    /// What threads of this process that want to survive a power loss wait for together.
    syncs: Arc<Syncs>,
}

/// The syncs of a log that is open in this process.
#[derive(Default)]
struct Syncs {
    data: GroupSync,
    /// Whether the log's name is known to survive a power loss.
    name: AtomicBool,
}

enum Step {
    Stored,
    /// The path leads to another log, or none.
    Moved,
    /// The log's time is over, or it is as large as it may get.
    Due,
}

impl Shared {
    /// Appends the frames to a slot's log with one write, and says what gave way for it.
    pub(crate) fn append(
        &self,
        slot: u16,
        frames: &mut Frames,
        durable: bool,
    ) -> Result<Vec<Overwritten>, StoreError> {
        let mut overwritten = Vec::new();
        let mut sealed_at = None;
        let writers = self.writers.of(std::process::id());
        for _ in 0..TRIES {
            // Held while one appends, not while one waits for the disk.
            let mut kept = writers.slot(slot);
            let mut writer = match kept.take() {
                Some(writer) => writer,
                None => self.open_collecting(slot)?,
            };
            match self.try_append(&mut writer, frames, sealed_at)? {
                Step::Stored => {
                    let waits = durable.then(|| {
                        let (file, syncs) = (Arc::clone(&writer.file), Arc::clone(&writer.syncs));
                        let written = syncs.data.written();
                        (file, syncs, written)
                    });
                    *kept = Some(writer);
                    drop(kept);
                    if let Some((file, syncs, written)) = waits {
                        self.make_durable(slot, &writers, &*file, &syncs, written)?;
                    }
                    return Ok(overwritten);
                }
                Step::Moved => {}
                Step::Due => {
                    sealed_at.get_or_insert_with(|| self.clock.now());
                    overwritten.extend(self.seal(slot)?);
                }
            }
        }
        let path = self.path.join(collecting_path(slot));
        Err(SpoolError::Contended { path }.into())
    }

    /// `sealed_at` is when this call sealed a log first. A log that was opened since is young
    /// enough, however short the rotation and slow the machine: else the call could seal one log
    /// after the other.
    fn try_append(
        &self,
        writer: &mut Writer,
        frames: &mut Frames,
        sealed_at: Option<Timestamp>,
    ) -> Result<Step, SpoolError> {
        let Some(header) = writer.header else {
            return Ok(Step::Due);
        };
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        frames.seal(header.salt);
        let held = self.lock(&*writer.file, Lock::Shared, &writer.path)?;
        let mut seal = [0; SEAL.len()];
        let read = writer.file.read_at(&mut seal, SEAL_AT);
        read.map_err(|error| self.io("read", &writer.path, error))?;
        if seal != [0; SEAL.len()] {
            // Usually it is gone from its place by now; if not, sealing it was not finished.
            return match self.current_len(writer)? {
                Some(_) => Ok(Step::Due),
                None => Ok(Step::Moved),
            };
        }
        let fresh = writer.looked.is_some_and(|looked| elapsed < looked + LOOK_EVERY);
        if !fresh || writer.len + frames.size() as u64 > self.settings.log_max {
            match self.current_len(writer)? {
                Some(len) => writer.len = len,
                None => return Ok(Step::Moved),
            }
            writer.looked = Some(elapsed);
        }
        let now = if sealed_at.is_some_and(|at| at <= header.opened) { header.opened } else { now };
        if is_due(&self.settings, &header, now, writer.len, frames.size()) {
            return Ok(Step::Due);
        }
        let bytes = frames.bytes_at(writer.len);
        let appended = writer.file.append(bytes);
        let longest = self.settings.limits().log;
        if appended.is_ok()
            && bytes.len() >= LARGE
            && writer.file.stat().is_ok_and(|stat| stat.len > longest)
        {
            // What stands behind that is not read: it is stored again, in the next log.
            return Ok(Step::Due);
        }
        drop(held);
        match appended {
            Ok(()) => {
                writer.len += bytes.len() as u64;
                Ok(Step::Stored)
            }
            Err(AppendError { error, partial }) => {
                if let Some((start, end)) = partial {
                    self.cut_back(writer, start, end);
                }
                Err(self.io("append to", &writer.path, error))
            }
        }
    }

    /// The length of the writer's log if it still is what its path leads to.
    fn current_len(&self, writer: &Writer) -> Result<Option<u64>, SpoolError> {
        let path = &writer.path;
        match self.fs.stat(path) {
            Ok(stat) if stat.identity == writer.identity => Ok(Some(stat.len)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io("look at", path, error)),
        }
    }

    /// Takes back what a failed write left, if nothing was written behind it. Where that is not
    /// possible, readers pass over it.
    fn cut_back(&self, writer: &Writer, start: u64, end: u64) {
        let Writer { file, path, .. } = writer;
        let Ok(_held) = self.lock(&**file, Lock::Exclusive, path) else {
            return;
        };
        if matches!(self.current_len(writer), Ok(Some(len)) if len == end) {
            let _ = file.truncate(start);
        }
    }

    /// Waits until what was written would survive a power loss.
    fn make_durable(
        &self,
        slot: u16,
        writers: &Writers,
        file: &dyn File,
        syncs: &Syncs,
        written: Written,
    ) -> Result<(), StoreError> {
        let synced = syncs.data.wait(written, || {
            file.sync()?;
            if !syncs.name.load(Ordering::Acquire) {
                // The log may have been sealed since: then either name leads to it.
                self.fs.sync_dir(Stage::Collecting.dir())?;
                self.fs.sync_dir(Stage::Ready.dir())?;
                syncs.name.store(true, Ordering::Release);
            }
            Ok(())
        });
        synced.map_err(|error| {
            // Its syncs tell nothing any more. The next store opens the log anew.
            *writers.slot(slot) = None;
            StoreError::DurabilityUnknown(Box::new(self.io("sync", &collecting_path(slot), error)))
        })
    }

    /// Opens a slot's collecting log, made if it is not there.
    fn open_collecting(&self, slot: u16) -> Result<Writer, SpoolError> {
        let path = collecting_path(slot);
        for _ in 0..TRIES {
            match self.fs.open(&path, Open::Append) {
                Ok(file) => return self.writer(file, path),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.io("open", &path, error)),
            }
            self.make_collecting(slot, &path)?;
        }
        Err(SpoolError::Contended { path: self.path.join(path) })
    }

    fn writer(&self, file: Box<dyn File>, path: String) -> Result<Writer, SpoolError> {
        let stat = file.stat().map_err(|error| self.io("look at", &path, error))?;
        let header = self.read_header(&*file, &path)?;
        Ok(Writer {
            file: Arc::from(file),
            header,
            path,
            identity: stat.identity,
            len: stat.len,
            looked: None,
            syncs: Arc::default(),
        })
    }

    /// The header of a log, if it can be read.
    pub(crate) fn read_header(
        &self,
        file: &dyn File,
        path: &str,
    ) -> Result<Option<LogHeader>, SpoolError> {
        let mut bytes = [0; LOG_HEADER as usize];
        let read = file.read_at(&mut bytes, 0).map_err(|error| self.io("read", path, error))?;
        Ok(LogHeader::parse(&bytes[..read]))
    }

    /// Puts a new log in a slot's place, unless another process just did. It gets its name once
    /// its header is in it, so a log without one is never seen.
    fn make_collecting(&self, slot: u16, path: &str) -> Result<(), SpoolError> {
        let salt = self.fs.random();
        let opened = self.clock.now();
        let newest = self.logs_in(Stage::Ready)?.into_iter().filter(|log| log.slot == slot).max();
        let stamp = match newest {
            // The clock has stepped back, or stood still: this log is the newer one all the same.
            Some(LogName { stamp, .. }) if stamp >= opened => {
                Timestamp::from_millis(stamp.as_millis() + 1)
            }
            _ => opened,
        };
        let header = LogHeader { slot, salt, opened, stamp };
        let temporary = format!("{path}.new-{salt:016x}");
        let file = match self.fs.create(&temporary) {
            Ok(file) => file,
            Err(error) => return Err(self.io("make", &temporary, error)),
        };
        let written = file
            .append(&header.encode())
            .map_err(|error| self.io("write", &temporary, error.error));
        let placed =
            written.and_then(|()| match self.fs.rename(&temporary, path, Replace::Never) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
                // A worker that starts clears away what looks abandoned.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
                Err(error) => Err(self.io("rename", &temporary, error)),
            });
        if !matches!(placed, Ok(true)) {
            let _ = self.fs.remove(&temporary);
        }
        placed.map(drop)
    }
}

/// Whether a log must give way to a new one before `more` bytes are appended at `now`.
///
/// A clock that differs by up to one rotation backwards is another writer's, read a moment
/// earlier at the minute's edge, or a small correction: the log stays. One that is further
/// back was set back.
pub(crate) fn is_due(
    settings: &Settings,
    header: &LogHeader,
    now: Timestamp,
    len: u64,
    more: usize,
) -> bool {
    let period = |time: Timestamp| time.as_millis() / settings.rotate_ms;
    let (opened, now) = (period(header.opened), period(now));
    now > opened || now + 1 < opened || (len > LOG_HEADER && len + more as u64 > settings.log_max)
}

#[cfg(test)]
mod tests;
