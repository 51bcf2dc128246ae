//! The cool-down of a destination: after failures only requests that were tried before are begun there.
//!
//! # Invariants
//! - It ends a little earlier than the back-off of the failure that began it, so that some requests
//!   that were not tried yet go before the requests that failed: the failure may be their own
//!   fault.
//! - Of a destination that is half open it ends a little later, so that what is tried next is the same
//!   request again.

use std::time::Duration;

/// The least time for which anything is kept away: the engine's clock is not this one, and a record that
/// comes out a little early must not come out a thousand times.
pub(super) const RELEASE_LEAST: Duration = Duration::from_millis(100);

/// One cool-down. Times are readings of the monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Cooldown {
    until: Duration,
}

impl Cooldown {
    /// When it ends; it may be over.
    pub(super) fn until(&self) -> Duration {
        self.until
    }

    /// Begins one, or makes it longer, after a failure with this back-off.
    pub(super) fn begin(&mut self, back_off: Duration, now: Duration) {
        let time = back_off.saturating_sub(RELEASE_LEAST).max(RELEASE_LEAST);
        self.until = self.until.max(now.saturating_add(time));
    }

    /// The one request that a half-open destination was tried with failed, with this back-off.
    pub(super) fn outlast(&mut self, back_off: Duration, now: Duration) {
        self.until = now.saturating_add(back_off).saturating_add(RELEASE_LEAST);
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        self.until = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACK_OFF: Duration = Duration::from_secs(2);
    const NOW: Duration = Duration::from_secs(10);

    #[test]
    fn it_ends_before_the_back_off_does_and_is_not_shortened() {
        let mut cooldown = Cooldown::default();
        cooldown.begin(BACK_OFF, NOW);
        assert_eq!(cooldown.until(), NOW + BACK_OFF - RELEASE_LEAST);
        cooldown.begin(Duration::ZERO, NOW);
        assert_eq!(cooldown.until(), NOW + BACK_OFF - RELEASE_LEAST);
        cooldown.end();
        cooldown.begin(Duration::ZERO, NOW);
        assert_eq!(cooldown.until(), NOW + RELEASE_LEAST, "no back-off is too short for one");
    }

    #[test]
    fn of_a_half_open_destination_it_ends_after_the_back_off_does() {
        let mut cooldown = Cooldown::default();
        cooldown.outlast(BACK_OFF, NOW);
        assert_eq!(cooldown.until(), NOW + BACK_OFF + RELEASE_LEAST);
        cooldown.outlast(Duration::MAX, NOW);
        assert_eq!(cooldown.until(), Duration::MAX);
    }
}
