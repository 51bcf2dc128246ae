//! The time-outs of an attempt: the driver's, and what a request says in their place.

use std::time::Duration;

use curl::Error;
use curl::easy::Easy2;
use slipstream_core::Timeout;

use crate::request::Options;

/// The limits of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) connect: Duration,
    pub(crate) total: Duration,
    pub(crate) low_speed_limit: u32,
    pub(crate) low_speed_time: Duration,
    /// Whether the request's own time-out is too short to blame the destination.
    pub(crate) hasty: bool,
}

/// The same of how long nothing may come.
const SLOW: Duration = Duration::from_secs(10);

impl Times {
    /// The same with what a request says.
    pub(crate) fn with(self, options: &Options) -> Self {
        let time = |own: Option<Timeout>, usual| own.map_or(usual, Timeout::duration);
        Self {
            connect: time(options.connect_timeout, self.connect),
            total: time(options.max_time, self.total),
            hasty: [options.connect_timeout, options.max_time]
                .iter()
                .flatten()
                .any(|time| time.is_hasty())
                || options.low_speed_limit.is_some_and(|limit| limit > self.low_speed_limit)
                || options
                    .low_speed_time
                    .is_some_and(|time| time.duration() < self.low_speed_time.min(SLOW)),
            low_speed_limit: options.low_speed_limit.unwrap_or(self.low_speed_limit),
            // libcurl counts whole seconds, and none is "never".
            low_speed_time: time(options.low_speed_time, self.low_speed_time)
                .max(Duration::from_secs(u64::from(options.low_speed_time.is_some()))),
        }
    }

    /// Sets them on a handle, with `left` of the total.
    pub(crate) fn apply<H>(&self, easy: &mut Easy2<H>, left: Duration) -> Result<(), Error> {
        easy.connect_timeout(self.connect)?;
        easy.timeout(left.max(Duration::from_millis(1)))?;
        easy.low_speed_limit(self.low_speed_limit)?;
        easy.low_speed_time(self.low_speed_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::options::HttpOptions;

    #[test]
    fn a_request_says_its_own_times_and_the_driver_the_others() {
        let driver = HttpOptions { total_timeout: Duration::ZERO, ..HttpOptions::default() };
        let usual = driver.times();
        assert_eq!(usual.total, Duration::from_millis(1));
        assert_eq!(usual.with(&Options::new()), usual);
        let own = Options::new()
            .connect_timeout(Duration::from_millis(7))
            .low_speed_limit(9)
            .low_speed_time(Duration::from_millis(10));
        let expected = Times {
            connect: Duration::from_millis(7),
            low_speed_limit: 9,
            low_speed_time: Duration::from_secs(1),
            hasty: true,
            ..usual
        };
        assert_eq!(usual.with(&own), expected);
    }
}
