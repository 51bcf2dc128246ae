//! Rotation and eviction of logs: a log is sealed when its time is over, and evicted when its slot
//! is full.
//!
//! Each move commits with one rename. What follows (counting, removing) can be repeated by
//! any process that finds it undone, and gives the same result: the log does not change any more.

use std::time::Duration;

use slipstream_core::{Overwritten, Timestamp};

use crate::dir::files::{SpoolFiles, TRIES};
use crate::dir::locks::Patience;
use crate::error::SpoolError;
use crate::format::frame::{LOG_HEADER, LogHeader, SEAL, SEAL_AT};
use crate::format::layout::{collecting_path, log_path};
use crate::format::log_name::{LogName, RetireReason, Stage};
use crate::format::settings::{OnFull, Settings, WAITING_LOGS_MAX};
use crate::fs::{File, Lock};
use crate::lifecycle::ledger::Ledger;
use crate::lifecycle::retirement::Retirement;

/// A slot's logs that wait in processing/.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WaitingLogs {
    /// All of them, oldest first.
    logs: Vec<LogName>,
    /// How many of the newest there is room for.
    fit: usize,
}

impl WaitingLogs {
    /// The oldest logs, for which there is no room.
    pub(crate) fn surplus(&self) -> &[LogName] {
        &self.logs[..self.logs.len() - self.fit]
    }
}

/// Rotation and eviction in an opened spool. It takes the lock of a collecting log, then that of
/// another log ([`Retirement`]), then the ledger's.
pub(crate) struct Rotation {
    pub(crate) retirement: Retirement,
}

impl Rotation {
    pub(crate) fn new(retirement: Retirement) -> Self {
        Self { retirement }
    }

    pub(crate) fn files(&self) -> &SpoolFiles {
        &self.retirement.ledger.files
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.retirement.ledger
    }

    /// Seals a slot's collecting log: from now on nothing is appended to it, and it waits for the
    /// worker. Returns what was evicted for it. Nothing happens if another process was faster.
    pub(crate) fn seal(&self, slot: u16) -> Result<Option<Overwritten>, SpoolError> {
        let (files, path) = (self.files(), collecting_path(slot));
        let Some(file) = files.open_if_there(&path)? else {
            return Ok(None);
        };
        let file = &*file;
        let held = files.lock(file, Lock::Exclusive, &path)?;
        if !files.is_at(file, &path)? {
            return Ok(None);
        }
        let header = files.read_header(file, &path)?;
        if header.is_some() && files.is_empty(file, &path)? {
            self.remove_empty(file, &path)?;
            return Ok(None);
        }
        let overwritten = self.make_room(slot)?;
        let there = |log| log_path(Stage::Ready, log);
        let name = self.leave_collecting(file, &path, slot, there, |_| true)?;
        let ready = there(name);
        // Writers that wait may go on and see that it moved, while it is counted; a process that wants
        // to take it further waits.
        drop(held);
        let _held = files.lock(file, Lock::Shared, &ready)?;
        if files.is_at(file, &ready)? {
            // If it cannot be counted now, the process that takes it on counts it.
            if let Err(error) = self.ledger().count_stored(file, &ready, name) {
                tracing::warn!(log = %name, %error, "sealed, but not counted yet");
            }
        }
        Ok(overwritten)
    }

    /// Moves a collecting log on, to a place that depends on its name, and returns that. Where its
    /// header names a log that there is already, it gets a name of its own. Call it with the log's
    /// lock, held alone.
    pub(crate) fn leave_collecting(
        &self,
        file: &dyn File,
        path: &str,
        slot: u16,
        target: impl Fn(LogName) -> String,
        free: impl Fn(LogName) -> bool,
    ) -> Result<LogName, SpoolError> {
        let files = self.files();
        let header = files.read_header(file, path)?;
        self.mark_sealed(file, path)?;
        let mut name = files.sealed_name(slot, header);
        for _ in 0..TRIES {
            if free(name) && files.rename_if_free("seal", path, &target(name))? {
                return Ok(name);
            }
            name.salt = files.fs.random();
        }
        Err(files.contended(path))
    }

    /// Marks, for every writer, that this is no longer the slot's log. Before the log moves: a
    /// writer that finds the seal on a log in its place moves it on itself.
    fn mark_sealed(&self, file: &dyn File, path: &str) -> Result<(), SpoolError> {
        let marked = file.write_at(&SEAL, SEAL_AT);
        marked.map_err(|error| self.files().io("seal", path, error))
    }

    /// Takes away a collecting log without a record. Call it with the log's lock, held alone.
    pub(crate) fn remove_empty(&self, file: &dyn File, path: &str) -> Result<(), SpoolError> {
        self.mark_sealed(file, path)?;
        let files = self.files();
        files.fs.remove(path).map_err(|error| files.io("remove", path, error))
    }

    /// Whether any writer that came now would put a log without a record out of the way, too: its
    /// time is over, or its header cannot be read. Until then, its maker may be about to
    /// append to it.
    pub(crate) fn is_left_behind(&self, file: &dyn File, path: &str) -> Result<bool, SpoolError> {
        let files = self.files();
        let (header, now) = (files.read_header(file, path)?, files.clock.now());
        Ok(header.is_none_or(|header| is_due(&files.settings, &header, now, LOG_HEADER, 0)))
    }

    /// Makes sure that one more log can become ready in a slot.
    fn make_room(&self, slot: u16) -> Result<Option<Overwritten>, SpoolError> {
        let files = self.files();
        let keep = files.settings.logs.saturating_sub(1) as usize;
        match files.settings.on_full {
            OnFull::Overwrite => self.evict_oldest(Stage::Ready, slot, keep),
            OnFull::Reject => {
                // What a run left waits as well, and is not overwritten either.
                let ready = files.logs_of_slot(Stage::Ready, slot)?;
                let waiting = self.waiting(slot)?;
                let full = ready.len() > keep || !waiting.surplus().is_empty();
                if full {
                    let (path, logs) = (files.path.clone(), files.settings.logs);
                    return Err(SpoolError::Full { path, slot, logs });
                }
                Ok(None)
            }
        }
    }

    /// The logs of a slot that wait in processing/. They may take as many bytes there as they
    /// may in ready/, but be more: what waits for hours or days is usually a few requests in each.
    pub(crate) fn waiting(&self, slot: u16) -> Result<WaitingLogs, SpoolError> {
        let files = self.files();
        let most = u64::from(files.settings.logs).saturating_mul(files.settings.log_max);
        let longest = files.settings.limits().log;
        let logs = files.logs_of_slot(Stage::Processing, slot)?;
        let mut bytes = 0_u64;
        let sizes = logs
            .iter()
            .rev()
            .map(|log| files.fs.stat(&log_path(Stage::Processing, *log)).map_or(0, |stat| stat.len))
            // A log that a user made longer than a log can be takes no other's place.
            .map(|len| len.min(longest));
        let fit = sizes.take_while(|size| {
            bytes = bytes.saturating_add(*size);
            bytes <= most
        });
        let fit = fit.take(WAITING_LOGS_MAX.max(files.settings.logs as usize)).count();
        Ok(WaitingLogs { logs, fit })
    }

    /// Evicts a slot's oldest logs at a stage until it has at most `keep`.
    pub(crate) fn evict_oldest(
        &self,
        stage: Stage,
        slot: u16,
        keep: usize,
    ) -> Result<Option<Overwritten>, SpoolError> {
        let logs = self.files().logs_of_slot(stage, slot)?;
        self.evict(stage, &logs[..logs.len().saturating_sub(keep)])
    }

    /// Evicts these logs of a stage. By name: what comes to the stage meanwhile takes the place of
    /// no log that was found to fit.
    pub(crate) fn evict(
        &self,
        stage: Stage,
        logs: &[LogName],
    ) -> Result<Option<Overwritten>, SpoolError> {
        let mut sum: Option<Overwritten> = None;
        if !logs.is_empty() {
            // What a killed process left half removed takes room, too.
            self.retirement.finish_all()?;
        }
        for log in logs {
            // A lock is not waited for: a worker may just be claiming it, and no writer waits for that.
            let mut no_patience = Patience::of(Duration::ZERO);
            let why = RetireReason::Overwritten;
            let gone = match self.retirement.retire(stage, *log, why, &mut no_patience) {
                Ok(Some(gone)) => gone,
                Ok(None) => continue,
                // It has left its place, which is what was wanted, and is counted when it can be.
                Err(error) => {
                    tracing::warn!(%log, %error, "overwritten, but not counted and removed yet");
                    continue;
                }
            };
            tracing::warn!(%log, requests = gone.requests, "overwritten");
            let more = sum.get_or_insert_with(|| Overwritten::new(log.to_string(), 0, 0));
            more.requests += gone.requests;
            more.bytes += gone.bytes;
        }
        self.ledger().shorten_if_long();
        Ok(sum)
    }
}

/// Whether a log is to be replaced by a new one before `more` bytes are appended at `now`.
///
/// A clock that differs by up to one rotation backwards is another writer's, read a moment earlier
/// at the minute's edge, or a small correction: the log stays. A clock that is further back was set
/// back.
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
