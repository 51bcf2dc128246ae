//! How logs move on: sealed when their time is over, overwritten when a slot is full.
//!
//! Each move commits with one rename. What follows (counting, removing) can be repeated by
//! any process that finds it undone, and gives the same result: the log does not change any more.

use std::io;
use std::time::Duration;

use slipstream_core::Overwritten;

use crate::error::SpoolError;
use crate::format::frame::{LOG_HEADER, LogHeader, SEAL, SEAL_AT};
use crate::format::log_name::{Departure, LogName, Stage};
use crate::format::settings::{OnFull, WAITING_LOGS_MAX};
use crate::fs::{File, Lock, Open, Replace};
use crate::spool::{Patience, Shared, TRIES, collecting_path, log_path};
use crate::store::append::is_due;

/// A slot's logs that wait in processing/.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiting {
    /// All of them, oldest first.
    logs: Vec<LogName>,
    /// How many of the newest there is room for.
    fit: usize,
}

impl Waiting {
    /// The oldest ones, for which there is no room.
    pub(crate) fn surplus(&self) -> &[LogName] {
        &self.logs[..self.logs.len() - self.fit]
    }
}

impl Shared {
    /// Seals a slot's collecting log: from now on nothing is appended to it, and it waits for the
    /// worker. Says what was evicted for it. Nothing happens if another process was faster.
    pub(crate) fn seal(&self, slot: u16) -> Result<Option<Overwritten>, SpoolError> {
        let path = collecting_path(slot);
        let Some(file) = self.open_if_there(&path)? else {
            return Ok(None);
        };
        let file = &*file;
        let held = self.lock(file, Lock::Exclusive, &path)?;
        if !self.is_at(file, &path)? {
            return Ok(None);
        }
        let header = self.read_header(file, &path)?;
        if header.is_some() && self.is_empty(file, &path)? {
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
        let _held = self.lock(file, Lock::Shared, &ready)?;
        if self.is_at(file, &ready)? {
            // If it cannot be counted now, the process that takes it on counts it.
            if let Err(error) = self.count_stored(file, &ready, name) {
                tracing::warn!(log = %name, %error, "sealed, but not counted yet");
            }
        }
        Ok(overwritten)
    }

    /// Moves a collecting log on, to a place that depends on its name, and tells that. Where its
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
        let header = self.read_header(file, path)?;
        self.mark_sealed(file, path)?;
        let mut name = self.sealed_name(slot, header);
        for _ in 0..TRIES {
            if free(name) && self.rename_if_free("seal", path, &target(name))? {
                return Ok(name);
            }
            name.salt = self.fs.random();
        }
        Err(SpoolError::Contended { path: self.path.join(path) })
    }

    /// Moves a log to where only its name can stand. What is in the way there is none of the
    /// spool's, and is put aside.
    pub(crate) fn move_log(
        &self,
        doing: &'static str,
        from: &str,
        to: &str,
    ) -> Result<(), SpoolError> {
        if self.rename_if_free(doing, from, to)? {
            return Ok(());
        }
        self.displace(to)?;
        let renamed = self.fs.rename(from, to, Replace::Never);
        renamed.map_err(|error| self.io(doing, from, error))
    }

    /// Moves a log to processing/. A log that has its name there is the worker's, and stays.
    pub(crate) fn bring_to_processing(
        &self,
        doing: &'static str,
        from: &str,
        log: LogName,
    ) -> Result<(), SpoolError> {
        let to = log_path(Stage::Processing, log);
        if self.rename_if_free(doing, from, &to)? {
            return Ok(());
        }
        match self.open_if_there(&to) {
            Err(error) if error.is_no_log() => self.move_log(doing, from, &to),
            _ => Err(self.io(doing, from, io::ErrorKind::AlreadyExists.into())),
        }
    }

    /// Renames a log; false if another file has that name. After a power loss both names may be
    /// the log's own: then it only loses the earlier one.
    fn rename_if_free(
        &self,
        doing: &'static str,
        from: &str,
        to: &str,
    ) -> Result<bool, SpoolError> {
        let failed = |error| self.io(doing, from, error);
        match self.fs.rename(from, to, Replace::Never) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let (own, there) = (self.fs.stat(from), self.fs.stat(to));
                let same = own.map_err(failed)?.identity == there.map_err(failed)?.identity;
                if same {
                    self.fs.remove(from).map_err(failed)?;
                }
                Ok(same)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Puts what stands in a log's place, and is none, under a name that no log has.
    fn displace(&self, path: &str) -> Result<(), SpoolError> {
        let aside = format!("{path}.displaced-{:016x}", self.fs.random());
        tracing::warn!(path, aside, "a file stands in a log's place, and is put aside");
        let renamed = self.fs.rename(path, &aside, Replace::Never);
        renamed.map_err(|error| self.io("put aside", path, error))
    }

    /// Tells every writer that this is no longer the slot's log. Before the log moves: a writer
    /// that finds the seal on a log in its place moves it on itself.
    fn mark_sealed(&self, file: &dyn File, path: &str) -> Result<(), SpoolError> {
        let marked = file.write_at(&SEAL, SEAL_AT);
        marked.map_err(|error| self.io("seal", path, error))
    }

    /// The name that a collecting log gets when it is sealed.
    pub(crate) fn sealed_name(&self, slot: u16, header: Option<LogHeader>) -> LogName {
        match header {
            Some(header) => LogName { slot, ..LogName::of(&header) },
            None => LogName { slot, stamp: self.clock.now(), salt: self.fs.random() },
        }
    }

    /// Takes away a collecting log without a record. Call it with the log's lock, held alone.
    pub(crate) fn remove_empty(&self, file: &dyn File, path: &str) -> Result<(), SpoolError> {
        self.mark_sealed(file, path)?;
        self.fs.remove(path).map_err(|error| self.io("remove", path, error))
    }

    /// Whether any writer that came now would put a log without a record out of the way, too: its
    /// time is over, or its header cannot be read. Until then, its maker may be about to
    /// append to it.
    pub(crate) fn is_left_behind(&self, file: &dyn File, path: &str) -> Result<bool, SpoolError> {
        let (header, now) = (self.read_header(file, path)?, self.clock.now());
        Ok(header.is_none_or(|header| is_due(&self.settings, &header, now, LOG_HEADER, 0)))
    }

    pub(crate) fn is_empty(&self, file: &dyn File, path: &str) -> Result<bool, SpoolError> {
        let stat = file.stat().map_err(|error| self.io("look at", path, error))?;
        Ok(stat.len <= LOG_HEADER)
    }

    /// Makes sure that one more log can become ready in a slot.
    fn make_room(&self, slot: u16) -> Result<Option<Overwritten>, SpoolError> {
        let keep = self.settings.logs.saturating_sub(1) as usize;
        match self.settings.on_full {
            OnFull::Overwrite => self.overwrite_oldest(Stage::Ready, slot, keep),
            OnFull::Reject => {
                // What a run left waits as well, and is not overwritten either.
                let ready = self.logs_in(Stage::Ready)?;
                let waiting = self.waiting(slot)?;
                let full = ready.iter().filter(|log| log.slot == slot).count() > keep
                    || !waiting.surplus().is_empty();
                if full {
                    let (path, logs) = (self.path.clone(), self.settings.logs);
                    return Err(SpoolError::Full { path, slot, logs });
                }
                Ok(None)
            }
        }
    }

    /// The logs of a slot that wait in processing/. They may take as many bytes there as they
    /// may in ready/, but be more: what waits for hours or days is usually a few requests in each.
    pub(crate) fn waiting(&self, slot: u16) -> Result<Waiting, SpoolError> {
        let most = u64::from(self.settings.logs).saturating_mul(self.settings.log_max);
        let longest = self.settings.limits().log;
        let logs: Vec<_> =
            self.logs_in(Stage::Processing)?.into_iter().filter(|log| log.slot == slot).collect();
        let mut bytes = 0_u64;
        let sizes = logs
            .iter()
            .rev()
            .map(|log| self.fs.stat(&log_path(Stage::Processing, *log)).map_or(0, |stat| stat.len))
            // A log that a user made longer than a log can be takes no other's place.
            .map(|len| len.min(longest));
        let fit = sizes.take_while(|size| {
            bytes = bytes.saturating_add(*size);
            bytes <= most
        });
        let fit = fit.take(WAITING_LOGS_MAX.max(self.settings.logs as usize)).count();
        Ok(Waiting { logs, fit })
    }

    /// Lets a slot's oldest logs at a stage give way until it has at most `keep`.
    pub(crate) fn overwrite_oldest(
        &self,
        stage: Stage,
        slot: u16,
        keep: usize,
    ) -> Result<Option<Overwritten>, SpoolError> {
        let logs: Vec<_> =
            self.logs_in(stage)?.into_iter().filter(|log| log.slot == slot).collect();
        self.overwrite(stage, &logs[..logs.len().saturating_sub(keep)])
    }

    /// Lets these logs of a stage give way. By name: what comes to the stage meanwhile takes the
    /// place of none that was found to fit.
    pub(crate) fn overwrite(
        &self,
        stage: Stage,
        logs: &[LogName],
    ) -> Result<Option<Overwritten>, SpoolError> {
        let mut sum: Option<Overwritten> = None;
        if !logs.is_empty() {
            // What a killed process left half removed takes room, too.
            self.finish_departures()?;
        }
        for log in logs {
            // A lock is not waited for: a worker may just be claiming it, and no writer waits for that.
            let mut no_patience = Patience::of(Duration::ZERO);
            let gone = match self.depart(stage, *log, Departure::Overwritten, &mut no_patience) {
                Ok(Some(gone)) => gone,
                Ok(None) => continue,
                // It has left its place, which is what was wanted, and is counted when it can be.
                Err(error) => {
                    tracing::warn!(%log, %error, "overwritten, but not counted and removed yet");
                    continue;
                }
            };
            tracing::warn!(%log, requests = gone.requests, "overwritten");
            let more = sum.get_or_insert_with(|| Overwritten {
                log: log.to_string(),
                requests: 0,
                bytes: 0,
            });
            more.requests += gone.requests;
            more.bytes += gone.bytes;
        }
        self.shorten_ledger_if_long();
        Ok(sum)
    }

    /// Opens a log to settle records in it; none if it is not there any more.
    pub(crate) fn open_if_there(&self, path: &str) -> Result<Option<Box<dyn File>>, SpoolError> {
        match self.fs.open(path, Open::Update) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io("open", path, error)),
        }
    }
}

#[cfg(test)]
mod tests;
