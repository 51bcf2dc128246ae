//! Handlers: one request at a time, on any thread.

use crate::driver::outcome::Outcome;
use crate::request::Request;
use crate::request::id::RecordId;

/// Performs requests of one kind, one call at a time, on any thread.
pub trait Handler: Send + Sync + 'static {
    /// The kind of request that it performs.
    type Request: Request + Send;

    /// Makes one attempt. Every wait in it must end by itself.
    fn perform(&self, request: &Self::Request, attempt: &Attempt) -> Outcome;

    /// How many requests to one destination it performs together at most, if so many wait. Most
    /// kinds have nothing to gain by it.
    fn max_batch(&self) -> usize {
        1
    }

    /// Whether these two, which go to the same destination, may be performed together.
    fn can_batch(&self, _first: &Self::Request, _other: &Self::Request) -> bool {
        true
    }

    /// Makes one attempt of each of these, which all go to the same destination and are
    /// [together](Handler::can_batch) with the first: the outcomes in the same order. A request
    /// that fails must fail for itself alone. It may stop behind any but the first, as when they
    /// take long: the requests without an outcome are given again.
    fn perform_batch(&self, requests: &[(Self::Request, Attempt)]) -> Vec<Outcome> {
        requests.iter().map(|(request, attempt)| self.perform(request, attempt)).collect()
    }
}

/// Which request is tried, and the number of the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The request's id: the same on every attempt, so that a receiver can drop repeats.
    pub id: RecordId,
    /// 1 for the first.
    pub number: u32,
}

impl Attempt {
    /// The attempt with this number, 1 for the first.
    pub fn new(id: RecordId, number: u32) -> Self {
        Self { id, number }
    }
}
