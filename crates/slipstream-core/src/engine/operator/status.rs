//! The status of an engine: what it holds and what became of the rest, in numbers. Pure.

use std::time::Duration;

use super::histogram::Destinations;
use super::holder::Holder;
use super::skipped::Skipped;
use super::stage::{Stage, StageStatus};
use super::totals::Totals;
use crate::clock::Timestamp;
use crate::engine::last_run::LastRun;

/// An engine as it was seen at one moment.
///
/// ```
/// use slipstream_core::Timestamp;
/// use slipstream_core::operator::{Finding, Severity, Status, Thresholds, Totals};
///
/// let mut totals = Totals::default();
/// (totals.stored, totals.pending) = (3, 2);
/// let seen = Status::new("memory", Timestamp::from_millis(1_795_498_157_482), totals);
/// let findings = seen.findings(&Thresholds::default());
/// assert_eq!(findings, [Finding::Unbalanced]);
/// assert_eq!(findings[0].severity(), Severity::Critical);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Where it is, to be shown.
    pub place: String,
    /// When it was seen.
    pub at: Timestamp,
    /// Each stage that the engine has, in the order of a request's life.
    pub stages: Vec<(Stage, StageStatus)>,
    /// The sums.
    pub totals: Totals,
    /// The destinations for which requests wait, or failed.
    pub destinations: Destinations,
    /// What works it, or keeps workers away.
    pub worker: Option<Holder>,
    /// What the last run, or the current one, reported.
    pub last_run: Option<LastRun>,
    /// What is full first if no worker comes; none while that is not near.
    pub nearly_full: Option<NearlyFull>,
    /// Parts that could not be read, and are not counted in the rest.
    pub skipped: Vec<Skipped>,
}

/// That a part of an engine is soon full, if no worker comes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NearlyFull {
    /// The part: of a spool, a slot.
    pub part: String,
    /// How long that takes.
    pub wait: Duration,
    /// Requests that are overwritten then; none if what is new is refused instead.
    pub overwrites: Option<u64>,
}

impl NearlyFull {
    /// A part that is full after so long.
    pub fn new(part: impl Into<String>, wait: Duration, overwrites: Option<u64>) -> Self {
        Self { part: part.into(), wait, overwrites }
    }
}

impl Status {
    /// An engine of which nothing is known but its sums.
    pub fn new(place: impl Into<String>, at: Timestamp, totals: Totals) -> Self {
        Self {
            place: place.into(),
            at,
            stages: Vec::new(),
            totals,
            destinations: Destinations::default(),
            worker: None,
            last_run: None,
            nearly_full: None,
            skipped: Vec::new(),
        }
    }

    /// What is at a stage; nothing, if the engine has no such stage.
    pub fn stage(&self, stage: Stage) -> StageStatus {
        self.stages.iter().find(|(it, _)| *it == stage).map(|(_, seen)| *seen).unwrap_or_default()
    }

    /// Requests that failed while others in their part wait: not at [`Stage::Failed`] yet.
    pub fn failed_in_processing(&self) -> u64 {
        self.totals.failed.saturating_sub(self.stage(Stage::Failed).requests)
    }

    /// How long ago the oldest part was begun that holds requests and that no worker has taken yet.
    /// None if all were taken: what waits for a retry, or for a time of its own, does not count.
    pub fn oldest_unclaimed(&self) -> Option<Duration> {
        let unclaimed = [Stage::Collecting, Stage::Ready].map(|stage| self.stage(stage));
        let with_requests = unclaimed.iter().filter(|seen| seen.requests > 0);
        with_requests.filter_map(|seen| seen.oldest_age).max()
    }

    /// What has the right to work and hangs, is stopped, or is no worker.
    pub fn hung_worker(&self) -> Option<Holder> {
        self.worker.filter(Holder::hangs)
    }
}
