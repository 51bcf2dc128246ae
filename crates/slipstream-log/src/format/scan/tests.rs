//! The cost of resynchronising, in bytes that are read, and what it still finds.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::format::frame::Frames;
use crate::fs::Stat;

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
        let mut walk = Walk::new(SALT, end, Limits::WIDEST);
        let (mut found, mut covered) = (Vec::new(), LOG_HEADER);
        while let Some(item) = walk.next(self).unwrap() {
            match item {
                Item::Record { at, .. } => found.push(at),
                Item::Damage(range) | Item::Torn(range) => {
                    assert!(range.start >= covered && range.end > range.start, "{range:?}");
                    covered = range.end;
                }
            }
        }
        (found, self.read.load(Ordering::Relaxed) / end)
    }
}

impl ReadFile for Counted {
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
    // What checks in vain may cost, in whole windows.
    assert!(readings <= 2 * SEARCH_INSIDE, "read {readings} times over");
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

/// What a log's bytes read as: `r` a record, `t` torn, `d` damage.
fn letters(bytes: &[u8]) -> String {
    letters_within(bytes, Limits::WIDEST)
}

fn letters_within(bytes: &[u8], limits: Limits) -> String {
    let log = Counted::new(bytes.to_vec());
    let mut walk = Walk::new(SALT, bytes.len() as u64, limits);
    let mut found = String::new();
    while let Some(item) = walk.next(&log).unwrap() {
        found.push(match item {
            Item::Record { .. } => 'r',
            Item::Torn(_) => 't',
            Item::Damage(_) => 'd',
        });
    }
    found
}

/// Appends a frame as a writer does: aligned.
fn append(bytes: &mut Vec<u8>, frame: &[u8]) {
    bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
    bytes.extend(frame);
}

#[test]
fn a_write_that_was_cut_short_is_torn_wherever_it_was_cut_and_whatever_is_behind() {
    let whole = frame(100);
    // A record that lacks a few bytes at its very end looks damaged once zeros are there.
    let unpadded = (FRAME_HEADER + 100) / ALIGN * ALIGN;
    for cut in 1..=unpadded {
        let mut bytes = log();
        append(&mut bytes, &frame(50));
        append(&mut bytes, &whole[..cut]);
        assert_eq!(letters(&bytes), "rt", "cut at {cut}, at the end");
        append(&mut bytes, &frame(20));
        assert_eq!(letters(&bytes), "rtr", "cut at {cut}");
        append(&mut bytes, &whole[..cut]);
        append(&mut bytes, &whole[..unpadded + 1 - cut]);
        append(&mut bytes, &frame(20));
        let found = letters(&bytes);
        // Two pieces that are together as long as one record was to be.
        assert!(matches!(&*found, "rtrttr" | "rtrdtr" | "rtrdr"), "cut at {cut}: {found}");
        // Behind zeros, as a power loss leaves them.
        let mut zeros = log();
        zeros.resize(zeros.len() + 4096, 0);
        append(&mut zeros, &whole[..cut]);
        append(&mut zeros, &frame(20));
        let found = letters(&zeros);
        assert!(found == "ttr" || found == "tr" && cut < MARK.len(), "cut at {cut}: {found}");
    }
}

#[test]
fn a_batch_that_was_cut_short_gives_its_whole_records() {
    let batch: Vec<u8> = [32, 40, 48].into_iter().flat_map(frame).collect();
    // A write is cut short at the edge of a page or a block.
    for cut in (ALIGN..batch.len()).step_by(ALIGN) {
        let mut bytes = log();
        append(&mut bytes, &batch[..cut]);
        append(&mut bytes, &frame(20));
        let found = letters(&bytes);
        assert!(!found.contains('d') && found.ends_with('r'), "cut at {cut}: {found}");
        assert!(found.matches('t').count() <= 1, "cut at {cut}: {found}");
    }
}

#[test]
fn no_flipped_bit_of_a_whole_record_reads_as_torn() {
    let mut bytes = log();
    let mut ranges = Vec::new();
    for (length, cut) in [(50, None), (100, Some(60)), (70, None), (30, None), (90, Some(10))] {
        let frame = frame(length);
        bytes.resize(bytes.len().next_multiple_of(ALIGN), 0);
        let start = bytes.len();
        bytes.extend(&frame[..cut.unwrap_or(frame.len())]);
        if cut.is_none() {
            ranges.push(start..start + FRAME_HEADER + length);
        }
    }
    append(&mut bytes, &frame(20));
    assert_eq!(letters(&bytes), "rtrrtr");
    for range in ranges {
        for bit in range.start * 8..range.end * 8 {
            let at = bit / 8 - range.start;
            if (SETTLEMENT_AT as usize..FRAME_HEADER).contains(&at) {
                continue;
            }
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let found = letters(&flipped);
            let count = |letter| found.matches(letter).count();
            // Where the mark of a record behind a torn write is flipped, only its number shows it.
            let mark = at < MARK.len() && range.start > LOG_HEADER as usize + 96;
            assert_eq!(count('r'), 3, "bit {bit}: {found}");
            assert!(count('d') >= 1 || mark, "byte {at} of {range:?}: {found}");
        }
    }
}

#[test]
fn a_record_that_was_settled_and_is_cut_is_damage() {
    let mut settled = frame(100);
    let delivered =
        SettlementField { state: crate::format::frame::State::Delivered, ..SettlementField::FRESH };
    settled[SETTLEMENT_AT as usize..FRAME_HEADER].copy_from_slice(&delivered.encode());
    for cut in FRAME_HEADER..FRAME_HEADER + 100 {
        let mut bytes = log();
        append(&mut bytes, &settled[..cut]);
        assert_eq!(letters(&bytes), "d", "cut at {cut}");
    }
}

#[test]
fn two_records_side_by_side_that_are_damaged_count_as_two() {
    let mut bytes = log();
    for length in [50, 60, 70] {
        append(&mut bytes, &frame(length));
    }
    bytes[LOG_HEADER as usize + FRAME_HEADER + 5] ^= 1;
    bytes[LOG_HEADER as usize + frame(50).len() + FRAME_HEADER + 5] ^= 1;
    assert_eq!(letters(&bytes), "ddr");
}

#[test]
fn a_frame_that_is_larger_than_a_record_may_be_is_damage() {
    let mut bytes = log();
    append(&mut bytes, &frame(100));
    append(&mut bytes, &frame(20));
    let limits = |record| Limits { record, ..Limits::WIDEST };
    assert_eq!(letters_within(&bytes, limits(100)), "rr");
    assert_eq!(letters_within(&bytes, limits(99)), "dr");
    let file = Counted::new(bytes);
    let read = |record| read_record(&file, SALT, LOG_HEADER, limits(record)).unwrap();
    assert!(read(100).is_some() && read(99).is_none());
}

#[test]
fn what_stands_behind_the_longest_log_is_damage_that_is_not_read() {
    let mut bytes = log();
    append(&mut bytes, &frame(100));
    let end = bytes.len() as u64;
    append(&mut bytes, &frame(20));
    let within = |log| letters_within(&bytes, Limits { log, ..Limits::WIDEST });
    assert_eq!(within(end), "rd");
    assert_eq!(within(end - 8), "d");
    // Cut by the bound, which is no end of the log.
    assert_eq!(within(end + 40), "rd");
    let limits = Limits { log: end, ..Limits::WIDEST };
    // Terabytes: only their number is looked at.
    let file = Counted::new(bytes);
    let mut walk = Walk::new(SALT, 8 << 40, limits);
    assert!(matches!(walk.next(&file).unwrap(), Some(Item::Record { .. })));
    assert_eq!(walk.next(&file).unwrap(), Some(Item::Damage(end..8 << 40)));
    assert_eq!(walk.next(&file).unwrap(), None);
    assert_eq!((walk.end(), walk.unread()), (end, (8 << 40) - end));
    assert!(file.read.load(Ordering::Relaxed) <= 2 * end);
    let file = Counted::new(vec![1; 1000]);
    let mut walk = Walk::unreadable(8 << 40, limits);
    assert_eq!(walk.next(&file).unwrap(), Some(Item::Damage(0..8 << 40)));
    assert_eq!(walk.next(&file).unwrap(), None);
}

#[test]
fn a_log_of_zeros_holds_nothing() {
    for len in [1, 7, 8, 143, 144, 145, 10_000] {
        let bytes = vec![0; len];
        let found = letters(&bytes);
        assert!(found.is_empty() || found == "t", "{len}: {found}");
        let file = Counted::new(bytes);
        let mut walk = Walk::unreadable(len as u64, Limits::WIDEST);
        assert_eq!(walk.next(&file).unwrap(), Some(Item::Torn(0..len as u64)));
        assert_eq!(walk.next(&file).unwrap(), None);
    }
}

#[test]
fn a_length_that_a_header_claims_takes_no_memory_before_the_payload_is_whole() {
    let mut large = frame(4 << 20);
    large[FRAME_HEADER + 9] ^= 1;
    let mut bytes = log();
    bytes.extend(large);
    append(&mut bytes, &frame(20));
    let file = Counted::new(bytes);
    let mut walk = Walk::new(SALT, file.bytes.len() as u64, Limits::WIDEST);
    while walk.next(&file).unwrap().is_some() {
        assert!(walk.window.capacity() <= 2 * WINDOW, "{}", walk.window.capacity());
    }
    // What a large record needs is given back.
    let mut bytes = log();
    bytes.extend(frame(4 << 20));
    (0..4).for_each(|_| append(&mut bytes, &frame(200_000)));
    let file = Counted::new(bytes);
    let mut walk = Walk::new(SALT, file.bytes.len() as u64, Limits::WIDEST);
    while walk.next(&file).unwrap().is_some() {}
    assert!(walk.window.capacity() <= 2 * WINDOW, "{}", walk.window.capacity());
}

#[test]
fn marks_by_the_million_are_one_stretch_and_headers_by_the_million_a_bounded_number() {
    let mut marks = log();
    append(&mut marks, &frame(20));
    marks.extend(b"\xC1REC\x01\x02\x03\x04".repeat(100_000));
    append(&mut marks, &frame(20));
    assert_eq!(letters(&marks), "rdr");
    let mut headers = log();
    headers.extend(frame(4 << 20)[..FRAME_HEADER].repeat(100_000));
    append(&mut headers, &frame(2000));
    let found = letters(&headers);
    assert!(found.len() <= STRETCHES as usize + 2 && found.ends_with('r'), "{}", found.len());
}
