//! The names of logs. Pure.
//!
//! A log that is being collected has its slot's name, so that a writer finds it without looking
//! (`s003.log`). Once sealed, its name holds slot, time and identity
//! (`s003-20261124T054217482Z-8f3a6c1e5d2b9a47.log`), sorts by age, and is never used again. A log
//! on its way out has why it goes behind that (`….log.overwritten`).

use std::fmt;

use slipstream_core::Timestamp;
use time::{Date, Month};
// A log moves from one to another by rename(2) alone, and its directory has the stage's name.
pub use slipstream_core::operator::Stage;

use crate::format::frame::LogHeader;

/// The bits of a position that are an offset: no log is that long.
const OFFSET_BITS: u32 = 48;

/// The largest offset that a position can hold.
pub(crate) const OFFSET_MAX: u64 = (1 << OFFSET_BITS) - 1;

/// The name of a sealed log. Names order by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogName {
    /// Orders the logs of a slot.
    pub stamp: Timestamp,
    /// The slot.
    pub slot: u16,
    /// The log's identity.
    pub salt: u64,
}

impl LogName {
    /// The name of the log with this header. A stamp that no name can hold becomes the last that a
    /// name can: a log would else not be known by its name.
    pub fn of(header: &LogHeader) -> Self {
        let stamp = Timestamp::from_millis(header.stamp.as_millis().min(LAST_MILLI));
        Self { stamp, slot: header.slot, salt: header.salt }
    }

    /// The name that this text is, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('s')?.strip_suffix(".log")?;
        let mut parts = rest.split('-');
        let (slot, stamp, salt) = (parts.next()?, parts.next()?, parts.next()?);
        let name = Self {
            slot: slot.parse().ok()?,
            stamp: parse_stamp(stamp)?,
            salt: u64::from_str_radix(salt, 16).ok()?,
        };
        // One spelling only, or one log could have two names.
        (name.to_string() == text).then_some(name)
    }

    /// The position of the frame at this offset: by slot, then by age.
    pub fn position(self, at: u64) -> u128 {
        // The stamps of a slot differ; the salt distinguishes the stamps of a clock that was lost.
        u128::from(self.slot) << 112
            | u128::from(self.stamp.as_millis()) << 64
            | u128::from(self.salt >> 48) << OFFSET_BITS
            | u128::from(at)
    }

    /// The offset that a position holds, and the position of offset zero in the same log.
    pub fn split_position(position: u128) -> (u128, u64) {
        let at = position as u64 & OFFSET_MAX;
        (position - u128::from(at), at)
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stamp, slot, salt } = self;
        write!(f, "s{slot:03}-{}-{salt:016x}.log", Stamp(*stamp))
    }
}

/// The name, within collecting/, of the log that a slot is appending to.
pub fn collecting_name(slot: u16) -> String {
    format!("s{slot:03}.log")
}

/// The slot whose collecting log has this name.
pub fn parse_collecting(text: &str) -> Option<u16> {
    let slot = text.strip_prefix('s')?.strip_suffix(".log")?.parse().ok()?;
    (collecting_name(slot) == text).then_some(slot)
}

/// Why a log is removed: what its unsettled records count as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetireReason {
    /// Everything in it is settled.
    Done,
    /// It was evicted for newer ones.
    Overwritten,
    /// An operator asked for it.
    Purged,
}

impl RetireReason {
    const ALL: [Self; 3] = [Self::Done, Self::Overwritten, Self::Purged];

    /// The word behind the log's name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Overwritten => "overwritten",
            Self::Purged => "purged",
        }
    }

    /// The reason that a word means.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.word() == word)
    }
}

/// A log's name and the word behind it, of a name within removing/.
pub fn split_retiring(text: &str) -> Option<(LogName, &str)> {
    let (stem, word) = text.split_once(".log.")?;
    Some((LogName::parse(&text[..stem.len() + 4])?, word))
}

/// The last millisecond that a name can hold: the end of the year 9999.
const LAST_MILLI: u64 = 253_402_300_799_999;

/// `20261124T054217482Z`
struct Stamp(Timestamp);

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis().min(LAST_MILLI);
        let (days, of_day) = (millis / 86_400_000, millis % 86_400_000);
        let (year, month, day) = date_of(days);
        let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
        let rest = of_day % 60_000;
        write!(f, "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{rest:05}Z")
    }
}

fn parse_stamp(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?;
    if digits.len() != 18 || digits.as_bytes()[8] != b'T' || !digits.is_ascii() {
        return None;
    }
    let number = |range: std::ops::Range<usize>| digits[range].parse::<u64>().ok();
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let (hour, minute, rest) = (number(9..11)?, number(11..13)?, number(13..18)?);
    let days = days_before(year, month, day)?;
    let millis = ((days * 24 + hour) * 60 + minute) * 60_000 + rest;
    Some(Timestamp::from_millis(millis))
}

/// The Julian day of 1970-01-01.
const EPOCH: i32 = 2_440_588;

/// Year, month and day of the day so many days after 1970-01-01, by the Gregorian calendar; the
/// last day that a name can hold if it is beyond.
fn date_of(days: u64) -> (i32, u8, u8) {
    let day = i32::try_from(days).ok().and_then(|days| days.checked_add(EPOCH));
    let date = day.and_then(|day| Date::from_julian_day(day).ok()).unwrap_or(Date::MAX);
    (date.year(), date.month().into(), date.day())
}

/// Days from 1970-01-01 to this date; none if it is before, or no date.
fn days_before(year: u64, month: u64, day: u64) -> Option<u64> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(year.try_into().ok()?, month, day.try_into().ok()?).ok()?;
    u64::try_from(date.to_julian_day() - EPOCH).ok()
}

#[cfg(test)]
mod tests;
