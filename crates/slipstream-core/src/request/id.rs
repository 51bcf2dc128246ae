//! The id that a request keeps from the moment it is stored, on every attempt.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;

use crate::clock::Timestamp;

/// A UUID of version 7: 48 bits of time, 74 of chance, so ids sort by age.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(uuid::Uuid);

impl RecordId {
    /// An id made of the time it was stored and ten random bytes (six of their 80 bits are replaced
    /// by the UUID's version and variant).
    pub fn new(stored: Timestamp, random: [u8; 10]) -> Self {
        let builder = uuid::Builder::from_unix_timestamp_millis(stored.as_millis(), &random);
        Self(builder.into_uuid())
    }

    /// A unique id for a request stored at this time.
    ///
    /// # Panics
    /// When the operating system has no randomness to give.
    pub fn generate(stored: Timestamp) -> Self {
        Self::new(stored, CHANCE.with_borrow_mut(Chance::take))
    }

    /// When the request was stored, by the clock of that moment.
    pub fn stored(&self) -> Timestamp {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.as_bytes()[..6]);
        Timestamp::from_millis(u64::from_be_bytes(millis))
    }

    /// The id with these bytes, whatever they are.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Uuid::from_bytes(bytes))
    }

    /// Its sixteen bytes, most significant first.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

thread_local! {
    static CHANCE: RefCell<Chance> = const { RefCell::new(Chance::empty()) };
}

/// Random bytes read from the system for many ids at once: a read takes as long as all the rest of
/// making an id.
struct Chance {
    bytes: [u8; 320],
    left: usize,
    /// The process whose bytes these are: a child that was forked off must not repeat its parent's
    /// ids.
    pid: u32,
}

impl Chance {
    const fn empty() -> Self {
        Self { bytes: [0; 320], left: 0, pid: 0 }
    }

    fn take(&mut self) -> [u8; 10] {
        let pid = std::process::id();
        if self.left < 10 || self.pid != pid {
            getrandom::fill(&mut self.bytes).expect("the operating system gives random bytes");
            self.left = self.bytes.len();
            self.pid = pid;
        }
        self.left -= 10;
        let taken = &self.bytes[self.left..self.left + 10];
        taken.try_into().expect("ten bytes")
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({self})")
    }
}

impl FromStr for RecordId {
    type Err = crate::invalid::Invalid;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        uuid::Uuid::try_parse(text).map(Self).map_err(|_| {
            crate::invalid::Invalid::new(format!(
                "invalid request id '{text}'; expected one such as 019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = RecordId::new(Timestamp::from_millis(1_795_498_157_482), [0xa5; 10]);
        assert_eq!(id.to_string().parse::<RecordId>().unwrap(), id);
        assert_eq!(id.stored(), Timestamp::from_millis(1_795_498_157_482));
        assert!("not-an-id".parse::<RecordId>().is_err());
    }

    #[test]
    fn ids_of_one_moment_differ_and_a_forked_child_does_not_repeat_them() {
        let now = Timestamp::from_millis(1_795_498_157_482);
        let ids: std::collections::HashSet<_> =
            (0..1_000).map(|_| RecordId::generate(now)).collect();
        assert_eq!(ids.len(), 1_000);
        let mut parent = Chance::empty();
        parent.take();
        let mut child = Chance { pid: 1, ..Chance::empty() };
        (child.bytes, child.left) = (parent.bytes, parent.left);
        assert_ne!(parent.take(), child.take());
    }

    #[test]
    fn a_later_id_sorts_behind_an_earlier_one() {
        let early = RecordId::new(Timestamp::from_millis(1_000), [0xff; 10]);
        let late = RecordId::new(Timestamp::from_millis(1_001), [0; 10]);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
    }
}
