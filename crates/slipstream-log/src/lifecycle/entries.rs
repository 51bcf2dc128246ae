//! Entries of the ledger, and the accounts that they make together. Pure.
//!
//! An entry is a line: eight hex digits of crc32c, a space, JSON. A newline precedes it, too, so
//! that an entry that was cut short, or zeros behind the last entry, spoil no other.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use memchr::{memchr, memmem, memrchr};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use slipstream_core::operator::Outcomes;

use crate::format::log_name::LogName;

/// What was overwritten in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OverwrittenSum {
    /// Logs.
    pub logs: u64,
    /// Requests that they still held.
    pub requests: u64,
    /// Bytes of those logs.
    pub bytes: u64,
}

/// A log's two entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Account {
    pub(crate) stored: Option<Sealed>,
    pub(crate) gone: Option<Gone>,
}

/// What a log held when it was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sealed {
    /// Records. A stretch of bytes that is not a record, but may have been one, counts as one.
    pub(crate) requests: u64,
    pub(crate) bytes: u64,
}

/// What became of a log's records, and of how many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gone {
    pub(crate) bytes: u64,
    #[serde(flatten)]
    pub(crate) outcomes: Outcomes,
}

/// All that the ledger must record of a log once it is gone. Until that is entered, it is in the
/// log's name: so a full disk can be emptied though the ledger cannot grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sealed: Sealed,
    pub(crate) gone: Gone,
}

impl Counts {
    /// `gone-12-3456-3456-11-0-1-0-0`
    pub(crate) fn word(&self) -> String {
        let Self { sealed, gone: Gone { bytes, outcomes: o } } = self;
        let numbers = [sealed.requests, sealed.bytes, *bytes, o.delivered, o.expired, o.set_aside];
        let numbers = numbers.into_iter().chain([o.overwritten, o.purged]);
        numbers.fold("gone".to_owned(), |word, number| format!("{word}-{number}"))
    }

    pub(crate) fn of_word(word: &str) -> Option<Self> {
        let numbers = word.strip_prefix("gone-")?.split('-').map(|text| text.parse().ok());
        let numbers: Vec<u64> = numbers.collect::<Option<_>>()?;
        let [requests, sealed, bytes, delivered, expired, set_aside, overwritten, purged] =
            numbers[..]
        else {
            return None;
        };
        let mut outcomes = Outcomes::default();
        (outcomes.delivered, outcomes.expired, outcomes.set_aside) =
            (delivered, expired, set_aside);
        (outcomes.overwritten, outcomes.purged) = (overwritten, purged);
        Some(Self { sealed: Sealed { requests, bytes: sealed }, gone: Gone { bytes, outcomes } })
    }
}

/// Sums of the logs whose entries were folded away.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Folded {
    pub(crate) stored: u64,
    #[serde(flatten)]
    pub(crate) outcomes: Outcomes,
    #[serde(default)]
    pub(crate) slots: BTreeMap<u16, OverwrittenSum>,
}

impl Folded {
    fn fold(&mut self, log: LogName, stored: u64, gone: &Gone) {
        self.stored = self.stored.saturating_add(stored);
        self.outcomes.add(&gone.outcomes);
        if gone.outcomes.overwritten > 0 {
            let slot = self.slots.entry(log.slot).or_default();
            slot.logs = slot.logs.saturating_add(1);
            slot.requests = slot.requests.saturating_add(gone.outcomes.overwritten);
            slot.bytes = slot.bytes.saturating_add(gone.bytes);
        }
    }
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Entry {
    Stored {
        log: String,
        #[serde(flatten)]
        sealed: Sealed,
    },
    Gone {
        log: String,
        #[serde(flatten)]
        gone: Gone,
    },
    Folded(Folded),
}

/// What the entries of a ledger say, as far as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Accounts {
    pub(crate) folded: Folded,
    pub(crate) logs: BTreeMap<LogName, Account>,
    /// Lines that are no entry, and may have been one.
    pub(crate) spoiled: u64,
    /// Lines that a process did not finish writing, or zeros.
    pub(crate) torn: u64,
    /// Bytes that are not read, for no ledger gets that long.
    pub(crate) unread: u64,
}

impl Accounts {
    /// Takes over what these lines say of one log. Only lines that name it are parsed: there may be
    /// thousands of others, and this is asked whenever a log is claimed or goes.
    pub(crate) fn extend_by(&mut self, bytes: &[u8], log: &str) {
        for at in memmem::find_iter(bytes, log) {
            let start = memrchr(b'\n', &bytes[..at]).map_or(0, |before| before + 1);
            let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |behind| at + behind);
            self.extend(&bytes[start..end]);
        }
    }

    /// Takes over the entries of the lines that come next.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if self.take(line) {
                continue;
            }
            if is_cut(line) {
                self.torn += 1;
                continue;
            }
            self.spoiled += 1;
            // The newline between two entries may be what was damaged: they are in one line then.
            let starts: Vec<_> = line
                .windows(3)
                .enumerate()
                .filter(|(at, three)| *at >= 8 && three == b" {\"")
                .collect();
            let starts: Vec<_> =
                starts.into_iter().map(|(at, _)| at - 8).chain([line.len() + 1]).collect();
            for bounds in starts.windows(2) {
                self.take(&line[bounds[0]..bounds[1] - 1]);
            }
        }
    }

    /// Takes a line's entry over; false if it holds none.
    fn take(&mut self, line: &[u8]) -> bool {
        match parse_line(line) {
            Some(Entry::Folded(folded)) => self.folded = folded,
            Some(Entry::Stored { log, sealed }) => match LogName::parse(&log) {
                Some(name) => self.logs.entry(name).or_default().stored = Some(sealed),
                None => return false,
            },
            Some(Entry::Gone { log, gone }) => match LogName::parse(&log) {
                Some(name) => self.logs.entry(name).or_default().gone = Some(gone),
                None => return false,
            },
            None => return false,
        }
        true
    }

    /// The sums of all logs that are gone, given which logs are still there.
    pub(crate) fn folded_without(&self, there: &HashSet<LogName>) -> Folded {
        let mut folded = self.folded.clone();
        for (log, account) in &self.logs {
            if let (false, Some(gone)) = (there.contains(log), &account.gone) {
                let stored = account.stored.map_or(gone.outcomes.sum(), |sealed| sealed.requests);
                folded.fold(*log, stored, gone);
            }
        }
        folded
    }

    pub(crate) fn render(&self) -> String {
        let mut text = render(&Entry::Folded(self.folded.clone()));
        for (log, account) in &self.logs {
            let log = log.to_string();
            if let Some(sealed) = account.stored {
                text += &render(&Entry::Stored { log: log.clone(), sealed });
            }
            if let Some(gone) = account.gone {
                text += &render(&Entry::Gone { log, gone });
            }
        }
        text
    }
}

fn parse_line(line: &[u8]) -> Option<Entry> {
    let (check, json) = line.split_at_checked(9)?;
    let check = std::str::from_utf8(&check[..8]).ok()?;
    if u32::from_str_radix(check, 16).ok()? != crc32c::crc32c(json) {
        return None;
    }
    serde_json::from_slice(json).ok()
}

/// Whether a line is the beginning of an entry, and no more was written of it; or zeros, as a power
/// loss leaves them. A flipped bit leaves a line that goes on where the entry would have ended.
fn is_cut(line: &[u8]) -> bool {
    let written = line.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let line = &line[..written];
    let (check, rest) = line.split_at(line.len().min(8));
    let hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if !check.iter().all(hex) {
        return false;
    }
    match rest {
        [] | [b' '] => true,
        [b' ', json @ ..] => {
            let ended = serde_json::from_slice::<IgnoredAny>(json);
            json[0] == b'{' && ended.is_err_and(|error| error.is_eof()) && !is_open_text(json)
        }
        _ => false,
    }
}

/// Whether a text goes on to the end of a line and holds what no entry does: the quote behind it
/// was damaged.
fn is_open_text(json: &[u8]) -> bool {
    let last = memrchr(b'"', json).map_or(json.len(), |quote| quote + 1);
    let inside = json.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
    let ours = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    inside && !json[last..].iter().all(ours)
}

pub(crate) fn render(entry: &Entry) -> String {
    let json = serde_json::to_string(entry).expect("numbers and names are JSON");
    let mut line = String::with_capacity(json.len() + 11);
    let _ = writeln!(line, "\n{:08x} {json}", crc32c::crc32c(json.as_bytes()));
    line
}

#[cfg(test)]
mod tests;
