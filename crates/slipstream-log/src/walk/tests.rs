//! What resynchronising costs, in bytes that are read, and what it still finds.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::frame::Frames;
use crate::fs::{AppendError, Lock, Stat};

const SALT: u64 = 7;

/// A log that can only be read, and counts how much of it is.
struct Counted {
    bytes: Vec<u8>,
    read: AtomicU64,
}

impl Counted {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, read: AtomicU64::new(0) }
    }

    /// Where records are found, and how often as many bytes were read as there are.
    fn walk(&self) -> (Vec<u64>, u64) {
        let end = self.bytes.len() as u64;
        let mut walk = Walk::new(SALT, end);
        let (mut found, mut covered) = (Vec::new(), LOG_HEADER);
        while let Some(item) = walk.next(self).unwrap() {
            match item {
                Item::Record { at, .. } => found.push(at),
                Item::Damage(range) => {
                    assert!(range.start >= covered && range.end > range.start, "{range:?}");
                    covered = range.end;
                }
            }
        }
        (found, self.read.load(Ordering::Relaxed) / end)
    }
}

impl File for Counted {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let there = &self.bytes[at as usize..];
        let len = there.len().min(bytes.len());
        bytes[..len].copy_from_slice(&there[..len]);
        self.read.fetch_add(len as u64, Ordering::Relaxed);
        Ok(len)
    }

    fn stat(&self) -> io::Result<Stat> {
        Ok(Stat { identity: (0, 0), len: self.bytes.len() as u64 })
    }

    fn append(&self, _: &[u8]) -> Result<(), AppendError> {
        unreachable!("reading a log changes nothing")
    }

    fn write_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        unreachable!("reading a log changes nothing")
    }

    fn truncate(&self, _: u64) -> io::Result<()> {
        unreachable!("reading a log changes nothing")
    }

    fn sync(&self) -> io::Result<()> {
        unreachable!("reading a log changes nothing")
    }

    fn try_lock(&self, _: Lock) -> io::Result<()> {
        unreachable!("reading a log takes no lock")
    }

    fn unlock(&self) {}
}

/// The frame of a payload of so many bytes.
fn frame(length: usize) -> Vec<u8> {
    let mut frames = Frames::with_capacity(length);
    frames.push(|bytes| bytes.resize(bytes.len() + length, 0xAB));
    frames.seal(SALT);
    frames.bytes_at(0).to_vec()
}

fn log() -> Vec<u8> {
    vec![0; LOG_HEADER as usize]
}

#[test]
fn headers_in_each_other_s_payloads_cost_a_bounded_number_of_readings() {
    // Each is right, and promises more bytes than are read at once, which hold the next ones.
    let header = &frame(2 * WINDOW)[..FRAME_HEADER];
    let mut bytes = log();
    bytes.extend(header.repeat(2 * WINDOW / FRAME_HEADER));
    bytes.resize(bytes.len() + 2 * WINDOW, 0);
    let last = bytes.len() as u64;
    bytes.extend(frame(100));
    let (found, readings) = Counted::new(bytes).walk();
    assert_eq!(found, [last], "the record behind them");
    // What checks in vain may cost, and a few for the rest.
    assert!(readings <= SEARCH_INSIDE + 4, "read {readings} times over");
}

#[test]
fn flipped_bits_in_most_payloads_hide_no_record() {
    let (mut bytes, mut whole) = (log(), Vec::new());
    for number in 0..200 {
        let start = bytes.len();
        bytes.extend(frame(10_000));
        match number % 10 {
            9 => whole.push(start as u64),
            _ => bytes[start + FRAME_HEADER + number] ^= 1,
        }
    }
    let (found, readings) = Counted::new(bytes).walk();
    assert_eq!(found, whole);
    assert!(readings <= 2, "read {readings} times over");
}

#[test]
fn records_behind_torn_writes_are_all_found() {
    // Large ones, of which a twelfth was written.
    let large = frame(1 << 20);
    let (mut bytes, mut whole) = (log(), Vec::new());
    for _ in 0..40 {
        bytes.extend(&large[..large.len() / 12 / 8 * 8]);
        whole.push(bytes.len() as u64);
        bytes.extend(frame(100));
    }
    assert_eq!(Counted::new(bytes).walk().0, whole);
}

#[test]
fn a_small_log_of_little_but_torn_writes_gives_its_records() {
    // So little of each that all the promises together are many times the log.
    let large = frame(100_000);
    let (mut bytes, mut whole) = (log(), Vec::new());
    for _ in 0..30 {
        bytes.extend(&large[..512]);
        whole.push(bytes.len() as u64);
        bytes.extend(frame(100));
    }
    whole.push(bytes.len() as u64);
    bytes.extend(&large);
    assert_eq!(Counted::new(bytes).walk().0, whole);
}
