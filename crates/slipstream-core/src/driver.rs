//! Who performs requests. Two ways in: a [`Handler`] performs one request and returns,
//! which is all a new kind needs; a [`Driver`] keeps many in flight without a thread for
//! each. The worker speaks to drivers, and wraps handlers in one that has threads.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{Destination, Invalid, Outcome, RecordId, Request, Ticket};

/// Performs requests of one kind, one call at a time, on any thread.
pub trait Handler: Send + Sync + 'static {
    /// The kind of request that it performs.
    type Request: Request + Send;

    /// Makes one attempt. Every wait in it must end by itself.
    fn perform(&self, request: &Self::Request, attempt: &Attempt) -> Outcome;

    /// How many requests to one destination it likes to perform together, if so many wait. Most
    /// kinds have nothing to gain by it.
    fn max_batch(&self) -> usize {
        1
    }

    /// Whether these two, which go to the same destination, may be performed together.
    fn can_batch(&self, _first: &Self::Request, _other: &Self::Request) -> bool {
        true
    }

    /// Makes one attempt of each of these, which all go to the same destination and are
    /// [together](Handler::can_batch) with the first: the outcomes in the same order. One that fails
    /// must fail for itself alone. It may stop behind any but the first, as when they take long: those
    /// without an outcome are given again.
    fn perform_batch(&self, requests: &[(Self::Request, Attempt)]) -> Vec<Outcome> {
        requests.iter().map(|(request, attempt)| self.perform(request, attempt)).collect()
    }
}

/// Which request is tried, and the number of the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// The request's id: the same on every attempt, so that a receiver can drop repeats.
    pub id: RecordId,
    /// 1 for the first.
    pub number: u32,
}

/// One attempt to make: a ticket to answer with, and the request as it was stored.
#[derive(Debug, Clone)]
pub struct Job {
    /// What the [`Completion`] repeats.
    pub ticket: Ticket,
    /// The attempt.
    pub attempt: Attempt,
    /// The request in MessagePack.
    pub body: Vec<u8>,
}

/// The end of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The job's ticket.
    pub ticket: Ticket,
    /// How it ended.
    pub outcome: Outcome,
}

/// Performs requests of one kind, many at a time. A driver belongs to one thread.
pub trait Driver {
    /// The kind of request that it performs.
    fn kind(&self) -> &str;

    /// The destination of the request that a record's body holds. Limits, order and failures are
    /// counted by it, so it must follow from the body alone, as [`Request::destination`] does.
    ///
    /// # Errors
    /// The body holds no request of this kind; no attempt is made then.
    fn destination(&self, body: &[u8]) -> Result<Destination, Invalid>;

    /// Takes a job. It may end at once; its completion comes out of [`Driver::poll`].
    fn start(&mut self, job: Job);

    /// Moves everything on, and adds what has ended to `done`. Returns when something has
    /// ended, when woken, or after `wait`, whichever comes first; at once when `wait` is
    /// zero. It may return early for no reason.
    fn poll(&mut self, wait: Duration, done: &mut Vec<Completion>);

    /// Lets go of what it only keeps for later, such as idle connections, and keeps less from now on:
    /// the worker runs short of descriptors.
    fn relieve(&mut self) {}

    /// Lets go of its jobs: the run was told to stop, and their outcomes are not waited for. From now on
    /// it is only dropped, which must not wait for a peer, a name or a thread.
    fn abandon(&mut self) {}

    /// What makes a waiting [`Driver::poll`] return from another thread.
    fn notifier(&self) -> Notifier;

    /// Names whom to wake when a job ends while another driver's turn is waiting.
    /// A driver that ends jobs only inside its own turn ignores it: the worker then
    /// waits there.
    fn notify_on_completion(&mut self, notifier: Notifier);
}

/// Wakes a waiting [`Driver::poll`]. Cheap to clone, safe to call at any time.
#[derive(Clone)]
pub struct Notifier(Arc<dyn Fn() + Send + Sync>);

impl Notifier {
    /// A notifier that calls `wake`.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(wake))
    }

    /// Wakes.
    pub fn notify(&self) {
        (self.0)();
    }
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notifier")
    }
}
