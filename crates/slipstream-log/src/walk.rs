//! Reads a log record by record, past whatever is damaged.
//!
//! Guarantees: every record whose bytes are whole comes out, once, in order; everything
//! else comes out as [`Item::Damage`], so the two cover the log without a gap. Memory is
//! bounded by the file's own size whatever a length field claims, and every step moves on.
//!
//! A frame is believed when the check of its header holds, which the log's salt seeds.
//! When its payload does not hold what the header promises, writing it was cut short and
//! others may have written behind: the search for the next frame begins inside. That is paid for
//! from a budget, `SEARCH_INSIDE` times the log's size, so that the work is linear in that size
//! whoever made the log: headers that stand in each other's payloads would make it quadratic.

use std::io;
use std::ops::Range;

use crate::frame::{ALIGN, FRAME_HEADER, FrameHeader, LOG_HEADER, MARK, SETTLEMENT_AT, Settlement};
use crate::fs::File;

/// How much is read at once.
const WINDOW: usize = 256 * 1024;

/// How many times the log's size may be spent on payloads that do not hold what their headers
/// promise. A flipped bit costs its payload once, a torn write as much as was to be written; so
/// writes that were torn on average after a sixteenth still fit.
const SEARCH_INSIDE: u64 = 16;
/// A log that is smaller counts as one of this size: a few torn writes of a large record may be
/// all that it holds.
const SMALL: u64 = WINDOW as u64;

/// What stands at some place of a log.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A record.
    Record {
        /// Where its frame begins.
        at: u64,
        /// What has become of it.
        settlement: Settlement,
        /// The record's bytes.
        payload: &'a [u8],
    },
    /// Bytes that are no record.
    Damage(Range<u64>),
}

/// A place in a log, and what is read of it.
#[derive(Debug)]
pub struct Walk {
    salt: u64,
    at: u64,
    end: u64,
    window: Vec<u8>,
    window_at: u64,
    /// Bytes of payloads that may still be checked in vain.
    budget: u64,
}

/// What stands at a place where a frame may begin.
enum Candidate {
    Frame(FrameHeader),
    /// No frame; the next one may begin so many bytes further on.
    None(u64),
}

impl Walk {
    /// Begins behind the header of a log with this salt, and ends at `end` bytes.
    pub fn new(salt: u64, end: u64) -> Self {
        let budget = end.max(SMALL).saturating_mul(SEARCH_INSIDE);
        Self { salt, at: LOG_HEADER.min(end), end, window: Vec::new(), window_at: 0, budget }
    }

    /// A walk over a log whose header cannot be read: all of it is damage.
    pub fn unreadable(end: u64) -> Self {
        Self {
            at: 0,
            // No frame can be believed without the salt, so none is looked for.
            window_at: u64::MAX,
            ..Self::new(0, end)
        }
    }

    /// The salt that its frames must have.
    pub fn salt(&self) -> u64 {
        self.salt
    }

    /// Where the log ends.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The next item, none at the end.
    ///
    /// # Errors
    /// When the file cannot be read. The walk may be tried again.
    pub fn next<'a>(&'a mut self, file: &dyn File) -> io::Result<Option<Item<'a>>> {
        if self.at >= self.end {
            return Ok(None);
        }
        if self.window_at == u64::MAX {
            return Ok(Some(self.damage_until(self.end)));
        }
        let at = self.at;
        let next = match self.candidate(file, at)? {
            Candidate::Frame(header) => {
                self.at = (at + header.frame_len()).min(self.end);
                let bytes = self.bytes(file, at, FRAME_HEADER + header.length as usize)?;
                return Ok(Some(Item::Record {
                    at,
                    settlement: Settlement::parse(&bytes[SETTLEMENT_AT as usize..FRAME_HEADER]),
                    payload: &bytes[FRAME_HEADER..],
                }));
            }
            Candidate::None(step) => self.search(file, at + step)?,
        };
        if self.is_padding(file, next)? {
            self.at = next;
            return self.next(file);
        }
        Ok(Some(self.damage_until(next)))
    }

    fn damage_until(&mut self, end: u64) -> Item<'static> {
        let start = std::mem::replace(&mut self.at, end);
        Item::Damage(start..end)
    }

    /// Zeros that only bring the next frame to its alignment belong to nobody.
    fn is_padding(&mut self, file: &dyn File, next: u64) -> io::Result<bool> {
        let len = (next - self.at) as usize;
        Ok(len < ALIGN
            && next < self.end
            && self.bytes(file, self.at, len)?.iter().all(|b| *b == 0))
    }

    /// The frame at `at`, if there is one and it is whole.
    fn candidate(&mut self, file: &dyn File, at: u64) -> io::Result<Candidate> {
        if at + FRAME_HEADER as u64 > self.end {
            return Ok(Candidate::None(1));
        }
        let salt = self.salt;
        let header = FrameHeader::parse(self.bytes(file, at, FRAME_HEADER)?, salt);
        let Some(header) = header else {
            return Ok(Candidate::None(1));
        };
        // Checked against the file before anything of that size is made room for.
        let len = FRAME_HEADER as u64 + u64::from(header.length);
        if at + len > self.end {
            return Ok(Candidate::None(1));
        }
        let payload = &self.bytes(file, at, len as usize)?[FRAME_HEADER..];
        if crc32c::crc32c(payload) == header.payload_check {
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

    /// Where the next whole frame begins at or behind `at`; the end if none does.
    fn search(&mut self, file: &dyn File, mut at: u64) -> io::Result<u64> {
        while at + FRAME_HEADER as u64 <= self.end {
            let len = (self.end - at).min(WINDOW as u64 / 2) as usize;
            let bytes = self.bytes(file, at, len)?;
            let found = bytes.windows(MARK.len()).position(|bytes| bytes == MARK);
            let Some(found) = found else {
                at += (len - MARK.len() + 1) as u64;
                continue;
            };
            at += found as u64;
            match self.candidate(file, at)? {
                Candidate::Frame(_) => return Ok(at),
                Candidate::None(step) => at += step,
            }
        }
        Ok(self.end)
    }

    /// `len` bytes from `at`, which must end before the file does.
    fn bytes(&mut self, file: &dyn File, at: u64, len: usize) -> io::Result<&[u8]> {
        let held = self.window_at..self.window_at + self.window.len() as u64;
        if !(held.contains(&at) && at + len as u64 <= held.end) {
            let room = (self.end - at).min(len.max(WINDOW) as u64) as usize;
            self.window.resize(room, 0);
            // Emptied first: a failed read must not leave bytes that look read.
            let mut window = std::mem::take(&mut self.window);
            let read = file.read_at(&mut window, at)?;
            // The file was cut since: what is gone reads as zeros, which are no frame.
            window[read..].fill(0);
            self.window = window;
            self.window_at = at;
        }
        let start = (at - self.window_at) as usize;
        Ok(&self.window[start..start + len])
    }
}

/// Reads the one record whose frame begins at `at`, if it is whole.
///
/// # Errors
/// When the file cannot be read.
pub fn read_record(
    file: &dyn File,
    salt: u64,
    at: u64,
) -> io::Result<Option<(Settlement, Vec<u8>)>> {
    let end = file.stat()?.len;
    let mut header = [0; FRAME_HEADER];
    let read = file.read_at(&mut header, at)?;
    let Some(parsed) = FrameHeader::parse(&header[..read], salt) else {
        return Ok(None);
    };
    if at + FRAME_HEADER as u64 + u64::from(parsed.length) > end {
        return Ok(None);
    }
    let mut payload = vec![0; parsed.length as usize];
    let read = file.read_at(&mut payload, at + FRAME_HEADER as u64)?;
    if read < payload.len() || crc32c::crc32c(&payload) != parsed.payload_check {
        return Ok(None);
    }
    let settlement = Settlement::parse(&header[SETTLEMENT_AT as usize..]);
    Ok(Some((settlement, payload)))
}

#[cfg(test)]
mod tests;
