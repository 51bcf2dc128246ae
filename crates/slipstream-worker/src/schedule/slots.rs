//! The slots of a run: how many requests are in flight, and how many more may be.

use std::time::Duration;

use crate::schedule::limiter::PATIENCE;

/// How often the destinations that keep silent are counted while no slot is free.
const COUNT_EVERY: Duration = Duration::from_millis(50);

/// Bodies in flight may take so many bytes, and the last one more. The bodies of [`SMALL`] requests
/// that go beyond the cap may take as many again.
const FLIGHT_BYTES: usize = 64 << 20;

/// What a request takes at most to be tried while others that hang hold all bytes.
const SMALL: usize = 64 << 10;

/// How long nothing is begun, at first and at most, when not one attempt can be made.
const SHORT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(4));

/// What is left of the slots for one destination.
#[derive(Debug, Clone, Copy)]
pub(super) struct Left {
    pub(super) free: usize,
    /// How many more there are for destinations that hold few.
    pub(super) extra: usize,
    /// How many of them are kept for destinations that hold few.
    pub(super) reserve: usize,
    /// Whether more than one destination has a claim on them.
    pub(super) shared: bool,
}

/// All slots. Times are readings of the monotonic clock.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) cap: usize,
    /// How many may be in flight beyond the cap while others keep silent.
    spare: usize,
    /// How many may be in flight for now: the cap and the spare ones, unless the worker ran short.
    most: usize,
    reserve: usize,
    /// Answers since `most` was changed.
    answers: usize,
    /// When an attempt could not be made last.
    short_at: Option<Duration>,
    /// Until then nothing is begun, and how long that was.
    short: (Duration, Duration),
    /// How many destinations keep silent, and when they were counted.
    pub(super) silent: usize,
    counted: Duration,
    pub(super) in_flight: usize,
    in_flight_bytes: usize,
}

impl Slots {
    pub(super) fn new(cap: usize) -> Self {
        Self {
            cap,
            spare: 0,
            most: cap,
            reserve: if cap == 1 { 0 } else { cap.div_ceil(8) },
            answers: 0,
            short_at: None,
            short: (Duration::ZERO, Duration::ZERO),
            silent: 0,
            counted: Duration::ZERO,
            in_flight: 0,
            in_flight_bytes: 0,
        }
    }

    /// The same with so many more while others keep silent; none if there is one slot.
    pub(super) fn spare(mut self, spare: usize) -> Self {
        self.spare = if self.cap == 1 { 0 } else { spare };
        self.most = self.cap + self.spare;
        self
    }

    /// What is left for a request of this size.
    pub(super) fn left(&self, size: usize, shared: bool, now: Duration) -> Left {
        let most = if now < self.short.0 { 0 } else { self.most };
        let left = most.saturating_sub(self.in_flight);
        let counted = self.in_flight - self.silent;
        let (mut free, mut extra) = (
            self.cap.saturating_sub(counted).min(left),
            (2 * self.silent).saturating_sub(counted).min(left),
        );
        if self.spare == 0 {
            extra = 0;
        }
        if self.in_flight_bytes >= FLIGHT_BYTES {
            free = 0;
            let fits = size <= SMALL && self.in_flight_bytes < 2 * FLIGHT_BYTES;
            extra = if fits { extra } else { 0 };
        }
        Left { free, extra, reserve: self.reserve, shared }
    }

    /// Whether nothing more can be begun, and for how long that is known to stay so if nothing ends.
    pub(super) fn full_for(&self, now: Duration) -> Option<Duration> {
        if now < self.short.0 {
            return Some(self.short.0 - now);
        }
        let left = self.left(0, true, now);
        if left.free > 0 || left.extra > 0 {
            return None;
        }
        let may_change = self.in_flight < self.most && self.spare > 0;
        Some(if may_change { COUNT_EVERY } else { Duration::MAX })
    }

    /// Whether it is time to count the destinations that keep silent, since that may free a slot.
    pub(super) fn is_to_count(&mut self, now: Duration) -> bool {
        let scarce = self.in_flight - self.silent + self.reserve >= self.cap;
        if self.spare == 0 || !scarce || now < self.counted + COUNT_EVERY {
            return false;
        }
        self.counted = now;
        true
    }

    pub(super) fn started(&mut self, size: usize) {
        self.in_flight += 1;
        self.in_flight_bytes += size;
    }

    /// An attempt has ended; whether it was made.
    pub(super) fn ended(&mut self, size: usize, made: bool, now: Duration) {
        self.in_flight -= 1;
        self.in_flight_bytes -= size;
        if !made {
            return;
        }
        self.short = (now.min(self.short.0), Duration::ZERO);
        self.answers += 1;
        if self.answers >= self.most && self.most < self.cap + self.spare {
            self.answers = 0;
            self.most += 1;
        }
    }

    /// An attempt could not be made, and has ended: fewer are in flight from now on. How long its
    /// request waits, and how many may be in flight.
    pub(super) fn short(&mut self, now: Duration) -> (Duration, usize) {
        if !self.was_short(now) {
            self.short_at = Some(now);
        }
        self.most = self.most.min(self.in_flight * 3 / 4).max(1);
        self.answers = 0;
        if now >= self.short.0 {
            self.short.1 = (self.short.1 * 2).clamp(SHORT.0, SHORT.1);
        }
        if self.in_flight == 0 {
            self.short.0 = now + self.short.1;
        }
        (self.short.1, self.most)
    }

    /// Whether an attempt could not be made a moment ago, so that others may have failed for the same.
    pub(super) fn was_short(&self, now: Duration) -> bool {
        self.short_at.is_some_and(|at| now < at + PATIENCE)
    }
}
