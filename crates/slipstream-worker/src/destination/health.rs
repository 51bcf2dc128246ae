//! One destination: how it has answered, and what that lets it have.

use std::collections::VecDeque;
use std::time::Duration;

use slipstream_core::{Destination, Timestamp};

use super::{Answer, Pending, Place, SILENT};
use crate::memory::Remembered;
use crate::trouble::{Trouble, cut};

/// An attempt that takes longer is slow; a destination that has not answered promptly
/// for so long is passed over.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The least patience with one that others wait behind.
const PATIENCE_LEAST: Duration = Duration::from_millis(100);

/// A destination that has taken a request within this time is not down.
pub(super) const LATELY: Duration = Duration::from_secs(10);

/// How long only requests that were not tried before are begun, when those that were speak against a
/// destination.
pub(super) const DOUBT: Duration = Duration::from_secs(2);

/// For how long one answer can have nothing begun at a destination that has taken requests. It may be
/// about a part of it only: a path, an account. Each further one in a row doubles it.
const PAUSE_FIRST: Duration = Duration::from_secs(60);

/// How long nothing is tried at a destination that was found to be down, the first time,
const DOWN_LEAST: Duration = Duration::from_secs(30);

/// and at most, if it is found so again and again.
const DOWN_MOST: Duration = Duration::from_secs(10 * 60);

/// The longest pause that an earlier run can have been asked for.
const PAUSE_MOST: Duration = Duration::from_secs(24 * 3600);

/// The longest reason that is kept, in bytes.
const WHY_MAX: usize = 256;

/// The shortest time that surplus is put back for.
pub(super) const SHUT_LEAST: Duration = Duration::from_secs(1);

/// The longest time that surplus is put back for.
pub(super) const SHUT_MOST: Duration = Duration::from_secs(16);

/// Nothing is put back for less: the engine's clock is not this one, and a record that comes
/// out a little early must not come out a thousand times. A rest ends as much earlier than the
/// back-off, so that before the requests that failed are tried again (it may be their own fault)
/// some others are, and whether the destination is down is not decided by those alone.
const PUT_BACK_LEAST: Duration = Duration::from_millis(100);

/// Between what its limit moves, in requests at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Where it begins.
    pub(super) first: usize,
    /// The least that failures leave.
    pub(super) floor: usize,
    /// All there are.
    pub(super) cap: usize,
    /// How many requests in a row must be exhausted before it can be down.
    pub(super) down_after: usize,
}

/// What is left of the slots.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots {
    pub(super) free: usize,
    /// How many more there are for those that hold few.
    pub(super) extra: usize,
    /// How many of them are kept for those that hold few.
    pub(super) reserve: usize,
    /// Whether more than one destination has a claim on them.
    pub(super) shared: bool,
}

/// For how long nothing is tried at a destination that is down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Down {
    /// When it was found to be down, by the wall clock.
    pub(super) at: Timestamp,
    /// Until when, by the monotonic one.
    pub(super) until: Duration,
}

/// One destination. Times are readings of the monotonic clock.
#[derive(Debug)]
pub(super) struct Health {
    pub(super) in_flight: usize,
    pub(super) limit: usize,
    bounds: Bounds,
    /// Attempts in a row that failed by its fault.
    failures: usize,
    /// Requests in a row that used up their attempts by its fault.
    pub(super) exhausted: usize,
    /// Requests in a row whose first attempt failed by its fault.
    first_failures: usize,
    /// Since when those that were tried before are not believed.
    doubted: Option<Duration>,
    /// Whether nothing is begun until what is in flight has ended, for its record is bad enough.
    judged: bool,
    /// How often in a row it asked for a pause.
    asked: u32,
    pub(super) down: Option<Down>,
    /// How often in a row it was found to be down.
    downs: u32,
    /// Whether it was down, and nothing has shown yet that it is no more.
    pub(super) probing: bool,
    /// The quickest answer, forgotten little by little.
    best: Option<Duration>,
    /// When it last took a request.
    delivered: Option<Duration>,
    /// Whether its last answer was a quick one.
    prompt: bool,
    /// When something ended here last, or began after nothing was in flight.
    heard: Duration,
    /// Whether it kept silent when that was looked at last.
    pub(super) silent: bool,
    /// When it last answered promptly, or began to work after it had nothing to do.
    since: Duration,
    /// Until then nothing is begun: it asked for that.
    pub(super) paused_until: Duration,
    /// Until then only what was tried before is begun.
    rest_until: Duration,
    /// Until then its surplus is put back.
    shut_until: Duration,
    pub(super) shut_for: Duration,
    /// Since when requests have used up their attempts, or it has asked for a pause, with none taken
    /// in between; and how the last of them failed.
    pub(super) failing: Option<(Timestamp, String)>,
    /// What waits for a slot: first what was tried before, then the rest by age.
    pub(super) parked: VecDeque<Pending>,
}

impl Health {
    /// One that nothing is known of.
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            in_flight: 0,
            limit: bounds.first,
            bounds,
            failures: 0,
            exhausted: 0,
            first_failures: 0,
            doubted: None,
            judged: false,
            asked: 0,
            down: None,
            downs: 0,
            probing: false,
            best: None,
            delivered: None,
            prompt: false,
            heard: Duration::ZERO,
            silent: false,
            since: Duration::ZERO,
            paused_until: Duration::ZERO,
            rest_until: Duration::ZERO,
            shut_until: Duration::ZERO,
            shut_for: Duration::ZERO,
            failing: None,
            parked: VecDeque::new(),
        }
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
            None => (self.down.map_or(wall, |down| down.at), ""),
        };
        if let Some(down) = self.down {
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
    pub(super) fn may_start(&self, slots: Slots) -> bool {
        let modest = self.in_flight == 0 || (self.prompt && self.in_flight < slots.reserve);
        let free = slots.free > 0 && (slots.free > slots.reserve || !slots.shared || modest);
        let judged = self.in_flight > 0 && self.judged;
        (free || (modest && slots.extra > 0)) && self.in_flight < self.limit && !judged
    }

    /// How long a claim must stay away in any case, if it must.
    pub(super) fn closed_to(&self, pending: &Pending, now: Duration) -> Option<Duration> {
        let rest = match (pending.attempts, self.doubted) {
            (0, None) => self.rest_until,
            (0, Some(_)) | (_, None) => Duration::ZERO,
            (_, Some(since)) => since + DOUBT,
        };
        let closed = self.paused_until.max(rest);
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
        if answer == Answer::NotMade {
            return;
        }
        if let Answer::Failed { wait, first } = answer {
            self.first_failures += usize::from(first);
            self.prompt = false;
            self.failures += 1;
            self.limit = if self.probing { 1 } else { (self.limit / 2).max(self.bounds.floor) };
            if self.probing {
                // What is tried next is the same one again.
                self.rest_until = now.saturating_add(wait).saturating_add(PUT_BACK_LEAST);
                return;
            }
            // One failure among answers is no reason to rest: it may be that request's alone.
            if self.is_cut() && self.failures >= self.bounds.floor {
                let rest = wait.saturating_sub(PUT_BACK_LEAST).max(PUT_BACK_LEAST);
                self.rest_until = self.rest_until.max(now.saturating_add(rest));
            }
            return;
        }
        self.failures = 0;
        self.first_failures = 0;
        (self.doubted, self.judged) = (None, false);
        self.rest_until = now;
        if std::mem::take(&mut self.probing) {
            self.limit = self.bounds.first;
        }
        if self.is_slow(took) {
            self.limit = (self.limit - 1).max(self.bounds.first.min(self.limit));
        } else {
            self.limit = (self.limit + 1).min(self.bounds.cap);
        }
        self.prompt = took < PATIENCE;
        if self.prompt {
            self.since = now;
        }
        if answer == Answer::Delivered {
            self.exhausted = 0;
            self.failing = None;
            self.asked = 0;
            self.down = None;
            self.downs = 0;
            self.delivered = Some(now);
        }
    }

    /// Whether an answer took much longer than this destination needs when it has little to do:
    /// with less in flight it would do better.
    fn is_slow(&mut self, took: Duration) -> bool {
        let best = self.best.map_or(took, |best| took.min(best + best / 64));
        self.best = Some(best);
        took >= PATIENCE && took > best * 4
    }

    /// Nothing more is tried here for a while.
    pub(super) fn go_down(&mut self, now: Duration, wall: Timestamp) {
        let lasts = DOWN_LEAST.saturating_mul(1 << self.downs.min(16)).min(DOWN_MOST);
        self.downs = self.downs.saturating_add(1);
        (self.doubted, self.judged) = (None, false);
        self.down = Some(Down { at: wall, until: now.saturating_add(lasts) });
    }

    /// It was down long enough to be tried again, one request at a time.
    pub(super) fn half_open(&mut self) {
        self.down = None;
        self.exhausted = 0;
        self.probing = true;
        self.limit = 1;
        self.failures = 0;
        self.rest_until = Duration::ZERO;
    }

    /// An operator wants it tried now.
    pub(super) fn try_now(&mut self) {
        if self.down.is_some() {
            self.half_open();
        }
        self.downs = 0;
        (self.paused_until, self.rest_until) = (Duration::ZERO, Duration::ZERO);
        (self.shut_until, self.shut_for) = (Duration::ZERO, Duration::ZERO);
    }

    /// Takes in what an earlier run remembered.
    pub(super) fn recall(&mut self, one: &Remembered, now: Duration, wall: Timestamp) {
        self.downs = one.downs;
        if !one.why.is_empty() {
            self.failing = Some((one.failing_at(wall), one.why.clone()));
        }
        self.paused_until = now.saturating_add(one.left(one.paused_for, wall).min(PAUSE_MOST));
        if one.downs > 0 {
            let until = now + one.left(one.down_for, wall).min(DOWN_MOST);
            self.down = Some(Down { at: one.down_at(wall), until });
        }
    }

    /// What the next run should know, if anything.
    pub(super) fn remember(
        &self,
        to: &Destination,
        now: Duration,
        wall: Timestamp,
    ) -> Option<Remembered> {
        if self.downs == 0 && self.paused_until <= now && self.failing.is_none() {
            return None;
        }
        let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let mut one = Remembered::new(to, wall);
        one.downs = self.downs;
        one.paused_for = millis(self.paused_until.saturating_sub(now));
        if let Some((since, why)) = &self.failing {
            one = one.failing(*since, why.clone(), wall);
        }
        if let Some(down) = self.down {
            one.down_since = millis(wall.since(down.at));
            one.down_for = millis(down.until.saturating_sub(now));
        }
        Some(one)
    }

    /// How long others may be held up for its next answer: what it usually takes, and a good deal
    /// more. Of one that has not answered yet, not much is known.
    fn patience(&self) -> Duration {
        self.best.map_or(PATIENCE_LEAST, |best| (best * 10).clamp(PATIENCE_LEAST, PATIENCE))
    }

    /// Where a claim goes that finds no room.
    pub(super) fn turn_away(&mut self, surplus: Pending, shared: bool, now: Duration) -> Place {
        let silent = now.saturating_sub(self.since);
        let patience = if shared { self.patience() } else { PATIENCE };
        if !self.is_cut() && silent < patience {
            return Place::Hold(surplus, patience - silent);
        }
        if self.shut_until <= now {
            self.shut_for = (self.shut_for * 2).clamp(SHUT_LEAST, SHUT_MOST);
            self.shut_until = now + self.shut_for;
        }
        Place::PutBack(surplus, (self.shut_until - now).max(PUT_BACK_LEAST))
    }

    /// Takes out of the park what may not stay in it.
    pub(super) fn clear(&mut self, now: Duration) -> Vec<Pending> {
        let parked = std::mem::take(&mut self.parked).into_iter();
        let stays =
            |pending: &Pending| self.down.is_none() && self.closed_to(pending, now).is_none();
        let (stay, leave): (Vec<_>, Vec<_>) = parked.partition(stays);
        self.parked = stay.into();
        leave
    }

    /// Whether it took a request a moment ago: attempts that are the last ones for their requests
    /// often come together, so that a few of them in a row say little.
    fn delivered_lately(&self, now: Duration) -> bool {
        self.delivered.is_some_and(|delivered| now < delivered + LATELY)
    }

    /// Whether it is down by its record. Call it when an attempt has failed.
    pub(super) fn is_condemned(&mut self, now: Duration) -> bool {
        if self.probing {
            return self.exhausted > 0;
        }
        if self.exhausted < self.bounds.down_after || self.delivered_lately(now) {
            return false;
        }
        if self.first_failures < self.bounds.down_after {
            // Those that were tried before are not asked for a while; it may be their own fault.
            let since = *self.doubted.get_or_insert(now);
            if now < since + DOUBT {
                return false;
            }
        }
        self.judged = true;
        self.in_flight == 0
    }

    /// Takes in that it asked for a pause. How long nothing is begun here, if that is news.
    pub(super) fn pause(&mut self, asked: Duration, now: Duration) -> Option<Duration> {
        let paused = now < self.paused_until;
        let most = match self.delivered {
            Some(_) => PAUSE_FIRST.saturating_mul(1 << self.asked.min(16)),
            None => Duration::MAX,
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

    /// Whether failures have cut its limit below where it began, or would have but for the
    /// least that they leave.
    fn is_cut(&self) -> bool {
        self.limit < self.bounds.first || (self.limit == self.bounds.first && self.failures > 0)
    }

    /// Whether forgetting it loses nothing that the run needs.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight == 0
            && self.parked.is_empty()
            && self.downs == 0
            && self.paused_until.is_zero()
    }
}
