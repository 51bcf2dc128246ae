//! Storing: the hot path. For a log that is open already, four system calls: lock shared, read
//! the seal, write, unlock.
//!
//! The seal shows whether the log still is the slot's: the process that seals it writes that, alone
//! under the lock, before it moves the log. Looking where the path leads would show the same and
//! costs four times as much (and, where times are looked at, makes the next write slower). So the
//! path is only looked at now and then: a log that was taken away by hand is noticed within
//! [`LOOK_EVERY`], which loses no more than taking it away that much later would have.
//!
//! Writers do not exclude each other: each record, or batch of small ones, is one write to a
//! descriptor opened with O_APPEND, and the kernel puts such writes one behind the other.
//!
//! A process that was forked off opens its logs anew ([`crate::store::writers`]). The process id is
//! read once a call.
//!
//! # Invariants
//! - What is acknowledged is whole in a log that was the slot's collecting log at that moment, so
//!   the process that seals the log (alone under its lock) sees it.
//! - A write that fails leaves the log as it was, or bytes that no reader takes for a record.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use slipstream_core::{Overwritten, StoreError, Timestamp};

use crate::dir::files::{SpoolFiles, TRIES};
use crate::error::SpoolError;
use crate::format::frame::{Frames, SEAL, SEAL_AT};
use crate::format::layout::collecting_path;
use crate::format::log_name::Stage;
use crate::fs::{AppendError, File, Lock};
use crate::lifecycle::rotation::{Rotation, is_due};
use crate::store::group_commit::Written;
use crate::store::writer::{Syncs, Writer};
use crate::store::writers::Writers;

/// How often a writer looks whether its log is still in its place, and how long it is. Others'
/// records between two looks may make a log this much longer than it should get.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// A write of as many bytes looks where it ended: many at the same moment could make a log longer
/// than is ever read.
const LARGE: usize = 16 * 1024;

/// Appends to the collecting logs of an opened spool. It takes the mutex of a slot, then the lock of
/// its collecting log; sealing one ([`Rotation`]) takes the locks behind that.
pub(crate) struct Appender {
    rotation: Arc<Rotation>,
    writers: Writers,
}

enum Step {
    Stored,
    /// The path leads to another log, or none.
    Moved,
    /// The log's time is over, or it is as large as it may get.
    Due,
}

impl Appender {
    /// Nothing is open yet.
    pub(crate) fn new(rotation: Arc<Rotation>) -> Self {
        let slots = rotation.files().settings.slots.into();
        Self { rotation, writers: Writers::new(std::process::id(), slots) }
    }

    pub(crate) fn files(&self) -> &SpoolFiles {
        self.rotation.files()
    }

    /// Appends the frames to a slot's log with one write, and returns what was evicted for it.
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
                None => Writer::open(self.files(), slot)?,
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
                    sealed_at.get_or_insert_with(|| self.files().clock.now());
                    overwritten.extend(self.rotation.seal(slot)?);
                }
            }
        }
        Err(self.files().contended(&collecting_path(slot)).into())
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
        let files = self.files();
        let (now, elapsed) = (files.clock.now(), files.clock.elapsed());
        frames.seal(header.salt);
        let held = files.lock(&*writer.file, Lock::Shared, &writer.path)?;
        let mut seal = [0; SEAL.len()];
        let read = writer.file.read_at(&mut seal, SEAL_AT);
        read.map_err(|error| files.io("read", &writer.path, error))?;
        if seal != [0; SEAL.len()] {
            // Usually it is gone from its place by now; if not, sealing it was not finished.
            return match writer.current_len(files)? {
                Some(_) => Ok(Step::Due),
                None => Ok(Step::Moved),
            };
        }
        let fresh = writer.looked.is_some_and(|looked| elapsed < looked + LOOK_EVERY);
        if !fresh || writer.len + frames.size() as u64 > files.settings.log_max {
            match writer.current_len(files)? {
                Some(len) => writer.len = len,
                None => return Ok(Step::Moved),
            }
            writer.looked = Some(elapsed);
        }
        let now = if sealed_at.is_some_and(|at| at <= header.opened) { header.opened } else { now };
        if is_due(&files.settings, &header, now, writer.len, frames.size()) {
            return Ok(Step::Due);
        }
        let bytes = frames.bytes_at(writer.len);
        let appended = writer.file.append(bytes);
        let longest = files.settings.limits().log;
        if appended.is_ok()
            && bytes.len() >= LARGE
            && writer.file.stat().is_ok_and(|stat| stat.len > longest)
        {
            // What follows that is not read: it is stored again, in the next log.
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
                Err(files.io("append to", &writer.path, error))
            }
        }
    }

    /// Takes back what a failed write left, if nothing was written behind it. Where that is not
    /// possible, readers pass over it.
    fn cut_back(&self, writer: &Writer, start: u64, end: u64) {
        let Writer { file, path, .. } = writer;
        let Ok(_held) = self.files().lock(&**file, Lock::Exclusive, path) else {
            return;
        };
        if matches!(writer.current_len(self.files()), Ok(Some(len)) if len == end) {
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
        let files = self.files();
        let synced = syncs.data.wait(written, || {
            file.sync()?;
            if !syncs.name.load(Ordering::Acquire) {
                // The log may have been sealed since: then either name leads to it.
                files.fs.sync_dir(Stage::Collecting.name())?;
                files.fs.sync_dir(Stage::Ready.name())?;
                syncs.name.store(true, Ordering::Release);
            }
            Ok(())
        });
        synced.map_err(|error| {
            // Its syncs prove nothing any more. The next store opens the log anew.
            *writers.slot(slot) = None;
            StoreError::DurabilityUnknown(Box::new(files.io("sync", &collecting_path(slot), error)))
        })
    }
}

#[cfg(test)]
mod tests;
