//! The handler of requests of the kind `mysql`, as a worker is given it.
//!
//! # Invariants
//! Delivered means that the server said it is committed.
//!
//! # Non-goals
//! Threads. The worker has them, and calls from any.

use std::time::Duration;

use slipstream_core::{Attempt, Destination, Handler, Outcome, SecretRef, Timeout};

use crate::deliver::executor::{Executor, after, outcome};
use crate::deliver::group;
use crate::deliver::options::MysqlOptions;
use crate::request::MysqlRequest;

/// Performs requests of the kind `mysql`.
pub struct MysqlHandler {
    executor: Executor,
}

impl MysqlHandler {
    /// A handler with these options, which finds no secret.
    pub fn new(options: MysqlOptions) -> Self {
        Self { executor: Executor::new(options) }
    }

    /// The same, which looks secrets, option files and the secrets in those up like this, for the
    /// destination that they are to be proven to: a server may learn the password that it receives,
    /// so the look-up may depend on whose it is. An error is words that say why there is none.
    #[must_use]
    pub fn secrets(
        mut self,
        look_up: impl Fn(&SecretRef, &Destination) -> Result<String, String> + Send + Sync + 'static,
    ) -> Self {
        self.executor.look_up = Box::new(look_up);
        self
    }
}

impl Handler for MysqlHandler {
    type Request = MysqlRequest;

    fn perform(&self, request: &MysqlRequest, attempt: &Attempt) -> Outcome {
        let done = outcome(self.executor.single(request, attempt.id, after(Duration::MAX)));
        excused(request, done)
    }

    fn max_batch(&self) -> usize {
        self.executor.options.max_batch
    }

    fn can_batch(&self, first: &MysqlRequest, other: &MysqlRequest) -> bool {
        first.goes_as(other)
            && group::fits(first)
            && (first.executes_as(other) || group::fits(other))
    }

    fn perform_batch(&self, requests: &[(MysqlRequest, Attempt)]) -> Vec<Outcome> {
        let outcomes = group::perform(&self.executor, requests).into_iter();
        outcomes.zip(requests).map(|(done, (request, _))| excused(request, done)).collect()
    }
}

/// A request that gives its server next to no time blames it for nothing.
fn excused(request: &MysqlRequest, done: Outcome) -> Outcome {
    let hasty = request.max_time.is_some_and(Timeout::is_hasty);
    match done {
        Outcome::Failed(failure) => Outcome::Failed(failure.excused(hasty)),
        done => done,
    }
}
