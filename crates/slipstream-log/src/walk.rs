//! Reads a log record by record, past whatever is damaged.
//!
//! Guarantees: every record whose bytes are whole comes out, once, in order; everything
//! else comes out as [`Item::Damage`], so the two cover the log without a gap. Memory is
//! bounded by the file's own size whatever a length field claims, and every step moves on.
//!
//! A frame is believed when the check of its header holds, which the log's salt seeds.
//! When its payload does not hold what the header promises, writing it was cut short and
//! others may have written behind: the search for the next frame begins inside.

use std::io;
use std::ops::Range;

use crate::frame::{ALIGN, FRAME_HEADER, FrameHeader, LOG_HEADER, MARK, SETTLEMENT_AT, Settlement};
use crate::fs::File;

/// How much is read at once.
const WINDOW: usize = 256 * 1024;

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
}

impl Walk {
    /// Begins behind the header of a log with this salt, and ends at `end` bytes.
    pub fn new(salt: u64, end: u64) -> Self {
        Self { salt, at: LOG_HEADER.min(end), end, window: Vec::new(), window_at: 0 }
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
        if let Some(header) = self.frame_at(file, self.at)? {
            let at = self.at;
            self.at = (at + header.frame_len()).min(self.end);
            let bytes = self.bytes(file, at, FRAME_HEADER + header.length as usize)?;
            return Ok(Some(Item::Record {
                at,
                settlement: Settlement::parse(&bytes[SETTLEMENT_AT as usize..FRAME_HEADER]),
                payload: &bytes[FRAME_HEADER..],
            }));
        }
        let next = self.search(file)?;
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

    /// The header of the frame at `at`, if the frame is whole.
    fn frame_at(&mut self, file: &dyn File, at: u64) -> io::Result<Option<FrameHeader>> {
        if at + FRAME_HEADER as u64 > self.end {
            return Ok(None);
        }
        let salt = self.salt;
        let header = FrameHeader::parse(self.bytes(file, at, FRAME_HEADER)?, salt);
        let Some(header) = header else {
            return Ok(None);
        };
        // Checked against the file before anything of that size is made room for.
        let len = FRAME_HEADER as u64 + u64::from(header.length);
        if at + len > self.end {
            return Ok(None);
        }
        let payload = &self.bytes(file, at, len as usize)?[FRAME_HEADER..];
        Ok((crc32c::crc32c(payload) == header.payload_check).then_some(header))
    }

    /// Where the next whole frame begins behind the current place; the end if none does.
    fn search(&mut self, file: &dyn File) -> io::Result<u64> {
        let mut at = self.at + 1;
        while at + FRAME_HEADER as u64 <= self.end {
            let len = (self.end - at).min(WINDOW as u64 / 2) as usize;
            let bytes = self.bytes(file, at, len)?;
            let found = bytes.windows(MARK.len()).position(|bytes| bytes == MARK);
            let Some(found) = found else {
                at += (len - MARK.len() + 1) as u64;
                continue;
            };
            at += found as u64;
            if self.frame_at(file, at)?.is_some() {
                return Ok(at);
            }
            at += 1;
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
