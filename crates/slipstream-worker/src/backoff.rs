//! How often a request is tried, and how long it waits in between.
//!
//! Guaranteed: the same numbers give the same delay, no setting makes it panic or
//! overflow, and it never falls short of the back-off it was asked for.
//! Absent on purpose: a source of randomness. Jitter is passed in, so that tests own it.

use std::time::Duration;

/// How often to try, and how long to wait after each failure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// Attempts that one request gets, those of earlier runs included. 0 is taken for 1.
    pub attempts: u32,
    /// The wait after the first failed attempt.
    pub base: Duration,
    /// What each further wait is multiplied by.
    pub factor: f64,
    /// The longest back-off, before jitter.
    pub cap: Duration,
    /// The largest share of a wait that chance adds to it: 0.2 makes 2 s into 2 s to 2.4 s.
    /// It keeps requests that failed together from coming back together.
    pub jitter: f64,
    /// The longest time that a destination may ask everybody to wait (Retry-After).
    pub retry_after_cap: Duration,
}

impl Default for Policy {
    /// 3 attempts, 2 s and 4 s apart.
    fn default() -> Self {
        Self {
            attempts: 3,
            base: Duration::from_secs(2),
            factor: 2.0,
            cap: Duration::from_secs(10 * 60),
            jitter: 0.2,
            retry_after_cap: Duration::from_secs(60 * 60),
        }
    }
}

impl Policy {
    /// The back-off after the failure of attempt number `attempt` (1 for the first).
    /// `random` is a number from 0 to 1 that decides on the jitter.
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let longest = self.cap.as_secs_f64();
        // An overflow is infinite and ends at the cap; nonsense (NaN, negative) does not wait less
        // than the base.
        let grown = self.base.as_secs_f64() * self.factor.powi(exponent);
        let plain = grown.max(self.base.as_secs_f64()).min(longest);
        let jittered = plain * (1.0 + fraction(self.jitter) * fraction(random));
        Duration::try_from_secs_f64(jittered).unwrap_or(self.cap)
    }

    /// The wait after a failure when the destination may have asked for one: what it asked
    /// for, at most [`Policy::retry_after_cap`], and never less than the back-off.
    pub fn wait(&self, attempt: u32, asked: Option<Duration>, random: f64) -> Duration {
        let asked = asked.unwrap_or_default().min(self.retry_after_cap);
        self.delay(attempt, random).max(asked)
    }

    /// Whether a request that was tried this often is given up.
    pub fn is_spent(&self, attempts: u32) -> bool {
        attempts >= self.attempts.max(1)
    }
}

/// A number as a fraction; what is none counts as 0.
fn fraction(number: f64) -> f64 {
    if number.is_nan() {
        return 0.0;
    }
    number.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn waits_double_from_two_seconds_up_to_the_cap() {
        let policy = Policy::default();
        for (attempt, expected) in [(0, 2), (1, 2), (2, 4), (3, 8), (9, 512), (10, 600)] {
            assert_eq!(policy.delay(attempt, 0.0), secs(expected), "{attempt}");
        }
        assert_eq!(policy.delay(u32::MAX, 0.0), secs(600));
    }

    #[test]
    fn jitter_only_adds_and_adds_no_more_than_its_fraction() {
        let policy = Policy::default();
        assert_eq!(policy.delay(1, 1.0), Duration::from_millis(2_400));
        assert_eq!(policy.delay(1, 0.5), Duration::from_millis(2_200));
        assert_eq!(policy.delay(1, f64::NAN), secs(2));
    }

    #[test]
    fn retry_after_is_honoured_but_never_below_the_back_off_nor_above_its_cap() {
        let policy = Policy::default();
        let table = [
            (None, 4),
            (Some(secs(0)), 4),
            (Some(secs(3)), 4),
            (Some(secs(30)), 30),
            (Some(secs(86_400 * 365)), 3_600),
        ];
        for (asked, expected) in table {
            assert_eq!(policy.wait(2, asked, 0.0), secs(expected), "{asked:?}");
        }
    }

    proptest! {
        #[test]
        fn no_setting_makes_a_delay_panic_or_exceed_its_bounds(
            attempt: u32, base: u32, cap: u32, factor: f64, jitter: f64, random: f64,
        ) {
            let (base, cap) = (secs(base.into()), secs(cap.into()));
            let policy = Policy { base, cap, factor, jitter, ..Policy::default() };
            let delay = policy.delay(attempt, random);
            prop_assert!(delay >= base.min(cap));
            prop_assert!(delay <= cap * 2);
        }
    }
}
