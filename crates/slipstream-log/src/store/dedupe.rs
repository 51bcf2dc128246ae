//! The dedupe table: the keys that were stored lately. Its size is fixed, so that it cannot outgrow
//! the disk.
//!
//! A key belongs to one bucket of eight entries. When all of them are live, the entry that ends
//! soonest is replaced.
//!
//! # Invariants
//! - Of requests with the same key one is stored within its window, whichever process stores them.
//! - In a spool that a group shares, each user has keys of their own: no user's requests are kept
//!   out by another's.
//! - A crash, a power loss or a full table can let a repeat through, but never keep out a request
//!   without a stored duplicate: a key is entered behind its record, with the table locked all the
//!   while.
//! - The table's lock comes before a log's.

use std::hash::Hasher;
use std::io::ErrorKind;
use std::time::Duration;

use seahash::SeaHasher;
use slipstream_core::{Dedupe, RecordId, Timestamp};

use crate::dir::files::SpoolFiles;
use crate::dir::locks::Held;
use crate::error::SpoolError;
use crate::format::layout::DEDUPE;
use crate::fs::{File, Lock, Open};

const ENTRY: usize = 48;
const BUCKET: usize = 8;
const BUCKETS: u64 = 8_192;

/// The table of an opened spool. Its lock comes before those of all logs.
pub(crate) struct DedupeTable<'a> {
    files: &'a SpoolFiles,
    file: Box<dyn File>,
    boot: u64,
    /// The user whose keys are meant, where several users store.
    user: Option<u32>,
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    key: [u8; 16],
    id: RecordId,
    until: Timestamp,
}

impl Entry {
    /// key, id, until, crc32c of those, four zeros.
    fn encode(&self) -> [u8; ENTRY] {
        let mut bytes = [0; ENTRY];
        bytes[..16].copy_from_slice(&self.key);
        bytes[16..32].copy_from_slice(self.id.as_bytes());
        bytes[32..40].copy_from_slice(&self.until.as_millis().to_le_bytes());
        let check = crc32c::crc32c(&bytes[..40]);
        bytes[40..44].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// None for what was never written, or is damaged: the place is free.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (fields, check) = (bytes.get(..40)?, bytes.get(40..44)?);
        if crc32c::crc32c(fields).to_le_bytes() != check {
            return None;
        }
        Some(Self {
            key: fields[..16].try_into().ok()?,
            id: RecordId::from_bytes(fields[16..32].try_into().ok()?),
            until: Timestamp::from_millis(u64::from_le_bytes(fields[32..].try_into().ok()?)),
        })
    }

    /// Whether it still counts. An entry that ends later than its window allows is of a time before
    /// the clock was set back.
    fn is_live(&self, now: Timestamp, window: Duration) -> bool {
        now < self.until && self.until <= now.after(window)
    }
}

/// Two hashes with different seeds: with one, two of many keys could share it. A key has another
/// hash after the machine has started anew: the record that was stored with it may be gone. The key
/// is followed by a byte that no text has, and a user's id.
fn hash(key: &str, boot: u64, user: Option<u32>) -> [u8; 16] {
    let half = |seed| {
        let mut hasher = SeaHasher::with_seeds(seed, !seed, seed.rotate_left(17), boot);
        hasher.write(key.as_bytes());
        if let Some(user) = user {
            hasher.write(&[0xFF]);
            hasher.write(&user.to_le_bytes());
        }
        hasher.finish().to_le_bytes()
    };
    let [a, b] = [half(0x6f6e_6365), half(0x7265_7065_6174)];
    let mut both = [0; 16];
    both[..8].copy_from_slice(&a);
    both[8..].copy_from_slice(&b);
    both
}

impl<'a> DedupeTable<'a> {
    /// Opens the table, made if it is not there.
    pub(crate) fn open(files: &'a SpoolFiles) -> Result<Self, SpoolError> {
        let failed = |doing| move |error| files.io(doing, DEDUPE, error);
        let file = match files.fs.open(DEDUPE, Open::Update) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match files.fs.create(DEDUPE) {
                    Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                        return Err(failed("make")(error));
                    }
                    _ => {}
                }
                files.fs.open(DEDUPE, Open::Update).map_err(failed("open"))?
            }
            other => other.map_err(failed("open"))?,
        };
        let user = files.settings.group.map(|_| rustix::process::geteuid().as_raw());
        Ok(Self { files, file, boot: files.fs.boot(), user })
    }

    /// Takes the table's lock, for as long as a key is looked up, stored and entered.
    pub(crate) fn lock(&self) -> Result<Held<'_>, SpoolError> {
        self.files.lock(&*self.file, Lock::Exclusive, DEDUPE)
    }

    /// The record that was stored with this key within its window, if one was.
    pub(crate) fn find(
        &self,
        dedupe: &Dedupe,
        now: Timestamp,
    ) -> Result<Option<RecordId>, SpoolError> {
        let key = self.hash(dedupe);
        let bucket = self.bucket(key)?;
        let same = bucket.into_iter().flatten().find(|entry| entry.key == key);
        Ok(same.filter(|entry| entry.is_live(now, dedupe.window)).map(|entry| entry.id))
    }

    /// Enters a record that was stored. A repeat may be stored if that fails.
    pub(crate) fn enter(
        &self,
        dedupe: &Dedupe,
        id: RecordId,
        now: Timestamp,
    ) -> Result<(), SpoolError> {
        let key = self.hash(dedupe);
        let bucket = self.bucket(key)?;
        let own = bucket.iter().position(|entry| entry.is_some_and(|entry| entry.key == key));
        let place = own.unwrap_or_else(|| {
            let soonest = |at: &usize| bucket[*at].map_or(0, |entry| entry.until.as_millis());
            (0..BUCKET).min_by_key(soonest).unwrap_or_default()
        });
        if own.is_none() && bucket[place].is_some_and(|entry| now < entry.until) {
            tracing::warn!("too many dedupe keys at once; a repeat of an older one may be stored");
        }
        let entry = Entry { key, id, until: now.after(dedupe.window) };
        let at = start(key) + (place * ENTRY) as u64;
        let written = self.file.write_at(&entry.encode(), at);
        written.map_err(|error| self.files.io("write", DEDUPE, error))
    }

    fn hash(&self, dedupe: &Dedupe) -> [u8; 16] {
        hash(&dedupe.key, self.boot, self.user)
    }

    fn bucket(&self, key: [u8; 16]) -> Result<[Option<Entry>; BUCKET], SpoolError> {
        let mut bytes = [0; BUCKET * ENTRY];
        let read = self.file.read_at(&mut bytes, start(key));
        let read = read.map_err(|error| self.files.io("read", DEDUPE, error))?;
        // Behind its end, the file is as good as empty.
        bytes[read..].fill(0);
        Ok(std::array::from_fn(|at| Entry::parse(&bytes[at * ENTRY..][..ENTRY])))
    }
}

/// Where a key's bucket begins.
fn start(key: [u8; 16]) -> u64 {
    let number = u64::from_le_bytes(key[8..].try_into().expect("eight bytes"));
    number % BUCKETS * (BUCKET * ENTRY) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_another_one_for_another_user_boot_or_text() {
        let users = [None, Some(0), Some(1001), Some(1002)];
        let keys = ["", "order-17", "order-17\u{0}", "order-1", "7order-1"];
        let mut hashes = std::collections::HashSet::new();
        for (user, key, boot) in users
            .iter()
            .flat_map(|user| keys.map(|key| (*user, key)))
            .flat_map(|(user, key)| [1, 2].map(|boot| (user, key, boot)))
        {
            assert_eq!(hash(key, boot, user), hash(key, boot, user));
            assert!(hashes.insert(hash(key, boot, user)), "{user:?} {key} {boot}");
        }
    }

    #[test]
    fn keys_of_a_spool_of_one_user_are_those_they_were() {
        let both = hash("order-17", 7, None);
        let mut hasher = SeaHasher::with_seeds(0x6f6e_6365, !0x6f6e_6365, 0x6f6e_6365 << 17, 7);
        hasher.write(b"order-17");
        assert_eq!(both[..8], hasher.finish().to_le_bytes());
    }
}
