//! Removing single requests that were given up.
//!
//! A log whose other requests still wait is in processing/. While no worker runs, what failed in it
//! is dropped, too, and the next worker moves the log on; while one does, it is the worker's alone.
//!
//! # Invariants
//! - A dropped record is settled in place and counts as purged, in its log and when that goes, so
//!   the counters add up wherever this ends early.
//! - A log of failed/ in which nothing else is left goes at once.
//! - An earlier end leaves that to the next that drops.

use slipstream_core::Timestamp;

use crate::dead_letters::retry::Chosen;
use crate::error::SpoolError;
use crate::format::frame::{SettlementField, State};
use crate::format::log_name::{Departure, Stage};
use crate::lifecycle::retirement::{Leaving, Step};
use crate::operate::skipped::Skipped;
use crate::spool::{Spool, log_path};

/// What was dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dropped {
    /// Logs that held some of it.
    pub logs: u64,
    /// Requests that count as purged now.
    pub requests: u64,
    /// Whether a worker runs, so that what failed in logs that it still has was left alone.
    pub worker_running: bool,
    /// Logs that could not be read, or removed.
    pub skipped: Vec<Skipped>,
}

impl Spool {
    /// Removes failed requests for good: those of whose bytes (an encoded
    /// [`Record`](slipstream_core::Record)) `choose` says so.
    ///
    /// # Errors
    /// When a directory cannot be read, or nothing in it changed. A log that cannot be read keeps
    /// nothing in others from being dropped.
    pub fn drop_failed(
        &self,
        mut choose: impl FnMut(&[u8]) -> bool,
    ) -> Result<Dropped, SpoolError> {
        let shared = self.shared();
        let chosen = shared.resettle_failed(
            |was, payload| {
                let (state, due) = (State::Dropped, Timestamp::default());
                choose(payload).then_some(SettlementField { state, due, wait: 0, ..was })
            },
            |file, log, resettled| {
                if resettled.left == 0 {
                    // Not as done: a power loss that undoes the settlements must not send anything.
                    let why = Departure::Purged;
                    let path = log_path(Stage::Failed, log);
                    let leaving = Leaving { log, step: Step::For(why) }.path();
                    shared.move_log("remove", &path, &leaving)?;
                    shared.finish_departure(file, log, why)?;
                }
                Ok(resettled.chosen)
            },
        )?;
        shared.shorten_ledger_if_long();
        let Chosen { logs, requests, worker_running, skipped } = chosen;
        Ok(Dropped { logs, requests, worker_running, skipped })
    }
}
