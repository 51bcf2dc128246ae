//! `slipstream work`: what it prints, how it exits, what it does on a signal to stop.

use std::io::Read;
use std::process::{Child, Command, Stdio};

use crate::receiver::{Receiver, dead_url};
use crate::run::{Ran, Spool, assert_refused, ran};

/// Starts a worker, which goes on alone.
fn start(spool: &Spool) -> Child {
    let mut command = spool.command(["work"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn end(spool: &Spool, child: Child) -> Ran {
    spool.tell(child.wait_with_output().unwrap())
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &pid]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn nothing_stored_is_nothing_to_do() {
    let spool = Spool::new();
    assert_eq!(spool.run(["work"]), ran(0, "nothing stored yet in SPOOL\n", ""));
    assert_eq!(spool.run(["work", "--quiet"]), ran(0, "", ""));
    assert!(!spool.path().exists());
}

#[test]
fn an_empty_spool_is_done_at_once() {
    let spool = Spool::new();
    spool.run(["init"]);
    assert_eq!(spool.run(["work"]), ran(0, "Processing Job: DONE\n", ""));
}

#[test]
fn what_is_stored_is_delivered_a_dot_each() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    for n in 0..15 {
        spool.quietly(["store", &receiver.url(&format!("/{}", 200 + n % 2))]);
    }
    let worked = spool.run(["work"]);
    assert_eq!(worked, ran(0, "Processing Job: ...............DONE\n", ""));
    assert_eq!(receiver.got().len(), 15);
    assert_eq!(spool.sums(), [15, 0, 0, 15]);
    assert_eq!(spool.run(["work"]), ran(0, "Processing Job: DONE\n", ""));
}

#[test]
fn what_failed_is_told_with_its_reasons_and_the_rest_is_delivered() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/")]);
    spool.quietly(["store", &receiver.url("/404")]);
    spool.quietly(["store", &receiver.url("/404")]);
    let worked = spool.run(["work", "--attempts", "1"]);
    assert_eq!(worked.code, Some(1), "{worked:?}");
    let begin = "Processing Job: ...DONE\n2 of 3 requests failed, kept in SPOOL/failed\n";
    let reasons = worked.out.strip_prefix(begin).unwrap_or_else(|| panic!("{worked:?}"));
    let to = format!("  2 to {}: ", receiver.url("").replace("/404", ""));
    assert!(reasons.starts_with(&to) && reasons.contains("404"), "{worked:?}");
    assert_eq!(spool.sums(), [3, 0, 2, 1]);
}

#[test]
fn cron_hears_nothing_of_success_and_one_line_of_failure() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/")]);
    assert_eq!(spool.run(["work", "--quiet"]), ran(0, "", ""));
    spool.quietly(["store", &dead_url()]);
    let worked = spool.run(["work", "--quiet", "--attempts", "1"]);
    assert_eq!((worked.code, &*worked.out), (Some(1), ""), "{worked:?}");
    let begin = "slipstream: 1 of 1 request failed, kept in SPOOL/failed: 1 to http://127.0.0.1:";
    assert!(worked.err.starts_with(begin), "{worked:?}");
    assert_eq!(worked.err.lines().count(), 1, "{worked:?}");
}

#[test]
fn a_failed_attempt_is_made_again_after_the_back_off() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/503")]);
    let worked = spool.run(["work", "--attempts=2", "--backoff=1ms", "--concurrency=1"]);
    assert_eq!(worked.code, Some(1), "{worked:?}");
    assert_eq!(receiver.got().len(), 2);
}

#[test]
fn a_retry_that_is_due_after_the_run_is_put_off_and_that_is_no_failure() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/503")]);
    let worked = spool.run(["work", "--backoff", "1h", "--max-time", "5s"]);
    assert_eq!((worked.code, &*worked.err), (Some(0), ""), "{worked:?}");
    let begin = "Processing Job: DONE\n1 deferred to the next run; the first is due in 1h";
    assert!(worked.out.starts_with(begin), "{worked:?}");
    assert_eq!(spool.sums(), [1, 1, 0, 0]);
    // As it should be, so cron gets no output.
    assert_eq!(spool.run(["work", "--quiet", "--max-time", "5s"]), ran(0, "", ""));
}

#[test]
fn a_second_worker_says_who_is_at_it_and_leaves() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/held")]);
    let first = start(&spool);
    let held = receiver.wait_for_held();
    let words = format!("another worker is running (pid {})\n", first.id());
    assert_eq!(spool.run(["work"]), ran(0, &words, ""));
    assert_eq!(spool.run(["work", "--quiet"]), ran(0, "", ""));
    let worker = spool.status()["worker"].clone();
    assert_eq!((&worker["running"], &worker["pid"]), (&true.into(), &first.id().into()));
    drop(held);
    assert_eq!(end(&spool, first), ran(0, "Processing Job: .DONE\n", ""));
    assert_eq!(spool.status()["worker"]["running"], false);
}

#[test]
fn told_to_stop_it_finishes_what_is_in_flight() {
    for name in ["TERM", "INT"] {
        let (spool, receiver) = (Spool::new(), Receiver::new());
        spool.quietly(["store", &receiver.url("/held")]);
        let worker = start(&spool);
        let held = receiver.wait_for_held();
        signal(&worker, name);
        drop(held);
        let ended = end(&spool, worker);
        assert_eq!((ended.code, &*ended.err), (Some(0), ""), "{ended:?}");
        assert!(ended.out.starts_with("Processing Job: .DONE\n"), "{ended:?}");
        assert_eq!(spool.sums(), [1, 0, 0, 1]);
    }
}

#[test]
fn a_second_interrupt_ends_it_at_once() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/held")]);
    let mut worker = start(&spool);
    let held = receiver.wait_for_held();
    // Two signals that come together may be one, so it is signalled until it reacts.
    let status = loop {
        signal(&worker, "INT");
        if let Some(status) = worker.try_wait().unwrap() {
            break status;
        }
    };
    assert_eq!(status.code(), Some(130));
    drop(held);
    assert_eq!(spool.sums(), [1, 1, 0, 0]);
}

#[test]
fn what_is_older_than_it_may_be_expires_instead_of_being_tried() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/")]);
    assert_eq!(spool.run(["work", "--quiet", "--max-age=1ms"]), ran(0, "", ""));
    assert_eq!(receiver.got().len(), 0);
    assert_eq!(spool.status()["totals"]["expired"], 1);
}

#[test]
fn a_spool_that_cannot_be_worked_is_an_error() {
    let spool = Spool::new();
    std::fs::write(spool.path(), "a file").unwrap();
    for args in [&["work"][..], &["work", "--quiet"]] {
        assert_refused(&spool.run(args), "SPOOL is a file or a symbolic link");
    }
}

#[test]
fn traces_come_only_when_asked_for() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/404")]);
    let worked = spool.run(["work", "-v", "--attempts=1"]);
    assert!(worked.err.contains("the attempt failed"), "{worked:?}");
}

#[test]
fn progress_that_is_not_read_does_not_end_the_run() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    for _ in 0..3 {
        spool.quietly(["store", &receiver.url("/")]);
    }
    let mut worker = start(&spool);
    drop(worker.stdout.take());
    let mut err = String::new();
    worker.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((worker.wait().unwrap().code(), &*err), (Some(0), ""));
    assert_eq!(spool.sums(), [3, 0, 0, 3]);
}

#[test]
fn what_outlived_its_use_is_said_and_is_no_failure() {
    let spool = Spool::new();
    spool.quietly(["store", "--ttl=1ms", "http://h/"]);
    let worked = spool.run(["work"]);
    assert_eq!((worked.code, &*worked.err), (Some(0), ""));
    let last = worked.out.lines().last();
    assert_eq!(last, Some("1 request expired before delivery"));
}

#[test]
fn a_signal_gives_what_is_in_flight_so_much_time_and_the_next_run_tries_it_again() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/held")]);
    let mut command = spool.command(["work", "--stop-timeout=50ms"]);
    let worker = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let held = receiver.wait_for_held();
    signal(&worker, "TERM");
    let ended = end(&spool, worker);
    let out = "Processing Job: DONE\nstopped; 1 request had no answer in time, and may be sent again; what is left waits for the next run\n";
    assert_eq!(ended, ran(0, out, ""));
    drop(held);
    assert_eq!(spool.sums(), [1, 1, 0, 0]);
    let log = spool.logs("processing").remove(0);
    let line = spool.run([std::ffi::OsStr::new("inspect"), log.as_os_str()]).out;
    let record: serde_json::Value = serde_json::from_str(&line).unwrap();
    let shown = spool.run(["failed", "show", record["id"].as_str().unwrap()]).out;
    assert!(shown.contains("attempt 1: interrupted: the worker was stopped"), "{shown}");
    let worker = start(&spool);
    drop(receiver.wait_for_held());
    assert_eq!(end(&spool, worker).code, Some(0));
    assert_eq!(spool.sums(), [1, 0, 0, 1]);
}

#[test]
fn what_is_due_within_max_idle_is_waited_for_and_the_rest_is_not() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", "--delay=1h", &receiver.url("/late")]);
    let worked = spool.run(["work"]);
    let out = "Processing Job: DONE\n1 deferred to the next run; the first is due in ";
    assert!(worked.code == Some(0) && worked.out.starts_with(out), "{worked:?}");
    spool.quietly(["store", "--delay=1s", &receiver.url("/soon")]);
    let worked = spool.run(["work", "--max-idle=2h", "--max-time=30s"]);
    assert!(worked.out.starts_with("Processing Job: .DONE\n1 deferred"), "{worked:?}");
    assert_eq!(receiver.only().line, "GET /soon");
}
