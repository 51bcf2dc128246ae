//! What a spool reports of itself: its slots, its destinations, its last run.

use std::time::Duration;

use slipstream_core::operator::{Act, NearlyFull, Operator, Stage};
use slipstream_core::{Destination, Engine, Record, RecordId, Settlement};
use slipstream_log::{Settings, Spool};

use crate::bench::{Bench, MINUTE, drain, next, source};

fn store_to(bench: &mut Bench, to: &str) {
    let now = slipstream_core::Clock::now(&bench.clock);
    let id = RecordId::generate(now);
    let record = Record { id, destination: Destination::new(to), ..bench.record() };
    bench.spool.store(&source(), &[record]).unwrap();
}

#[test]
fn a_slot_tells_of_each_log_in_it_and_when_it_is_full() {
    let mut bench = Bench::with(Settings { slots: 1, logs: 4, ..Settings::default() });
    for requests in [1, 2, 1] {
        for _ in 0..requests {
            bench.store().unwrap();
        }
        bench.clock.advance(MINUTE);
    }
    bench.store().unwrap();
    let status = bench.other().spool_status(Duration::ZERO).unwrap();
    let [slot] = &status.slots[..] else { panic!("{:?}", status.slots) };
    let requests: Vec<_> = slot.ready.iter().map(|log| log.requests).collect();
    assert_eq!((slot.slot, &*requests), (0, &[1, 2, 1][..]));
    assert_eq!(slot.collecting.unwrap().requests, 1);
    // The fourth takes the last place, the fifth overwrites.
    let forecast = status.forecast().unwrap();
    assert_eq!((forecast.slot, forecast.wait, forecast.requests), (0, 2 * MINUTE, 1));
    assert_eq!(status.status.nearly_full, Some(NearlyFull::new("slot 0", 2 * MINUTE, Some(1))));
    let mut backlog = bench.backlog();
    let claim = next(&mut *backlog).unwrap();
    backlog.settle(claim.ticket, Settlement::Failed).unwrap();
    let claim = next(&mut *backlog).unwrap();
    backlog.settle(claim.ticket, Settlement::Retry { after: MINUTE }).unwrap();
    let claim = next(&mut *backlog).unwrap();
    backlog.settle(claim.ticket, Settlement::Failed).unwrap();
    backlog.close().unwrap();
    let status = bench.other().spool_status(Duration::ZERO).unwrap();
    let slot = &status.slots[0];
    // One failed beside a request that waits; both count as failed.
    assert_eq!((slot.failed.parts, slot.failed.requests), (1, 2));
    assert_eq!((slot.processing.parts, slot.processing.requests), (1, 1));
    assert_eq!((slot.ready.len(), status.forecast()), (1, None));
}

#[test]
fn requests_are_told_apart_by_whom_they_go_to_at_every_stage() {
    let mut bench = Bench::new();
    store_to(&mut bench, "http://dead");
    let mut backlog = bench.backlog();
    drain(&mut *backlog, |_| Settlement::Failed);
    backlog.close().unwrap();
    bench.clock.advance(2 * MINUTE);
    store_to(&mut bench, "http://dead");
    bench.clock.advance(MINUTE);
    store_to(&mut bench, "http://well");
    let seen = bench.other().status(MINUTE).unwrap();
    let counted = bench.other().status(Duration::ZERO).unwrap();
    assert_eq!((&seen.stages, seen.totals), (&counted.stages, counted.totals));
    let found = seen.destinations;
    let [dead, well] = &found.each[..] else { panic!("{found:?}") };
    assert_eq!((&*dead.destination, &*well.destination), ("http://dead", "http://well"));
    assert_eq!((dead.failed, dead.pending), ([0, 1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]));
    assert_eq!(well.pending, [1, 0, 0, 0, 0, 0, 0]);
    // What cannot be read in time is only counted.
    let found = counted.destinations;
    assert_eq!((found.each.len(), found.skipped), (0, 3));
}

#[test]
fn what_a_run_did_stays_until_the_next_one_tells_and_a_retry_leaves_it() {
    let mut bench = Bench::new();
    assert_eq!(bench.other().last_run(), None);
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    drain(&mut *backlog, |_| Settlement::Failed);
    backlog.remember(b"a memory");
    backlog.report(br#"{"delivered":1}"#);
    backlog.finish().unwrap();
    backlog.report(br#"{"delivered":2}"#);
    assert!(bench.other().backlog().is_err(), "it is this worker's until it is dropped");
    drop(backlog);
    assert_eq!(bench.other().last_run().map(|run| run.delivered), Some(2));
    assert_eq!(bench.spool.apply(Act::Retry, &mut |_| true).unwrap().requests, 1);
    // What is known of other destinations holds.
    assert!(bench.path().join("worker.memory").exists());
    assert_eq!(bench.other().last_run().map(|run| run.delivered), Some(2));
    for stage in Stage::ALL {
        bench.spool.purge(stage).unwrap();
    }
    assert_eq!(bench.other().last_run().map(|run| run.delivered), Some(2));
    assert_eq!(bench.other().check(false).unwrap().problems, []);
}

#[test]
fn a_spool_that_lost_its_settings_and_holds_no_log_is_made_anew_whatever_else_is_in_it() {
    let bench = Bench::new();
    let mut backlog = bench.backlog();
    backlog.remember(b"a memory");
    backlog.report(br#"{"delivered":3}"#);
    backlog.close().unwrap();
    for name in ["dedupe", "worker.warned", "worker.run.new-0"] {
        std::fs::write(bench.path().join(name), "").unwrap();
    }
    std::fs::remove_file(bench.path().join("settings.json")).unwrap();
    let anew = Spool::open(bench.path()).unwrap();
    // And what was being made when a process ended is cleared away.
    drop(anew.backlog().unwrap());
    assert!(!bench.path().join("worker.run.new-0").exists());
    assert_eq!(anew.last_run().map(|run| run.delivered), Some(3));
}

#[test]
fn what_waits_is_counted_within_a_time_or_not_at_all() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.store().unwrap();
        bench.clock.advance(MINUTE);
    }
    let spool = bench.other();
    assert_eq!(spool.pending_within(MINUTE).unwrap(), Some(3));
    assert_eq!(spool.pending_within(Duration::ZERO).unwrap(), None);
    assert_eq!(Bench::new().other().pending_within(MINUTE).unwrap(), Some(0));
}
