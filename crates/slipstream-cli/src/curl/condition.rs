//! curl's `-z TIME`: the header that makes an answer depend on when something was changed.

mod date;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};

use crate::term::units::moment;

/// The header and its value.
pub(crate) fn header(text: &str) -> Result<(&'static str, String)> {
    let (name, when) = match text.split_at_checked(1) {
        Some(("-", when)) => ("If-Unmodified-Since", when),
        Some(("=", when)) => ("Last-Modified", when),
        Some(("+", when)) => ("If-Modified-Since", when),
        _ => ("If-Modified-Since", text),
    };
    let file = || std::fs::metadata(when).and_then(|file| file.modified()).ok();
    let Some(time) = date(when).or_else(file) else {
        bail!(
            "invalid value for '--time-cond'; expected a file, or a time such as 'Thu, 24 Dec 2026 18:00:00 GMT' or 2026-12-24T18:00:00Z"
        );
    };
    Ok((name, httpdate::fmt_http_date(time)))
}

fn date(text: &str) -> Option<SystemTime> {
    if let Ok(time) = httpdate::parse_http_date(text) {
        return Some(time);
    }
    let day = || moment(&format!("{text}T00:00:00Z"));
    let time = match date::seconds(text) {
        Some(seconds) => Duration::from_secs(u64::try_from(seconds).ok()?),
        None => Duration::from_millis(moment(text).or_else(|_| day()).ok()?.as_millis()),
    };
    let time = UNIX_EPOCH.checked_add(time)?;
    // No HTTP date is later.
    (time < UNIX_EPOCH + Duration::from_secs(253_402_300_800)).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_becomes_the_header_that_curl_makes_of_it() {
        let (newer, older) = ("If-Modified-Since", "If-Unmodified-Since");
        let date = "Thu, 24 Dec 2026 18:00:00 GMT";
        let table = [
            (date.to_owned(), newer, date),
            (format!("-{date}"), older, date),
            (format!("+{date}"), newer, date),
            (format!("={date}"), "Last-Modified", date),
            ("2026-12-24T19:00:00+01:00".to_owned(), newer, date),
            ("dec 24 18:00:00 2026 GMT".to_owned(), newer, date),
            ("-24 Dec 2026 19:00 CET".to_owned(), older, date),
            ("2026-12-24".to_owned(), newer, "Thu, 24 Dec 2026 00:00:00 GMT"),
        ];
        for (text, name, value) in table {
            assert_eq!(header(&text).unwrap(), (name, value.to_owned()), "{text}");
        }
        for text in ["", "-", "/nowhere/file", "@18446744073709551615"] {
            assert!(header(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_s_time_counts_where_it_is_no_date() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_modified(UNIX_EPOCH + Duration::from_secs(784_111_777)).unwrap();
        let (_, value) = header(file.path().to_str().unwrap()).unwrap();
        assert_eq!(value, "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
