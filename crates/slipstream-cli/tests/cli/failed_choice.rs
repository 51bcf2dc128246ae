//! `slipstream failed`: the filters, and `drop`.

use std::time::Instant;

use crate::receiver::{Receiver, dead_url};
use crate::run::{Spool, assert_refused, ran};

/// A spool with three failed requests: 404 and 503 at a host, and one to a host without a listener.
fn spool_with_failed(receiver: &Receiver) -> Spool {
    let spool = Spool::new();
    spool.quietly(["store", "--source=a", &receiver.url("/404")]);
    spool.quietly(["store", "--source=a", &receiver.url("/503")]);
    spool.quietly(["store", "--source=b", &dead_url().replace("127.0.0.1", "localhost")]);
    spool.run(["work", "--attempts=1"]);
    assert_eq!(spool.sums(), [3, 0, 3, 0]);
    spool
}

/// How many are listed.
fn listed(spool: &Spool, args: &[&str]) -> usize {
    let list = spool.run([&["failed", "list"], args].concat());
    assert_eq!(list.code, Some(0), "{list:?}");
    list.out.lines().count()
}

#[test]
fn each_filter_lets_through_what_it_says_and_all_must_hold() {
    let receiver = Receiver::new();
    let spool = spool_with_failed(&receiver);
    let place = receiver.url("").replace("http://", "");
    for (args, expected) in [
        (&["--host=127.0.0.1"][..], 2),
        (&["--host", &place], 2),
        (&["--host=LOCALHOST"], 1),
        (&["--kind=http"], 3),
        (&["--kind=tcp"], 0),
        (&["--status=404"], 1),
        (&["--status=200"], 0),
        (&["--error=Refused"], 1),
        (&["--error=service unavail"], 1),
        (&["--older-than=1h"], 0),
        (&["--older-than=0"], 3),
        (&["--host=127.0.0.1", "--status=503"], 1),
        (&["--host=localhost", "--status=503"], 0),
    ] {
        assert_eq!(listed(&spool, args), expected, "{args:?}");
    }
    let none = spool.run(["failed", "list", "--kind=tcp"]);
    assert_eq!(none, ran(0, "", "slipstream: no such failed requests in SPOOL\n"));
}

#[test]
fn what_a_filter_lets_through_is_retried_and_the_rest_is_not() {
    let receiver = Receiver::new();
    let spool = spool_with_failed(&receiver);
    let retried = spool.run(["failed", "retry", "--status=503"]);
    assert_eq!(retried, ran(0, "1 request in 1 log will be delivered by the next worker\n", ""));
    assert_eq!(spool.sums(), [3, 1, 2, 0]);
    spool.run(["work", "--attempts=1"]);
    assert_eq!(receiver.got().len(), 3);
    assert_eq!(spool.sums(), [3, 0, 3, 0]);
}

#[test]
fn a_status_is_that_of_the_last_answer_and_an_error_is_what_failed_show_prints() {
    let receiver = Receiver::new();
    let spool = Spool::new();
    // All seven are tried; while they wait for another attempt, three exhaust theirs.
    for _ in 0..7 {
        spool.quietly(["store", "--source=a", &receiver.url("/500")]);
    }
    spool.run(["work", "--retry=attempts=2,base=200ms,jitter=0"]);
    let [_, pending, failed, _] = spool.sums();
    assert_eq!((pending, failed), (0, 7), "{}", spool.run(["failed", "list"]).out);
    let list = spool.run(["failed", "list"]).out;
    let untried = list.lines().filter(|line| line.contains("not tried: ")).count();
    assert!(untried > 0, "{list}");
    for line in list.lines().filter(|line| line.contains("not tried: ")) {
        let id = line.split(' ').next().unwrap();
        let shown = spool.run(["failed", "show", id]).out;
        assert!(shown.contains("not tried: its destination is down"), "{shown}");
    }
    assert_eq!(listed(&spool, &["--error=NOT tried"]), untried);
    assert_eq!(listed(&spool, &["--error=attempt 1: 500"]), untried);
    let retried = spool.run(["failed", "retry", "--status=500"]);
    assert_eq!(retried, ran(0, "7 requests in 1 log will be delivered by the next worker\n", ""));
}

#[test]
fn what_was_never_tried_is_told_where_a_status_is_asked_for() {
    let receiver = Receiver::new();
    let spool = Spool::new();
    for _ in 0..7 {
        spool.quietly(["store", "--source=a", &receiver.url("/500")]);
    }
    spool.run(["work", "--attempts=1", "--concurrency=1"]);
    let retried = spool.run(["failed", "retry", "--status=500", "--dry-run"]);
    let out = "3 requests in 1 log would be delivered by the next worker\n";
    let err = "slipstream: 4 other requests were never tried, so they have no status; `--error 'not tried'` chooses them\n";
    assert_eq!(retried, ran(0, out, err));
    assert_eq!(listed(&spool, &["--error=not tried"]), 4);
}

#[test]
fn what_is_dropped_counts_as_purged_and_never_comes_back() {
    let receiver = Receiver::new();
    let spool = spool_with_failed(&receiver);
    let drop = |args: &[&str]| spool.run([&["failed", "drop"], args].concat());
    let would = ran(0, "1 request in 1 log would be dropped\n", "");
    assert_eq!(drop(&["--status=404", "--dry-run"]), would);
    assert_eq!(spool.sums(), [3, 0, 3, 0]);
    assert_eq!(drop(&["--status=404"]), ran(0, "1 request in 1 log dropped\n", ""));
    assert_eq!(spool.sums(), [3, 0, 2, 0]);
    assert_eq!(spool.status()["totals"]["purged"], 1);
    assert_eq!(listed(&spool, &["--status=404"]), 0);
    let log = spool.logs("failed").into_iter().map(|log| spool.run([&"inspect".into(), &log]).out);
    assert_eq!(log.filter(|lines| lines.contains(r#""state":"dropped""#)).count(), 1);
    let json =
        r#"{"requests":2,"logs":2,"dry_run":false,"missing":[],"worker_running":false,"left":0}"#;
    assert_eq!(drop(&["--all", "--json"]), ran(0, &format!("{json}\n"), ""));
    assert_eq!(spool.sums(), [3, 0, 0, 0]);
    assert_eq!(spool.status()["totals"]["purged"], 3);
    assert_eq!(spool.logs("failed").len(), 0);
    assert_eq!(spool.run(["failed", "retry", "--all"]).out.split(' ').next(), Some("0"));
    assert_eq!(spool.run(["check"]).code, Some(0));
}

#[test]
fn an_id_that_a_filter_keeps_out_is_missing_and_nothing_is_taken_without_a_choice() {
    let receiver = Receiver::new();
    let spool = spool_with_failed(&receiver);
    let list = spool.run(["failed", "list", "--status=404"]).out;
    let id = list.split(' ').next().unwrap();
    assert_eq!(spool.run(["failed", "drop", id, "--status=503"]).code, Some(1));
    for act in ["drop", "retry"] {
        assert_refused(&spool.run(["failed", act]), "required");
        assert_refused(&spool.run(["failed", act, "--all", id]), "cannot be used with");
    }
    assert_eq!(spool.sums(), [3, 0, 3, 0]);
    assert_eq!(spool.run(["failed", "drop", id]).code, Some(0));
    assert_eq!(spool.sums(), [3, 0, 2, 0]);
}

#[test]
fn a_hundred_thousand_are_chosen_and_dropped_in_seconds() {
    let (spool, url) = (Spool::new(), dead_url());
    let lines = format!("{{\"url\":\"{url}\"}}\n").repeat(100_000);
    let file = spool.file("batch", lines);
    spool.quietly(["store", "--batch", file.to_str().unwrap()]);
    spool.run(["work", "--attempts=1", "--quiet"]);
    assert_eq!(spool.sums(), [100_000, 0, 100_000, 0]);
    let began = Instant::now();
    let dropped = spool.run(["failed", "drop", "--host=127.0.0.1", "--error=down"]);
    assert_eq!(dropped.code, Some(0), "{dropped:?}");
    assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    println!("{:?} {}", began.elapsed(), dropped.out);
    assert_eq!(spool.sums()[0], 100_000);
}
