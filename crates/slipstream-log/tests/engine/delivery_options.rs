//! The options that the engine itself keeps: dedupe keys and order keys.

use std::time::Duration;

use slipstream_core::{DeliveryOptions, Engine, Record, Settlement, Source};

use crate::bench::{Bench, MINUTE, drain, next, number, source};

fn once(bench: &mut Bench, key: &str) -> Record {
    Record { options: DeliveryOptions::new().dedupe(key, MINUTE), ..bench.record() }
}

fn ordered(bench: &mut Bench, key: &str) -> Record {
    Record { options: DeliveryOptions::new().order(key), ..bench.record() }
}

#[test]
fn a_repeat_within_its_window_is_not_stored_and_the_earlier_one_is_named() {
    let mut bench = Bench::new();
    let (first, repeat, other) =
        (once(&mut bench, "order-17"), once(&mut bench, "order-17"), once(&mut bench, "order-18"));
    assert_eq!(bench.spool.store(&source(), std::slice::from_ref(&first)).unwrap().duplicates, []);
    bench.clock.advance(MINUTE - Duration::from_millis(1));
    let receipt = bench.other().store(&source(), &[repeat.clone(), other]).unwrap();
    let [duplicate] = receipt.duplicates[..] else { panic!("{receipt:?}") };
    assert_eq!((duplicate.id, duplicate.of), (repeat.id, first.id));
    bench.clock.advance(Duration::from_millis(1));
    assert_eq!(bench.other().store(&source(), &[repeat]).unwrap().duplicates, []);
    assert_eq!(drain(&mut *bench.backlog(), |_| Settlement::Delivered), [1, 3, 2]);
    assert_eq!(bench.totals().stored, 3);
}

#[test]
fn repeats_within_one_call_are_told_apart_too() {
    let mut bench = Bench::new();
    let records = [once(&mut bench, "a"), once(&mut bench, "b"), once(&mut bench, "a")];
    let receipt = bench.spool.store(&source(), &records).unwrap();
    assert_eq!(receipt.duplicates.len(), 1);
    assert_eq!(receipt.duplicates[0].of, records[0].id);
    assert_eq!(drain(&mut *bench.backlog(), |_| Settlement::Delivered), [1, 2]);
}

#[test]
fn a_clock_that_was_set_back_makes_no_window_longer() {
    let mut bench = Bench::new();
    let (first, second) = (once(&mut bench, "a"), once(&mut bench, "a"));
    bench.spool.store(&source(), &[first]).unwrap();
    bench.clock.step_back(MINUTE * 60);
    assert_eq!(bench.spool.store(&source(), &[second]).unwrap().duplicates, []);
}

#[test]
fn a_store_that_fails_enters_no_key() {
    let mut bench = Bench::new();
    let (large, small) = (once(&mut bench, "a"), once(&mut bench, "a"));
    let large = Record { body: vec![0; 9 << 20], ..large };
    assert!(bench.spool.store(&source(), &[large]).is_err());
    assert_eq!(bench.spool.store(&source(), &[small]).unwrap().duplicates, []);
}

#[test]
fn more_keys_than_there_is_room_for_let_repeats_through_and_keep_nothing_out() {
    let mut bench = Bench::new();
    let records: Vec<_> = (0..100_000).map(|n| once(&mut bench, &n.to_string())).collect();
    let mut stored = 0;
    for records in records.chunks(10_000) {
        stored += records.len() - bench.spool.store(&source(), records).unwrap().duplicates.len();
    }
    assert_eq!(stored, 100_000);
    let len = std::fs::metadata(bench.path().join("dedupe")).unwrap().len();
    assert!(len <= 3 << 20, "{len}");
    // What was stored last is still known.
    let receipt = bench.spool.store(&source(), &records[99_000..]).unwrap();
    assert!(receipt.duplicates.len() > 900, "{}", receipt.duplicates.len());
}

#[test]
fn requests_with_one_order_key_come_out_in_order_from_all_sources() {
    let mut bench = Bench::new();
    for source in ["one", "two", "three", "four", "five", "six"] {
        let record = ordered(&mut bench, "customer-17");
        bench.other().store(&Source::named(source), &[record]).unwrap();
    }
    let mut backlog = bench.backlog();
    let mut places = Vec::new();
    while let Some(claim) = next(&mut *backlog) {
        places.push((claim.position, number(&claim)));
        backlog.settle(claim.ticket, Settlement::Delivered).unwrap();
    }
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(places.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn while_a_log_is_locked_the_later_ones_of_its_slot_wait() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        bench.store().unwrap();
        bench.clock.advance(MINUTE);
    }
    bench.store().unwrap();
    let record = bench.record();
    bench.spool.store(&Source::named(""), &[record]).unwrap();
    let oldest = bench.files(slipstream_log::Stage::Ready).remove(0);
    let holder = std::fs::File::open(bench.path().join("ready").join(oldest)).unwrap();
    holder.lock_shared().unwrap();
    let mut backlog = bench.backlog();
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), [4], "of another slot");
    holder.unlock().unwrap();
    bench.clock.advance(Duration::from_millis(100));
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), [1, 2, 3]);
    backlog.close().unwrap();
}
