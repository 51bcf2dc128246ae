//! All destinations of a run, and what each attempt says about its own.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use slipstream_core::{Destination, Timestamp, Trouble, TryNow};

use crate::report::destination_state::Remembered;
use crate::schedule::health::{Answer, Health};
use crate::schedule::limiter::Bounds;
use crate::schedule::pending::Pending;
use crate::schedule::slots::{Left, Slots};
use crate::schedule::spilled::Line;

/// Idle destinations are forgotten when so many are known.
pub(super) const MANY: usize = 10_000;

/// All destinations of a run. Times are readings of the monotonic clock.
#[derive(Debug)]
pub(crate) struct Destinations {
    pub(super) slots: Slots,
    pub(super) down_after: usize,
    pub(super) known: HashMap<Destination, Health>,
    /// How many were met so far.
    pub(super) met: u64,
    /// The destinations that were failing when an earlier run ended, and nothing more: since when,
    /// and how. They count as known when something is to go there.
    pub(super) failing: HashMap<Destination, (Timestamp, String)>,
    pub(super) forget_at: usize,
    /// The destinations with parked claims, next one first.
    pub(super) waiting: VecDeque<Destination>,
    /// The destinations with an overflow, by when they are asked whether they want some of it.
    pub(super) to_ask: BTreeMap<(Duration, Line), Destination>,
    pub(super) parked: usize,
    pub(super) parked_bytes: usize,
    pub(super) down: usize,
    /// Whether the backlog may have more that was not read yet.
    pub(super) unread: bool,
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
            health.activity.started(now);
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
            self.slots.silent -= usize::from(std::mem::take(&mut health.activity.silent));
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
        if !health.circuit.judge(health.activity.in_flight, now, wall) {
            return false;
        }
        self.down += 1;
        self.ask_now(destination, now);
        true
    }

    /// Has these tried now: a destination that is down becomes half open, and no pause holds.
    pub(crate) fn try_now(&mut self, asked: &[TryNow], now: Duration) {
        let concerned = |to: &Destination| asked.iter().any(|asked| asked.concerns(to));
        for (_, health) in self.known.iter_mut().filter(|(to, _)| concerned(to)) {
            self.down -= usize::from(health.circuit.open().is_some());
            health.try_now();
        }
        let overflow: Vec<_> = self.to_ask.values().filter(|to| concerned(to)).cloned().collect();
        for destination in &overflow {
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

    /// What is parked for this destination and may not stay, since it is down, paused or
    /// cooling down. Each is to be placed again.
    pub(crate) fn release(&mut self, destination: &Destination, now: Duration) -> Vec<Pending> {
        let Some(health) = self.known.get_mut(destination) else {
            return Vec::new();
        };
        let leaves = health.clear(now);
        self.parked -= leaves.len();
        self.parked_bytes -= leaves.iter().map(Pending::size).sum::<usize>();
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
    pub(super) fn left(&self, size: usize, now: Duration) -> Left {
        self.slots.left(size, self.is_shared(), now)
    }

    /// Whether others may want slots: of what lies behind an overflow, and is not read yet, nothing is known.
    pub(super) fn is_shared(&self) -> bool {
        let others_may_come = self.unread && !self.to_ask.is_empty();
        self.known.len() - self.down > 1 || self.slots.silent > 0 || others_may_come
    }

    /// Counts the destinations that keep silent, if that may free a slot.
    pub(super) fn count_silent(&mut self, now: Duration) {
        if !self.slots.is_to_count(now) {
            return;
        }
        self.slots.silent = 0;
        for health in self.known.values_mut() {
            health.activity.silent = health.activity.is_silent(now);
            self.slots.silent += usize::from(health.activity.silent);
        }
    }

    pub(super) fn meet(&mut self, destination: Destination) {
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
