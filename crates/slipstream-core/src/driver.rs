//! Drivers and handlers: what performs the requests of a kind.
//!
//! A [`Handler`](crate::Handler) performs one request and returns, which is all a new kind needs. A
//! [`Driver`] keeps many in flight without a thread for each. The worker speaks to drivers, and wraps
//! handlers in a driver that has threads.

use std::time::Duration;

use crate::driver::handler::Attempt;
use crate::driver::notifier::Notifier;
use crate::driver::outcome::Outcome;
use crate::engine::claim::Ticket;
use crate::invalid::Invalid;
use crate::request::destination::Destination;

pub(crate) mod handler;
pub(crate) mod notifier;
pub(crate) mod outcome;

/// One attempt to make: a ticket to answer with, and the request as it was stored.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Job {
    /// What the [`Completion`] repeats.
    pub ticket: Ticket,
    /// The attempt.
    pub attempt: Attempt,
    /// The request in MessagePack.
    pub body: Vec<u8>,
}

impl Job {
    /// The attempt to perform the request that a record's body holds.
    pub fn new(ticket: Ticket, attempt: Attempt, body: Vec<u8>) -> Self {
        Self { ticket, attempt, body }
    }
}

/// The end of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Completion {
    /// The job's ticket.
    pub ticket: Ticket,
    /// How it ended.
    pub outcome: Outcome,
}

impl Completion {
    /// The end of the job with this ticket.
    pub fn new(ticket: Ticket, outcome: Outcome) -> Self {
        Self { ticket, outcome }
    }
}

/// Performs requests of one kind, many at a time. A driver belongs to one thread.
pub trait Driver {
    /// The kind of request that it performs.
    fn kind(&self) -> &str;

    /// The destination of the request that a record's body holds. Limits, order and failures are
    /// counted by it, so it must follow from the body alone, as [`Request::destination`](crate::Request::destination) does.
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

    /// Lets go of its jobs: the run was asked to stop, and their outcomes are not waited for. From
    /// now on it is only dropped, which must not wait for a peer, a name or a thread.
    fn abandon(&mut self) {}

    /// What makes a waiting [`Driver::poll`] return from another thread.
    fn notifier(&self) -> Notifier;

    /// Names the notifier to call when a job ends while another driver's poll is waiting.
    /// A driver that ends jobs only inside its own poll ignores it: the worker then
    /// waits there.
    fn notify_on_completion(&mut self, notifier: Notifier);
}
