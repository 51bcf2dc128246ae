//! Ids that show which writer stored a request, and its number: so ten million of them are matched
//! in ten million bytes.
//!
//! They are UUIDs of version 7 like any other; the chance in them is not chance.

/// Bytes of an id, in memory and in the files.
pub const LENGTH: usize = 16;
const MARK: u8 = 0x5A;

/// A writer, and the number of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// Which of all the writers that were started: at most 24 bits.
    pub life: u32,
    /// Counted from 0.
    pub number: u32,
}

impl Name {
    /// What is where an id has its ten bytes of chance.
    pub fn as_chance(self) -> [u8; 10] {
        let mut chance = [0; 10];
        // Version and variant take their bits from the bytes 0 and 2.
        chance[1] = MARK;
        chance[3..6].copy_from_slice(&self.life.to_be_bytes()[1..]);
        chance[6..10].copy_from_slice(&self.number.to_be_bytes());
        chance
    }

    /// The name that the bytes of an id encode, if it is one of ours.
    pub fn of(id: &[u8; LENGTH]) -> Option<Self> {
        (id[7] == MARK).then(|| Self {
            life: u32::from_be_bytes([0, id[9], id[10], id[11]]),
            number: u32::from_be_bytes([id[12], id[13], id[14], id[15]]),
        })
    }

    /// The name that an id's text encodes, if it is one of ours.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut id = [0; LENGTH];
        let mut digits = text.iter().filter(|byte| **byte != b'-');
        for byte in &mut id {
            let mut digit = || char::from(*digits.next()?).to_digit(16);
            *byte = (digit()? * 16 + digit()?) as u8;
        }
        digits.next().is_none().then(|| Self::of(&id)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_from_bytes_and_text() {
        let name = Name { life: 0x00AB_CDEF, number: 0xFFFF_FFFE };
        let mut id = [0x01; LENGTH];
        id[6..].copy_from_slice(&name.as_chance());
        // What a UUID of version 7 has there.
        id[6] = 0x70 | (id[6] & 0x0F);
        id[8] = 0x80 | (id[8] & 0x3F);
        assert_eq!(Name::of(&id), Some(name));
        let text = "01010101-0101-705a-80ab-cdeffffffffe";
        assert_eq!(Name::parse(text.as_bytes()), Some(name));
        assert_eq!(Name::parse(&text.as_bytes()[1..]), None);
    }
}
