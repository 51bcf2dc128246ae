//! Purging: logs that are removed because an operator asked for it.

use crate::error::SpoolError;
use crate::format::log_name::{Departure, Stage, parse_collecting};
use crate::lifecycle::retirement::{Departed, Leaving, Step};
use crate::operate::skipped::Skipped;
use crate::spool::{Patience, Shared, Spool, collecting_path, log_path};

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Purged {
    /// Logs.
    pub logs: u64,
    /// Requests that they still held.
    pub requests: u64,
    /// Bytes of those logs.
    pub bytes: u64,
    /// Logs that could not be removed.
    pub skipped: Vec<Skipped>,
}

impl Spool {
    /// Removes every log at a stage, and counts what it still held as purged. One that cannot be
    /// removed keeps no other from being.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] for [`Stage::Processing`] while a worker runs; else when the directory
    /// cannot be read, or nothing in it changed.
    pub fn purge(&self, stage: Stage) -> Result<Purged, SpoolError> {
        let shared = self.shared();
        // What a worker holds is its own.
        let _worker = match stage {
            Stage::Processing => Some(crate::consume::worker_lock::take_worker_lock(shared)?),
            _ => None,
        };
        let (mut purged, mut patience) = (Purged::default(), Patience::usual());
        if stage == Stage::Collecting {
            for slot in shared.list(stage.dir())?.iter().filter_map(|name| parse_collecting(name)) {
                let gone = shared.purge_collecting(slot, &mut patience);
                purged.add(&collecting_path(slot), gone)?;
            }
        } else {
            for log in shared.logs_in(stage)? {
                let gone = shared.depart(stage, log, Departure::Purged, &mut patience);
                purged.add(&log_path(stage, log), gone)?;
            }
        }
        shared.shorten_ledger_if_long();
        Ok(purged)
    }
}

impl Shared {
    fn purge_collecting(
        &self,
        slot: u16,
        patience: &mut Patience,
    ) -> Result<Option<Departed>, SpoolError> {
        let path = collecting_path(slot);
        let Some(file) = self.open_if_there(&path)? else {
            return Ok(None);
        };
        let _held = patience.lock(self, &*file, &path)?;
        if !self.is_at(&*file, &path)? {
            return Ok(None);
        }
        let there = |log| Leaving { log, step: Step::For(Departure::Purged) }.path();
        let log = self.leave_collecting(&*file, &path, slot, there, |_| true)?;
        self.finish_departure(&*file, log, Departure::Purged)
    }
}

impl Purged {
    fn add(
        &mut self,
        path: &str,
        gone: Result<Option<Departed>, SpoolError>,
    ) -> Result<(), SpoolError> {
        match gone {
            Ok(None) => {}
            Ok(Some(Departed { bytes, requests })) => {
                self.logs += 1;
                self.requests += requests;
                self.bytes += bytes;
            }
            Err(error) if error.is_of_the_spool() => return Err(error),
            Err(error) => self.skipped.push(Skipped::new(path, &error)),
        }
        Ok(())
    }
}
