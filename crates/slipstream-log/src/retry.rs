//! Giving failed requests another chance.
//!
//! Guarantees: each chosen record is pending again, with no attempts counted, before its log
//! moves; so wherever this ends early, a record is either retried or still failed. The log goes
//! to processing/, where nothing overwrites it, and the next worker (or the running one, when it
//! looks for new logs) takes it on. Records that were not chosen stay failed in the same log.
//!
//! A log whose other requests still wait is in processing/ already. While no worker runs, what
//! failed in it is retried, too; while one does, it is the worker's alone.

use std::io::ErrorKind;

use crate::error::SpoolError;
use crate::frame::{SETTLEMENT_AT, Settlement, State};
use crate::fs::{File, Lock, Replace};
use crate::memory::MEMORY;
use crate::name::{LogName, Stage};
use crate::spool::{Shared, Spool, log_path};
use crate::walk::Item;
use crate::worker_lock::take_worker_lock;

/// What is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retried {
    /// Logs that moved.
    pub logs: u64,
    /// Requests that are pending again.
    pub requests: u64,
    /// Whether a worker runs, so that what failed in logs that it still has was left alone.
    pub worker_running: bool,
}

impl Spool {
    /// Makes failed requests pending again: those of whose bytes (an encoded
    /// [`Record`](slipstream_core::Record)) `choose` says so.
    ///
    /// # Errors
    /// When the file system refuses. What was retried before the error stays retried.
    pub fn retry_failed(
        &self,
        mut choose: impl FnMut(&[u8]) -> bool,
    ) -> Result<Retried, SpoolError> {
        let mut retried = Retried::default();
        let worker = match take_worker_lock(self.shared()) {
            Err(SpoolError::Busy { .. }) => None,
            other => Some(other?),
        };
        retried.worker_running = worker.is_none();
        let waiting = worker.is_some().then_some(Stage::Processing);
        // Those first, or what moves there would be looked at twice.
        for stage in waiting.into_iter().chain([Stage::Failed]) {
            for log in self.shared().logs_in(stage)? {
                let requests = self.retry_log(stage, log, &mut choose)?;
                retried.requests += requests;
                retried.logs += u64::from(requests > 0);
            }
        }
        if retried.requests > 0 {
            // Whoever wants them tried again does not want to be told that nobody answers.
            let _ = self.shared().fs.remove(MEMORY);
        }
        Ok(retried)
    }

    fn retry_log(
        &self,
        stage: Stage,
        log: LogName,
        choose: &mut impl FnMut(&[u8]) -> bool,
    ) -> Result<u64, SpoolError> {
        let shared = self.shared();
        let path = log_path(stage, log);
        let Some(file) = shared.open_if_there(&path)? else {
            return Ok(0);
        };
        let _held = shared.lock(&*file, Lock::Exclusive, &path)?;
        if !shared.is_at(&*file, &path)? {
            return Ok(0);
        }
        let resettled = shared.resettle(&*file, log, stage, |_, payload| {
            choose(payload).then_some(Settlement::FRESH)
        })?;
        let requests = resettled.chosen;
        if requests == 0 || stage == Stage::Processing {
            return Ok(requests);
        }
        let processing = log_path(Stage::Processing, log);
        match shared.fs.rename(&path, &processing, Replace::Never) {
            Ok(()) => Ok(requests),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(shared.io("retry", &path, error)),
        }
    }
}

/// What became of a log's failed records.
pub(crate) struct Resettled {
    /// Those that have another settlement now.
    pub(crate) chosen: u64,
    /// Those that have not, and others that are not settled.
    pub(crate) left: u64,
}

impl Shared {
    /// Gives failed records of a log another settlement: those for which `choose` has one. Call it
    /// with the log's lock.
    pub(crate) fn resettle(
        &self,
        file: &dyn File,
        log: LogName,
        stage: Stage,
        mut choose: impl FnMut(Settlement, &[u8]) -> Option<Settlement>,
    ) -> Result<Resettled, SpoolError> {
        let path = log_path(stage, log);
        let mut walk = self.walk(file, &path, Some(log))?;
        let mut resettled = Resettled { chosen: 0, left: 0 };
        while let Some(item) = walk.next(file).map_err(|error| self.io("read", &path, error))? {
            let Item::Record { at, settlement, payload } = item else {
                continue;
            };
            // In failed/, a settlement that a flipped bit made pending is as good as failed.
            let pending = settlement.state == State::Pending;
            let failed = settlement.state == State::Failed || (pending && stage == Stage::Failed);
            let chosen = if failed { choose(settlement, payload) } else { None };
            let Some(chosen) = chosen else {
                resettled.left += u64::from(failed || pending);
                continue;
            };
            let written = file.write_at(&chosen.encode(), at + SETTLEMENT_AT);
            written.map_err(|error| self.io("settle a request in", &path, error))?;
            resettled.chosen += 1;
        }
        Ok(resettled)
    }
}
