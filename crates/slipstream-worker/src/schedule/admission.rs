//! Admission: where a claim goes, and what leaves the park.

use std::time::Duration;

use slipstream_core::Destination;

use crate::schedule::destinations::Destinations;
use crate::schedule::pending::{PARK_BYTES, Pending};
use crate::schedule::spilled::Spilled;

/// How a claim comes to be placed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coming {
    /// It was spilled, and is read again.
    pub(crate) in_pass: bool,
    /// It may be held: it is new, and no other is.
    pub(crate) may_hold: bool,
}

/// Where a claim goes.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It may be tried now.
    Start(Pending),
    /// It waits for its destination, in memory.
    Queued,
    /// There is no room, but there will be: offer it again when something has ended, or
    /// after this long.
    Backpressure(Pending, Duration),
    /// There is no room, or its destination cools down: it comes out again when that wants it.
    Spill(Pending),
    /// It must not be tried for this long.
    Deferred(Pending, Duration),
    /// Its destination is down.
    CircuitOpen(Pending),
}

impl Destinations {
    /// Says where a claim goes. A claim to start is not counted before [`Self::started`].
    pub(crate) fn admit(
        &mut self,
        pending: Pending,
        coming: Coming,
        spilled: &mut Spilled,
        now: Duration,
    ) -> Admission {
        let destination = &pending.subject.destination;
        if !self.known.contains_key(destination) {
            self.meet(destination.clone());
        }
        self.count_silent(now);
        let health = self.known.get_mut(destination).expect("it was met above");
        if spilled.may_take(health.line(), pending.position, coming.in_pass) {
            spilled.take(health.line(), pending.position);
        }
        if let Some(down) = health.circuit.open() {
            if now < down.until && pending.subject.id.stored() <= down.at {
                return Admission::CircuitOpen(pending);
            }
            if now < down.until {
                let wait = down.until - now;
                return Admission::Deferred(pending, wait);
            }
            health.half_open();
            self.down -= 1;
        }
        let tried = pending.attempts > 0;
        if let Some(wait) = health.closed_to(&pending, now) {
            // What was tried has a time of its own, and goes before the others.
            return match tried {
                true => Admission::Deferred(pending, wait),
                false => self.spill(pending, spilled, now),
            };
        }
        let behind = spilled.has(health.line())
            && !coming.in_pass
            && !tried
            && pending.subject.order.is_none();
        if behind {
            return self.turn_away(pending, coming, spilled, now);
        }
        if self.has_slot(destination, pending.subject.size, now) {
            return Admission::Start(pending);
        }
        self.park(pending, coming, spilled, now)
    }

    /// Whether one more request of this size may be begun at a destination before anything that is
    /// parked.
    pub(super) fn has_slot(&self, destination: &Destination, size: usize, now: Duration) -> bool {
        let left = self.left(size, now);
        let health = self.known.get(destination);
        health.is_some_and(|health| health.parked.is_empty() && health.may_start(left))
    }

    /// Has a claim wait for a slot, if there is room.
    fn park(
        &mut self,
        pending: Pending,
        coming: Coming,
        spilled: &mut Spilled,
        now: Duration,
    ) -> Admission {
        let (size, tried, cap) = (pending.size(), pending.attempts > 0, self.slots.cap);
        let destination = &pending.subject.destination;
        let health = self.known.get_mut(destination).expect("it was met");
        let roomy = self.parked == 0
            || (health.parked.len() < cap
                && self.parked < 16 * cap
                && self.parked_bytes + size <= PARK_BYTES);
        if !roomy && (!tried || health.parked.is_empty()) {
            return self.turn_away(pending, coming, spilled, now);
        }
        if health.parked.is_empty() {
            self.waiting.push_back(destination.clone());
        }
        self.parked += 1;
        self.parked_bytes += size;
        if tried {
            health.parked.push_front(pending);
        } else {
            health.parked.push_back(pending);
        }
        if roomy {
            return Admission::Queued;
        }
        // It took the position of the request that would have waited longest.
        let last = health.parked.pop_back().expect("one was added above");
        self.parked -= 1;
        self.parked_bytes -= last.size();
        self.turn_away(last, coming, spilled, now)
    }

    /// Where a claim goes that finds no room.
    fn turn_away(
        &mut self,
        overflow: Pending,
        coming: Coming,
        spilled: &mut Spilled,
        now: Duration,
    ) -> Admission {
        let shared = self.is_shared();
        let health = &self.known[&overflow.subject.destination];
        match health.patience(shared, now) {
            Some(patience) if coming.may_hold => Admission::Backpressure(overflow, patience),
            _ => self.spill(overflow, spilled, now),
        }
    }

    /// A parked claim whose destination has a slot now, destinations one after another.
    pub(crate) fn next_parked(&mut self, now: Duration) -> Option<Pending> {
        for _ in 0..self.waiting.len() {
            if self.is_full(now).is_some() {
                return None;
            }
            let destination = self.waiting.pop_front()?;
            let first = self.known.get(&destination).and_then(|health| health.parked.front());
            let size = first.map_or(0, |first| first.subject.size);
            let left = self.left(size, now);
            let Some(health) = self.known.get_mut(&destination) else {
                continue;
            };
            if !health.may_start(left) {
                self.waiting.push_back(destination);
                continue;
            }
            let Some(pending) = health.parked.pop_front() else {
                continue;
            };
            self.parked -= 1;
            self.parked_bytes -= pending.size();
            if !health.parked.is_empty() {
                self.waiting.push_back(destination);
            }
            self.ask_now(&pending.subject.destination, now);
            return Some(pending);
        }
        None
    }
}
