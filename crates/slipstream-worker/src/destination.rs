//! The scheduler: the health of each destination, and its share of the slots.
//!
//! A slot is one request in flight; the run has `cap` of them.
//!
//! # Invariants
//!
//! - **A lone, quick destination gets every slot.** Its limit starts at an eighth of the cap
//!   and grows by one with each answer, so it doubles each round trip. From then on nothing is
//!   parked, and a request costs a few look-ups by name.
//! - **A failing destination gets few.** Each failure that it is to blame for halves its
//!   limit, down to `down_after`: as many requests must be exhausted in a row before it counts
//!   as down, and side by side they cost the time of one. After as many failures in a row, once
//!   its limit is cut below where it began, it *rests*: for nearly the back-off of that failure only
//!   requests that were tried before are begun. Then a few others are, before those that failed
//!   are tried again, so that some requests that always fail do not speak for all. A dead host
//!   costs a few requests their attempts, and no other request any.
//! - **A hanging destination leaves room.** A new one never gets past its first few slots,
//!   since nothing it answers raises its limit. One that worked, and then hangs, holds
//!   at most all but the *reserve*: an eighth of the slots is kept, as soon as the run has met a
//!   second destination, or has something behind a surplus to read, for those that hold fewer than the reserve themselves and answer
//!   promptly, or hold nothing yet. So newcomers get in while many slow ones share the rest.
//! - **However many hang, the next one is tried.** A destination from which nothing has come for
//!   [`SILENT`] does not count with one of its slots. And one that holds nothing, or holds few and
//!   answers promptly, may go beyond the cap, by twice as many as keep silent; so the number
//!   in flight trebles each [`SILENT`], up to `spare` more than the cap. With 100 slots and 1,500 spare
//!   ones, a new destination behind 1,000 that hang is tried within a second. With one
//!   slot nothing goes beyond it.
//! - **Few descriptors mean few in flight.** When an attempt could not be made for want of them, three
//!   quarters of what is in flight is the most for now; each round of answers adds one. When nothing is
//!   in flight, nothing is begun for a while that doubles, up to 4 s.
//! - **Memory is flat.** Claims whose destination has no slot are parked, at most `cap` for
//!   each, 16 `cap` and 16 MiB for all. Of the surplus nothing is kept but where it begins and ends.
//!
//! # Surplus
//!
//! What does not fit is the *surplus*. If its destination is prompt, room is a moment away:
//! the one claim is held, and nothing more is claimed until then, up to a second from the
//! last prompt answer, or much less (ten times what it usually takes) while others wait behind it. That
//! keeps a healthy backlog in its order, with nothing read twice. If the
//! destination is slow, at rest or paused, or failures have cut its limit below where it began, the surplus is
//! *passed over*, so that what lies behind it is reached at once; and it is read again, from its beginning, when
//! the destination wants it: when half of its park is free, or its rest or pause is over. So a slow
//! destination is not kept waiting, and a backlog of a hundred thousand for a dead host is read as
//! often as there is room for some of it. While a destination has a surplus, what comes new
//! for it goes behind that.
//!
//! A destination that is *down* (see [`circuit`]) has what was stored before failed untried; what came
//! since waits until it is half open.
//!
//! # Non-goals
//!
//! Queues by destination. They would hold the backlog in memory; the
//! engine's order is kept among all that are prompt, and the others are passed over.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use slipstream_core::{Destination, Ticket, Timestamp, TryNow};

use self::health::Health;
use self::limiter::Bounds;
use self::slots::{Left, Slots};
use crate::memory::Remembered;
use crate::passed::Line;
use crate::subject::Subject;
use crate::trouble::Trouble;

mod admission;
mod circuit;
mod health;
mod limiter;
mod slots;
mod surplus;

/// What is parked may take so many bytes.
const PARK_BYTES: usize = 16 << 20;

/// An attempt that takes longer is slow; a destination that has not answered promptly
/// for so long is passed over.
const PATIENCE: Duration = Duration::from_secs(1);

/// A destination from which nothing has come for so long keeps silent.
const SILENT: Duration = Duration::from_millis(250);

/// How often those that keep silent are counted while no slot is free.
const COUNT_EVERY: Duration = Duration::from_millis(50);

/// Idle destinations are forgotten when so many are known.
const MANY: usize = 10_000;

/// A claim that is ready to be tried.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) ticket: Ticket,
    pub(crate) subject: Subject,
    pub(crate) body: Vec<u8>,
    /// Attempts counted before.
    pub(crate) attempts: u32,
    /// Which driver performs it.
    pub(crate) seat: usize,
    /// Where it stands in the backlog.
    pub(crate) position: u128,
}

/// How a claim comes to be placed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coming {
    /// It was passed over, and is read again.
    pub(crate) in_pass: bool,
    /// It may be held: it is new, and no other is.
    pub(crate) may_hold: bool,
}

/// Where a claim goes.
#[derive(Debug)]
pub(crate) enum Place {
    /// It may be tried now.
    Start(Pending),
    /// It waits for its destination, in memory.
    Parked,
    /// There is no room, but there will be: offer it again when something has ended, or
    /// after this long.
    Hold(Pending, Duration),
    /// There is no room, or its destination rests: it comes out again when that wants it.
    PassOver(Pending),
    /// It must not be tried for this long.
    PutBack(Pending, Duration),
    /// Its destination is down.
    Down(Pending),
}

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

/// All destinations of a run. Times are readings of the monotonic clock.
#[derive(Debug)]
pub(crate) struct Destinations {
    slots: Slots,
    down_after: usize,
    known: HashMap<Destination, Health>,
    /// How many were met so far.
    met: u64,
    /// Those that were failing when an earlier run ended, and nothing more: since when, and how. They
    /// count as known when something is to go there.
    failing: HashMap<Destination, (Timestamp, String)>,
    forget_at: usize,
    /// Those with parked claims, next turn first.
    waiting: VecDeque<Destination>,
    /// Those with a surplus, by when they are asked whether they want some of it.
    to_ask: BTreeMap<(Duration, Line), Destination>,
    parked: usize,
    parked_bytes: usize,
    down: usize,
    /// Whether the backlog may have more that was not read yet.
    unread: bool,
}

impl Destinations {
    pub(crate) fn new(cap: usize, down_after: u32) -> Self {
        let down_after = usize::try_from(down_after.max(1)).unwrap_or(usize::MAX);
        Self {
            slots: Slots::new(cap.max(1)),
            down_after,
            known: HashMap::new(),
            met: 0,
            failing: HashMap::new(),
            forget_at: MANY,
            waiting: VecDeque::new(),
            to_ask: BTreeMap::new(),
            parked: 0,
            parked_bytes: 0,
            down: 0,
            unread: true,
        }
    }

    /// The same with so many more in flight while others keep silent; none if the cap is one.
    pub(crate) fn spare(mut self, spare: usize) -> Self {
        self.slots = self.slots.spare(spare);
        self
    }

    /// Takes in whether the backlog may have more that was not read yet.
    pub(crate) fn unread(&mut self, unread: bool) {
        self.unread = unread;
    }

    /// Whether nothing more can be begun, and for how long that is known to stay so if nothing ends.
    pub(crate) fn is_full(&mut self, now: Duration) -> Option<Duration> {
        self.count_silent(now);
        self.slots.full_for(now)
    }

    /// An attempt was begun.
    pub(crate) fn started(&mut self, destination: &Destination, size: usize, now: Duration) {
        if let Some(health) = self.known.get_mut(destination) {
            health.start(now);
            self.slots.started(size);
        }
    }

    /// An attempt has ended.
    pub(crate) fn ended(
        &mut self,
        destination: &Destination,
        size: usize,
        answer: Answer,
        took: Duration,
        now: Duration,
    ) {
        if let Some(health) = self.known.get_mut(destination) {
            let was_down = health.circuit.open().is_some();
            self.slots.silent -= usize::from(std::mem::take(&mut health.silent));
            health.end(answer, took, now);
            self.slots.ended(size, answer != Answer::NotMade, now);
            self.down -= usize::from(was_down && health.circuit.open().is_none());
            self.ask_now(destination, now);
        }
    }

    /// An attempt could not be made, and has ended: fewer are in flight from now on. How long its
    /// request waits, and how many may be in flight.
    pub(crate) fn short(&mut self, now: Duration) -> (Duration, usize) {
        self.slots.short(now)
    }

    /// Whether an attempt could not be made a moment ago, so that others may have failed for the same.
    pub(crate) fn was_short(&self, now: Duration) -> bool {
        self.slots.was_short(now)
    }

    /// A request has used up its attempts by the destination's fault, and this is how. Whether that is
    /// down now, and was not before.
    pub(crate) fn exhausted(
        &mut self,
        destination: &Destination,
        why: &str,
        now: Duration,
        wall: Timestamp,
    ) -> bool {
        let Some(health) = self.known.get_mut(destination) else {
            return false;
        };
        health.keep_why(why, wall);
        health.circuit.exhausted();
        self.judge(destination, now, wall)
    }

    /// Whether a destination of which an attempt has just failed is down now, and was not before.
    pub(crate) fn judge(
        &mut self,
        destination: &Destination,
        now: Duration,
        wall: Timestamp,
    ) -> bool {
        let Some(health) = self.known.get_mut(destination) else {
            return false;
        };
        if !health.circuit.judge(health.in_flight, now, wall) {
            return false;
        }
        self.down += 1;
        self.ask_now(destination, now);
        true
    }

    /// Has these tried now: one that is down becomes half open, and no pause holds.
    pub(crate) fn try_now(&mut self, asked: &[TryNow], now: Duration) {
        let concerned = |to: &Destination| asked.iter().any(|asked| asked.concerns(to));
        for (_, health) in self.known.iter_mut().filter(|(to, _)| concerned(to)) {
            self.down -= usize::from(health.circuit.open().is_some());
            health.try_now();
        }
        let surplus: Vec<_> = self.to_ask.values().filter(|to| concerned(to)).cloned().collect();
        for destination in &surplus {
            self.ask_now(destination, now);
        }
    }

    /// Takes in what an earlier run remembered.
    pub(crate) fn recall(&mut self, all: Vec<Remembered>, now: Duration, wall: Timestamp) {
        for one in all {
            let destination = one.destination();
            if one.is_only_failing() {
                self.failing.insert(destination, (one.failing_at(wall), one.why));
                continue;
            }
            self.meet(destination.clone());
            if let Some(health) = self.known.get_mut(&destination) {
                health.recall(&one, now, wall);
                self.down += usize::from(health.circuit.open().is_some());
            }
        }
    }

    /// What the next run should know.
    pub(crate) fn remember(
        &self,
        now: Duration,
        wall: Timestamp,
    ) -> impl Iterator<Item = Remembered> {
        let known = self.known.iter();
        let known = known.filter_map(move |(to, health)| health.remember(to, now, wall));
        let failing = self.failing.iter();
        known.chain(failing.map(move |(to, (since, why))| {
            Remembered::new(to, wall).failing(*since, why.clone(), wall)
        }))
    }

    /// The destinations that take no requests now.
    pub(crate) fn troubles(&self, now: Duration, wall: Timestamp) -> Vec<Trouble> {
        let known = self.known.iter().filter_map(|(to, health)| health.trouble(to, now, wall));
        let failing = self.failing.iter();
        known.chain(failing.map(|(to, (since, why))| Trouble::failing(to, *since, why))).collect()
    }

    /// A request was asked to wait for so long, with this answer. How long nothing is begun at its
    /// destination, if that is news.
    pub(crate) fn pause(
        &mut self,
        destination: &Destination,
        why: &str,
        asked: Duration,
        now: Duration,
        wall: Timestamp,
    ) -> Option<Duration> {
        let health = self.known.get_mut(destination)?;
        health.keep_why(why, wall);
        health.pause(asked, now)
    }

    /// What is parked for this destination and may not stay, since it is down, paused or at
    /// rest. Each is to be placed again.
    pub(crate) fn release(&mut self, destination: &Destination, now: Duration) -> Vec<Pending> {
        let Some(health) = self.known.get_mut(destination) else {
            return Vec::new();
        };
        let leaves = health.clear(now);
        self.parked -= leaves.len();
        self.parked_bytes -= leaves.iter().map(size).sum::<usize>();
        if health.parked.is_empty() && !leaves.is_empty() {
            self.waiting.retain(|waiting| waiting != destination);
        }
        leaves
    }

    /// Everything that is parked.
    pub(crate) fn release_all(&mut self) -> Vec<Pending> {
        self.parked = 0;
        self.parked_bytes = 0;
        let mut all = Vec::new();
        for destination in self.waiting.drain(..) {
            if let Some(health) = self.known.get_mut(&destination) {
                all.extend(health.parked.drain(..));
            }
        }
        all
    }

    /// The slots that are left for a request of this size.
    fn left(&self, size: usize, now: Duration) -> Left {
        self.slots.left(size, self.is_shared(), now)
    }

    /// Whether others may want slots: of what lies behind a surplus, and is not read yet, nothing is known.
    fn is_shared(&self) -> bool {
        let others_may_come = self.unread && !self.to_ask.is_empty();
        self.known.len() - self.down > 1 || self.slots.silent > 0 || others_may_come
    }

    /// Counts the destinations that keep silent, if that may free a slot.
    fn count_silent(&mut self, now: Duration) {
        if !self.slots.is_to_count(now) {
            return;
        }
        self.slots.silent = 0;
        for health in self.known.values_mut() {
            health.silent = health.is_silent(now);
            self.slots.silent += usize::from(health.silent);
        }
    }

    fn meet(&mut self, destination: Destination) {
        if self.known.len() >= self.forget_at {
            self.known.retain(|_, health| !health.is_idle());
            self.forget_at = MANY.max(2 * self.known.len());
        }
        let cap = self.slots.cap;
        let floor = self.down_after.min(cap);
        let bounds = Bounds { first: (cap / 8).max(floor), floor, cap };
        self.met += 1;
        let mut health = Health::new(self.met, bounds, self.down_after);
        health.failing = self.failing.remove(&destination);
        self.known.insert(destination, health);
    }
}

/// What a parked claim takes, in bytes.
fn size(pending: &Pending) -> usize {
    size_of::<Pending>() + pending.subject.size
}

#[cfg(test)]
mod tests;
