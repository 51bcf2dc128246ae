//! A reader of packets. Whatever is missing is an error, never a panic.

use super::error::{Error, Result};

/// What is left of a packet.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let taken = self.0.split_at_checked(count);
        let (taken, rest) = taken.ok_or(Error::Protocol("a packet ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Result<u16> {
        self.number(2).map(|number| number as u16)
    }

    pub(super) fn u32(&mut self) -> Result<u32> {
        self.number(4).map(|number| number as u32)
    }

    /// An integer of the protocol's own encoding.
    pub(super) fn length(&mut self) -> Result<u64> {
        match self.u8()? {
            small @ 0..=0xfa => Ok(small.into()),
            0xfc => self.number(2),
            0xfd => self.number(3),
            0xfe => self.number(8),
            _ => Err(Error::Protocol("invalid length")),
        }
    }

    /// Up to a zero, which is taken, too; or to the end.
    pub(super) fn text(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|b| *b == 0);
        let text = &self.0[..end.unwrap_or(self.0.len())];
        self.0 = end.map_or(&[], |at| &self.0[at + 1..]);
        text
    }

    /// Little-endian, of at most eight bytes.
    fn number(&mut self, bytes: usize) -> Result<u64> {
        let taken = self.take(bytes)?;
        Ok(taken.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}
