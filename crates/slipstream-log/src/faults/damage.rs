//! Damage to a log's bytes: every bit flipped, every cut, every length of zeros behind it.
//!
//! A small log is damaged within a spool, which is then worked. A larger one, of as many records as
//! `SLIPSTREAM_DAMAGE_RECORDS` says, is only read, as the worker reads it: millions of times.

use std::time::Duration;

use proptest::prelude::*;
use slipstream_core::operator::Operator;
use slipstream_core::{DeliveryOptions, Destination, Engine, Record, RecordId, Settlement, Source};

use super::run::Run;
use super::scenarios::MINUTE;
use crate::Settings;
use crate::format::frame::{
    FRAME_HEADER, FrameHeader, Frames, LOG_HEADER, LogHeader, SettlementField,
};
use crate::format::scan::{Item, Limits, Walk};
use crate::fs::fake::{ENOSPC, Plan};
use crate::fs::{Fs, Open};

const RECORDS: u64 = 8;

/// A run with one sealed log of [`RECORDS`] records, and the log's path. Some are settled.
fn sealed() -> (Run, String) {
    sealed_with(
        RECORDS,
        &[Settlement::Delivered, Settlement::Retry { after: MINUTE }, Settlement::Failed],
    )
}

fn sealed_with(records: u64, settlements: &[Settlement]) -> (Run, String) {
    let mut run = Run::new(Settings { slots: 1, ..Settings::default() });
    for _ in 0..records {
        run.store();
    }
    let mut backlog = run.spool().backlog().unwrap();
    for settlement in settlements {
        run.work_one(&mut *backlog, settlement.clone());
    }
    drop(backlog);
    run.fake.restart();
    let path = run.fake.names().into_iter().find(|name| name.starts_with("processing/")).unwrap();
    (run, path)
}

/// A run whose log is still being collected, and the log's path.
fn collecting() -> (Run, String) {
    let mut run = Run::new(Settings { slots: 1, ..Settings::default() });
    for _ in 0..RECORDS {
        run.store();
    }
    run.fake.restart();
    (run, "collecting/s000.log".to_owned())
}

/// Damages a log, works what is left, and returns how many acknowledged requests are gone and how
/// many were set aside.
fn after(run: &Run, path: &str, what: &str, change: impl FnOnce(&mut Vec<u8>)) -> (u64, u64) {
    let fake = run.fake.snapshot();
    fake.damage(path, change);
    let mut run = run.on(fake);
    run.check_damaged(what)
}

#[test]
fn a_flipped_bit_costs_one_record_at_most_and_that_is_counted() {
    for (run, path) in [sealed(), collecting()] {
        let mut len = 0;
        run.fake.damage(&path, |bytes| len = bytes.len());
        for bit in 0..len * 8 {
            let what = format!("{path}, bit {} of byte {}", bit % 8, bit / 8);
            let (lost, set_aside) =
                after(&run, &path, &what, |bytes| bytes[bit / 8] ^= 1 << (bit % 8));
            // A record that was delivered before counts as set aside, too, but is not lost.
            assert!(
                lost <= set_aside && set_aside <= 1,
                "{what}: {lost} lost, {set_aside} set aside"
            );
        }
    }
}

#[test]
fn every_record_before_a_cut_is_delivered_and_the_rest_is_counted() {
    for (run, path, delivered) in
        [(sealed(), 1), (collecting(), 0)].map(|((run, path), n)| (run, path, n))
    {
        let mut bytes = Vec::new();
        run.fake.damage(&path, |all| bytes = all.clone());
        let salt = LogHeader::parse(&bytes).unwrap().salt;
        let first = FrameHeader::parse(&bytes[LOG_HEADER as usize..], salt).unwrap();
        // The padding behind the last whole record is nothing to lose.
        let end = |record: u64| {
            LOG_HEADER
                + record * first.frame_len()
                + (FRAME_HEADER as u64)
                + u64::from(first.length)
        };
        for cut in 0..bytes.len() {
            let what = format!("{path}, cut at {cut}");
            let (lost, _) = after(&run, &path, &what, |bytes| bytes.truncate(cut));
            let gone = (delivered..RECORDS).filter(|record| end(*record) > cut as u64).count();
            assert_eq!(lost, gone as u64, "{what}");
        }
    }
}

/// The records of a larger log.
struct Large {
    run: Run,
    path: String,
    header: LogHeader,
    /// Where each begins, what has become of it, and its bytes.
    records: Vec<(u64, SettlementField, Vec<u8>)>,
    len: u64,
}

/// What damage did to a log.
#[derive(Debug, Default, PartialEq, Eq)]
struct Harm {
    /// Records that cannot be read any more.
    lost: u64,
    /// Records that read as if nothing had become of them.
    renewed: u64,
    /// Stretches of bytes that are no record.
    damaged: u64,
}

impl Large {
    /// A log in which records that were settled in each way are among others.
    fn new() -> Self {
        let asked = std::env::var("SLIPSTREAM_DAMAGE_RECORDS").ok();
        let number = asked.and_then(|text| text.parse().ok()).unwrap_or(100);
        let settlements = [
            Settlement::Delivered,
            Settlement::Retry { after: MINUTE },
            Settlement::Failed,
            Settlement::Expired,
        ];
        let settled: Vec<_> =
            settlements.into_iter().cycle().take(number as usize * 4 / 5).collect();
        let (run, path) = sealed_with(number, &settled);
        let mut bytes = Vec::new();
        run.fake.damage(&path, |all| bytes = all.clone());
        let header = LogHeader::parse(&bytes).unwrap();
        let mut large = Self { run, path, header, records: Vec::new(), len: bytes.len() as u64 };
        let mut records = Vec::new();
        large.read(|item| {
            let Item::Record { at, settlement, payload } = item else { panic!("{item:?}") };
            records.push((at, settlement, payload.to_vec()));
        });
        assert_eq!(records.len() as u64, number);
        large.records = records;
        println!("{number} records in {} bytes", large.len);
        large
    }

    /// Reads the log as it is.
    fn read(&self, mut each: impl FnMut(Item<'_>)) {
        // The fake counts operations, and notes each.
        self.run.fake.plan(Plan::Well);
        let file = self.run.fake.open(&self.path, Open::Read).unwrap();
        let limits = self.run.settings.limits();
        let mut walk = Walk::new(self.header.salt, file.stat().unwrap().len, limits);
        while let Some(item) = walk.next(&*file).unwrap() {
            each(item);
        }
    }

    /// Reads it beside what it was.
    fn harm(&self, what: impl Fn() -> String) -> Harm {
        let (mut harm, mut next) = (Harm::default(), 0);
        self.read(|item| {
            let Item::Record { at, settlement, payload } = item else {
                harm.damaged += 1;
                return;
            };
            while self.records.get(next).is_some_and(|(before, ..)| *before < at) {
                (harm.lost, next) = (harm.lost + 1, next + 1);
            }
            let same = self.records.get(next).is_some_and(|(before, settled, bytes)| {
                harm.renewed += u64::from(settlement != *settled);
                let known = settlement == *settled || settlement == SettlementField::FRESH;
                *before == at && bytes == payload && known
            });
            assert!(same, "{}: a record at {at} that was never stored", what());
            next += 1;
        });
        harm.lost += (self.records.len() - next) as u64;
        harm
    }
}

#[test]
fn a_bit_flipped_in_a_larger_log_costs_one_record_at_most_and_never_reads_as_settled() {
    let large = Large::new();
    for bit in 0..large.len as usize * 8 {
        let (at, mask) = (bit / 8, 1 << (bit % 8));
        let flip = || {
            let mut header = None;
            large.run.fake.damage(&large.path, |bytes| {
                bytes[at] ^= mask;
                header = LogHeader::parse(bytes);
            });
            header
        };
        let what = || format!("bit {} of byte {at}", bit % 8);
        assert_eq!(flip(), Some(large.header), "{}", what());
        let harm = large.harm(what);
        assert!(harm.lost + harm.renewed <= 1 && harm.damaged == harm.lost, "{}: {harm:?}", what());
        flip();
    }
}

#[test]
fn a_cut_of_a_larger_log_costs_what_is_behind_it() {
    let large = Large::new();
    let ends: Vec<_> = large
        .records
        .iter()
        .map(|(at, _, bytes)| at + (FRAME_HEADER + bytes.len()) as u64)
        .collect();
    for cut in (0..large.len).rev() {
        large.run.fake.damage(&large.path, |bytes| bytes.truncate(cut as usize));
        let harm = large.harm(|| format!("cut at {cut}"));
        let lost = ends.iter().filter(|end| **end > cut).count() as u64;
        let what = format!("cut at {cut}: {harm:?}");
        assert_eq!((harm.lost, harm.renewed), (lost, 0), "{what}");
        assert!(harm.damaged <= 1, "{what}");
    }
}

#[test]
fn zeros_and_garbage_behind_the_last_record_cost_none() {
    for (run, path) in [sealed(), collecting()] {
        for behind in
            [vec![0; 1], vec![0; 8], vec![0; 4096], vec![0xC1; 100], b"\xC1REC".repeat(20)]
        {
            let what = format!("{path}, {} bytes behind", behind.len());
            let (lost, _) = after(&run, &path, &what, |bytes| bytes.extend_from_slice(&behind));
            assert_eq!(lost, 0, "{what}");
        }
    }
}

#[test]
fn a_length_that_the_log_does_not_hold_takes_no_memory_and_stops_nothing() {
    let (run, path) = collecting();
    // The header's check is right, as a program gone wrong might write it.
    let mut frames = Frames::with_capacity(64);
    frames.push(|bytes| bytes.extend_from_slice(b"short"));
    let mut salt = 0;
    run.fake.damage(&path, |bytes| salt = LogHeader::parse(bytes).unwrap().salt);
    let claim = |bytes: &mut Vec<u8>| {
        let mut header = b"\xC1REC\xFF\xFF\xFF\xFF\0\0\0\0".to_vec();
        let check = crc32c::crc32c_append(crc32c::crc32c(&salt.to_le_bytes()), &header);
        header.extend_from_slice(&check.to_le_bytes());
        header.extend_from_slice(&[0; 16]);
        bytes.splice(LOG_HEADER as usize..LOG_HEADER as usize, header);
    };
    assert_eq!(after(&run, &path, "4 GiB claimed", claim).0, 0);
}

/// A worker delivers what is left of a damaged log, and the log goes, while the disk fails so.
fn depart_damaged(plan: Plan) -> (Run, u64) {
    let (mut run, path) = collecting();
    run.fake.damage(&path, |bytes| bytes.extend_from_slice(b"torn by a full disk"));
    drop(run.spool().backlog().unwrap());
    run.fake.plan(plan);
    if let Ok(mut backlog) = run.spool().backlog() {
        run.work(&mut *backlog, &Settlement::Delivered);
        let _ = backlog.close();
    }
    let ops = run.fake.ops();
    (run, ops)
}

#[test]
fn damage_in_a_log_keeps_it_from_taking_room_on_a_full_disk_no_longer_than_any_other() {
    let (mut run, _) = depart_damaged(Plan::Full);
    let names = run.fake.names();
    assert_eq!(run.fake.bytes_in(&["processing", "removing"]), 0, "{names:?}");
    run.fake.restart();
    assert_eq!(run.check_damaged("a full disk"), (0, 1));
}

#[test]
fn damage_that_finds_no_room_is_set_aside_in_the_room_that_its_log_gives_back() {
    let (_, ops) = depart_damaged(Plan::Well);
    for op in 1..=ops {
        let (mut run, _) = depart_damaged(Plan::FailOnce(op, ENOSPC, 1));
        run.fake.restart();
        assert_eq!(run.check_damaged(&format!("operation {op}")), (0, 1));
        let names = run.fake.names();
        let aside = names.iter().find(|name| name.ends_with(".log.damaged"));
        let aside = aside.unwrap_or_else(|| panic!("operation {op}: {names:?}"));
        run.fake.damage(aside, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            assert!(text.ends_with("on --\ntorn by a full disk\n"), "operation {op}: {text}");
        });
    }
}

proptest! {
    #[test]
    fn a_body_that_holds_frames_is_never_taken_for_records(
        salt: u64, bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..5), torn in 8usize..60,
    ) {
        // Frames of another log, and of this one as it would be were its salt known.
        let mut inner = Frames::with_capacity(64);
        for body in &bodies {
            inner.push(|bytes| bytes.extend_from_slice(body));
        }
        inner.seal(salt);
        let run = Run::new(Settings { slots: 1, ..Settings::default() });
        let record = Record {
            id: RecordId::from_bytes([0; 16]),
            kind: "beep".to_owned(),
            destination: Destination::new("beep://speaker"),
            options: DeliveryOptions::default(),
            body: inner.bytes_at(0).to_vec(),
        };
        let source = Source::named("shop");
        run.writers[0].store(&source, std::slice::from_ref(&record)).unwrap();
        // The end is torn off, so a reader looks for frames inside.
        let torn_off = torn.min(record.body.len());
        run.fake.damage("collecting/s000.log", |bytes| bytes.truncate(bytes.len() - torn_off));
        run.writers[1].store(&source, &[Record { body: Vec::new(), ..record }]).unwrap();
        let totals = run.spool().status(Duration::ZERO).unwrap().totals;
        prop_assert_eq!(totals.pending, 1, "{:?}", totals);
    }

    #[test]
    fn any_bytes_are_walked_to_the_end(bytes: Vec<u8>, salt: u64) {
        let run = Run::new(Settings { slots: 1, ..Settings::default() });
        let file = crate::fs::Fs::create(&run.fake, "ready/any").unwrap();
        file.append(&bytes).unwrap();
        let mut walk = Walk::new(salt, bytes.len() as u64, Limits::WIDEST);
        let mut steps = 0;
        while walk.next(&*file).unwrap().is_some() {
            steps += 1;
            prop_assert!(steps <= bytes.len());
        }
    }
}
