//! The overflow of destinations: what is spilled, and when it is wanted.
//!
//! # Invariants
//! - A destination that has an overflow is asked whether it wants some of it: at once when
//!   something of its own has changed, when its cool-down or pause is over, and else every
//!   [`ASK_EVERY`]. So it is not idle beside it.
//! - A destination that had no room is not asked for [`REFUSED_FOR`] unless something of its own
//!   has changed: nothing is read again in a circle.

use std::time::Duration;

use slipstream_core::Destination;

use crate::schedule::admission::Admission;
use crate::schedule::destinations::Destinations;
use crate::schedule::pending::{PARK_BYTES, Pending};
use crate::schedule::spilled::Spilled;

/// How often a destination without room for its overflow is asked again when nothing of its own has changed.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How long it is not asked after it had no room.
pub(super) const REFUSED_FOR: Duration = Duration::from_millis(50);

impl Destinations {
    /// Has a claim wait until its destination wants it.
    pub(super) fn spill(
        &mut self,
        overflow: Pending,
        spilled: &mut Spilled,
        now: Duration,
    ) -> Admission {
        let destination = &overflow.subject.destination;
        let line = self.known[destination].line();
        spilled.add(line, overflow.position);
        spilled.want_not(line);
        let at = self.wants_at(destination, now).max(now + REFUSED_FOR);
        self.ask_at(destination, at);
        Admission::Spill(overflow)
    }

    /// When a destination that has an overflow wants some of it; now, if it has room.
    fn wants_at(&self, destination: &Destination, now: Duration) -> Duration {
        let health = &self.known[destination];
        let closed = health.closed_until(false);
        let idle = health.activity.in_flight == 0 && health.parked.is_empty();
        let roomy = health.parked.len() <= self.slots.cap / 2
            && self.parked < 8 * self.slots.cap
            && self.parked_bytes < PARK_BYTES / 2;
        if health.circuit.open().is_some() {
            // It is to be failed.
            now
        } else if closed > now {
            closed
        } else if idle || roomy || self.has_slot(destination, 0, now) {
            now
        } else {
            now + ASK_EVERY
        }
    }

    /// Has a destination asked then whether it wants some of its overflow.
    fn ask_at(&mut self, destination: &Destination, at: Duration) {
        let Some(health) = self.known.get_mut(destination) else { return };
        let before = health.asked_at.replace(at);
        let known = before.and_then(|before| self.to_ask.remove(&(before, health.line())));
        let destination = known.unwrap_or_else(|| destination.clone());
        self.to_ask.insert((at, health.line()), destination);
    }

    /// Asks a destination at once, if it has an overflow: something has changed.
    pub(super) fn ask_now(&mut self, destination: &Destination, now: Duration) {
        let asked_at = self.known.get(destination).and_then(|health| health.asked_at);
        if asked_at.is_some_and(|at| at > now) {
            self.ask_at(destination, now);
        }
    }

    /// Asks the destinations that have an overflow whether they want some of it. How long until the next one
    /// is to be asked, if any is.
    pub(crate) fn ask(&mut self, spilled: &mut Spilled, now: Duration) -> Option<Duration> {
        loop {
            let (&(at, line), destination) = self.to_ask.first_key_value()?;
            let over = !spilled.has(line);
            if !over && at > now {
                return Some(at - now);
            }
            let wants_at = self.wants_at(destination, now);
            let (_, destination) = self.to_ask.pop_first()?;
            if let Some(health) = self.known.get_mut(&destination) {
                health.asked_at = None;
            }
            if over {
                continue;
            }
            if wants_at <= now {
                spilled.want(line);
            }
            let again = if wants_at <= now { now + ASK_EVERY } else { wants_at };
            self.ask_at(&destination, again);
        }
    }
}
