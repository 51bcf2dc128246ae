//! A time-out of a request's own, as it is stored.
//!
//! # Invariants
//! - It is stored as a number of milliseconds, and nothing else beside it.
//! - A time-out that [`Timeout::check`] passes is finite: no request makes a worker wait for ever.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::driver::outcome::HASTY_MS;
use crate::invalid::Invalid;

/// Longest one: a day. A worker that waits longer is hung.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1_000;

/// How long something may take, in milliseconds.
///
/// ```
/// use std::time::Duration;
/// use slipstream_core::Timeout;
///
/// let time = Timeout::from(Duration::from_millis(1_500));
/// assert_eq!((time.to_string(), time.duration()), ("1.5s".to_owned(), Duration::from_millis(1_500)));
/// assert!(time.check("time-out").is_ok());
/// assert!(Timeout::from(Duration::ZERO).check("time-out").is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeout(u64);

impl Timeout {
    /// The time itself.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// Whether it gives the other side very little time, so that its end shows little of that side.
    pub fn is_hasty(self) -> bool {
        self.0 < HASTY_MS
    }

    /// Refuses a time-out that is zero or without end. `what` names it.
    ///
    /// # Errors
    /// That it is out of range.
    pub fn check(self, what: &str) -> Result<(), Invalid> {
        if (1..=LONGEST_MS).contains(&self.0) {
            return Ok(());
        }
        Err(Invalid::new(format!(
            "the {what} is out of range; expected more than 0 seconds, and at most 24 hours"
        )))
    }
}

/// Times beyond what it can hold are refused by the check all the same.
impl From<Duration> for Timeout {
    fn from(time: Duration) -> Self {
        Self(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.duration())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_out_is_stored_as_milliseconds_and_is_finite() {
        let of = |time: Duration| Timeout::from(time);
        let bytes = rmp_serde::to_vec(&Some(of(Duration::from_secs(2)))).unwrap();
        assert_eq!(bytes, rmp_serde::to_vec(&2_000_u64).unwrap());
        let read: Option<Timeout> = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!(read, Some(of(Duration::from_secs(2))));
        let day = Duration::from_secs(24 * 60 * 60);
        for (time, fits) in [
            (Duration::ZERO, false),
            (Duration::from_micros(999), false),
            (Duration::from_millis(1), true),
            (day, true),
            (day + Duration::from_millis(1), false),
            (Duration::MAX, false),
        ] {
            assert_eq!(of(time).check("time-out").is_ok(), fits, "{time:?}");
        }
    }
}
