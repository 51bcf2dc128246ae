//! Removing logs because somebody asked for it.

use crate::depart::{Leaving, Step};
use crate::error::SpoolError;
use crate::fs::Lock;
use crate::name::{Departure, Stage, parse_collecting};
use crate::spool::{PATIENCE, Spool, collecting_path};

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// Logs.
    pub logs: u64,
    /// Requests that they still held.
    pub requests: u64,
    /// Bytes of those logs.
    pub bytes: u64,
}

impl Spool {
    /// Removes every log at a stage, and counts what it still held as purged.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] for [`Stage::Processing`] while a worker runs; else when the file
    /// system refuses. What was removed before the error stays removed.
    pub fn purge(&self, stage: Stage) -> Result<Purged, SpoolError> {
        let shared = self.shared();
        let mut purged = Purged::default();
        // What a worker holds is its own.
        let _worker = match stage {
            Stage::Processing => Some(crate::worker_lock::take_worker_lock(shared)?),
            _ => None,
        };
        if stage == Stage::Collecting {
            self.purge_collecting(&mut purged)?;
        } else {
            for log in shared.logs_in(stage)? {
                if let Some(gone) = shared.depart(stage, log, Departure::Purged, PATIENCE)? {
                    purged.add(gone.bytes, gone.requests);
                }
            }
        }
        shared.shorten_ledger_if_long();
        Ok(purged)
    }

    fn purge_collecting(&self, purged: &mut Purged) -> Result<(), SpoolError> {
        let shared = self.shared();
        for name in shared.list(Stage::Collecting.dir())? {
            let Some(slot) = parse_collecting(&name) else {
                continue;
            };
            let path = collecting_path(slot);
            let Some(file) = shared.open_if_there(&path)? else {
                continue;
            };
            let _held = shared.lock(&*file, Lock::Exclusive, &path)?;
            if !shared.is_at(&*file, &path)? {
                continue;
            }
            let there = |log| Leaving { log, step: Step::For(Departure::Purged) }.path();
            let log = shared.leave_collecting(&*file, &path, slot, there, |_| true)?;
            if let Some(gone) = shared.finish_departure(&*file, log, Departure::Purged)? {
                purged.add(gone.bytes, gone.requests);
            }
        }
        Ok(())
    }
}

impl Purged {
    fn add(&mut self, bytes: u64, requests: u64) {
        self.logs += 1;
        self.requests += requests;
        self.bytes += bytes;
    }
}
