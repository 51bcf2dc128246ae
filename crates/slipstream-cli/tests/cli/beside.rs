//! What an operator does beside a worker that stays holds for that worker, too.

use std::time::{Duration, Instant};

use crate::follow::{Worker, dead_url, wait_for};
use crate::receiver::{PATIENCE, Receiver};
use crate::run::{Spool, ran};

/// Waits until so many requests were counted as purged.
fn wait_for_purged(spool: &Spool, purged: u64) {
    let begun = Instant::now();
    while spool.status()["totals"]["purged"] != purged {
        assert!(begun.elapsed() < PATIENCE, "{}", spool.status());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_is_dropped_or_purged_from_the_failed_ones_is_never_tried_again() {
    for (test, command) in
        [(11, &["failed", "drop", "--all"][..]), (12, &["purge", "--state=failed", "--yes"])]
    {
        let (spool, dead) = (Spool::new(), dead_url(test));
        for _ in 0..5 {
            spool.quietly(["store", "--source=a", &dead]);
        }
        let worker = Worker::start(&spool, &["--attempts=1", "--quiet"]);
        wait_for(&spool, [5, 0, 5, 0]);
        // A failed log is the operator's as soon as the worker is done with it.
        let begun = Instant::now();
        while spool.run(command).code != Some(0) || spool.sums() != [5, 0, 0, 0] {
            assert!(begun.elapsed() < PATIENCE, "{command:?}: {:?}", spool.run(command));
            std::thread::sleep(Duration::from_millis(50));
        }
        wait_for_purged(&spool, 5);
        let receiver = Receiver::at(&dead);
        spool.quietly(["store", "--source=a", &format!("{dead}new")]);
        let begun = Instant::now();
        while spool.sums() != [6, 0, 0, 1] {
            assert!(begun.elapsed() < PATIENCE, "{:?}", spool.status());
            // It was down a moment ago.
            spool.run(["retry-now", "--all"]);
            spool.run(["failed", "retry", "--all"]);
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(receiver.only().line, "GET /new", "{command:?}");
        assert_eq!(worker.stop(&spool, "TERM"), ran(0, "", ""));
    }
}

#[test]
fn what_failed_in_a_log_that_it_has_is_left_alone_until_it_has_ended() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", "--source=a", &receiver.url("/404")]);
    spool.quietly(["store", "--source=a", &receiver.url("/held")]);
    let worker = Worker::start(&spool, &["--attempts=1", "--quiet"]);
    let held = receiver.wait_for_held();
    wait_for(&spool, [2, 1, 1, 0]);
    let left = spool.run(["failed", "drop", "--all"]);
    assert_eq!(left.code, Some(1), "{left:?}");
    assert!(left.err.contains("1 failed request left alone"), "{left:?}");
    let refused = spool.run(["purge", "--yes"]);
    assert_eq!((refused.code, &*refused.out), (Some(2), ""), "{refused:?}");
    assert!(refused.err.contains("worker"), "{refused:?}");
    assert_eq!(spool.sums(), [2, 1, 1, 0]);
    drop(held);
    wait_for(&spool, [2, 0, 1, 1]);
    // It goes on as if nothing had been asked.
    spool.quietly(["store", "--source=a", &receiver.url("/held")]);
    drop(receiver.wait_for_held());
    assert_eq!(worker.stop(&spool, "TERM"), ran(0, "", ""));
    assert_eq!(spool.sums(), [3, 0, 1, 2]);
    assert_eq!(spool.run(["failed", "drop", "--all"]).code, Some(0));
    assert_eq!(spool.sums(), [3, 0, 0, 2]);
}

#[test]
fn what_it_remembers_may_be_removed_and_a_retry_holds_all_the_same() {
    let (spool, dead) = (Spool::new(), dead_url(13));
    for _ in 0..8 {
        spool.quietly(["store", "--source=a", &dead]);
    }
    // A memory that an earlier run left.
    spool.run(["work", "--quiet", "--attempts=1"]);
    let memory = spool.path().join("worker.memory");
    assert!(memory.exists());
    assert_eq!(spool.sums(), [8, 0, 8, 0]);
    let worker = Worker::start(&spool, &["--attempts=1", "--quiet"]);
    let begun = Instant::now();
    while spool.status()["worker"]["running"] != true {
        assert!(begun.elapsed() < PATIENCE, "{}", spool.status());
        std::thread::sleep(Duration::from_millis(50));
    }
    std::fs::remove_file(&memory).unwrap();
    let receiver = Receiver::at(&dead);
    let begun = Instant::now();
    while spool.sums() != [8, 0, 0, 8] {
        assert!(begun.elapsed() < PATIENCE, "{:?}", spool.status());
        spool.run(["failed", "retry", "--all"]);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(receiver.got().len(), 8);
    assert_eq!(worker.stop(&spool, "TERM"), ran(0, "", ""));
}

#[test]
fn settings_that_are_changed_in_a_file_hold_from_its_next_start() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let of = |attempts: u32| format!("[work]\nattempts = {attempts}\nbackoff = '10ms'\n");
    let file = spool.file("slipstream.toml", of(1));
    let start = || {
        let mut command = spool.command(["work", "--follow", "--quiet"]);
        command.env("SLIPSTREAM_CONFIG", &file);
        Worker::of(command)
    };
    let worker = start();
    for (stored, attempts) in [(1, 1), (2, 2)] {
        spool.quietly(["store", "--source=a", &receiver.url("/500")]);
        wait_for(&spool, [stored, 0, stored, 0]);
        assert_eq!(receiver.got().len(), attempts);
        spool.file("slipstream.toml", of(3));
    }
    assert_eq!(worker.stop(&spool, "TERM"), ran(0, "", ""));
    let worker = start();
    spool.quietly(["store", "--source=a", &receiver.url("/500")]);
    wait_for(&spool, [3, 0, 3, 0]);
    assert_eq!(receiver.got().len(), 5);
    assert_eq!(worker.stop(&spool, "TERM"), ran(0, "", ""));
}
