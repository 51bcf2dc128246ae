//! Reader of a log, record by record, past whatever is damaged.
//!
//! A frame is believed when the check of its header holds, which the log's salt seeds. When its
//! payload does not hold what the header promises, writing it was cut short and others may have
//! written behind: the search for the next frame begins inside. That is paid for from a budget,
//! `SEARCH_INSIDE` times the log's size, so that the work is linear in that size, whatever the log
//! holds: headers inside each other's payloads would make it quadratic.
//!
//! **Torn or damaged.** A record is acknowledged once all of its bytes are written. So a record
//! whose bytes end before its header says, at the log's end or where another frame begins, never
//! was; a record that was whole, and of which a bit is flipped, ends where its header says. (A
//! record that lacks no more than the zeros that align the next frame make up for looks like the
//! latter, and counts so.) Zeros where frames were to be are what a power loss leaves of what was
//! not synced.
//!
//! # Invariants
//! - Every record whose bytes are whole comes out, once, in order.
//! - Everything else comes out as [`Item::Torn`] or [`Item::Damage`], so the three cover the log
//!   without a gap.
//! - Memory is bounded by the largest record, whatever a length field claims, time by the longest
//!   log, whatever length the file has.
//! - Every step moves on.

use std::io;
use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem;

use crate::format::frame::{
    ALIGN, FRAME_HEADER, FrameHeader, LOG_HEADER, MARK, SETTLEMENT_AT, SettlementField,
};
pub use crate::format::settings::Limits;
use crate::fs::ReadFile;

mod record;

pub use self::record::read_record;
pub(crate) use self::record::read_settlement;

/// How much is read at once.
const WINDOW: usize = 256 * 1024;

/// How many times the log's size may be spent on payloads that do not hold what their headers
/// promise. A flipped bit costs its payload once, a torn write as much as was to be written; so
/// writes that were torn on average after a sixteenth still fit.
const SEARCH_INSIDE: u64 = 16;
/// A log that is smaller counts as one of this size: a few torn writes of a large record may be
/// all that it holds.
const SMALL: u64 = WINDOW as u64;

/// Looks for the mark.
static MARKS: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(&MARK));

/// How many stretches of a log are distinguished. After that, all up to the next whole frame is
/// one.
const STRETCHES: u32 = 4_096;

/// What is at some place of a log.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A record.
    Record {
        /// Where its frame begins.
        at: u64,
        /// What has become of it.
        settlement: SettlementField,
        /// The record's bytes.
        payload: &'a [u8],
    },
    /// Bytes of a write that was cut short, or zeros. No record that was acknowledged.
    Torn(Range<u64>),
    /// Bytes that are no record, and may have been one.
    Damage(Range<u64>),
}

/// A place in a log, and what is read of it.
#[derive(Debug)]
pub struct Walk {
    /// None when no frame can be believed.
    salt: Option<u64>,
    at: u64,
    /// Where reading ends.
    end: u64,
    /// Where the file ends.
    len: u64,
    record_max: u64,
    /// No whole frame begins between `at` and here.
    gap_end: u64,
    window: Vec<u8>,
    window_at: u64,
    /// Bytes of payloads that may still be checked in vain.
    budget: u64,
    /// Stretches that may still be distinguished.
    stretches: u32,
}

/// What is at a place where a frame may begin.
enum Candidate {
    Frame(FrameHeader),
    /// No frame; the next one may begin so many bytes further on.
    None(u64),
}

impl Walk {
    /// Begins behind the header of a log with this salt and length.
    pub fn new(salt: u64, len: u64, limits: Limits) -> Self {
        let end = len.min(limits.log);
        let budget = end.max(SMALL).saturating_mul(SEARCH_INSIDE);
        Self {
            salt: Some(salt),
            at: LOG_HEADER.min(end),
            end,
            len,
            record_max: limits.record,
            gap_end: 0,
            window: Vec::new(),
            window_at: 0,
            budget,
            stretches: STRETCHES,
        }
    }

    /// A walk over a log whose header cannot be read: it holds nothing, or all of it is damage.
    pub fn unreadable(len: u64, limits: Limits) -> Self {
        let walk = Self::new(0, len, limits);
        // No frame can be believed without the salt, so none is looked for.
        Self { salt: None, at: 0, gap_end: walk.end, ..walk }
    }

    /// The salt that its frames must have; zero when that is not known.
    pub fn salt(&self) -> u64 {
        self.salt.unwrap_or_default()
    }

    /// Where reading ends: where the log does, or where the longest would.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The same walk, to go on at a frame that it, or an earlier walk over the same log, has found.
    pub fn seek(&mut self, frame: u64) {
        self.at = frame.clamp(LOG_HEADER.min(self.end), self.end);
        self.gap_end = 0;
    }

    /// How many bytes follow that, and are not read.
    pub fn unread(&self) -> u64 {
        self.len - self.end
    }

    /// The next item, none at the end.
    ///
    /// # Errors
    /// When the file cannot be read. The walk may be tried again.
    pub fn next<'a>(&'a mut self, file: &dyn ReadFile) -> io::Result<Option<Item<'a>>> {
        while self.at < self.end {
            let at = self.at;
            if at < self.gap_end {
                let start = self.start(file, at)?;
                let mark = self.next_mark(file, at + 1, self.gap_end)?;
                if let Some(item) = self.no_record(file, &start, mark)? {
                    return Ok(Some(item));
                }
                continue;
            }
            let step = match self.candidate(file, at)? {
                Candidate::Frame(header) => {
                    self.at = (at + header.frame_len()).min(self.end);
                    let bytes = self.bytes(file, at, FRAME_HEADER + header.length as usize)?;
                    return Ok(Some(Item::Record {
                        at,
                        settlement: SettlementField::parse(
                            &bytes[SETTLEMENT_AT as usize..FRAME_HEADER],
                        ),
                        payload: &bytes[FRAME_HEADER..],
                    }));
                }
                Candidate::None(step) => step,
            };
            let start = self.start(file, at)?;
            let mark = self.search(file, at + step)?;
            if let Some(item) = self.no_record(file, &start, mark)? {
                return Ok(Some(item));
            }
        }
        // What is behind the longest that a log gets.
        Ok((self.at < self.len).then(|| self.damage_until(self.end)))
    }

    /// What is at a place from which on there is no whole frame until `gap_end`, and no mark until
    /// `mark`. None for the few zeros that only bring the next frame to its alignment: they belong
    /// to none.
    fn no_record(
        &mut self,
        file: &dyn ReadFile,
        start: &[u8; FRAME_HEADER],
        mark: u64,
    ) -> io::Result<Option<Item<'static>>> {
        let (at, gap_end) = (self.at, self.gap_end);
        let padding = mark - at < ALIGN as u64 && mark < self.end;
        if padding && is_zeros(&start[..(mark - at) as usize]) {
            self.at = mark;
            return Ok(None);
        }
        let Some(stretches) = self.stretches.checked_sub(1) else {
            return Ok(Some(self.damage_until(gap_end)));
        };
        self.stretches = stretches;
        let torn = match self.parse(start) {
            Some(header) if at + FRAME_HEADER as u64 + u64::from(header.length) <= gap_end => {
                // All its bytes are there, and not what was written.
                return Ok(Some(self.damage_until((at + header.frame_len()).min(gap_end))));
            }
            // Perhaps it is only not read.
            Some(_) if gap_end == self.end && self.unread() > 0 => false,
            // A record that was given out is settled: it was whole.
            Some(_) => {
                let written = (mark - at).clamp(SETTLEMENT_AT, FRAME_HEADER as u64);
                is_zeros(&start[SETTLEMENT_AT as usize..written as usize])
            }
            None => {
                // A mark of which nothing holds may be what is left of a record.
                let behind = self.start(file, mark.min(self.end))?;
                let known = mark == gap_end || self.parse(&behind).is_some();
                self.is_torn_header(file, at..mark, known)?
            }
        };
        if !torn {
            return Ok(Some(self.damage_until(gap_end)));
        }
        self.at = mark;
        Ok(Some(Item::Torn(at..mark)))
    }

    fn damage_until(&mut self, end: u64) -> Item<'static> {
        let start = std::mem::replace(&mut self.at, end);
        if end < self.end {
            return Item::Damage(start..end);
        }
        self.at = self.len;
        Item::Damage(start..self.len)
    }

    /// Whether there is nothing but zeros, and behind them what a write may have got as far with
    /// that did not get through a frame's header, with the zeros that align the next frame. The
    /// latter only if what comes next is `known`.
    fn is_torn_header(
        &mut self,
        file: &dyn ReadFile,
        range: Range<u64>,
        known: bool,
    ) -> io::Result<bool> {
        let start = self.zeros(file, range.clone())?;
        let len = (range.end - start) as usize;
        if len == 0 {
            return Ok(true);
        }
        let Some(salt) = self.salt.filter(|_| known && len < FRAME_HEADER + ALIGN) else {
            return Ok(false);
        };
        let bytes = self.bytes(file, start, len)?;
        let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let bytes = &bytes[..written];
        let settlement_at = SETTLEMENT_AT as usize;
        if written < settlement_at {
            return Ok(bytes.starts_with(&MARK) || MARK.starts_with(bytes));
        }
        let mut header = [0; FRAME_HEADER];
        header[..settlement_at].copy_from_slice(&bytes[..settlement_at]);
        Ok(written == settlement_at && FrameHeader::parse(&header, salt).is_some())
    }

    /// The header that these bytes hold, if they hold one of this log.
    fn parse(&self, start: &[u8]) -> Option<FrameHeader> {
        let header = FrameHeader::parse(start, self.salt?)?;
        (u64::from(header.length) <= self.record_max).then_some(header)
    }

    /// The bytes where a frame may begin; zeros behind the end.
    fn start(&mut self, file: &dyn ReadFile, at: u64) -> io::Result<[u8; FRAME_HEADER]> {
        let mut start = [0; FRAME_HEADER];
        let len = (self.end - at).min(FRAME_HEADER as u64) as usize;
        start[..len].copy_from_slice(self.bytes(file, at, len)?);
        Ok(start)
    }

    /// The frame at `at`, if there is one and it is whole.
    fn candidate(&mut self, file: &dyn ReadFile, at: u64) -> io::Result<Candidate> {
        if at + FRAME_HEADER as u64 > self.end {
            return Ok(Candidate::None(1));
        }
        let start = self.start(file, at)?;
        let Some(header) = self.parse(&start) else {
            return Ok(Candidate::None(1));
        };
        // Checked against the file before anything of it is read.
        let len = FRAME_HEADER as u64 + u64::from(header.length);
        if at + len > self.end {
            return Ok(Candidate::None(1));
        }
        if self.payload_check(file, at, len)? == header.payload_check {
            return Ok(Candidate::Frame(header));
        }
        match self.budget.checked_sub(len) {
            Some(left) => {
                self.budget = left;
                Ok(Candidate::None(1))
            }
            None => Ok(Candidate::None(len)),
        }
    }

    /// The check of a frame's payload. A large one is read in pieces: room is made for it only
    /// once it is known to be whole.
    fn payload_check(&mut self, file: &dyn ReadFile, at: u64, len: u64) -> io::Result<u32> {
        if len <= WINDOW as u64 {
            return Ok(crc32c::crc32c(&self.bytes(file, at, len as usize)?[FRAME_HEADER..]));
        }
        let mut check = 0;
        self.pieces(file, at..at + len, |place, bytes| {
            let skipped = if place == at { FRAME_HEADER } else { 0 };
            check = crc32c::crc32c_append(check, &bytes[skipped..]);
            true
        })?;
        Ok(check)
    }

    /// Finds where the next whole frame begins at or behind `at`; no later than the end. Returns
    /// where the first mark is.
    fn search(&mut self, file: &dyn ReadFile, at: u64) -> io::Result<u64> {
        let first = self.next_mark(file, at, self.end)?;
        let mut at = first;
        while at < self.end {
            match self.candidate(file, at)? {
                Candidate::Frame(_) => break,
                Candidate::None(step) => at = (at + step).min(self.end),
            }
            at = self.next_mark(file, at, self.end)?;
        }
        self.gap_end = at;
        Ok(first)
    }

    /// Where the next mark is at or behind `at`; `until` if none does before.
    fn next_mark(&mut self, file: &dyn ReadFile, at: u64, until: u64) -> io::Result<u64> {
        let mut found = until;
        let mut from = at;
        while from + MARK.len() as u64 <= until {
            let len = self.handy(from, until);
            if let Some(place) = MARKS.find(self.bytes(file, from, len)?) {
                found = from + place as u64;
                break;
            }
            from += (len - MARK.len() + 1) as u64;
        }
        Ok(found)
    }

    /// Where the zeros end that these bytes begin with.
    fn zeros(&mut self, file: &dyn ReadFile, range: Range<u64>) -> io::Result<u64> {
        let mut end = range.end;
        self.pieces(file, range, |at, bytes| match bytes.iter().position(|byte| *byte != 0) {
            Some(place) => {
                end = at + place as u64;
                false
            }
            None => true,
        })?;
        Ok(end)
    }

    /// Shows these bytes in pieces, and where each begins, for as long as `look` wants more.
    fn pieces(
        &mut self,
        file: &dyn ReadFile,
        range: Range<u64>,
        mut look: impl FnMut(u64, &[u8]) -> bool,
    ) -> io::Result<()> {
        let mut at = range.start;
        while at < range.end {
            let len = self.handy(at, range.end);
            if !look(at, self.bytes(file, at, len)?) {
                return Ok(());
            }
            at += len as u64;
        }
        Ok(())
    }

    /// How many bytes from `at` on are looked at together: the bytes that are read already, if they
    /// are more than a frame's header.
    fn handy(&self, at: u64, until: u64) -> usize {
        let held = (self.window_at + self.window.len() as u64).saturating_sub(at);
        let read = at >= self.window_at && held > FRAME_HEADER as u64;
        (until - at).min(if read { held } else { WINDOW as u64 }) as usize
    }

    /// `len` bytes from `at`, which must end before reading does.
    fn bytes(&mut self, file: &dyn ReadFile, at: u64, len: usize) -> io::Result<&[u8]> {
        let held = self.window_at..self.window_at + self.window.len() as u64;
        if !(held.contains(&at) && at + len as u64 <= held.end) {
            let room = (self.end - at).min(len.max(WINDOW) as u64) as usize;
            // Emptied first: a failed read must not leave bytes that look read.
            let mut window = std::mem::take(&mut self.window);
            window.resize(room, 0);
            // What a large record needed is given back.
            window.shrink_to(WINDOW);
            let read = file.read_at(&mut window, at)?;
            // The file was cut since: what is gone is read as zeros, which are no frame.
            window[read..].fill(0);
            self.window = window;
            self.window_at = at;
        }
        let start = (at - self.window_at) as usize;
        Ok(&self.window[start..start + len])
    }
}

/// Whether nothing is in these bytes.
pub(crate) fn is_zeros(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests;
