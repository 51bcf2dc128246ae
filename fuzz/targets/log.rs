//! A log of any bytes: a walk over it ends, finds every whole record and nothing else, covers
//! all that is no record with damage, and never asks for more bytes than the log has.
//!
//! The first byte says what is put right in the others, since no fuzzer guesses a checksum: headers
//! (1), checks of frames (2), checks of their payloads (4); and whether a gap follows the header
//! (all bits), so large that a walk does not read all at once. Records are looked for a second
//! time, in the simplest way there is.

use std::io;

use slipstream_log::frame::{
    FRAME_HEADER, FrameHeader, LOG_HEADER, LogHeader, MARK, SETTLEMENT_AT, SettlementField,
    frame_len,
};
use slipstream_log::fs::{ReadFile, Stat};
use slipstream_log::walk::{Item, Limits, Walk, read_record};

/// What a search goes through at once, less the header and a little.
const GAP: usize = 128 * 1024 - 160;

pub(crate) fn check(data: &[u8]) {
    let Some((flags, bytes)) = data.split_first() else {
        return;
    };
    let mut bytes = bytes.to_vec();
    if flags & 1 != 0 {
        mend_header(&mut bytes);
    }
    let header = LogHeader::parse(&bytes);
    if let Some(header) = header {
        assert_eq!(LogHeader::parse(&header.encode()), Some(header));
    }
    let salt = header.map_or(0, |header| header.salt);
    if flags & 6 != 0 {
        mend_frames(&mut bytes, salt, flags & 2 != 0, flags & 4 != 0);
    }
    // Seldom, since it takes long.
    if *flags == u8::MAX && bytes.len() > LOG_HEADER as usize {
        let gap = GAP + bytes.len() % 256;
        bytes.splice(LOG_HEADER as usize..LOG_HEADER as usize, vec![0; gap]);
    }
    walk(&Memory(bytes), salt);
}

fn walk(log: &Memory, salt: u64) {
    let bytes = &log.0;
    let end = bytes.len() as u64;
    let expected = records(bytes, salt);
    let mut found = Vec::new();
    let mut at = LOG_HEADER.min(end);
    let mut walk = Walk::new(salt, end, Limits::WIDEST);
    while let Some(item) = walk.next(log).unwrap() {
        let (start, stop) = match item {
            Item::Damage(range) | Item::Torn(range) => (range.start, range.end),
            Item::Record { at, settlement, payload } => {
                let begin = at as usize;
                let header = &bytes[begin..begin + FRAME_HEADER];
                assert_eq!(payload, &bytes[begin + FRAME_HEADER..][..payload.len()]);
                let written = &header[SETTLEMENT_AT as usize..];
                assert_eq!(settlement, SettlementField::parse(written));
                // What reads as anything but fresh was written just so.
                if settlement != SettlementField::FRESH {
                    assert_eq!(settlement.encode(), *written);
                }
                let again = read_record(log, salt, at, Limits::WIDEST).unwrap();
                assert_eq!(again, Some((settlement, payload.to_vec())));
                found.push(at);
                (at, (at + frame_len(payload.len()) as u64).min(end))
            }
        };
        // Only a few zeros before a record belong to none.
        let between = &bytes[at as usize..start as usize];
        assert!(between.len() < 8 && between.iter().all(|byte| *byte == 0), "a gap at {at}");
        assert!(stop > start, "no step at {start}");
        at = stop;
    }
    assert_eq!(at, end, "not all of it was covered");
    assert_eq!(found, expected);
}

/// Where whole records begin.
fn records(bytes: &[u8], salt: u64) -> Vec<u64> {
    let mut found = Vec::new();
    let mut at = LOG_HEADER as usize;
    while at < bytes.len() {
        match whole_frame(bytes, at, salt) {
            Some(length) => {
                found.push(at as u64);
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

/// The length of the frame that begins there, if one does, and is whole.
fn whole_frame(bytes: &[u8], at: usize, salt: u64) -> Option<usize> {
    if bytes[at] != MARK[0] {
        return None;
    }
    let header = FrameHeader::parse(&bytes[at..], salt)?;
    let payload = bytes[at + FRAME_HEADER..].get(..header.length as usize)?;
    (crc32c::crc32c(payload) == header.payload_check).then(|| frame_len(payload.len()))
}

fn mend_header(bytes: &mut [u8]) {
    for copy in bytes.chunks_exact_mut(64).take(2) {
        let check = crc32c::crc32c(&copy[..60]);
        copy[60..].copy_from_slice(&check.to_le_bytes());
    }
}

fn mend_frames(bytes: &mut [u8], salt: u64, headers: bool, payloads: bool) {
    let marks: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(&MARK)).collect();
    // The last one first: a frame may be in another's payload.
    for at in marks.into_iter().rev() {
        let Some(header) = bytes.get(at..at + FRAME_HEADER) else {
            continue;
        };
        let length = u32::from_le_bytes(header[4..8].try_into().unwrap()) as usize;
        if payloads && let Some(payload) = bytes[at + FRAME_HEADER..].get(..length) {
            let check = crc32c::crc32c(payload);
            bytes[at + 8..at + 12].copy_from_slice(&check.to_le_bytes());
        }
        if headers {
            let seed = crc32c::crc32c(&salt.to_le_bytes());
            let check = crc32c::crc32c_append(seed, &bytes[at..at + 12]);
            bytes[at + 12..at + 16].copy_from_slice(&check.to_le_bytes());
        }
    }
}

/// A file that can only be read.
struct Memory(Vec<u8>);

impl ReadFile for Memory {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        assert!(bytes.len() <= self.0.len(), "more was asked for than there is");
        let there = self.0.get(at as usize..).unwrap_or_default();
        let len = there.len().min(bytes.len());
        bytes[..len].copy_from_slice(&there[..len]);
        Ok(len)
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(Stat { identity: (0, 0), len: self.0.len() as u64 })
    }
}
