//! The limiter of a destination: how many of its requests may be in flight at once.
//!
//! Additive increase, multiplicative decrease: each prompt answer adds one, each failure halves it. An answer
//! that took much longer than the destination needs when it has little to do takes one away.

use std::time::Duration;

/// An attempt that takes longer is slow; a destination that has not answered promptly
/// for so long is spilled.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// Between what a limit moves, in requests at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Where it begins.
    pub(super) first: usize,
    /// The least that failures leave.
    pub(super) floor: usize,
    /// All there are.
    pub(super) cap: usize,
}

/// One limit.
#[derive(Debug)]
pub(super) struct Limiter {
    pub(super) limit: usize,
    bounds: Bounds,
    /// Attempts in a row that failed by the destination's fault.
    failures: usize,
    /// The quickest answer, forgotten little by little.
    best: Option<Duration>,
}

impl Limiter {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { limit: bounds.first, bounds, failures: 0, best: None }
    }

    /// An attempt failed by the destination's fault. Whether there is reason to cool down: one
    /// failure among answers is no reason, for it may be that request's alone.
    pub(super) fn failed(&mut self) -> bool {
        self.failures += 1;
        self.limit = (self.limit / 2).max(self.bounds.floor);
        self.is_cut() && self.failures >= self.bounds.floor
    }

    /// The destination has answered, after so long.
    pub(super) fn answered(&mut self, took: Duration) {
        self.failures = 0;
        let best = self.best.map_or(took, |best| took.min(best + best / 64));
        self.best = Some(best);
        if took >= PATIENCE && took > best * 4 {
            self.limit = (self.limit - 1).max(self.bounds.first.min(self.limit));
        } else {
            self.limit = (self.limit + 1).min(self.bounds.cap);
        }
    }

    /// One at a time.
    pub(super) fn narrow(&mut self) {
        (self.limit, self.failures) = (1, 0);
    }

    /// As many as at first.
    pub(super) fn widen(&mut self) {
        self.limit = self.bounds.first;
    }

    /// What the destination usually takes for an answer, if it has given one.
    pub(super) fn best(&self) -> Option<Duration> {
        self.best
    }

    /// Whether failures have cut the limit below where it began, or would have but for the
    /// least that they leave.
    pub(super) fn is_cut(&self) -> bool {
        self.limit < self.bounds.first || (self.limit == self.bounds.first && self.failures > 0)
    }
}
