//! The bytes of a log: its header, and the frame around each record. Pure.
//!
//! # Invariants
//! - What [`FrameHeader::parse`] accepts was written for this very log (its salt seeds the check).
//! - No bit flip in a [`SettlementField`] is read as delivered.
//! - Zeros are never a header and never a frame. docs/format.md draws the same bytes.
//!
//! # Non-goals
//! What a payload means, and where the bytes come from.

use std::time::Duration;

use slipstream_core::Timestamp;

/// Bytes before the first frame: two copies of the log's description of itself, so that damage to
/// one copy costs nothing, and the seal.
pub const LOG_HEADER: u64 = SEAL_AT + SEAL.len() as u64;
/// Where the seal is. Zeros there say that the log may be appended to; anything else says that it
/// may not, so that no damage opens a log again.
pub const SEAL_AT: u64 = 2 * COPY as u64;
/// What the process that seals a log writes there.
pub const SEAL: [u8; 16] = *b"sealed: go away\n";
const COPY: usize = 64;
const MAGIC: [u8; 8] = *b"\x89SLIPLOG";
/// The version of the format that this code writes and reads.
pub const FORMAT_VERSION: u16 = 1;

/// Bytes of a frame before its payload.
pub const FRAME_HEADER: usize = 32;
/// Where in a frame its [`SettlementField`] is.
pub const SETTLEMENT_AT: u64 = 16;
/// MessagePack never uses its first byte, so no record's payload begins with the mark.
pub const MARK: [u8; 4] = *b"\xC1REC";
/// Frames take a multiple of this many bytes, so that a settlement never straddles a page.
pub const ALIGN: usize = 8;

/// A log's description of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHeader {
    /// The slot that it belongs to.
    pub slot: u16,
    /// Chosen by chance for each log: its identity, and the seed of its frames' checks.
    pub salt: u64,
    /// The wall clock when it was made: decides when it must rotate.
    pub opened: Timestamp,
    /// Orders the logs of a slot: `opened`, or just behind the newest log that existed
    /// then if the clock had stepped back.
    pub stamp: Timestamp,
}

impl LogHeader {
    /// Its bytes, both copies, and no seal.
    pub fn encode(&self) -> [u8; LOG_HEADER as usize] {
        let mut copy = [0; COPY];
        copy[0..8].copy_from_slice(&MAGIC);
        copy[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        copy[10..12].copy_from_slice(&self.slot.to_le_bytes());
        copy[16..24].copy_from_slice(&self.salt.to_le_bytes());
        copy[24..32].copy_from_slice(&self.opened.as_millis().to_le_bytes());
        copy[32..40].copy_from_slice(&self.stamp.as_millis().to_le_bytes());
        let check = crc32c::crc32c(&copy[..60]);
        copy[60..64].copy_from_slice(&check.to_le_bytes());
        let mut both = [0; LOG_HEADER as usize];
        both[..COPY].copy_from_slice(&copy);
        both[COPY..2 * COPY].copy_from_slice(&copy);
        both
    }

    /// The header at the beginning of these bytes, from whichever copy is whole.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        bytes.chunks_exact(COPY).take(2).find_map(Self::parse_copy)
    }

    fn parse_copy(copy: &[u8]) -> Option<Self> {
        if copy[0..8] != MAGIC
            || u16_at(copy, 8) != FORMAT_VERSION
            || u32_at(copy, 60) != crc32c::crc32c(&copy[..60])
        {
            return None;
        }
        Some(Self {
            slot: u16_at(copy, 10),
            salt: u64_at(copy, 16),
            opened: Timestamp::from_millis(u64_at(copy, 24)),
            stamp: Timestamp::from_millis(u64_at(copy, 32)),
        })
    }
}

/// What precedes a payload, less the settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// The payload's length in bytes.
    pub length: u32,
    /// The payload's crc32c.
    pub payload_check: u32,
}

impl FrameHeader {
    /// The header that these bytes hold, if they hold one of the log with this salt.
    /// Whether the payload is whole is for the caller to see.
    pub fn parse(bytes: &[u8], salt: u64) -> Option<Self> {
        let header = bytes.get(..FRAME_HEADER)?;
        if header[..4] != MARK || u32_at(header, 12) != header_check(header, salt) {
            return None;
        }
        Some(Self { length: u32_at(header, 4), payload_check: u32_at(header, 8) })
    }

    /// Bytes of the whole frame: header, payload, padding.
    pub fn frame_len(&self) -> u64 {
        frame_len(self.length as usize) as u64
    }
}

/// Bytes of the frame around a payload of `length` bytes.
pub fn frame_len(length: usize) -> usize {
    (FRAME_HEADER + length).next_multiple_of(ALIGN)
}

fn header_check(header: &[u8], salt: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), &header[..12])
}

/// Frames being put together for one write: built without knowing the log, then
/// [sealed](Frames::seal) for the log that is current when they are written.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Frames {
    /// Frames with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(ALIGN + capacity);
        bytes.resize(ALIGN, 0);
        Self { bytes, starts: Vec::with_capacity(1) }
    }

    /// Adds the record that `write` writes, and returns its payload's length.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> usize {
        let start = self.bytes.len();
        self.bytes.resize(start + FRAME_HEADER, 0);
        write(&mut self.bytes);
        let payload = start + FRAME_HEADER..self.bytes.len();
        let length = payload.len();
        let check = crc32c::crc32c(&self.bytes[payload]);
        self.bytes.resize(start + frame_len(length), 0);
        let header = &mut self.bytes[start..start + FRAME_HEADER];
        header[..4].copy_from_slice(&MARK);
        let stored_length = u32::try_from(length).unwrap_or(u32::MAX);
        header[4..8].copy_from_slice(&stored_length.to_le_bytes());
        header[8..12].copy_from_slice(&check.to_le_bytes());
        self.starts.push(start);
        length
    }

    /// Makes them frames of the log with this salt.
    pub fn seal(&mut self, salt: u64) {
        for &start in &self.starts {
            let header = &mut self.bytes[start..start + FRAME_HEADER];
            let check = header_check(header, salt);
            header[12..16].copy_from_slice(&check.to_le_bytes());
        }
    }

    /// The bytes to append to a log of `end` bytes: behind a torn record, zeros first,
    /// so that the frames are aligned again.
    pub fn bytes_at(&self, end: u64) -> &[u8] {
        let over = (end % ALIGN as u64) as usize;
        let pad = if over == 0 { 0 } else { ALIGN - over };
        &self.bytes[ALIGN - pad..]
    }

    /// Bytes that the frames take, without padding before them.
    pub fn size(&self) -> usize {
        self.bytes.len() - ALIGN
    }
}

/// What has become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not settled yet.
    Pending,
    /// Delivered.
    Delivered,
    /// A dead letter; it is kept until an operator retries it or its log is overwritten.
    Failed,
    /// It outlived its use.
    Expired,
    /// A dead letter that an operator removed.
    Dropped,
}

// Any two differ in 16 bits or more. Pending is zero, so that a writer writes zeros.
const CODES: [(u32, State); 5] = [
    (0x0000_0000, State::Pending),
    (0x0F0F_F0F0, State::Delivered),
    (0xF0F0_0F0F, State::Failed),
    (0x3C3C_C3C3, State::Expired),
    (0xC3C3_3C3C, State::Dropped),
];

/// As different from those: pending, and an attempt was begun that nothing is known of.
const BEGUN: u32 = 0x5A5A_A5A5;

/// How often an attempt may be interrupted before it counts as a failed attempt.
pub const INTERRUPTIONS_MAX: u16 = 8;

/// The fields that a worker changes in place, in one aligned write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettlementField {
    /// What has become of the record.
    pub state: State,
    /// Attempts that were begun.
    pub attempts: u16,
    /// Not to be attempted before this time; zero when it may be at once.
    pub due: Timestamp,
    /// How long the wait was when it began, in units of [`WAIT_UNIT`], rounded up. A due time
    /// further ahead than that shows that the clock has been set back, and does not hold.
    pub wait: u16,
    /// The last attempt was begun, and how it ended is not known: how often it was interrupted
    /// before. Only a pending record says so, and it has no due time then.
    pub begun: Option<u16>,
}

/// What [`SettlementField::wait`] counts in.
pub const WAIT_UNIT: Duration = Duration::from_secs(8);

/// The latest due time that there is room for: the year 10889.
const DUE_MAX: u64 = (1 << 48) - 1;

impl SettlementField {
    /// How every record begins: sixteen zeros.
    pub const FRESH: Self = Self {
        state: State::Pending,
        attempts: 0,
        due: Timestamp::from_millis(0),
        wait: 0,
        begun: None,
    };

    /// How often the next attempt was interrupted already, in a row.
    pub fn interruptions(&self) -> u16 {
        self.begun.map_or(0, |before| before.saturating_add(1))
    }

    /// The same with an interrupted attempt given back: it did not fail, the worker ended. An
    /// attempt that was interrupted too often stays counted, so a request that crashes its worker
    /// uses up its attempts.
    #[must_use]
    pub fn resumed(self) -> Self {
        let given_back = self.begun.is_some_and(|before| before < INTERRUPTIONS_MAX);
        let attempts = self.attempts.saturating_sub(given_back.into());
        Self { attempts, begun: None, ..self }
    }

    /// The same with one attempt more, that is about to be made.
    #[must_use]
    pub fn begin(self) -> Self {
        let resumed = self.resumed();
        Self {
            attempts: resumed.attempts.saturating_add(1),
            begun: Some(self.interruptions().min(INTERRUPTIONS_MAX)),
            due: Timestamp::default(),
            wait: 0,
            ..resumed
        }
    }

    /// The same, but not to be attempted for so long from `now` on.
    #[must_use]
    pub fn due_in(self, wait: Duration, now: Timestamp) -> Self {
        let units = wait.as_secs().div_ceil(WAIT_UNIT.as_secs()).max(1);
        let wait_units = u16::try_from(units).unwrap_or(u16::MAX);
        Self { due: now.after(wait), wait: wait_units, ..self }
    }

    /// How long it is not to be attempted yet: never longer than it was to wait at first.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        self.due.since(now).min(WAIT_UNIT * u32::from(self.wait))
    }

    /// Its bytes.
    pub fn encode(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        if *self == Self::FRESH {
            return bytes;
        }
        let code = CODES.iter().find(|(_, state)| *state == self.state);
        let code = self.begun.map_or(code.map_or(0, |(code, _)| *code), |_| BEGUN);
        bytes[0..4].copy_from_slice(&code.to_le_bytes());
        bytes[4..6].copy_from_slice(&self.attempts.to_le_bytes());
        let due = self.due.as_millis().min(DUE_MAX);
        let due = due | u64::from(self.begun.unwrap_or(self.wait)) << 48;
        bytes[8..16].copy_from_slice(&due.to_le_bytes());
        let check = settlement_check(&bytes);
        bytes[6..8].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// The settlement that these sixteen bytes hold. Damaged or unknown ones read as
    /// [`SettlementField::FRESH`]: a request is rather delivered twice than not at all.
    pub fn parse(bytes: &[u8]) -> Self {
        if u16_at(bytes, 6) != settlement_check(bytes) {
            return Self::FRESH;
        }
        let code = u32_at(bytes, 0);
        let attempts = u16_at(bytes, 4);
        if code == BEGUN {
            return Self { attempts, begun: Some(u16_at(bytes, 14)), ..Self::FRESH };
        }
        let Some((_, state)) = CODES.iter().find(|(known, _)| *known == code) else {
            return Self::FRESH;
        };
        Self {
            state: *state,
            attempts,
            due: Timestamp::from_millis(u64_at(bytes, 8) & DUE_MAX),
            wait: u16_at(bytes, 14),
            begun: None,
        }
    }
}

fn settlement_check(bytes: &[u8]) -> u16 {
    let check = crc32c::crc32c_append(crc32c::crc32c(&bytes[..6]), &bytes[8..16]);
    (check & 0xFFFF) as u16
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests;
