//! What a user of the engine sees: requests go in, come out, and add up.

use std::fs::File;
use std::time::Duration;

use slipstream_core::operator::{Act, Letter, Operator, OperatorError};
use slipstream_core::{BacklogError, Claim, Engine, Next, Record, Settlement, Source, StoreError};
use slipstream_log::frame::LOG_HEADER;
use slipstream_log::{OnFull, Settings, Stage};

use crate::bench::{Bench, MINUTE, drain, next, number, source};

#[test]
fn what_is_stored_comes_out_once_in_order_and_leaves_nothing_behind() {
    let mut bench = Bench::new();
    for _ in 0..100 {
        bench.store().unwrap();
    }
    assert_eq!(bench.totals().pending, 100);
    let mut backlog = bench.backlog();
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), (1..=100).collect::<Vec<_>>());
    backlog.close().unwrap();
    let totals = bench.totals();
    assert_eq!((totals.stored, totals.outcomes.delivered), (100, 100));
    for stage in Stage::ALL {
        assert_eq!(bench.files(stage), Vec::<String>::new(), "{stage}");
    }
}

#[test]
fn a_batch_is_stored_in_order_with_larger_records_among_smaller() {
    let mut bench = Bench::new();
    let mut records: Vec<_> = (0..2_000).map(|_| bench.record()).collect();
    for (at, size) in [(0, 0), (7, 1 << 20), (1_000, 3 << 20), (1_999, 1)] {
        records[at].body = vec![0xC1; size];
    }
    bench.spool.store(&source(), &records).unwrap();
    let mut backlog = bench.backlog();
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), (1..=2_000).collect::<Vec<_>>());
}

#[test]
fn a_minute_later_a_slot_uses_another_log_and_the_first_waits() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    bench.clock.advance(MINUTE);
    bench.store().unwrap();
    assert_eq!(bench.files(Stage::Collecting), ["s011.log"]);
    let ready = bench.files(Stage::Ready);
    assert_eq!(ready.len(), 1);
    assert!(ready[0].starts_with("s011-20261124T054200000Z-"), "{ready:?}");
    assert_eq!(bench.totals().pending, 2);
}

#[test]
fn a_slot_keeps_its_ten_newest_logs_and_counts_what_it_overwrites() {
    let mut bench = Bench::new();
    let mut lost = 0;
    for _ in 0..15 {
        lost += bench.store().unwrap();
        lost += bench.store().unwrap();
        bench.clock.advance(MINUTE);
    }
    // Fourteen were sealed, two requests each; ten may wait.
    assert_eq!(lost, 8);
    assert_eq!(bench.files(Stage::Ready).len(), 10);
    let totals = bench.totals();
    assert_eq!((totals.stored, totals.pending, totals.outcomes.overwritten), (30, 22, 8));
    let by_slot = bench.other().spool_status(Duration::ZERO).unwrap().overwritten[&11];
    assert_eq!((by_slot.logs, by_slot.requests), (4, 8));
    let mut backlog = bench.backlog();
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), (9..=30).collect::<Vec<_>>());
}

#[test]
fn a_full_slot_that_rejects_says_so_and_loses_nothing() {
    let mut bench =
        Bench::with(Settings { on_full: OnFull::Reject, logs: 2, ..Settings::default() });
    for _ in 0..3 {
        bench.store().unwrap();
        bench.clock.advance(MINUTE);
    }
    let refused = bench.store().unwrap_err();
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    assert!(refused.to_string().contains("run the worker"), "{refused}");
    assert_eq!(bench.totals().pending, 3);
    // Another source's slot is not full.
    let record = bench.record();
    bench.spool.store(&Source::named(""), &[record]).unwrap();
}

#[test]
fn what_a_run_leaves_in_a_slot_that_rejects_is_not_overwritten_but_fills_it() {
    let settings =
        Settings { logs: 2, log_max: 64 << 10, record_max: 63 << 10, ..Settings::default() };
    let mut bench = Bench::with(Settings { on_full: OnFull::Reject, ..settings });
    let store = |bench: &mut Bench| {
        let record = Record { body: vec![0; 60_000], ..bench.record() };
        bench.spool.store(&source(), &[record])
    };
    let mut backlog = bench.backlog();
    for _ in 0..3 {
        store(&mut bench).unwrap();
        drain(&mut *backlog, |_| Settlement::Retry { after: MINUTE * 60 });
        bench.clock.advance(MINUTE);
    }
    backlog.close().unwrap();
    assert_eq!(bench.files(Stage::Processing).len(), 3);
    store(&mut bench).unwrap();
    bench.clock.advance(MINUTE);
    let refused = store(&mut bench).unwrap_err();
    assert!(matches!(refused, StoreError::Full(_)), "{refused:?}");
    assert_eq!((bench.totals().pending, bench.totals().outcomes.overwritten), (4, 0));
    bench.clock.advance(MINUTE * 60);
    assert_eq!(drain(&mut *bench.backlog(), |_| Settlement::Delivered), [1, 2, 3, 4]);
    store(&mut bench).unwrap();
}

#[test]
fn a_clock_set_back_loses_nothing_and_keeps_the_newest() {
    let mut bench = Bench::with(Settings { logs: 3, ..Settings::default() });
    for _ in 0..4 {
        bench.store().unwrap();
        bench.clock.advance(MINUTE);
    }
    bench.clock.step_back(MINUTE * 60 * 24 * 365);
    for _ in 0..3 {
        bench.store().unwrap();
        bench.clock.advance(MINUTE);
    }
    let mut backlog = bench.backlog();
    // Six were sealed, three may wait; the seventh was being collected.
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), [4, 5, 6, 7]);
    assert_eq!(bench.totals().outcomes.overwritten, 3);
}

#[test]
fn a_log_that_would_grow_too_large_rotates_early() {
    let settings = Settings { record_max: 4096, log_max: 8192, ..Settings::default() };
    let mut bench = Bench::with(settings);
    for _ in 0..100 {
        bench.store().unwrap();
    }
    let sizes: Vec<_> = bench
        .files(Stage::Ready)
        .iter()
        .map(|name| std::fs::metadata(bench.path().join("ready").join(name)).unwrap().len())
        .collect();
    assert!(!sizes.is_empty());
    assert!(sizes.iter().all(|size| (4096..=8192).contains(size)), "{sizes:?}");
    assert_eq!(bench.totals().pending, 100);
}

#[test]
fn a_record_over_the_limit_is_refused_and_nothing_of_its_batch_is_stored() {
    let mut bench = Bench::with(Settings { record_max: 4096, ..Settings::default() });
    let mut records = vec![bench.record(), bench.record()];
    records[1].body = vec![0; 5000];
    let refused = bench.spool.store(&source(), &records).unwrap_err();
    assert!(matches!(refused, StoreError::TooLarge { limit: 4096, .. }), "{refused:?}");
    assert_eq!(bench.totals().stored, 0);
}

#[test]
fn a_writer_whose_log_was_claimed_goes_on_in_a_new_one() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    let first = next(&mut *backlog).unwrap();
    bench.store().unwrap();
    assert_eq!(number(&first), 1);
    backlog.settle(first.ticket, Settlement::Delivered).unwrap();
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), [2]);
    backlog.close().unwrap();
    assert_eq!(bench.totals().outcomes.delivered, 2);
}

#[test]
fn what_was_given_out_and_not_settled_comes_out_of_the_next_run_with_its_attempts() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.store().unwrap();
    }
    let mut backlog = bench.backlog();
    let first = next(&mut *backlog).unwrap();
    backlog.settle(first.ticket, Settlement::Delivered).unwrap();
    let second = next(&mut *backlog).unwrap();
    assert_eq!(backlog.begin(second.ticket).unwrap(), 1);
    // As a kill would.
    drop(backlog);
    assert_eq!(bench.totals().pending, 2);
    let mut backlog = bench.backlog();
    let claims: Vec<_> = std::iter::from_fn(|| next(&mut *backlog)).collect();
    let told = |claim: &Claim| (number(claim), claim.attempts, claim.interrupted);
    // An attempt that was cut short is given back.
    assert_eq!(claims.iter().map(told).collect::<Vec<_>>(), [(2, 0, 1), (3, 0, 0)]);
}

#[test]
fn a_log_that_nothing_was_stored_in_is_taken_away_once_its_minute_is_over() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let names = bench.files(Stage::Collecting);
    let path = bench.path().join("collecting").join(&names[0]);
    // As a writer leaves it that is killed before it writes, or finds the disk full.
    File::options().write(true).open(path).unwrap().set_len(LOG_HEADER).unwrap();
    let mut backlog = bench.backlog();
    assert!(next(&mut *backlog).is_none());
    assert_eq!(bench.files(Stage::Collecting), names, "its writer may be about to write");
    bench.clock.advance(MINUTE);
    assert!(next(&mut *backlog).is_none());
    assert_eq!(bench.files(Stage::Collecting), [""; 0]);
    // The writer has it open still, and goes on in another.
    bench.store().unwrap();
    assert_eq!(number(&next(&mut *backlog).unwrap()), 2);
    assert_eq!(bench.totals().stored, 1);
}

#[test]
fn a_failed_record_keeps_its_log_while_the_others_are_delivered() {
    let mut bench = Bench::new();
    for _ in 0..5 {
        bench.store().unwrap();
    }
    let mut backlog = bench.backlog();
    drain(&mut *backlog, |n| if n == 3 { Settlement::Failed } else { Settlement::Delivered });
    backlog.close().unwrap();
    assert_eq!(bench.files(Stage::Failed).len(), 1);
    let totals = bench.totals();
    assert_eq!((totals.failed, totals.pending, totals.outcomes.delivered), (1, 0, 4));
    // It stays there until a retry.
    assert_eq!(drain(&mut *bench.backlog(), |_| Settlement::Delivered), Vec::<u64>::new());
}

#[test]
fn a_failed_record_that_is_retried_comes_out_with_no_attempts_and_the_others_stay_failed() {
    let mut bench = Bench::new();
    for _ in 0..4 {
        bench.store().unwrap();
    }
    let mut backlog = bench.backlog();
    drain(&mut *backlog, |n| if n == 1 { Settlement::Delivered } else { Settlement::Failed });
    backlog.close().unwrap();
    let mut chosen = |letter: &Letter<'_>| letter.record().unwrap().id.as_bytes()[15] == 3;
    let retried = bench.other().apply(Act::Retry, &mut chosen).unwrap();
    assert_eq!((retried.parts, retried.requests), (1, 1));
    assert_eq!((bench.totals().pending, bench.totals().failed), (1, 2));
    let mut backlog = bench.backlog();
    let claim = next(&mut *backlog).unwrap();
    assert_eq!((number(&claim), claim.attempts), (3, 0));
    backlog.settle(claim.ticket, Settlement::Delivered).unwrap();
    assert!(next(&mut *backlog).is_none());
    backlog.close().unwrap();
    let totals = bench.totals();
    assert_eq!((totals.outcomes.delivered, totals.failed), (2, 2));
    // A running worker finds what is retried while it runs, and a failure ends it for this run.
    let mut backlog = bench.backlog();
    assert!(next(&mut *backlog).is_none());
    bench.other().apply(Act::Retry, &mut |_| true).unwrap();
    assert_eq!(drain(&mut *backlog, |_| Settlement::Failed), [2, 4]);
    backlog.close().unwrap();
    assert_eq!(bench.totals().failed, 2);
}

#[test]
fn failed_logs_are_bounded_and_the_oldest_gives_way() {
    let mut bench = Bench::with(Settings { logs: 2, ..Settings::default() });
    for _ in 0..4 {
        bench.store().unwrap();
        let mut backlog = bench.backlog();
        drain(&mut *backlog, |_| Settlement::Failed);
        backlog.close().unwrap();
        bench.clock.advance(MINUTE);
    }
    assert_eq!(bench.files(Stage::Failed).len(), 2);
    let totals = bench.totals();
    assert_eq!((totals.failed, totals.outcomes.overwritten), (2, 2));
}

#[test]
fn a_retry_comes_out_when_it_is_due_and_not_before() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    let first = next(&mut *backlog).unwrap();
    backlog.begin(first.ticket).unwrap();
    backlog.settle(first.ticket, Settlement::Retry { after: Duration::from_secs(2) }).unwrap();
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), [2]);
    assert!(matches!(backlog.next().unwrap(), Next::Wait(wait) if wait == Duration::from_secs(2)));
    bench.clock.advance(Duration::from_millis(1999));
    assert!(next(&mut *backlog).is_none());
    bench.clock.advance(Duration::from_millis(1));
    let again = next(&mut *backlog).unwrap();
    assert_eq!((number(&again), again.attempts), (1, 1));
}

#[test]
fn a_retry_due_after_the_run_waits_on_disk_for_the_next() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    drain(&mut *backlog, |_| Settlement::Retry { after: MINUTE * 60 });
    backlog.close().unwrap();
    assert_eq!(bench.files(Stage::Processing).len(), 1);
    assert_eq!(bench.totals().pending, 1);
    let mut backlog = bench.backlog();
    // Once it comes out early, so that the worker sees it.
    let early = next(&mut *backlog).unwrap();
    assert_eq!((number(&early), early.visible_in, early.attempts), (1, MINUTE * 60, 1));
    backlog.settle(early.ticket, Settlement::Release { after: early.visible_in }).unwrap();
    assert!(matches!(backlog.next().unwrap(), Next::Wait(wait) if wait == MINUTE * 60));
    backlog.close().unwrap();
    bench.clock.advance(MINUTE * 60);
    assert_eq!(drain(&mut *bench.backlog(), |_| Settlement::Delivered), [1]);
}

#[test]
fn more_waiting_records_than_are_remembered_all_come_out() {
    let mut bench = Bench::new();
    let many = 70_000;
    let records: Vec<_> =
        (0..many).map(|_| Record { body: Vec::new(), ..bench.record() }).collect();
    bench.spool.store(&source(), &records).unwrap();
    let mut backlog = bench.backlog();
    let put_back = drain(&mut *backlog, |_| Settlement::Release { after: Duration::from_secs(1) });
    assert_eq!(put_back.len(), many);
    bench.clock.advance(Duration::from_secs(1));
    let mut seen = drain(&mut *backlog, |_| Settlement::Delivered);
    seen.sort_unstable();
    assert_eq!(seen, (1..=many as u64).collect::<Vec<_>>());
    backlog.close().unwrap();
    assert_eq!(bench.totals().outcomes.delivered, many as u64);
}

#[test]
fn one_worker_has_the_spool_and_the_next_one_learns_who() {
    let bench = Bench::new();
    let backlog = bench.backlog();
    let Err(BacklogError::Busy { holder }) = bench.other().backlog() else {
        panic!("two workers have the spool");
    };
    assert_eq!(holder, Some(std::process::id()));
    let status = bench.other().status(Duration::ZERO).unwrap();
    assert_eq!(status.worker.unwrap().pid, Some(std::process::id()));
    drop(backlog);
    assert!(bench.other().backlog().is_ok());
    assert_eq!(bench.other().status(Duration::ZERO).unwrap().worker, None);
}

#[test]
fn a_purge_counts_what_it_removes_at_each_stage() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    drain(&mut *backlog, |_| Settlement::Failed);
    backlog.close().unwrap();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    drain(&mut *backlog, |_| Settlement::Retry { after: MINUTE });
    assert!(matches!(bench.spool.purge(Stage::Processing), Err(OperatorError::Busy { .. })));
    backlog.close().unwrap();
    bench.store().unwrap();
    bench.clock.advance(MINUTE);
    bench.store().unwrap();
    for (done, stage) in Stage::ALL.into_iter().enumerate() {
        let purged = bench.spool.purge(stage).unwrap();
        assert_eq!((purged.parts, purged.requests), (1, 1), "{stage}");
        assert_eq!(bench.totals().outcomes.purged, done as u64 + 1);
    }
    assert_eq!(bench.totals().stored, 4);
}

#[test]
fn a_log_removed_by_hand_shows_as_an_imbalance() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    bench.clock.advance(MINUTE);
    bench.store().unwrap();
    let name = bench.files(Stage::Ready).remove(0);
    std::fs::remove_file(bench.path().join("ready").join(name)).unwrap();
    assert!(!bench.other().status(Duration::ZERO).unwrap().totals.balanced());
}

#[test]
fn a_log_that_is_locked_comes_last_and_is_no_success() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let record = bench.record();
    bench.spool.store(&Source::named(""), &[record]).unwrap();
    let path = bench.path().join("collecting/s011.log");
    let holder = std::fs::File::open(&path).unwrap();
    holder.lock_shared().unwrap();
    let mut backlog = bench.backlog();
    let first = next(&mut *backlog).unwrap();
    assert_eq!(number(&first), 2, "the one that is not locked");
    backlog.settle(first.ticket, Settlement::Delivered).unwrap();
    holder.unlock().unwrap();
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), [1]);
    backlog.close().unwrap();
    // A log that cannot be read at all is left, and that is reported.
    bench.store().unwrap();
    std::fs::hard_link(&path, bench.path().join("elsewhere")).unwrap();
    let mut backlog = bench.backlog();
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), Vec::<u64>::new());
    assert!(backlog.close().is_err());
}

#[test]
fn a_clock_holds_for_the_handles_of_the_spool_that_was_opened_by_it() {
    let bench = Bench::new();
    let (shared, hands) = (bench.other(), crate::bench::Hands::new());
    hands.advance(MINUTE * 60 * 24);
    let later = slipstream_log::Spool::builder().clock(hands).open(bench.path()).unwrap();
    let store = |spool: &slipstream_log::Spool, number| {
        let mut record = Bench::new().record();
        record.id = slipstream_core::RecordId::from_bytes([number; 16]);
        spool.store(&source(), &[record]).unwrap();
    };
    store(&shared, 1);
    assert_eq!(bench.files(Stage::Ready).len(), 0);
    // A day later, by its clock, the minute of that log is over.
    store(&later, 2);
    assert_eq!(bench.files(Stage::Ready).len(), 1);
    assert_eq!(bench.totals().pending, 2);
}
