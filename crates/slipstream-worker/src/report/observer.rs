//! Reports to the program that started a run: events while it lasts, a summary at its end.
//!
//! # Non-goals
//! Text for people. A program prints; the worker only traces.

use std::time::Duration;

use slipstream_core::{BacklogError, Destination, Failure, RecordId, Settlement};

/// Receives the events of a run, on the run's own thread: it should be quick.
pub trait Observer {
    /// Something happened.
    fn event(&mut self, event: &Event<'_>);
}

/// Ignores all events.
impl Observer for () {
    fn event(&mut self, _: &Event<'_>) {}
}

impl<F: FnMut(&Event<'_>)> Observer for F {
    fn event(&mut self, event: &Event<'_>) {
        self(event);
    }
}

/// Something that happened in a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// An attempt was begun.
    Started {
        /// The request.
        id: RecordId,
        /// Its destination.
        destination: &'a Destination,
        /// 1 for its first attempt.
        attempt: u32,
    },
    /// An attempt failed. What becomes of the request is the [`Event::Settled`] behind it.
    AttemptFailed {
        /// The request.
        id: RecordId,
        /// Its destination.
        destination: &'a Destination,
        /// 1 for its first attempt.
        attempt: u32,
        /// How it failed.
        failure: &'a Failure,
        /// How long the attempt took.
        took: Duration,
    },
    /// A claim was answered, and the answer recorded.
    Settled {
        /// The request; none when its envelope could not be read.
        id: Option<RecordId>,
        /// Its destination.
        destination: Option<&'a Destination>,
        /// What became of it.
        settlement: &'a Settlement,
        /// Attempts that were counted so far, in earlier runs too.
        attempts: u32,
        /// Why, unless it was delivered.
        reason: Option<&'a str>,
    },
    /// Too many requests for a destination failed in a row: the rest is failed untried.
    Down {
        /// The destination.
        destination: &'a Destination,
        /// How the last of them failed.
        reason: &'a str,
    },
    /// A destination asked all clients to wait.
    Paused {
        /// The destination.
        destination: &'a Destination,
        /// How long.
        wait: Duration,
    },
    /// The worker ran out of what an attempt needs (descriptors, threads, memory). The attempt does
    /// not count, and is made again with fewer in flight.
    Short {
        /// What there was too little of.
        reason: &'a str,
        /// How many may be in flight at once for now.
        in_flight: usize,
    },
    /// An attempt had no answer when the time of a stop was over. What was sent may arrive.
    Interrupted {
        /// The request.
        id: RecordId,
        /// Its destination.
        destination: &'a Destination,
        /// 1 for its first attempt.
        attempt: u32,
    },
    /// Nothing is in flight; the next retry is due after this long. Reported again now and then.
    Waiting {
        /// How long.
        wait: Duration,
    },
    /// Most of the time budget is spent, and work is left.
    BudgetWarning {
        /// How long the run has lasted.
        spent: Duration,
        /// How long it may last.
        budget: Duration,
    },
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Requests that were delivered.
    pub delivered: u64,
    /// Requests that were dead-lettered.
    pub failed: u64,
    /// The failed requests that were never attempted.
    pub never_attempted: u64,
    /// Requests that were older than the run was configured to deliver.
    pub expired: u64,
    /// Failed attempts after which the request had another attempt left.
    pub retried: u64,
    /// How often a request was released or spilled without an attempt.
    pub deferred: u64,
    /// Attempts that were made.
    pub attempts: u64,
    /// Attempts that could not be made, for want of descriptors, threads or memory. They do not count.
    pub short: u64,
    /// Attempts that a stop interrupted. The next run makes them again.
    pub interrupted: u64,
    /// How long the run lasted.
    pub elapsed: Duration,
    /// What ended it.
    pub ending: Ending,
}

/// What ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Ending {
    /// No work remained.
    #[default]
    Drained,
    /// What remains is due only after this long, later than the run waits or may last.
    Waiting(Duration),
    /// Its time budget was spent; work may remain.
    Budget,
    /// It was asked to stop; work may remain.
    Stopped,
    /// The backlog failed ([`RunError`]); work may remain.
    Broken,
}

impl Ending {
    /// Its name for programs: `drained`, `waiting`, `budget`, `stopped`, `broken`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Drained => "drained",
            Self::Waiting(_) => "waiting",
            Self::Budget => "budget",
            Self::Stopped => "stopped",
            Self::Broken => "broken",
        }
    }
}

/// The backlog failed, and the run ended early. What was in flight was finished first;
/// claims without an answer come out of the next run.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
#[non_exhaustive]
pub struct RunError {
    /// What the backlog was asked for.
    pub doing: Doing,
    /// Its answer.
    #[source]
    pub source: BacklogError,
    /// What the run did all the same.
    pub summary: Box<Summary>,
}

/// What the worker was doing when the backlog failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Doing {
    /// Waiting for requests as they come.
    #[error("new requests cannot be noticed as they come")]
    Following,
    /// Taking the next request.
    #[error("the next request could not be taken from the backlog")]
    Claiming,
    /// Counting an attempt. It was not made.
    #[error("an attempt for request {0} could not be counted, so it was not made")]
    Beginning(RecordId),
    /// Recording an outcome.
    #[error(
        "what became of request {} could not be recorded; it may be attempted again",
        .0.map(|id| id.to_string()).unwrap_or_else(|| "without an id".into())
    )]
    Settling(Option<RecordId>),
    /// Closing the backlog.
    #[error("the backlog could not be closed; the next run finishes it")]
    Closing,
}
