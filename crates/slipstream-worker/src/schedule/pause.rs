//! The pause of a destination: how long nothing is begun there, because it asked for that.
//!
//! # Invariants
//! - One answer of a destination that takes requests pauses it for [`PAUSE_FIRST`] at most: it may
//!   be about a part of it only, such as a path or an account. Each further answer in a row doubles
//!   that.
//! - A pause is never shortened by another pause.

use std::time::Duration;

/// For how long one answer can have nothing begun at a destination that has taken requests.
const PAUSE_FIRST: Duration = Duration::from_secs(60);

/// The longest pause that an earlier run can have been asked for.
const PAUSE_MOST: Duration = Duration::from_secs(24 * 3600);

/// One pause. Times are readings of the monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Pause {
    until: Duration,
    /// How often in a row the destination asked for one.
    asked: u32,
}

impl Pause {
    /// The same, with the rest of a pause that an earlier run was asked for.
    pub(super) fn recall(&mut self, left: Duration, now: Duration) {
        self.until = now.saturating_add(left.min(PAUSE_MOST));
    }

    /// When it ends; it may be over.
    pub(super) fn until(&self) -> Duration {
        self.until
    }

    /// Whether it lasts.
    pub(super) fn lasts(&self, now: Duration) -> bool {
        self.until > now
    }

    /// What is left of it.
    pub(super) fn left(&self, now: Duration) -> Duration {
        self.until.saturating_sub(now)
    }

    /// Whether the run was never asked for a pause, nor received one from an earlier run.
    pub(super) fn is_unknown(&self) -> bool {
        self.until.is_zero()
    }

    /// The destination asks for so long; `proven` when it has taken a request in this run. How long nothing
    /// is begun, if that is news.
    pub(super) fn ask(&mut self, wait: Duration, proven: bool, now: Duration) -> Option<Duration> {
        let most = match proven {
            true => PAUSE_FIRST.saturating_mul(1 << self.asked.min(16)),
            false => Duration::MAX,
        };
        // The requests that were in flight when it asked first say nothing new.
        self.asked += u32::from(!self.lasts(now));
        let wait = wait.min(most);
        let until = now.saturating_add(wait);
        if until <= self.until {
            return None;
        }
        self.until = until;
        Some(wait)
    }

    /// The destination took a request: what it asks next is the first in a row.
    pub(super) fn delivered(&mut self) {
        self.asked = 0;
    }

    /// An operator wants the destination tried now.
    pub(super) fn lift(&mut self) {
        self.until = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_destination_that_took_nothing_yet_is_paused_for_as_long_as_it_asks() {
        let mut pause = Pause::default();
        assert_eq!(pause.ask(HOUR, false, secs(1)), Some(HOUR));
        assert!(pause.lasts(HOUR) && !pause.lasts(HOUR + secs(1)));
    }

    #[test]
    fn one_that_takes_requests_is_paused_for_twice_as_long_each_time_in_a_row() {
        let mut pause = Pause::default();
        for wait in [60, 120, 240] {
            let now = pause.until();
            assert_eq!(pause.ask(HOUR, true, now), Some(secs(wait)));
        }
        pause.delivered();
        let now = pause.until();
        assert_eq!(pause.ask(HOUR, true, now), Some(secs(60)));
    }

    #[test]
    fn answers_that_come_during_a_pause_are_counted_once_and_do_not_shorten_it() {
        let mut pause = Pause::default();
        assert_eq!(pause.ask(secs(50), true, secs(0)), Some(secs(50)));
        assert_eq!(pause.ask(secs(10), true, secs(1)), None);
        assert_eq!(pause.until(), secs(50));
        // As if it had asked once.
        assert_eq!(pause.ask(HOUR, true, secs(50)), Some(secs(120)));
    }

    #[test]
    fn what_an_earlier_run_left_is_bounded_and_can_be_lifted() {
        let mut pause = Pause::default();
        assert!(pause.is_unknown());
        pause.recall(Duration::MAX, secs(1));
        assert_eq!(pause.left(secs(1)), PAUSE_MOST);
        pause.lift();
        assert!(pause.is_unknown() && !pause.lasts(secs(1)));
    }
}
