//! What a spool holds and what became of the rest, in numbers. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipstream_core::Timestamp;

use crate::consume::worker_lock::Holder;
use crate::format::log_name::Stage;
use crate::lifecycle::entries::{Outcomes, OverwrittenSum};
use crate::operate::skipped::Skipped;

/// What a spool holds, by stage, and the sums since it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Each stage, in the order of a log's life.
    pub stages: Vec<(Stage, StageStatus)>,
    /// The sums.
    pub totals: Totals,
    /// Each slot in which something stands.
    pub slots: Vec<SlotStatus>,
    /// What was overwritten, by slot.
    pub overwritten: BTreeMap<u16, OverwrittenSum>,
    /// Entries of the ledger that cannot be read.
    pub spoiled_entries: u64,
    /// Whether a worker runs.
    pub worker_running: bool,
    /// Its process id, if it is known.
    pub worker_pid: Option<u32>,
    /// For how long it has told nothing.
    pub worker_silent: Duration,
    /// Files that could not be read, and are not counted in the rest.
    pub skipped: Vec<Skipped>,
}

/// What stands at one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StageStatus {
    /// Logs.
    pub logs: u64,
    /// Requests in them that are not settled (in failed/: that failed for good).
    pub requests: u64,
    /// Bytes of the logs.
    pub bytes: u64,
    /// How long ago the oldest log was begun. None without logs.
    pub oldest_age: Option<Duration>,
}

/// A log, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStatus {
    /// When it was begun.
    pub begun: Timestamp,
    /// Requests in it that are not settled.
    pub requests: u64,
    /// Its size.
    pub bytes: u64,
}

/// What stands in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SlotStatus {
    /// Its number.
    pub slot: u16,
    /// The log that is appended to.
    pub collecting: Option<LogStatus>,
    /// Those that wait for the worker, the oldest first: it is evicted first.
    pub ready: Vec<LogStatus>,
    /// What the worker has claimed.
    pub processing: StageStatus,
    /// What failed for good. Its requests are also those that failed in logs of processing/.
    pub failed: StageStatus,
    /// When the oldest of `ready` must be evicted if no worker comes, or, where nothing is
    /// overwritten, when the slot refuses what is new. None while that is not near.
    pub full_in: Option<Duration>,
}

/// Sums over a spool's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Stored, counted when logs are sealed.
    pub stored: u64,
    /// Waiting to be delivered.
    pub pending: u64,
    /// Failed for good, and still there.
    pub failed: u64,
    /// What became of the others.
    pub outcomes: Outcomes,
}

impl Status {
    /// How long ago the oldest log was begun that holds requests and that no worker has taken yet.
    /// None if all were taken: what waits for a retry, or for a time of its own, does not count.
    pub fn oldest_unclaimed(&self) -> Option<Duration> {
        let unclaimed = self.stages.iter().filter(|(stage, seen)| {
            matches!(stage, Stage::Collecting | Stage::Ready) && seen.requests > 0
        });
        unclaimed.filter_map(|(_, seen)| seen.oldest_age).max()
    }

    /// What has the worker's lock, if anything.
    pub fn worker(&self) -> Option<Holder> {
        let holder = Holder { pid: self.worker_pid, silent: self.worker_silent };
        self.worker_running.then_some(holder)
    }

    /// What has the worker's lock and hangs, is stopped, or is no worker.
    pub fn hung_worker(&self) -> Option<Holder> {
        self.worker().filter(Holder::hangs)
    }
}

impl StageStatus {
    /// Adds a log that was begun so long ago.
    pub(super) fn add(&mut self, requests: u64, bytes: u64, age: Duration) {
        self.logs += 1;
        self.requests += requests;
        self.bytes += bytes;
        self.oldest_age = Some(self.oldest_age.map_or(age, |oldest| oldest.max(age)));
    }
}

impl Totals {
    /// Whether everything that was stored is accounted for.
    pub fn balanced(&self) -> bool {
        let there = self.pending.saturating_add(self.failed);
        self.stored == there.saturating_add(self.outcomes.sum())
    }
}
