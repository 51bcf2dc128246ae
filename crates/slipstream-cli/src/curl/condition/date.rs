//! Dates as curl reads them behind `-z`: words and numbers in any order.
//!
//! # Invariants
//! - Day, month and year are there, or eight digits that are all of them; else it is no date.
//! - A time without a zone is one of UTC.

use time::Month;

/// The Julian day of 1970-01-01.
const EPOCH: i32 = 2_440_588;

/// Zones by their names, in minutes behind UTC.
const ZONES: [(&str, i64); 33] = [
    ("gmt", 0),
    ("utc", 0),
    ("ut", 0),
    ("z", 0),
    ("wet", 0),
    ("bst", -60),
    ("wat", 60),
    ("ast", 240),
    ("adt", 180),
    ("est", 300),
    ("edt", 240),
    ("cst", 360),
    ("cdt", 300),
    ("mst", 420),
    ("mdt", 360),
    ("pst", 480),
    ("pdt", 420),
    ("yst", 540),
    ("ydt", 480),
    ("hst", 600),
    ("hdt", 540),
    ("cat", 600),
    ("ahst", 600),
    ("nt", 660),
    ("idlw", 720),
    ("cet", -60),
    ("met", -60),
    ("mewt", -60),
    ("mest", -120),
    ("cest", -120),
    ("fwt", -60),
    ("eet", -120),
    ("nzst", -720),
];

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// What was read so far.
#[derive(Debug, Default)]
struct Date {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    /// In seconds.
    time: Option<i64>,
    /// Seconds behind UTC.
    zone: Option<i64>,
}

/// Seconds since 1970, if the text is a date.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let (mut date, mut rest) = (Date::default(), text);
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let run = |part: fn(char) -> bool| rest.find(|c| !part(c)).unwrap_or(rest.len());
        let length = match first {
            'a'..='z' | 'A'..='Z' => {
                let length = run(|c| c.is_ascii_alphabetic());
                date.word(&rest[..length].to_ascii_lowercase())?;
                length
            }
            '0'..='9' => {
                let with_colons = run(|c| c.is_ascii_digit() || c == ':');
                match clock(&rest[..with_colons]).filter(|_| date.time.is_none()) {
                    Some(time) => {
                        date.time = Some(time);
                        with_colons
                    }
                    None => {
                        let length = run(|c| c.is_ascii_digit());
                        date.number(&rest[..length], before)?;
                        length
                    }
                }
            }
            _ => first.len_utf8(),
        };
        before = rest[..length].chars().next_back()?;
        rest = &rest[length..];
    }
    date.seconds()
}

impl Date {
    fn word(&mut self, word: &str) -> Option<()> {
        let month = MONTHS.iter().position(|month| *month == word);
        let day = DAYS.iter().any(|day| *day == word || day[..3] == *word);
        let zone = ZONES.iter().find(|(name, _)| *name == word);
        match (month, zone) {
            (Some(at), _) if self.month.is_none() => self.month = Some(at as i64 + 1),
            (None, Some((_, minutes))) if self.zone.is_none() => self.zone = Some(minutes * 60),
            _ if day => {}
            _ => return None,
        }
        Some(())
    }

    fn number(&mut self, digits: &str, before: char) -> Option<()> {
        let number: i64 = digits.parse().ok()?;
        if digits.len() == 4
            && number <= 1_400
            && self.zone.is_none()
            && matches!(before, '+' | '-')
        {
            let behind = (number / 100 * 60 + number % 100) * 60;
            self.zone = Some(if before == '+' { -behind } else { behind });
        } else if digits.len() == 8
            && self.year.is_none()
            && self.month.is_none()
            && self.day.is_none()
        {
            self.year = Some(number / 10_000);
            self.month = Some(number / 100 % 100);
            self.day = Some(number % 100);
        } else if self.day.is_none() && (1..=31).contains(&number) {
            self.day = Some(number);
        } else if self.year.is_none() {
            self.year = Some(match number {
                71..=99 => 1900 + number,
                0..=70 => 2000 + number,
                _ => number,
            });
        } else {
            return None;
        }
        Some(())
    }

    fn seconds(&self) -> Option<i64> {
        let (year, month, day) = (self.year?, self.month?, self.day?);
        let fits = (1583..=9999).contains(&year) && (1..=31).contains(&day);
        let days = days_since_1970(year, month, day).filter(|_| fits)?;
        Some(days * 86_400 + self.time.unwrap_or(0) + self.zone.unwrap_or(0))
    }
}

/// `18:00` or `18:00:59`, in seconds.
fn clock(text: &str) -> Option<i64> {
    let parts: Vec<i64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes] => (hours, minutes, 0),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => return None,
    };
    (hours < 24 && minutes < 60 && seconds < 61).then_some((hours * 60 + minutes) * 60 + seconds)
}

/// Days from 1970-01-01 to this date, by the Gregorian calendar. A day that the month does not have counts
/// on from its first, as with curl.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let first = time::Date::from_calendar_date(year.try_into().ok()?, month, 1).ok()?;
    Some(i64::from(first.to_julian_day() - EPOCH) + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_as_curl_reads_it() {
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Nov  6 08:49:37 1994", 784_111_777),
            ("1994 Nov 6 08:49:37", 784_111_777),
            ("GMT 08:49:37 06-Nov-94 Sunday", 784_111_777),
            ("94 6 Nov 08:49:37", 784_111_777),
            ("1994 Nov 6", 784_080_000),
            ("Nov 6 94", 784_080_000),
            ("19941106 08:49:37", 784_111_777),
            ("dec 12 12:00:00 1999 GMT", 945_000_000),
            ("06 Nov 1994 09:49:37 +0100", 784_111_777),
            ("06 Nov 1994 03:49:37 -0500", 784_111_777),
            ("06 Nov 1994 03:49:37 EST", 784_111_777),
            ("Thu, 01-Jan-1970 00:59:58 GMT", 3_598),
            ("29 Feb 2000 00:00", 951_782_400),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in
            ["", "Nov 1994", "6 Nov", "6 Nov 1994 monkeys", "1", "6 Nov 1994 08:61", "file.txt"]
        {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
