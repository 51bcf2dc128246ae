//! The `Retry-After` header: how long a server asks its clients to wait.
//!
//! Garbage is no answer.
//!
//! # Non-goals
//! A sensible upper bound, which is the worker's to set; this one only keeps sums of times from
//! overflowing.

use std::time::{Duration, SystemTime};

/// Longest wait that is passed on: ten years.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Reads a value, seconds or a date, of an answer that was given at `date` by the server's own
/// clock. An answer without a date is taken to be from `now`. A date that has passed asks for no
/// wait.
pub(crate) fn parse(value: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if value.is_empty() {
        return None;
    }
    let wait = if value.bytes().all(|b| b.is_ascii_digit()) {
        // So many digits that no number holds them still mean a long time.
        value.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        let until = httpdate::parse_http_date(value).ok()?;
        let given = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok());
        until.duration_since(given.unwrap_or(now)).unwrap_or_default()
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_garbage_is_not() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let seconds = |n| Some(Duration::from_secs(n));
        let table = [
            ("0", seconds(0)),
            ("120", seconds(120)),
            (" 7 ", seconds(7)),
            ("99999999999999999999999999", Some(LONGEST)),
            ("18446744073709551615", Some(LONGEST)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", seconds(30)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", seconds(30)),
            ("Sun Nov  6 08:50:07 1994", seconds(30)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", seconds(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(LONGEST)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("1e9", None),
            ("soon", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ];
        for (value, wait) in table {
            assert_eq!(parse(value, None, now), wait, "{value}");
        }
    }

    #[test]
    fn a_date_is_read_by_the_clock_of_the_server_that_gave_it() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let seconds = |n| Some(Duration::from_secs(n));
        let until = "Sun, 06 Nov 1994 10:00:30 GMT";
        let table = [
            (Some(" Sun, 06 Nov 1994 10:00:00 GMT"), until, seconds(30)),
            (Some("Sun, 06 Nov 1994 10:01:00 GMT"), until, seconds(0)),
            // The server's clock is years behind.
            (Some("Sat, 01 Jan 1994 00:00:00 GMT"), "Sat, 01 Jan 1994 00:02:00 GMT", seconds(120)),
            (Some("Sun, 06 Nov 1994 10:00:00 GMT"), "7", seconds(7)),
            (Some("noon"), "Sun, 06 Nov 1994 08:49:40 GMT", seconds(3)),
            (None, "Sun, 06 Nov 1994 08:49:40 GMT", seconds(3)),
        ];
        for (date, value, wait) in table {
            assert_eq!(parse(value, date, now), wait, "{value} at {date:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_bounded_wait_or_none(value: String, date: Option<String>) {
            if let Some(wait) = parse(&value, date.as_deref(), SystemTime::UNIX_EPOCH) {
                prop_assert!(wait <= LONGEST);
            }
        }
    }
}
