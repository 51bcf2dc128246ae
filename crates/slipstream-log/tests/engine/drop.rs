//! Removing single failed requests.

use slipstream_core::Settlement;
use slipstream_core::operator::{Act, Letter, Operator, Stage};

use crate::bench::{Bench, drain};

/// Four stored; the first delivered, the others failed in one log.
fn with_failed() -> Bench {
    let mut bench = Bench::new();
    for _ in 0..4 {
        bench.store().unwrap();
    }
    let mut backlog = bench.backlog();
    drain(&mut *backlog, |n| if n == 1 { Settlement::Delivered } else { Settlement::Failed });
    backlog.close().unwrap();
    bench
}

fn third(letter: &Letter<'_>) -> bool {
    letter.record().unwrap().id.as_bytes()[15] == 3
}

#[test]
fn a_dropped_record_counts_as_purged_and_is_not_delivered_retried_or_dropped_again() {
    let bench = with_failed();
    let dropped = bench.other().apply(Act::Drop, &mut third).unwrap();
    assert_eq!((dropped.parts, dropped.requests), (1, 1));
    let totals = bench.totals();
    assert_eq!((totals.failed, totals.outcomes.purged, totals.outcomes.expired), (2, 1, 0));
    assert_eq!(bench.other().apply(Act::Drop, &mut third).unwrap().requests, 0);
    assert_eq!(bench.other().apply(Act::Retry, &mut |_| true).unwrap().requests, 2);
    let mut backlog = bench.backlog();
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), [2, 4]);
    backlog.close().unwrap();
    // Its log is gone, and it still counts.
    let totals = bench.totals();
    assert_eq!((totals.outcomes.delivered, totals.outcomes.purged), (3, 1));
}

#[test]
fn a_log_in_which_all_that_failed_was_dropped_goes() {
    let bench = with_failed();
    bench.other().apply(Act::Drop, &mut third).unwrap();
    assert_eq!(bench.files(Stage::Failed).len(), 1);
    assert_eq!(bench.other().apply(Act::Drop, &mut |_| true).unwrap().requests, 2);
    assert_eq!(bench.files(Stage::Failed).len(), 0);
    let totals = bench.totals();
    assert_eq!((totals.failed, totals.outcomes.purged, totals.outcomes.delivered), (0, 3, 1));
    assert_eq!(drain(&mut *bench.backlog(), |_| Settlement::Delivered), Vec::<u64>::new());
}

#[test]
fn what_failed_beside_others_that_wait_is_dropped_while_no_worker_runs() {
    let bench = with_failed();
    bench.other().apply(Act::Retry, &mut third).unwrap();
    let worker = bench.backlog();
    let left = bench.other().apply(Act::Drop, &mut |_| true).unwrap();
    assert_eq!((left.requests, left.worker_running), (0, true));
    drop(worker);
    assert_eq!(bench.other().apply(Act::Drop, &mut |_| true).unwrap().requests, 2);
    let mut backlog = bench.backlog();
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), [3]);
    backlog.close().unwrap();
    let totals = bench.totals();
    assert_eq!((totals.outcomes.delivered, totals.outcomes.purged), (2, 2));
    assert_eq!(bench.files(Stage::Failed).len(), 0);
}
