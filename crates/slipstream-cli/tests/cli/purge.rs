//! `slipstream purge`: only what was asked for, only with a yes.

use crate::receiver::Receiver;
use crate::run::{Spool, assert_refused, ran};

/// A spool with a failed request and a waiting request.
fn spool_with_both(receiver: &Receiver) -> Spool {
    let spool = Spool::new();
    spool.quietly(["store", &receiver.url("/404")]);
    spool.run(["work", "--attempts=1"]);
    spool.quietly(["store", &receiver.url("/")]);
    spool
}

#[test]
fn without_a_yes_it_shows_what_would_go_and_removes_nothing() {
    let spool = spool_with_both(&Receiver::new());
    let purged = spool.run(["purge"]);
    assert_eq!(purged.code, Some(2), "{purged:?}");
    let lines: Vec<_> = purged.out.lines().collect();
    assert!(lines[0].starts_with("collecting  1 request in 1 log, "), "{purged:?}");
    assert_eq!(lines[1], "ready       0 requests in 0 logs, 0 B");
    assert!(lines[3].starts_with("failed      1 request in 1 log, "), "{purged:?}");
    let words =
        "slipstream: nothing was removed; to remove this without delivering it, add --yes\n";
    assert_eq!(purged.err, words);
    assert_eq!(spool.sums(), [2, 1, 1, 0]);
}

#[test]
fn a_state_that_is_named_goes_and_the_others_stay() {
    let spool = spool_with_both(&Receiver::new());
    let purged = spool.run(["purge", "--state", "failed", "--yes"]);
    assert_eq!((purged.code, &*purged.err), (Some(0), ""), "{purged:?}");
    assert!(purged.out.starts_with("failed      1 request in 1 log, "), "{purged:?}");
    assert_eq!(purged.out.lines().count(), 1);
    assert_eq!(spool.sums(), [2, 1, 0, 0]);
    assert_eq!(spool.status()["totals"]["purged"], 1);
}

#[test]
fn everything_goes_unless_a_state_is_named() {
    let spool = spool_with_both(&Receiver::new());
    assert_eq!(spool.run(["purge", "--yes"]).code, Some(0));
    assert_eq!(spool.sums(), [2, 0, 0, 0]);
    assert_eq!(spool.status()["totals"]["purged"], 2);
}

#[test]
fn what_a_worker_holds_is_not_removed_nor_anything_else() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/held")]);
    // With one in flight it looks for no other.
    let mut worker = spool.command(["work", "--quiet", "--concurrency=1"]).spawn().unwrap();
    let held = receiver.wait_for_held();
    spool.quietly(["store", "http://h/"]);
    let purged = spool.run(["purge", "--yes"]);
    let words = format!("cannot purge processing: a worker is running (pid {})", worker.id());
    assert_refused(&purged, &words);
    assert_eq!(spool.sums(), [2, 2, 0, 0]);
    let collecting = spool.run(["purge", "--state=collecting", "--yes"]);
    assert_eq!(collecting.code, Some(0), "{collecting:?}");
    drop(held);
    assert!(worker.wait().unwrap().success());
    assert_eq!(spool.sums(), [2, 0, 0, 1]);
}

#[test]
fn what_failed_in_processing_goes_with_its_log_and_is_said_to_stay_otherwise() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", "--source=a", &receiver.url("/404")]);
    spool.quietly(["store", "--source=a", "--delay=1h", &receiver.url("/")]);
    assert_eq!(spool.run(["work", "--quiet", "--attempts=1"]).code, Some(1));
    assert_eq!(spool.sums(), [2, 1, 1, 0]);
    let stays = "slipstream: not among these: 1 failed request still in processing/, since others in the same log wait; add --state processing to remove all in there, too\n";
    let shown = spool.run(["purge"]);
    assert!(shown.out.contains("\nprocessing  2 requests in 1 log, "), "{shown:?}");
    assert!(!shown.err.contains("not among these"), "{shown:?}");
    let failed = spool.run(["purge", "--state=failed", "--yes"]);
    assert_eq!(failed, ran(0, "failed      0 requests in 0 logs, 0 B\n", stays));
    let purged = spool.run(["purge", "--state=processing", "--yes"]);
    assert!(purged.out.starts_with("processing  2 requests in 1 log, "), "{purged:?}");
    assert_eq!(spool.sums(), [2, 0, 0, 0]);
}

#[test]
fn no_spool_is_nothing_to_remove() {
    let spool = Spool::new();
    let words = "nothing stored yet in SPOOL\n";
    assert_eq!(spool.run(["purge", "--yes"]), ran(0, words, ""));
}
