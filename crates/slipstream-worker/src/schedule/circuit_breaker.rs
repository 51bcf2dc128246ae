//! The circuit breaker of a destination: whether it is down.
//!
//! A destination is taken to be *down* by its own recent record, never only by the requests that
//! are at their last attempt: they come first after a kill, and may be requests that always fail.
//! So the circuit opens when `after` requests in a row have used up their attempts by its fault; as
//! many have failed at their first attempt, or, where there are none to try, [`DOUBT`] has passed;
//! it has taken none for [`LATELY`]; and what was in flight when all that was so has brought
//! nothing better.
//!
//! It stays open for a while that doubles each time, in this run and the next ones. Then it is *half open*:
//! one request at a time is tried. An answer closes it; a request that uses up its attempts opens it again.
//!
//! # Invariants
//! - Between the last delivery and an opening are at least [`LATELY`].
//! - Of a destination that takes nothing, few requests use up their attempts: as many as were in
//!   flight beside the last request of `after`, and none that is begun later.
//! - It is open for at most [`OPEN_MOST`] at a time.

use std::time::Duration;

use slipstream_core::Timestamp;

/// A destination that has taken a request within this time is not down.
pub(super) const LATELY: Duration = Duration::from_secs(10);

/// How long only requests that were not tried before are begun, when the requests that were tried
/// speak against a destination.
pub(super) const DOUBT: Duration = Duration::from_secs(2);

/// How long nothing is tried at a destination that was found to be down, the first time,
const OPEN_LEAST: Duration = Duration::from_secs(30);

/// and at most, if it is found so again and again.
pub(super) const OPEN_MOST: Duration = Duration::from_secs(10 * 60);

/// For how long nothing is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Down {
    /// When it was found to be down, by the wall clock.
    pub(super) at: Timestamp,
    /// Until when, by the monotonic one.
    pub(super) until: Duration,
}

/// One circuit breaker. Times are readings of the monotonic clock.
#[derive(Debug)]
pub(super) struct CircuitBreaker {
    /// How many requests in a row must be exhausted before it can open.
    after: usize,
    /// Requests in a row that used up their attempts by the destination's fault.
    exhausted: usize,
    /// Requests in a row whose first attempt failed by its fault.
    first_failures: usize,
    /// Since when the requests that were tried before are not believed.
    doubted: Option<Duration>,
    /// Whether nothing is begun until what is in flight has ended, for the record is bad enough.
    judging: bool,
    open: Option<Down>,
    /// How often in a row it opened.
    trips: u32,
    half_open: bool,
    /// When the destination last took a request.
    delivered: Option<Duration>,
}

impl CircuitBreaker {
    pub(super) fn new(after: usize) -> Self {
        Self {
            after,
            exhausted: 0,
            first_failures: 0,
            doubted: None,
            judging: false,
            open: None,
            trips: 0,
            half_open: false,
            delivered: None,
        }
    }

    /// The same, with what an earlier run remembered.
    pub(super) fn recall(&mut self, trips: u32, open: Down) {
        self.trips = trips;
        self.open = (trips > 0).then_some(open);
    }

    /// For how long nothing is tried, if so.
    pub(super) fn open(&self) -> Option<Down> {
        self.open
    }

    pub(super) fn trips(&self) -> u32 {
        self.trips
    }

    /// Whether one request at a time is tried, and nothing has shown yet that the destination is well.
    pub(super) fn is_half_open(&self) -> bool {
        self.half_open
    }

    /// Whether it is being found out by what is in flight whether the destination is down.
    pub(super) fn is_judging(&self) -> bool {
        self.judging
    }

    /// Whether the destination ever took a request.
    pub(super) fn has_delivered(&self) -> bool {
        self.delivered.is_some()
    }

    /// Until when requests are not begun that were tried before.
    pub(super) fn doubts_until(&self) -> Option<Duration> {
        self.doubted.map(|since| since + DOUBT)
    }

    /// An attempt failed by the destination's fault; whether it was its request's first.
    pub(super) fn failed(&mut self, first: bool) {
        self.first_failures += usize::from(first);
    }

    /// A request has used up its attempts by the destination's fault.
    pub(super) fn exhausted(&mut self) {
        self.exhausted = self.exhausted.saturating_add(1);
    }

    /// The destination has answered, and whether it took the request.
    pub(super) fn answered(&mut self, delivered: bool, now: Duration) {
        self.first_failures = 0;
        (self.doubted, self.judging, self.half_open) = (None, false, false);
        if delivered {
            self.exhausted = 0;
            self.open = None;
            self.trips = 0;
            self.delivered = Some(now);
        }
    }

    /// Opens if the record is bad enough, with so many in flight. Call it when an attempt has failed.
    /// Whether it did.
    pub(super) fn judge(&mut self, in_flight: usize, now: Duration, wall: Timestamp) -> bool {
        if self.open.is_some() || !self.is_condemned(in_flight, now) {
            return false;
        }
        let lasts = OPEN_LEAST.saturating_mul(1 << self.trips.min(16)).min(OPEN_MOST);
        self.trips = self.trips.saturating_add(1);
        (self.doubted, self.judging) = (None, false);
        self.open = Some(Down { at: wall, until: now.saturating_add(lasts) });
        true
    }

    fn is_condemned(&mut self, in_flight: usize, now: Duration) -> bool {
        if self.half_open {
            return self.exhausted > 0;
        }
        // Requests' last attempts often come together, so that a few of them in a row say little.
        let lately = self.delivered.is_some_and(|delivered| now < delivered + LATELY);
        if self.exhausted < self.after || lately {
            return false;
        }
        if self.first_failures < self.after {
            // The requests that were tried before are not begun for a while; it may be their own
            // fault.
            let since = *self.doubted.get_or_insert(now);
            if now < since + DOUBT {
                return false;
            }
        }
        self.judging = true;
        in_flight == 0
    }

    /// It was open long enough.
    pub(super) fn half_open(&mut self) {
        self.open = None;
        self.exhausted = 0;
        self.half_open = true;
    }

    /// An operator wants the destination tried now. Whether it was open.
    pub(super) fn try_now(&mut self) -> bool {
        let was_open = self.open.is_some();
        if was_open {
            self.half_open();
        }
        self.trips = 0;
        was_open
    }
}

#[cfg(test)]
mod tests;
