//! Durations, sizes and times as people write and read them.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use bytesize::ByteSize;
use slipstream_core::Timestamp;

/// A duration: `500ms`, `5m`, `1h 30m`, or a number of seconds as curl and systemd take it.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let bare = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let parsed = if bare {
        let seconds = text.parse().ok();
        seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    } else {
        humantime::parse_duration(text).ok()
    };
    parsed.ok_or_else(|| "expected a duration such as 500ms, 60s or 5m".to_owned())
}

/// Longest time that a request may be given: a day.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Seconds as curl takes them, with a fraction or without.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let parsed = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let parsed = parsed.filter(|time| *time <= LONGEST);
    parsed.ok_or_else(|| format!("expected seconds such as 2.5, at most {}", LONGEST.as_secs()))
}

/// A parser of whole numbers within these bounds.
pub(crate) fn number<N>(
    bounds: RangeInclusive<N>,
) -> impl Fn(&str) -> Result<N, String> + Clone + Send + Sync + 'static
where
    N: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let parsed = text.parse().ok().filter(|number| bounds.contains(number));
        parsed.ok_or_else(|| {
            format!("expected a whole number from {} to {}", bounds.start(), bounds.end())
        })
    }
}

/// A parser of texts that are not empty, which says what was expected.
pub(crate) fn some(
    expected: &'static str,
) -> impl Fn(&str) -> Result<String, String> + Clone + Send + Sync + 'static {
    move |text| match text {
        "" => Err(format!("expected {expected}")),
        text => Ok(text.to_owned()),
    }
}

/// A duration that is longer than none.
pub(crate) fn lasting(text: &str) -> Result<Duration, String> {
    let parsed = duration(text)?;
    if parsed.is_zero() {
        return Err("expected a duration above zero, such as 500ms, 60s or 5m".to_owned());
    }
    Ok(parsed)
}

/// A moment: RFC 3339 with any offset, or `@` and the seconds since 1970.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    let parsed = match text.strip_prefix('@') {
        Some(seconds) => seconds.parse().ok().map(Duration::from_secs),
        None => since_1970(text),
    };
    parsed.map(|since| Timestamp::default().after(since)).ok_or_else(|| {
        "expected a time such as 2026-12-24T18:00:00Z, 2026-12-24T18:00:00+01:00 or @1798131600"
            .to_owned()
    })
}

/// humantime reads UTC only, so the offset is taken off before.
fn since_1970(text: &str) -> Option<Duration> {
    let upper = text.to_ascii_uppercase();
    let (utc, offset, ahead) =
        match upper.len().checked_sub(6).and_then(|at| upper.split_at_checked(at)) {
            Some((local, offset)) if offset.starts_with(['+', '-']) => {
                let (hours, minutes) = offset[1..].split_once(':')?;
                let digits = |text: &str| {
                    let number =
                        text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok());
                    number.flatten()
                };
                let (hours, minutes): (u64, u64) = (digits(hours)?, digits(minutes)?);
                if hours > 23 || minutes > 59 {
                    return None;
                }
                let offset = Duration::from_secs(hours * 3600 + minutes * 60);
                (format!("{local}Z"), offset, upper.as_bytes()[local.len()] == b'+')
            }
            _ => (upper, Duration::ZERO, true),
        };
    let time = humantime::parse_rfc3339(&utc).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    // East of Greenwich it is later by the clock on the wall.
    if ahead { time.checked_sub(offset) } else { time.checked_add(offset) }
}

/// A size: `8MiB`, `64KiB`, or a number of bytes.
pub(crate) fn size(text: &str) -> Result<ByteSize, String> {
    text.parse().map_err(|_| "expected a size such as 64KiB, 8MiB or 1GiB".to_owned())
}

/// A duration, as short as it can be said.
pub(crate) fn spell(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

/// How long ago something was, to its two largest units.
pub(crate) fn ago(age: Duration) -> String {
    let spelled = spell(Duration::from_secs(age.as_secs()));
    spelled.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// The last moment that has four digits for its year.
const LAST_MILLI: u64 = 253_402_300_799_999;

/// A moment, as `2026-11-24T05:42:17.482Z`. One beyond the year 9999 is shown as its end.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let since = Duration::from_millis(time.as_millis().min(LAST_MILLI));
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + since).to_string()
}

/// The same without milliseconds.
pub(crate) fn rfc3339_seconds(time: Timestamp) -> String {
    let since = Duration::from_millis(time.as_millis().min(LAST_MILLI));
    humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + since).to_string()
}

/// A number of bytes, as short as it can be said.
pub(crate) fn spell_bytes(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// A number with its thing, in the singular or plural.
pub(crate) fn count(number: u64, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{} {thing}s", thousands(number)),
    }
}

/// A number with commas between its thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// To the second.
pub(crate) fn whole(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit_or_is_in_seconds() {
        let table = [
            ("500ms", Some(500)),
            ("60s", Some(60_000)),
            ("5m", Some(300_000)),
            ("1h 30m", Some(5_400_000)),
            ("60", Some(60_000)),
            ("0.5", Some(500)),
            ("0", Some(0)),
            ("", None),
            (".", None),
            ("1e3", None),
            ("-1", None),
            ("inf", None),
            ("5 parsecs", None),
            ("99999999999999999999999", None),
        ];
        for (text, millis) in table {
            let read = duration(text).ok();
            assert_eq!(read, millis.map(Duration::from_millis), "{text:?}");
        }
    }

    #[test]
    fn a_moment_is_read_with_any_offset_or_in_seconds() {
        let table = [
            ("1970-01-01T00:00:01Z", Some(1_000)),
            ("1970-01-01t00:00:01.5z", Some(1_500)),
            ("2026-12-24T18:00:00+01:00", Some(1_798_131_600_000)),
            ("2026-12-24T12:00:00-05:00", Some(1_798_131_600_000)),
            ("@1798131600", Some(1_798_131_600_000)),
            ("1970-01-01T00:00:00+01:00", None),
            ("2026-12-24T18:00:00", None),
            ("2026-12-24T18:00:00+24:00", None),
            ("2026-12-24T18:00:00+0100", None),
            ("2026-12-24T18:00:00++1:00", None),
            ("2026-12-24", None),
            ("@", None),
            ("@-1", None),
            ("@1.5", None),
            ("ü+01:00", None),
            ("üü", None),
            ("", None),
        ];
        for (text, millis) in table {
            assert_eq!(moment(text).ok(), millis.map(Timestamp::from_millis), "{text:?}");
        }
    }

    #[test]
    fn a_size_has_a_unit_or_is_in_bytes() {
        let table = [
            ("4096", Some(4096)),
            ("64KiB", Some(64 << 10)),
            ("8 MiB", Some(8 << 20)),
            ("1MB", Some(1_000_000)),
            ("much", None),
            ("-1", None),
            ("", None),
        ];
        for (text, bytes) in table {
            let read = size(text).ok();
            assert_eq!(read.map(|size| size.as_u64()), bytes, "{text:?}");
        }
    }

    #[test]
    fn a_moment_is_shown_whatever_it_is() {
        let table = [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_498_937_482, "2026-11-24T05:42:17.482Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ];
        for (millis, text) in table {
            assert_eq!(rfc3339(Timestamp::from_millis(millis)), text);
        }
    }

    #[test]
    fn large_numbers_have_commas() {
        let table = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in table {
            assert_eq!(thousands(number), text);
        }
        assert_eq!(count(1, "request"), "1 request");
        assert_eq!(count(2_000, "request"), "2,000 requests");
    }
}
