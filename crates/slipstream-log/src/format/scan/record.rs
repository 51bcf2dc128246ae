//! Reading of one record, or its settlement, by the position of its frame.

use std::io;

use crate::format::frame::{FRAME_HEADER, FrameHeader, SETTLEMENT_AT, SettlementField};
use crate::format::settings::Limits;
use crate::fs::ReadFile;

/// Reads the settlement of the frame at `at` as it is now; a walk may have read it earlier.
///
/// # Errors
/// When the file cannot be read.
pub(crate) fn read_settlement(file: &dyn ReadFile, at: u64) -> io::Result<SettlementField> {
    let mut bytes = [0; FRAME_HEADER - SETTLEMENT_AT as usize];
    file.read_at(&mut bytes, at + SETTLEMENT_AT)?;
    Ok(SettlementField::parse(&bytes))
}

/// Reads the one record whose frame begins at `at`, if it is whole.
///
/// # Errors
/// When the file cannot be read.
pub fn read_record(
    file: &dyn ReadFile,
    salt: u64,
    at: u64,
    limits: Limits,
) -> io::Result<Option<(SettlementField, Vec<u8>)>> {
    let end = file.stat()?.len.min(limits.log);
    let mut header = [0; FRAME_HEADER];
    let read = file.read_at(&mut header, at)?;
    let Some(parsed) = FrameHeader::parse(&header[..read], salt) else {
        return Ok(None);
    };
    let length = u64::from(parsed.length);
    if length > limits.record || at + FRAME_HEADER as u64 + length > end {
        return Ok(None);
    }
    let mut payload = vec![0; length as usize];
    let read = file.read_at(&mut payload, at + FRAME_HEADER as u64)?;
    if read < payload.len() || crc32c::crc32c(&payload) != parsed.payload_check {
        return Ok(None);
    }
    let settlement = SettlementField::parse(&header[SETTLEMENT_AT as usize..]);
    Ok(Some((settlement, payload)))
}
