//! The spool's accounts: what was stored, and what became of it once its log is gone.
//!
//! The truth about a log that exists is the log: each record in it says whether it is
//! settled. The ledger holds two kinds of entry for each log, both naming it: *stored*,
//! counted by reading the log when it is sealed, and *gone*, written before the log is
//! removed. Entries are absolute and the last one of a log counts, so whoever repeats
//! a step after a crash writes the same again and nothing is counted twice.
//!
//! Lock rules are those of a log: whoever appends shares the ledger's lock and looks whether
//! it is still the ledger; whoever replaces it by a shorter one holds the lock alone.
//!
//! An entry is a line: eight hex digits of crc32c, a space, JSON. A newline stands before it, too,
//! so that one that was cut short, or zeros behind the last one, spoil no other.
//!
//! It is read in pieces, and only as far as the entries of all logs that can be there would reach.
//! What makes it longer is no work of ours: before the next entry it is written anew without that.

use std::collections::BTreeMap;
use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use memchr::{memchr, memmem, memrchr};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::error::SpoolError;
use crate::fs::{File, Lock, Open, Replace};
use crate::name::LogName;
use crate::spool::{Held, Shared, TRIES};

/// The name of the file, within the spool.
pub(crate) const LEDGER: &str = "ledger";
/// A ledger of more bytes than this is worth shortening.
pub(crate) const LONG: u64 = if cfg!(test) { 512 } else { 256 * 1024 };
/// How much of it is read at once. No entry is longer; the sums of 999 slots take less than half.
const PIECE: usize = 256 * 1024;

/// How long its lock is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it is not waited for again, when that was in vain.
const HELD_FOR: Duration = Duration::from_secs(60);

/// What this process knows of the ledger.
#[derive(Default)]
pub(crate) struct LedgerState {
    /// How long it was when it was shortened last.
    shortened_to: AtomicU64,
    /// Since when another process has had its lock.
    held_since: Mutex<Option<Instant>>,
}

impl LedgerState {
    fn held_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.held_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Requests by what became of them. Their sum is what was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcomes {
    /// Delivered.
    pub delivered: u64,
    /// Outlived their use.
    pub expired: u64,
    /// Unreadable, kept for inspection.
    pub set_aside: u64,
    /// Gave way to newer ones.
    pub overwritten: u64,
    /// Removed because somebody asked for it.
    pub purged: u64,
}

impl Outcomes {
    /// Adds others to these.
    pub fn add(&mut self, other: &Self) {
        // Saturating: whatever numbers a damaged spool holds, they only have to be told.
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.expired = self.expired.saturating_add(other.expired);
        self.set_aside = self.set_aside.saturating_add(other.set_aside);
        self.overwritten = self.overwritten.saturating_add(other.overwritten);
        self.purged = self.purged.saturating_add(other.purged);
    }

    /// All of them together.
    pub fn sum(&self) -> u64 {
        let outcomes =
            [self.delivered, self.expired, self.set_aside, self.overwritten, self.purged];
        outcomes.into_iter().fold(0, u64::saturating_add)
    }
}

/// What was overwritten in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    /// Records. A stretch of bytes that is none, but may have been one, counts as one.
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

/// All that the ledger must know of a log once it is gone. Until that is entered, it stands in the
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
        let outcomes = Outcomes { delivered, expired, set_aside, overwritten, purged };
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
enum Entry {
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

/// The ledger as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ledger {
    pub(crate) folded: Folded,
    pub(crate) logs: BTreeMap<LogName, Account>,
    /// Lines that are no entry, and may have been one.
    pub(crate) spoiled: u64,
    /// Lines that a process did not finish writing, or zeros.
    pub(crate) torn: u64,
    /// Bytes that are not read, for no ledger gets that long.
    pub(crate) unread: u64,
}

impl Ledger {
    /// Takes over what these lines say of one log. Only those that name it are parsed: there may be
    /// thousands of others, and this is asked whenever a log is claimed or goes.
    fn extend_by(&mut self, bytes: &[u8], log: &str) {
        for at in memmem::find_iter(bytes, log) {
            let start = memrchr(b'\n', &bytes[..at]).map_or(0, |before| before + 1);
            let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |behind| at + behind);
            self.extend(&bytes[start..end]);
        }
    }

    /// Takes over the entries of the lines that come next.
    fn extend(&mut self, bytes: &[u8]) {
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if self.take(line) {
                continue;
            }
            if is_cut(line) {
                self.torn += 1;
                continue;
            }
            self.spoiled += 1;
            // The newline between two entries may be what was damaged: they stand in one line then.
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

    fn render(&self) -> String {
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

/// Whether a text goes on to the end of a line and holds what none of ours does: the quote behind it
/// was damaged.
fn is_open_text(json: &[u8]) -> bool {
    let last = memrchr(b'"', json).map_or(json.len(), |quote| quote + 1);
    let inside = json.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
    let ours = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    inside && !json[last..].iter().all(ours)
}

fn render(entry: &Entry) -> String {
    let json = serde_json::to_string(entry).expect("numbers and names are JSON");
    let mut line = String::with_capacity(json.len() + 11);
    let _ = writeln!(line, "\n{:08x} {json}", crc32c::crc32c(json.as_bytes()));
    line
}

impl Shared {
    /// Reads the whole ledger.
    pub(crate) fn read_ledger(&self) -> Result<Ledger, SpoolError> {
        let mut ledger = Ledger::default();
        ledger.unread = self.ledger_lines(|lines| ledger.extend(lines))?;
        Ok(ledger)
    }

    /// What the ledger says of one log.
    pub(crate) fn account(&self, log: LogName) -> Result<Account, SpoolError> {
        let (mut ledger, name) = (Ledger::default(), log.to_string());
        self.ledger_lines(|lines| ledger.extend_by(lines, &name))?;
        Ok(ledger.logs.get(&log).copied().unwrap_or_default())
    }

    /// Shows the ledger's lines, some at a time, and tells how many bytes are not read.
    fn ledger_lines(&self, mut show: impl FnMut(&[u8])) -> Result<u64, SpoolError> {
        let failed = |doing| move |error| self.io(doing, LEDGER, error);
        let file = match self.fs.open(LEDGER, Open::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(failed("open")(error)),
        };
        let len = file.stat().map_err(failed("look at"))?.len;
        let end = len.min(self.settings.ledger_max());
        let mut piece = vec![0; PIECE.min(end as usize)];
        // Of the piece, the beginning of a line whose end was not read yet.
        let (mut at, mut kept) = (0, 0);
        while at < end {
            let most = (end - at).min((piece.len() - kept) as u64) as usize;
            let read = file.read_at(&mut piece[kept..kept + most], at).map_err(failed("read"))?;
            if read == 0 {
                // It was replaced by a shorter one, or cut.
                break;
            }
            (at, kept) = (at + read as u64, kept + read);
            let whole = memrchr(b'\n', &piece[..kept]).map_or(0, |last| last + 1);
            // No entry is as long as a piece: what is goes line by line all the same.
            let whole = if whole == 0 && kept == piece.len() { kept } else { whole };
            show(&piece[..whole]);
            piece.copy_within(whole..kept, 0);
            kept -= whole;
        }
        show(&piece[..kept]);
        Ok(len - end)
    }

    /// Notes how many records a log held when it was sealed.
    pub(crate) fn enter_stored(&self, log: LogName, sealed: Sealed) -> Result<(), SpoolError> {
        self.append_entries(&[Entry::Stored { log: log.to_string(), sealed }], false)
    }

    /// Notes what a log held and what became of it, so that a power loss cannot undo it: the log
    /// may be removed after this.
    pub(crate) fn enter_gone(&self, log: LogName, counts: &Counts) -> Result<(), SpoolError> {
        let (name, Counts { sealed, gone }) = (log.to_string(), *counts);
        let stored = Entry::Stored { log: name.clone(), sealed };
        self.append_entries(&[stored, Entry::Gone { log: name, gone }], true)
    }

    fn append_entries(&self, entries: &[Entry], sync: bool) -> Result<(), SpoolError> {
        let lines: String = entries.iter().map(render).collect();
        let failed = |doing| move |error| self.io(doing, LEDGER, error);
        let mut made_anew = false;
        for _ in 0..TRIES {
            let file = match self.fs.open(LEDGER, Open::Append) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.make_ledger()?;
                    continue;
                }
                Err(error) => return Err(failed("open")(error)),
            };
            let held = self.lock_ledger(&*file, Lock::Shared)?;
            if !self.is_at(&*file, LEDGER)? {
                continue;
            }
            let len = file.stat().map_err(failed("look at"))?.len;
            if len > self.settings.ledger_max() && !made_anew {
                // What is written behind that would not be read.
                tracing::warn!(len, "the ledger is longer than it can be; it is written anew");
                drop(held);
                self.rewrite_ledger(u64::MAX)?;
                made_anew = true;
                continue;
            }
            file.append(lines.as_bytes()).map_err(|error| failed("write")(error.error))?;
            if sync {
                file.sync().map_err(failed("sync"))?;
            }
            drop(held);
            return Ok(());
        }
        Err(SpoolError::Restless { path: self.path.join(LEDGER) })
    }

    /// Makes an empty ledger, unless somebody else just did.
    pub(crate) fn make_ledger(&self) -> Result<(), SpoolError> {
        self.put_ledger(&Ledger::default().render(), Replace::Never)
    }

    fn put_ledger(&self, text: &str, replace: Replace) -> Result<(), SpoolError> {
        let path = format!("{LEDGER}.new-{:016x}", self.fs.random());
        let failed = |doing, error| self.io(doing, &path, error);
        let file = self.fs.create(&path).map_err(|error| failed("make", error))?;
        let put = || {
            file.append(text.as_bytes()).map_err(|error| failed("write", error.error))?;
            // Before the old one goes.
            file.sync().map_err(|error| failed("sync", error))?;
            match self.fs.rename(&path, LEDGER, replace) {
                Ok(()) => Ok(()),
                // Somebody else made one.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    let removed = self.fs.remove(&path);
                    removed.map_err(|error| failed("remove", error))
                }
                // A worker that starts clears away what looks abandoned. Whoever needs it
                // makes it again.
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                Err(error) => Err(failed("rename", error)),
            }
        };
        put().inspect_err(|_| drop(self.fs.remove(&path)))
    }

    /// Folds the entries of logs that are gone into sums, once there are many. A ledger that
    /// cannot be shortened now is only long.
    pub(crate) fn shorten_ledger_if_long(&self) {
        if let Err(error) = self.shorten_ledger() {
            tracing::warn!(%error, "the ledger stays as long as it is");
        }
    }

    fn shorten_ledger(&self) -> Result<(), SpoolError> {
        let len = || self.fs.stat(LEDGER).map_or(0, |stat| stat.len);
        let (before, last) = (len(), self.ledger.shortened_to.load(Ordering::Relaxed));
        if before < last.saturating_mul(2).max(LONG) {
            return Ok(());
        }
        // Many logs may be there, and each keeps its entries: then there is little to gain, and it
        // is not looked for again before there is twice as much.
        self.rewrite_ledger(before / 4 * 3)?;
        self.ledger.shortened_to.store(len(), Ordering::Relaxed);
        Ok(())
    }

    /// Takes the ledger's lock. What could not be entered is entered later, so a lock that another
    /// process keeps is waited for once a minute, and not at each log.
    fn lock_ledger<'a>(&self, file: &'a dyn File, how: Lock) -> Result<Held<'a>, SpoolError> {
        let known = self.ledger.held_since().is_some_and(|since| since.elapsed() < HELD_FOR);
        let patience = if known { Duration::ZERO } else { PATIENCE };
        let held = self.lock_for(file, how, LEDGER, patience);
        match &held {
            Ok(_) => *self.ledger.held_since() = None,
            Err(SpoolError::Locked { .. }) if !known => {
                *self.ledger.held_since() = Some(Instant::now());
            }
            Err(_) => {}
        }
        held
    }

    /// Replaces the ledger by one that holds the same in fewer entries, if that takes at most so
    /// many bytes.
    pub(crate) fn rewrite_ledger(&self, most: u64) -> Result<(), SpoolError> {
        let file =
            self.fs.open(LEDGER, Open::Read).map_err(|error| self.io("open", LEDGER, error))?;
        let _held = self.lock_ledger(&*file, Lock::Exclusive)?;
        if !self.is_at(&*file, LEDGER)? {
            return Ok(());
        }
        let mut ledger = self.read_ledger()?;
        // A log's entries go only when the log has gone, or whoever repeats the last step of
        // its removal would enter it anew. What goes after this look goes next time.
        let there = self.logs_there()?;
        ledger.folded = ledger.folded_without(&there);
        ledger.logs.retain(|log, account| there.contains(log) || account.gone.is_none());
        let text = ledger.render();
        if text.len() as u64 > most {
            return Ok(());
        }
        self.put_ledger(&text, Replace::Always)
    }
}

#[cfg(test)]
mod tests;
