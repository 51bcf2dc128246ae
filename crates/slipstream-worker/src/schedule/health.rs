//! One destination: how it has answered, and what that lets it have.

use std::collections::VecDeque;
use std::time::Duration;

use slipstream_core::{Destination, Timestamp};

use crate::report::destination_state::Remembered;
use crate::report::trouble::{Trouble, cut};
use crate::schedule::circuit_breaker::{CircuitBreaker, Down, OPEN_MOST};
use crate::schedule::limiter::{Bounds, Limiter, PATIENCE};
use crate::schedule::pending::Pending;
use crate::schedule::slots::Left;
use crate::schedule::spilled::Line;

/// A destination from which nothing has come for so long keeps silent.
pub(super) const SILENT: Duration = Duration::from_millis(250);

/// The least patience with one that others wait behind.
const PATIENCE_LEAST: Duration = Duration::from_millis(100);

/// For how long one answer can have nothing begun at a destination that has taken requests. It may be
/// about a part of it only: a path, an account. Each further one in a row doubles it.
const PAUSE_FIRST: Duration = Duration::from_secs(60);

/// The longest pause that an earlier run can have been asked for.
const PAUSE_MOST: Duration = Duration::from_secs(24 * 3600);

/// The longest reason that is kept, in bytes.
const WHY_MAX: usize = 256;

/// Nothing is put back for less: the engine's clock is not this one, and a record that comes
/// out a little early must not come out a thousand times. A rest ends as much earlier than the
/// back-off, so that before the requests that failed are tried again (it may be their own fault)
/// some others are, and whether the destination is down is not decided by those alone.
const PUT_BACK_LEAST: Duration = Duration::from_millis(100);

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
    /// What its surplus is known by.
    number: u64,
    pub(super) in_flight: usize,
    pub(super) limiter: Limiter,
    pub(super) circuit: CircuitBreaker,
    /// How often in a row it asked for a pause.
    asked: u32,
    /// Whether its last answer was a quick one.
    prompt: bool,
    /// When something ended here last, or began after nothing was in flight.
    heard: Duration,
    /// Whether it kept silent when that was looked at last.
    pub(super) silent: bool,
    /// When it last answered promptly, or began to work after it had nothing to do.
    since: Duration,
    /// Until then nothing is begun: it asked for that.
    paused_until: Duration,
    /// Until then only what was tried before is begun.
    rest_until: Duration,
    /// Since when requests have used up their attempts, or it has asked for a pause, with none taken
    /// in between; and how the last of them failed.
    pub(super) failing: Option<(Timestamp, String)>,
    /// What waits for a slot: first what was tried before, then the rest by age.
    pub(super) parked: VecDeque<Pending>,
    /// When it is asked next whether it wants some of its surplus, if it may have one.
    pub(super) asked_at: Option<Duration>,
}

impl Health {
    /// One that nothing is known of; down after so many exhausted requests.
    pub(super) fn new(number: u64, bounds: Bounds, down_after: usize) -> Self {
        Self {
            number,
            in_flight: 0,
            limiter: Limiter::new(bounds),
            circuit: CircuitBreaker::new(down_after),
            asked: 0,
            prompt: false,
            heard: Duration::ZERO,
            silent: false,
            since: Duration::ZERO,
            paused_until: Duration::ZERO,
            rest_until: Duration::ZERO,
            failing: None,
            parked: VecDeque::new(),
            asked_at: None,
        }
    }

    /// What its surplus is known by.
    pub(super) fn line(&self) -> Line {
        Line::To(self.number)
    }

    /// Keeps how a request failed, and since when some do.
    pub(super) fn keep_why(&mut self, why: &str, wall: Timestamp) {
        let since = self.failing.as_ref().map_or(wall, |(since, _)| *since);
        self.failing = Some((since, cut(why, WHY_MAX)));
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
            let until = at(down.until.max(self.paused_until));
            return Some(Trouble::new(to, "down", since, why).until(until));
        }
        if self.paused_until > now {
            let until = at(self.paused_until);
            return Some(Trouble::new(to, "paused", since, why).until(until));
        }
        self.failing.as_ref().map(|_| Trouble::failing(to, since, why))
    }

    /// Whether one more may be begun.
    pub(super) fn may_start(&self, left: Left) -> bool {
        let modest = self.in_flight == 0 || (self.prompt && self.in_flight < left.reserve);
        let free = left.free > 0 && (left.free > left.reserve || !left.shared || modest);
        let judged = self.in_flight > 0 && self.circuit.is_judging();
        let within = self.in_flight < self.limiter.limit;
        (free || (modest && left.extra > 0)) && within && !judged
    }

    /// Until when no request is begun here, of those that were tried before or of the others.
    pub(super) fn closed_until(&self, tried: bool) -> Duration {
        let rest = match (tried, self.circuit.doubts_until()) {
            (false, None) => self.rest_until,
            (false, Some(_)) | (true, None) => Duration::ZERO,
            (true, Some(until)) => until,
        };
        self.paused_until.max(rest)
    }

    /// How long a claim must stay away in any case, if it must.
    pub(super) fn closed_to(&self, pending: &Pending, now: Duration) -> Option<Duration> {
        let closed = self.closed_until(pending.attempts > 0);
        (closed > now).then(|| (closed - now).max(PUT_BACK_LEAST))
    }

    pub(super) fn start(&mut self, now: Duration) {
        if self.in_flight == 0 {
            self.since = now;
            self.heard = now;
        }
        self.in_flight += 1;
    }

    /// Whether something is in flight, and nothing has ended for long.
    pub(super) fn is_silent(&self, now: Duration) -> bool {
        self.in_flight > 0 && now >= self.heard + SILENT
    }

    /// Takes in how an attempt ended.
    pub(super) fn end(&mut self, answer: Answer, took: Duration, now: Duration) {
        self.in_flight -= 1;
        self.heard = now;
        match answer {
            Answer::NotMade => {}
            Answer::Failed { wait, first } => self.failed(wait, first, now),
            Answer::Delivered | Answer::Refused => {
                self.answered(answer == Answer::Delivered, took, now);
            }
        }
    }

    fn failed(&mut self, wait: Duration, first: bool, now: Duration) {
        self.prompt = false;
        self.circuit.failed(first);
        if self.circuit.is_half_open() {
            // What is tried next is the same one again.
            self.rest_until = now.saturating_add(wait).saturating_add(PUT_BACK_LEAST);
        } else if self.limiter.failed() {
            let rest = wait.saturating_sub(PUT_BACK_LEAST).max(PUT_BACK_LEAST);
            self.rest_until = self.rest_until.max(now.saturating_add(rest));
        }
    }

    fn answered(&mut self, delivered: bool, took: Duration, now: Duration) {
        self.rest_until = now;
        if self.circuit.is_half_open() {
            self.limiter.widen();
        }
        self.circuit.answered(delivered, now);
        self.limiter.answered(took);
        self.prompt = took < PATIENCE;
        if self.prompt {
            self.since = now;
        }
        if delivered {
            self.failing = None;
            self.asked = 0;
        }
    }

    /// It was down long enough to be tried again, one request at a time.
    pub(super) fn half_open(&mut self) {
        self.circuit.half_open();
        self.limiter.narrow();
        self.rest_until = Duration::ZERO;
    }

    /// An operator wants it tried now.
    pub(super) fn try_now(&mut self) {
        if self.circuit.try_now() {
            self.limiter.narrow();
        }
        (self.paused_until, self.rest_until) = (Duration::ZERO, Duration::ZERO);
    }

    /// Takes in what an earlier run remembered.
    pub(super) fn recall(&mut self, one: &Remembered, now: Duration, wall: Timestamp) {
        if !one.why.is_empty() {
            self.failing = Some((one.failing_at(wall), one.why.clone()));
        }
        self.paused_until = now.saturating_add(one.left(one.paused_for, wall).min(PAUSE_MOST));
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
        if trips == 0 && self.paused_until <= now && self.failing.is_none() {
            return None;
        }
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let mut one = Remembered::new(to, wall);
        one.downs = trips;
        one.paused_for = millis(self.paused_until.saturating_sub(now));
        if let Some((since, why)) = &self.failing {
            one = one.failing(*since, why.clone(), wall);
        }
        if let Some(down) = self.circuit.open() {
            one.down_since = millis(wall.since(down.at));
            one.down_for = millis(down.until.saturating_sub(now));
        }
        Some(one)
    }

    /// For how long more room is a moment away, so that a claim can be held and everything behind it kept in
    /// its order. Of others that wait, `shared` tells: then it is what an answer usually takes, and a good
    /// deal more; of one that has not answered yet, not much is known.
    pub(super) fn patience(&self, shared: bool, now: Duration) -> Option<Duration> {
        let usual = self.limiter.best().map_or(PATIENCE_LEAST, |best| best * 10);
        let most = if shared { usual.clamp(PATIENCE_LEAST, PATIENCE) } else { PATIENCE };
        let silent = now.saturating_sub(self.since);
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
        let paused = now < self.paused_until;
        let most = match self.circuit.has_delivered() {
            true => PAUSE_FIRST.saturating_mul(1 << self.asked.min(16)),
            false => Duration::MAX,
        };
        // Those that were in flight when it asked first say nothing new.
        self.asked += u32::from(!paused);
        let wait = asked.min(most);
        let until = now.saturating_add(wait);
        if until <= self.paused_until {
            return None;
        }
        self.paused_until = until;
        Some(wait)
    }

    /// Whether forgetting it loses nothing that the run needs.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight == 0
            && self.parked.is_empty()
            && self.asked_at.is_none()
            && self.circuit.trips() == 0
            && self.paused_until.is_zero()
    }
}
