//! The run: claims in, attempts out, one settlement for every claim.
//!
//! # Invariants
//! - An attempt is counted in the backlog before it is made, and there is none beyond the policy's
//!   number, even when every earlier attempt crashed the worker.
//! - Every claim is settled once, except the claims that a stop interrupts.
//! - The run ends by itself, when nothing is left that is due in time or at its budget.
//! - Whatever ends it, what is in flight is finished and settled first, or left as a kill would
//!   leave it when a stop's time-out is over.
//!
//! # Non-goals
//! A queue of retries. A retry's due time is the backlog's to keep, so it survives a crash, costs
//! no memory here, and never holds anything up.

use std::collections::HashMap;
use std::time::Duration;

use slipstream_core::{BacklogError, Completion, RetryPolicy, Ticket, Timestamp, TryNow};

use crate::reason;
use crate::report::destination_state;
use crate::report::observer::{Doing, Ending, Event};
use crate::report::observer::{Observer, RunError, Summary};
use crate::report::run_file;
use crate::schedule::order_keys::OrderKeys;
use crate::schedule::spilled::Spilled;
use crate::schedule::{Destinations, Pending};
use crate::subject::Subject;
use crate::worker::Worker;

mod admit;
mod complete;
mod scarcity;

/// The longest single wait while something is in flight. Nothing depends on it.
const LONGEST: Duration = Duration::from_secs(60);

/// How often the backlog is looked at for what is new while a run only waits. A run that stays is
/// woken instead.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often a run reports what it did so far, so that a long run can be distinguished from a run
/// that hangs; and how often if that has changed.
const REPORT_EVERY: Duration = Duration::from_secs(60);
const REPORT_NEWS_EVERY: Duration = Duration::from_secs(1);

/// What is noted of an attempt that a stop interrupts.
const INTERRUPTED: &str = "interrupted: the worker was stopped before there was an answer";

/// The shortest wait for what was deferred, or is held: the backlog's clock is not this one.
const SHORTEST: Duration = Duration::from_millis(1);

/// Everything that a run holds while it lasts.
pub(crate) struct Run<'a> {
    worker: Worker,
    observer: &'a mut dyn Observer,
    destinations: Destinations,
    orders: OrderKeys,
    spilled: Spilled,
    /// What operators asked for.
    asked: Vec<TryNow>,
    in_flight: HashMap<Ticket, InFlight>,
    /// A claim that waits for room, and for how long at most; no new claim is made meanwhile.
    held: Option<(Pending, Duration)>,
    /// How often in a row the backlog could not be read for now.
    refusals: u32,
    /// When the run began, by the monotonic clock.
    start: Duration,
    /// The same by the wall clock.
    began: Timestamp,
    summary: Summary,
    /// When it reported last, if it has, and the settlements that it reported.
    reported: (Option<Duration>, u64),
    /// When it saw that it was asked to stop.
    stopped_at: Option<Duration>,
    /// What the backlog failed with first.
    broken: Option<(Doing, BacklogError)>,
}

/// Why no more was claimed for now.
enum Intake {
    /// More may be there.
    More,
    /// Every slot is taken, for so long at least if nothing ends.
    Full(Duration),
    /// A claim is held until something ends, or for this long.
    Held(Duration),
    /// Nothing is due for so long.
    Due(Duration),
    /// Nothing is left.
    Empty,
}

/// One attempt that is being made. The request's body is with its driver.
struct InFlight {
    subject: Subject,
    attempt: u32,
    began: Duration,
    span: tracing::Span,
}

impl Worker {
    /// Works the backlog. Returns when nothing is in flight, and nothing is left or what is left is
    /// due later than the run waits or may last; when the time budget is spent; or when it was
    /// asked to stop. What was in flight is finished and settled, except what was not answered
    /// within [`Limits::stop_timeout`](crate::Limits::stop_timeout) of a stop.
    ///
    /// # Errors
    /// When the backlog fails: an outcome that could not be recorded, an attempt that could
    /// not be counted. A request that fails is no error.
    pub fn run(self, observer: &mut dyn Observer) -> Result<Summary, RunError> {
        Run::new(self, observer).work()
    }
}

impl<'a> Run<'a> {
    pub(crate) fn new(worker: Worker, observer: &'a mut dyn Observer) -> Self {
        Self {
            destinations: Destinations::new(worker.limits.concurrency, worker.limits.down_after)
                .spare(worker.limits.spare),
            orders: OrderKeys::default(),
            spilled: Spilled::default(),
            asked: Vec::new(),
            in_flight: HashMap::new(),
            held: None,
            refusals: 0,
            start: worker.clock.elapsed(),
            began: worker.clock.now(),
            summary: Summary::default(),
            reported: (None, 0),
            stopped_at: None,
            broken: None,
            worker,
            observer,
        }
    }

    pub(crate) fn work(mut self) -> Result<Summary, RunError> {
        self.worker.drivers.introduce();
        self.recall();
        let follow = self.worker.limits.follow;
        if follow && let Err(error) = self.worker.backlog.follow(self.worker.drivers.notifier()) {
            self.break_off(Doing::Following, error);
        }
        let budget = self.worker.limits.budget();
        let warn_at = budget / 5 * 4;
        let mut warned = false;
        let mut done = Vec::new();
        let ending = loop {
            let spent = self.spent();
            let over = self.over(spent);
            let mut wait = self.report_in_time(spent);
            wait = wait.min(if follow { LONGEST } else { LOOK_EVERY });
            let mut due_in = LONGEST;
            if let Some(ending) = over {
                self.put_back_all();
                if let Some(left) = self.left_to_finish(spent) {
                    if left.is_zero() {
                        self.interrupt();
                    }
                    wait = wait.min(left);
                }
                if self.in_flight.is_empty() {
                    break ending;
                }
            } else {
                let intake = self.take_in();
                if self.broken.is_some() {
                    continue;
                }
                let idle = self.in_flight.is_empty();
                let idle_for = if follow { Duration::MAX } else { self.worker.limits.max_idle };
                let most = budget.saturating_sub(self.spent()).min(idle_for);
                match intake {
                    Intake::Empty if idle && !follow => break Ending::Drained,
                    // Without a driver there is nothing to wait in, nor for.
                    Intake::Due(due) if idle && (due > most || self.worker.drivers.is_empty()) => {
                        break Ending::Waiting(due);
                    }
                    Intake::Due(due) => {
                        due_in = due.max(SHORTEST);
                        wait = wait.min(due_in);
                    }
                    Intake::Held(patience) | Intake::Full(patience) => {
                        wait = wait.min(patience.max(SHORTEST));
                    }
                    Intake::More => wait = Duration::ZERO,
                    Intake::Empty => {}
                }
                if !warned && spent >= warn_at {
                    warned = true;
                    self.observer.event(&Event::BudgetWarning { spent, budget });
                    tracing::warn!(?spent, ?budget, "the time budget is nearly spent");
                }
                if idle && !wait.is_zero() {
                    self.observer.event(&Event::Waiting { wait: due_in });
                }
                let mark = if warned { budget } else { warn_at };
                wait = wait.min(mark.saturating_sub(spent));
            }
            self.worker.drivers.poll(wait, &mut done);
            for completion in done.drain(..) {
                self.finish(completion);
            }
        };
        self.end(ending)
    }

    /// What ends the run now, if anything does.
    fn over(&self, spent: Duration) -> Option<Ending> {
        if self.broken.is_some() {
            return Some(Ending::Broken);
        }
        if self.worker.stopper.is_stopped() {
            return Some(Ending::Stopped);
        }
        (spent >= self.worker.limits.budget()).then_some(Ending::Budget)
    }

    /// How long what is in flight may still take, if the run was asked to stop.
    fn left_to_finish(&mut self, spent: Duration) -> Option<Duration> {
        if !self.worker.stopper.is_stopped() {
            return None;
        }
        let since = *self.stopped_at.get_or_insert(spent);
        Some(since.saturating_add(self.worker.limits.stop_timeout).saturating_sub(spent))
    }

    /// Lets go of what is in flight. It is not settled: on disk it stays begun, as after a kill, and is
    /// given back to the next run.
    fn interrupt(&mut self) {
        for (ticket, flight) in std::mem::take(&mut self.in_flight) {
            let InFlight { subject, attempt, .. } = flight;
            self.note(ticket, &subject, attempt, INTERRUPTED, None, None);
            self.summary.interrupted += 1;
            let (id, destination) = (subject.id, &subject.destination);
            self.observer.event(&Event::Interrupted { id, destination, attempt });
            tracing::warn!(%id, %destination, attempt, "the attempt was interrupted by a stop");
        }
        self.worker.drivers.abandon();
    }

    fn end(mut self, ending: Ending) -> Result<Summary, RunError> {
        self.put_back_all();
        self.remember();
        if self.broken.is_none()
            && let Err(error) = self.worker.backlog.finish()
        {
            self.broken = Some((Doing::Closing, error));
        }
        self.summary.ending = if self.broken.is_some() { Ending::Broken } else { ending };
        self.report(Some(self.summary.ending));
        match self.broken {
            None => Ok(self.summary),
            Some((doing, source)) => {
                Err(RunError { doing, source, summary: Box::new(self.summary) })
            }
        }
    }

    /// Reports what was done so far if it is time to: soon when something changed. Returns how long
    /// it is until the next report. A run that stays is seen from its beginning; most others end
    /// before there is much to report.
    fn report_in_time(&mut self, spent: Duration) -> Duration {
        let Summary { delivered, failed, expired, retried, .. } = self.summary;
        let settled = delivered + failed + expired + retried;
        let due = match self.reported {
            (None, _) if self.worker.limits.follow => Duration::ZERO,
            (None, _) => REPORT_NEWS_EVERY,
            (Some(at), told) if told == settled => at + REPORT_EVERY,
            (Some(at), _) => at + REPORT_NEWS_EVERY,
        };
        if spent < due {
            return due - spent;
        }
        self.reported = (Some(spent), settled);
        self.report(None);
        REPORT_EVERY
    }

    /// Reports to the operator what was done so far, and what ended it if something did.
    fn report(&mut self, ending: Option<Ending>) {
        self.summary.elapsed = self.spent();
        let (now, follow) = (self.worker.clock.now(), self.worker.limits.follow);
        let troubles = self.destinations.troubles(self.worker.clock.elapsed(), now);
        let mut run = run_file::report(self.began, now, &self.summary, troubles, ending);
        run.follow = follow;
        self.worker.backlog.report(&run.write());
    }

    /// Takes in how an attempt ended.
    fn finish(&mut self, completion: Completion) {
        match self.in_flight.remove(&completion.ticket) {
            Some(flight) => self.complete(completion.ticket, flight, completion.outcome),
            None => tracing::warn!(
                ticket = completion.ticket.0,
                "a driver reported a job that it does not have"
            ),
        }
    }

    fn break_off(&mut self, doing: Doing, error: BacklogError) {
        tracing::warn!(%doing, reason = reason::with_causes(&error), "the backlog failed");
        self.broken.get_or_insert((doing, error));
    }

    /// Begins with what the last run knew of destinations.
    fn recall(&mut self) {
        let Some(bytes) = self.worker.backlog.recall() else {
            return;
        };
        let clock = &self.worker.clock;
        self.destinations.recall(destination_state::read(&bytes), clock.elapsed(), clock.now());
    }

    /// Leaves what this run knows of them to the next.
    fn remember(&mut self) {
        let clock = &self.worker.clock;
        let all = self.destinations.remember(clock.elapsed(), clock.now());
        self.worker.backlog.remember(&destination_state::write(all));
    }

    /// What a request is tried by.
    fn policy_of<'b>(&'b self, subject: &'b Subject) -> &'b RetryPolicy {
        subject.policy.as_deref().unwrap_or(&self.worker.policy)
    }

    fn spent(&self) -> Duration {
        self.worker.clock.elapsed().saturating_sub(self.start)
    }
}
