//! The health of a destination: limiter, circuit breaker, pause and cool-down, and what they admit together.

use std::collections::VecDeque;
use std::time::Duration;

use slipstream_core::{Destination, Timestamp, Trouble, truncated};

use crate::report::destination_state::Remembered;
use crate::schedule::activity::Activity;
use crate::schedule::circuit_breaker::{CircuitBreaker, Down, OPEN_MOST};
use crate::schedule::cooldown::{Cooldown, RELEASE_LEAST};
use crate::schedule::limiter::{Bounds, Limiter, PATIENCE};
use crate::schedule::pause::Pause;
use crate::schedule::pending::Pending;
use crate::schedule::slots::Left;
use crate::schedule::spilled::Line;

/// The least patience with a destination that others wait behind.
const PATIENCE_LEAST: Duration = Duration::from_millis(100);

/// The longest reason that is kept, in bytes.
const WHY_MAX: usize = 256;

/// What the end of an attempt says about the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It took the request.
    Delivered,
    /// It answered, and the request failed by its own fault.
    Refused,
    /// It failed.
    Failed {
        /// The back-off.
        wait: Duration,
        /// Whether it was the request's first attempt.
        first: bool,
    },
    /// Nothing: the attempt could not be made.
    NotMade,
}

/// One destination. Times are readings of the monotonic clock.
#[derive(Debug)]
pub(super) struct Health {
    /// What its overflow is known by.
    number: u64,
    pub(super) activity: Activity,
    pub(super) limiter: Limiter,
    pub(super) circuit: CircuitBreaker,
    pause: Pause,
    cooldown: Cooldown,
    /// Since when requests have used up their attempts, or it has asked for a pause, with none taken
    /// in between; and how the last of them failed.
    pub(super) failing: Option<(Timestamp, String)>,
    /// What waits for a slot: first what was tried before, then the rest by age.
    pub(super) parked: VecDeque<Pending>,
    /// When it is asked next whether it wants some of its overflow, if it may have one.
    pub(super) asked_at: Option<Duration>,
}

impl Health {
    /// A destination of which nothing is known; down after so many exhausted requests.
    pub(super) fn new(number: u64, bounds: Bounds, down_after: usize) -> Self {
        Self {
            number,
            activity: Activity::default(),
            limiter: Limiter::new(bounds),
            circuit: CircuitBreaker::new(down_after),
            pause: Pause::default(),
            cooldown: Cooldown::default(),
            failing: None,
            parked: VecDeque::new(),
            asked_at: None,
        }
    }

    /// What its overflow is known by.
    pub(super) fn line(&self) -> Line {
        Line::To(self.number)
    }

    /// Keeps how a request failed, and since when some do.
    pub(super) fn keep_why(&mut self, why: &str, wall: Timestamp) {
        let since = self.failing.as_ref().map_or(wall, |(since, _)| *since);
        self.failing = Some((since, truncated(why, WHY_MAX)));
    }

    /// What keeps requests from it, if anything does.
    pub(super) fn trouble(
        &self,
        to: &Destination,
        now: Duration,
        wall: Timestamp,
    ) -> Option<Trouble> {
        let at = |moment: Duration| wall.after(moment.saturating_sub(now));
        let (since, why) = match &self.failing {
            Some((since, why)) => (*since, &**why),
            None => (self.circuit.open().map_or(wall, |down| down.at), ""),
        };
        if let Some(down) = self.circuit.open() {
            let until = at(down.until.max(self.pause.until()));
            return Some(Trouble::new(to, "down", since, why).until(until));
        }
        if self.pause.lasts(now) {
            let until = at(self.pause.until());
            return Some(Trouble::new(to, "paused", since, why).until(until));
        }
        self.failing.as_ref().map(|_| Trouble::failing(to, since, why))
    }

    /// Whether one more request may be begun.
    pub(super) fn may_start(&self, left: Left) -> bool {
        let modest = self.activity.is_modest(left.reserve);
        let free = left.free > 0 && (left.free > left.reserve || !left.shared || modest);
        let judged = self.activity.in_flight > 0 && self.circuit.is_judging();
        let within = self.activity.in_flight < self.limiter.limit;
        (free || (modest && left.extra > 0)) && within && !judged
    }

    /// Until when no request is begun here: of the requests that were tried before, or of the
    /// others.
    pub(super) fn closed_until(&self, tried: bool) -> Duration {
        let cooldown = match (tried, self.circuit.doubts_until()) {
            (false, None) => self.cooldown.until(),
            (false, Some(_)) | (true, None) => Duration::ZERO,
            (true, Some(until)) => until,
        };
        self.pause.until().max(cooldown)
    }

    /// How long a claim must stay away in any case, if it must.
    pub(super) fn closed_to(&self, pending: &Pending, now: Duration) -> Option<Duration> {
        let closed = self.closed_until(pending.attempts > 0);
        (closed > now).then(|| (closed - now).max(RELEASE_LEAST))
    }

    /// Takes in how an attempt ended.
    pub(super) fn end(&mut self, answer: Answer, took: Duration, now: Duration) {
        self.activity.ended(now);
        match answer {
            Answer::NotMade => {}
            Answer::Failed { wait, first } => self.failed(wait, first, now),
            Answer::Delivered | Answer::Refused => {
                self.answered(answer == Answer::Delivered, took, now);
            }
        }
    }

    fn failed(&mut self, wait: Duration, first: bool, now: Duration) {
        self.activity.failed();
        self.circuit.failed(first);
        if self.circuit.is_half_open() {
            // What is tried next is the same one again.
            self.cooldown.outlast(wait, now);
        } else if self.limiter.failed() {
            self.cooldown.begin(wait, now);
        }
    }

    fn answered(&mut self, delivered: bool, took: Duration, now: Duration) {
        self.cooldown.end();
        if self.circuit.is_half_open() {
            self.limiter.widen();
        }
        self.circuit.answered(delivered, now);
        self.limiter.answered(took);
        self.activity.answered(took, now);
        if delivered {
            self.failing = None;
            self.pause.delivered();
        }
    }

    /// It was down long enough to be tried again, one request at a time.
    pub(super) fn half_open(&mut self) {
        self.circuit.half_open();
        self.limiter.narrow();
        self.cooldown.end();
    }

    /// An operator wants it tried now.
    pub(super) fn try_now(&mut self) {
        if self.circuit.try_now() {
            self.limiter.narrow();
        }
        self.pause.lift();
        self.cooldown.end();
    }

    /// Takes in what an earlier run remembered.
    pub(super) fn recall(&mut self, one: &Remembered, now: Duration, wall: Timestamp) {
        if !one.why.is_empty() {
            self.failing = Some((one.failing_at(wall), one.why.clone()));
        }
        self.pause.recall(one.left(one.paused_for, wall), now);
        let until = now + one.left(one.down_for, wall).min(OPEN_MOST);
        self.circuit.recall(one.downs, Down { at: one.down_at(wall), until });
    }

    /// What the next run should know, if anything.
    pub(super) fn remember(
        &self,
        to: &Destination,
        now: Duration,
        wall: Timestamp,
    ) -> Option<Remembered> {
        let trips = self.circuit.trips();
        if trips == 0 && !self.pause.lasts(now) && self.failing.is_none() {
            return None;
        }
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let mut one = Remembered::new(to, wall);
        one.downs = trips;
        one.paused_for = millis(self.pause.left(now));
        if let Some((since, why)) = &self.failing {
            one = one.failing(*since, why.clone(), wall);
        }
        if let Some(down) = self.circuit.open() {
            one.down_since = millis(wall.since(down.at));
            one.down_for = millis(down.until.saturating_sub(now));
        }
        Some(one)
    }

    /// For how long more room is a moment away, so that a claim can be held and everything behind
    /// it kept in its order. `shared` says whether others wait: then it is what an answer usually
    /// takes, and a good deal more; of a destination that has not answered yet, not much is known.
    pub(super) fn patience(&self, shared: bool, now: Duration) -> Option<Duration> {
        let usual = self.limiter.best().map_or(PATIENCE_LEAST, |best| best * 10);
        let most = if shared { usual.clamp(PATIENCE_LEAST, PATIENCE) } else { PATIENCE };
        let silent = self.activity.waits_since(now);
        let cut = self.limiter.is_cut() || self.circuit.is_half_open();
        (!cut && silent < most).then(|| most - silent)
    }

    /// Takes out of the park what may not stay in it.
    pub(super) fn clear(&mut self, now: Duration) -> Vec<Pending> {
        let parked = std::mem::take(&mut self.parked).into_iter();
        let is_down = self.circuit.open().is_some();
        let stays = |pending: &Pending| !is_down && self.closed_to(pending, now).is_none();
        let (stay, leave): (Vec<_>, Vec<_>) = parked.partition(stays);
        self.parked = stay.into();
        leave
    }

    /// Takes in that it asked for a pause. How long nothing is begun here, if that is news.
    pub(super) fn pause(&mut self, asked: Duration, now: Duration) -> Option<Duration> {
        self.pause.ask(asked, self.circuit.has_delivered(), now)
    }

    /// Whether forgetting it loses nothing that the run needs.
    pub(super) fn is_idle(&self) -> bool {
        self.activity.in_flight == 0
            && self.parked.is_empty()
            && self.asked_at.is_none()
            && self.circuit.trips() == 0
            && self.pause.is_unknown()
    }
}
