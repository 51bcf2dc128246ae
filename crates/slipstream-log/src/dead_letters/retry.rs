//! Giving failed requests another chance.
//!
//! A log whose other requests still wait is in processing/ already. While no worker runs, what
//! failed in it is retried, too; while one does, it is the worker's alone.
//!
//! # Invariants
//! - Each chosen record is pending again, with no attempts counted, before its log moves.
//! - So wherever this ends early, a record is either retried or still failed.
//! - The log goes to processing/, where nothing overwrites it, and the next worker (or the running
//!   one, when it looks for new logs) takes it on.
//! - Records that were not chosen stay failed in the same log.

use std::cell::RefCell;
use std::collections::HashSet;

use slipstream_core::{Destination, Record};

use crate::consume::backlog::DESTINATIONS_MAX;
use crate::consume::worker_lock::take_worker_lock;
use crate::error::SpoolError;
use crate::format::frame::{SETTLEMENT_AT, SettlementField, State};
use crate::format::log_name::{LogName, Stage};
use crate::format::scan::Item;
use crate::fs::File;
use crate::operate::skipped::Skipped;
use crate::spool::{Patience, Shared, Spool, log_path};

/// What is retried.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retried {
    /// Logs that moved.
    pub logs: u64,
    /// Requests that are pending again.
    pub requests: u64,
    /// Whether a worker runs, so that what failed in logs that it still has was left alone.
    pub worker_running: bool,
    /// Logs that could not be read, or moved.
    pub skipped: Vec<Skipped>,
}

impl Spool {
    /// Makes failed requests pending again: those of whose bytes (an encoded
    /// [`Record`](slipstream_core::Record)) `choose` says so.
    ///
    /// # Errors
    /// When a directory cannot be read, or nothing in it changed. A log that cannot be read keeps no
    /// other from being retried.
    pub fn retry_failed(
        &self,
        mut choose: impl FnMut(&[u8]) -> bool,
    ) -> Result<Retried, SpoolError> {
        let shared = self.shared();
        let destinations = RefCell::new(HashSet::new());
        // What the worker, or the last one, knows of a destination must not fail them untried.
        let ask = || {
            let destinations = std::mem::take(&mut *destinations.borrow_mut());
            match destinations.is_empty() {
                true => Ok(()),
                false => shared.ask(&destinations.into_iter().collect::<Vec<_>>()),
            }
        };
        let chosen = shared.resettle_failed(
            |_, payload| {
                if !choose(payload) {
                    return None;
                }
                if let Ok(head) = Record::head(payload)
                    && destinations.borrow().len() <= DESTINATIONS_MAX
                {
                    destinations.borrow_mut().insert(Destination::new(head.destination));
                }
                Some(SettlementField::FRESH)
            },
            |_, log, resettled| {
                let path = log_path(Stage::Failed, log);
                if resettled.chosen == 0 {
                    return Ok(0);
                }
                ask()?;
                shared.bring_to_processing("retry", &path, log)?;
                Ok(resettled.chosen)
            },
        )?;
        ask()?;
        let Chosen { logs, requests, worker_running, skipped } = chosen;
        Ok(Retried { logs, requests, worker_running, skipped })
    }
}

/// What became of a log's failed records.
pub(crate) struct Resettled {
    /// Those that have another settlement now.
    pub(crate) chosen: u64,
    /// Those that have not, and others that are not settled.
    pub(crate) left: u64,
}

/// What became of the failed records that were chosen.
pub(crate) struct Chosen {
    pub(crate) logs: u64,
    pub(crate) requests: u64,
    pub(crate) worker_running: bool,
    pub(crate) skipped: Vec<Skipped>,
}

impl Shared {
    /// Gives failed records another settlement, in every log that may hold some: those of failed/,
    /// and, while no worker runs, those of processing/. `then` moves a log of failed/ on, alone
    /// under its lock, and says how many of its records count.
    pub(crate) fn resettle_failed(
        &self,
        mut choose: impl FnMut(SettlementField, &[u8]) -> Option<SettlementField>,
        then: impl Fn(&dyn File, LogName, &Resettled) -> Result<u64, SpoolError>,
    ) -> Result<Chosen, SpoolError> {
        let worker = match take_worker_lock(self) {
            Err(SpoolError::Busy { .. }) => None,
            other => Some(other?),
        };
        let mut all =
            Chosen { logs: 0, requests: 0, worker_running: worker.is_none(), skipped: Vec::new() };
        let mut patience = Patience::usual();
        let waiting = worker.is_some().then_some(Stage::Processing);
        // Those first, or what moves there would be looked at twice.
        for stage in waiting.into_iter().chain([Stage::Failed]) {
            for log in self.logs_in(stage)? {
                let resettled = self.resettle_one(stage, log, &mut patience, &mut choose, &then);
                let requests = match resettled {
                    Ok(requests) => requests,
                    Err(error) if error.is_of_the_spool() => return Err(error),
                    Err(error) => {
                        all.skipped.push(Skipped::new(log_path(stage, log), &error));
                        continue;
                    }
                };
                all.requests += requests;
                all.logs += u64::from(requests > 0);
            }
        }
        Ok(all)
    }

    fn resettle_one(
        &self,
        stage: Stage,
        log: LogName,
        patience: &mut Patience,
        choose: impl FnMut(SettlementField, &[u8]) -> Option<SettlementField>,
        then: impl Fn(&dyn File, LogName, &Resettled) -> Result<u64, SpoolError>,
    ) -> Result<u64, SpoolError> {
        let path = log_path(stage, log);
        let Some(file) = self.open_if_there(&path)? else {
            return Ok(0);
        };
        let _held = patience.lock(self, &*file, &path)?;
        if !self.is_at(&*file, &path)? {
            return Ok(0);
        }
        let resettled = self.resettle(&*file, log, stage, choose)?;
        match stage {
            Stage::Failed => then(&*file, log, &resettled),
            _ => Ok(resettled.chosen),
        }
    }

    /// Gives failed records of a log another settlement: those for which `choose` has one. Call it
    /// with the log's lock.
    pub(crate) fn resettle(
        &self,
        file: &dyn File,
        log: LogName,
        stage: Stage,
        mut choose: impl FnMut(SettlementField, &[u8]) -> Option<SettlementField>,
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
