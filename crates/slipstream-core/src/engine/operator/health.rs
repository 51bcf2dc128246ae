//! The health of an engine: what is wrong with a [`Status`].
//!
//! # Invariants
//! - There is one set of thresholds, [`Thresholds`], and one set of rules. What is reported of an
//!   engine in one place is reported in all.
//! - Findings come by what they cost: what loses requests, then what delays them, then what has
//!   happened already.
//!
//! # Non-goals
//! Words for people, and an engine's surroundings: rights, the disk, the clock.

use std::time::Duration;

use super::histogram::Waiting;
use super::holder::Holder;
use super::skipped::Skipped;
use super::status::{NearlyFull, Status};
use crate::clock::Timestamp;

/// From when on something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thresholds {
    /// For how long what was stored may wait for a worker to take it.
    pub max_age: Duration,
    /// For how long requests may wait for a destination that takes none.
    pub max_down: Duration,
    /// How many dead letters there may be.
    pub max_failed: u64,
    /// How many requests may wait, if there is a bound.
    pub max_pending: Option<u64>,
}

impl Thresholds {
    /// The usual [`max_age`](Self::max_age). Cron runs a worker every minute.
    pub const MAX_AGE: Duration = Duration::from_secs(5 * 60);

    /// The usual time without a run that ended, after which a storing program reports that: see
    /// [`Operator::overdue`](super::Operator::overdue).
    pub const WARN_AFTER: Duration = Duration::from_secs(60 * 60);
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { max_age: Self::MAX_AGE, max_down: Duration::ZERO, max_failed: 0, max_pending: None }
    }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it may be, and worth knowing.
    Notice,
    /// Requests may be lost or delayed, or some have failed for good.
    Warning,
    /// Requests are lost or do not go out, as it is now.
    Critical,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// Parts could not be read: what is in them is neither counted nor delivered.
    Unreadable(Vec<Skipped>),
    /// Not everything that was stored is accounted for.
    Unbalanced,
    /// Something has the right to work and hangs, is stopped, or is not a worker.
    WorkerHangs(Holder),
    /// A part of the engine is soon full.
    NearlyFull(NearlyFull),
    /// What was stored has not been taken by a worker for too long.
    NotTaken {
        /// For how long.
        age: Duration,
        /// Whether a worker runs all the same.
        worker_running: bool,
    },
    /// Requests wait for a destination that takes none.
    Blocked(Blocked),
    /// More requests wait than may.
    TooManyPending(u64),
    /// The last run ended before its work was done.
    EndedEarly(EndedEarly),
    /// Requests failed for good.
    DeadLetters {
        /// How many are there.
        failed: u64,
        /// The destination that more than half of them go to, and whether all do.
        most_to: Option<(String, bool)>,
    },
}

/// How the last run ended before its work was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedEarly {
    /// Without a word: it was killed, or the machine went down.
    Killed,
    /// The backlog could not be worked.
    Broken,
    /// Its time was up.
    OutOfTime,
}

/// A destination that takes no requests, while some wait for it.
///
/// What the worker has recorded of it is in its report; how many wait, and when the first of them
/// is due, is counted in the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocked {
    /// The destination. A very long name is cut.
    pub destination: String,
    /// `down`, `paused` or `failing`; see [`Trouble`](crate::Trouble).
    pub state: String,
    /// Since when.
    pub since: Timestamp,
    /// How the last request failed.
    pub why: String,
    /// How many wait; none if they could not be counted by destination.
    pub pending: Option<u64>,
    /// When the first of them may be tried.
    pub next: Timestamp,
}

impl Finding {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Unreadable(_)
            | Self::Unbalanced
            | Self::WorkerHangs(_)
            | Self::NotTaken { .. } => Severity::Critical,
            Self::NearlyFull(_)
            | Self::Blocked(_)
            | Self::TooManyPending(_)
            | Self::EndedEarly(EndedEarly::Killed | EndedEarly::Broken)
            | Self::DeadLetters { .. } => Severity::Warning,
            Self::EndedEarly(EndedEarly::OutOfTime) => Severity::Notice,
        }
    }
}

impl Status {
    /// What is wrong.
    pub fn findings(&self, thresholds: &Thresholds) -> Vec<Finding> {
        let first = [
            self.unreadable(),
            (!self.totals.balanced()).then_some(Finding::Unbalanced),
            self.hung_worker().map(Finding::WorkerHangs),
            self.nearly_full.clone().map(Finding::NearlyFull),
            self.not_taken(thresholds),
        ];
        let is_down = |it: &Blocked| self.at.since(it.since) >= thresholds.max_down;
        let blocked = self.blocked().into_iter().filter(is_down).map(Finding::Blocked);
        let pending = self.totals.pending;
        let too_many = thresholds.max_pending.is_some_and(|most| pending > most);
        let last = [
            self.ended_early().map(Finding::EndedEarly),
            self.dead_letters(thresholds),
            too_many.then_some(Finding::TooManyPending(pending)),
        ];
        first.into_iter().flatten().chain(blocked).chain(last.into_iter().flatten()).collect()
    }

    /// The destinations that requests wait for and that take none, the longest in trouble first.
    pub fn blocked(&self) -> Vec<Blocked> {
        let all = &self.destinations;
        let uncounted = all.skipped > 0 || all.others.total() > 0;
        let troubles = self.last_run.as_ref().map(|run| &run.troubles[..]).unwrap_or_default();
        let blocked = troubles.iter().filter_map(|trouble| {
            let waiting = all.each.iter().find(|waiting| waiting.destination == trouble.to);
            let pending = waiting.map(|waiting| waiting.pending.iter().sum::<u64>());
            if pending == Some(0) || (pending.is_none() && !uncounted) {
                return None;
            }
            let due = waiting.and_then(|waiting| waiting.first_due).unwrap_or_default();
            let until = Timestamp::from_millis(trouble.until.unwrap_or_default());
            Some(Blocked {
                destination: trouble.to.clone(),
                state: trouble.state.clone(),
                since: Timestamp::from_millis(trouble.since),
                why: trouble.why.clone(),
                pending,
                next: due.max(until).max(self.at),
            })
        });
        blocked.collect()
    }

    fn unreadable(&self) -> Option<Finding> {
        (!self.skipped.is_empty()).then(|| Finding::Unreadable(self.skipped.clone()))
    }

    fn not_taken(&self, thresholds: &Thresholds) -> Option<Finding> {
        let age = self.oldest_unclaimed().filter(|age| *age > thresholds.max_age)?;
        // What hangs is another finding, and why nothing is taken.
        let hangs = self.hung_worker().is_some();
        let worker_running = self.worker.is_some();
        (!hangs).then_some(Finding::NotTaken { age, worker_running })
    }

    /// How the last run ended, if that was early. A current run has not ended.
    fn ended_early(&self) -> Option<EndedEarly> {
        if self.worker.is_some() {
            return None;
        }
        match self.last_run.as_ref()?.ending.as_deref() {
            None => Some(EndedEarly::Killed),
            Some("broken") => Some(EndedEarly::Broken),
            Some("budget") => Some(EndedEarly::OutOfTime),
            Some(_) => None,
        }
    }

    fn dead_letters(&self, thresholds: &Thresholds) -> Option<Finding> {
        let failed = self.totals.failed;
        let sum = |it: &Waiting| it.failed.iter().sum::<u64>();
        let worst = self.destinations.each.iter().map(|it| (sum(it), it)).max_by_key(|(n, _)| *n);
        let most_to = worst
            .filter(|(of_it, _)| of_it * 2 > failed)
            .map(|(of_it, it)| (it.destination.clone(), of_it >= failed));
        (failed > thresholds.max_failed).then_some(Finding::DeadLetters { failed, most_to })
    }
}

#[cfg(test)]
mod tests;
