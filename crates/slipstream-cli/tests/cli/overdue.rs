//! What `store` says when no worker has finished for too long.

use std::fs::File;
use std::time::{Duration, SystemTime};

use crate::run::{Ran, Spool, ran};

/// A spool whose last run ended two hours ago.
fn forsaken() -> Spool {
    let spool = Spool::new();
    spool.run(["init"]);
    spool.run(["work"]);
    let run = File::options().append(true).open(spool.path().join("worker.run")).unwrap();
    run.set_modified(SystemTime::now() - Duration::from_secs(7_200)).unwrap();
    spool
}

const STORE: [&str; 2] = ["store", "http://127.0.0.1:9/"];

#[track_caller]
fn assert_warned(told: &Ran) {
    assert_eq!((told.code, &*told.out), (Some(0), ""), "{told:?}");
    let begin = "slipstream: what is stored in SPOOL waits: no worker has finished there since 20";
    let end = " (2h ago); see `slipstream doctor`, and `slipstream setup cron`\n";
    let said = told.err.replace("(2h 1s ago)", "(2h ago)");
    assert!(said.starts_with(begin) && said.ends_with(end), "{told:?}");
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn one_that_stores_is_told_and_the_others_are_not_until_a_worker_has_been_there() {
    let spool = forsaken();
    assert_warned(&spool.run(STORE));
    spool.quietly(STORE);
    spool.run_with(&["store", "--batch", "-"], b"{\"url\":\"http://127.0.0.1:9/\"}\n");
    std::fs::remove_file(spool.path().join("worker.warned")).unwrap();
    let batch = spool.run_with(&["store", "--batch", "-"], b"{\"url\":\"http://127.0.0.1:9/\"}\n");
    assert_warned(&batch);
    std::fs::remove_file(spool.path().join("worker.warned")).unwrap();
    spool.run(["work", "--attempts=1"]);
    spool.quietly(STORE);
}

#[test]
fn nothing_is_said_where_that_is_not_wanted_nor_before_the_time() {
    let spool = forsaken();
    spool.quietly([&STORE[..], &["--warn-after=0"]].concat());
    spool.quietly([&STORE[..], &["--warn-after=3h"]].concat());
    let mut by_environment = spool.command(STORE);
    by_environment.env("SLIPSTREAM_WARN_AFTER", "0");
    assert_eq!(spool.tell(by_environment.output().unwrap()), ran(0, "", ""));
    assert!(!spool.path().join("worker.warned").exists());
    assert_warned(&spool.run(STORE));
}

#[test]
fn a_spool_in_which_none_ever_worked_says_that() {
    let spool = Spool::new();
    spool.quietly(STORE);
    let settings = File::options().append(true).open(spool.path().join("settings.json")).unwrap();
    settings.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000)).unwrap();
    let told = spool.run(STORE);
    let words = "no worker has ever finished there since 2020-09-13T12:26:40.000Z (";
    assert!(told.code == Some(0) && told.err.contains(words), "{told:?}");
}
