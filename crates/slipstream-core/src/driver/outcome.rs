//! The outcome of an attempt.

use std::time::Duration;

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The destination has it.
    Delivered,
    /// It has not, or may not have it.
    Failed(Failure),
}

/// Why an attempt failed, and what that means for the next.
///
/// ```
/// use std::time::Duration;
/// use slipstream_core::{Failure, FailureScope};
///
/// let failure = Failure::transient(FailureScope::Destination, "too many requests")
///     .status(429)
///     .retry_after(Duration::from_secs(30));
/// assert!(failure.transient);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// What happened, lower case, for the operator.
    pub reason: String,
    /// Whether trying again can help.
    pub transient: bool,
    /// Whether other requests to the same destination are likely to meet the same.
    pub scope: FailureScope,
    /// What the destination answered, in its own numbers (an HTTP status).
    pub status: Option<u16>,
    /// How long the destination asked all clients to wait.
    pub retry_after: Option<Duration>,
    /// The beginning of what it answered (for HTTP, the headers that matter and the first
    /// kilobyte of the body), for the operator. As it came: not fit for a terminal.
    pub answer: Option<String>,
}

/// The scope of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureScope {
    /// This request: others to the same destination may well succeed.
    Request,
    /// The destination: refused, silent, overloaded.
    Destination,
    /// Neither: the worker itself ran out of descriptors, threads or memory. That is no attempt: it is
    /// not counted, and is made again when fewer are in flight.
    Worker,
}

/// The text for a shortage.
const SHORTAGE: &str = "out of memory or open files; raise the limits or work on fewer at once";

/// A request that allows less time than this, in milliseconds, says little about its destination when
/// it fails: less than is needed by a server that is far away, or busy.
pub const HASTY_MS: u64 = 1_000;

impl Failure {
    /// The same, but not the fault of the destination if `excused`.
    #[must_use]
    pub fn excused(self, excused: bool) -> Self {
        let scope = match self.scope {
            FailureScope::Destination if excused => FailureScope::Request,
            scope => scope,
        };
        Self { scope, ..self }
    }

    /// A failure that another attempt may overcome.
    pub fn transient(scope: FailureScope, reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            transient: true,
            scope,
            status: None,
            retry_after: None,
            answer: None,
        }
    }

    /// The same with what the destination answered, in its own numbers.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same with how long the destination asked all clients to wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The same with the beginning of what the destination answered.
    #[must_use]
    pub fn answer(mut self, answer: impl Into<String>) -> Self {
        self.answer = Some(answer.into());
        self
    }

    /// [`Failure::short`], if the system's error of this number says that it has no more memory,
    /// descriptors or buffers to give.
    pub fn shortage(errno: i32) -> Option<Self> {
        // ENOMEM, ENFILE, EMFILE, ENOBUFS: the same numbers on every Linux.
        matches!(errno, 12 | 23 | 24 | 105).then(|| Self::short(SHORTAGE))
    }

    /// No attempt at all, for the worker lacks what one needs.
    pub fn short(reason: impl Into<String>) -> Self {
        Self::transient(FailureScope::Worker, reason)
    }

    /// A failure that no attempt will overcome: the request itself is wrong.
    pub fn permanent(reason: impl Into<String>) -> Self {
        Self { transient: false, ..Self::transient(FailureScope::Request, reason) }
    }
}
