//! `slipstream status --check`: one line, and the exit code of a monitoring plugin.

use crate::receiver::Receiver;
use crate::run::{Spool, assert_refused, log_of};

fn check(spool: &Spool, args: &[&str]) -> (i32, String) {
    let told = spool.run([&["status", "--check"], args].concat());
    assert_eq!(told.err, "");
    (told.code.unwrap(), told.out)
}

#[test]
fn a_spool_where_all_is_well_is_ok_and_its_numbers_follow() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/")]);
    spool.run(["work"]);
    let line = "SLIPSTREAM OK - 0 pending, 0 failed | pending=0;;;0 failed=0;0;;0 age=0s;;300;0 stored=1c delivered=1c expired=0c overwritten=0c purged=0c set_aside=0c destinations_in_trouble=0;;;0 waiting_for_them=0;;;0\n";
    assert_eq!(check(&spool, &[]), (0, line.to_owned()));
}

#[test]
fn what_failed_and_what_waits_beyond_a_number_is_a_warning() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/404")]);
    spool.run(["work", "--attempts=1"]);
    let (code, line) = check(&spool, &[]);
    let words = "SLIPSTREAM WARNING - 1 request failed for good; see `slipstream failed list` | ";
    assert!(code == 1 && line.starts_with(words), "{code} {line}");
    assert_eq!(check(&spool, &["--max-failed=1"]).0, 0);
    spool.quietly(["store", &receiver.url("/")]);
    let (code, line) = check(&spool, &["--max-failed=1", "--max-pending=0"]);
    let words = "SLIPSTREAM WARNING - 1 wait | pending=1;0;;0 failed=1;1;;0 age=";
    assert!(code == 1 && line.starts_with(words), "{code} {line}");
}

#[test]
fn what_was_not_taken_for_too_long_is_critical() {
    let spool = Spool::new();
    spool.run(["init"]);
    // Made in November 2026; whatever the time is now, it was so by its name.
    let (name, bytes) = log_of(b"x");
    let name = name.replace("s003-2026", "s003-2020");
    std::fs::write(spool.path().join("ready").join(name), bytes).unwrap();
    let (code, line) = check(&spool, &[]);
    let words = "SLIPSTREAM CRITICAL - no worker has taken what was stored ";
    assert!(code == 2 && line.starts_with(words), "{code} {line}");
    assert!(line.contains(" ago, none has ever finished a run here |"), "{line}");
    assert_eq!(check(&spool, &["--max-age=1000y"]).0, 0);
}

#[test]
fn a_log_that_must_soon_give_way_and_a_run_that_broke_off_are_warnings() {
    let spool = Spool::new();
    spool.run(["init", "--slots=1", "--logs=1", "--rotate=1000d"]);
    let (name, bytes) = log_of(b"x");
    let name = name.replace("s003", "s000");
    std::fs::write(spool.path().join("ready").join(name), bytes).unwrap();
    spool.quietly(["store", "http://127.0.0.1:9/"]);
    let run =
        r#"{"began":1577836800000,"at":1577836800000,"ended":1577836800000,"ending":"broken"}"#;
    std::fs::write(spool.path().join("worker.run"), run).unwrap();
    let (code, line) = check(&spool, &["--max-age=1000y"]);
    let words = "SLIPSTREAM WARNING - slot 0 overwrites its oldest log in ";
    assert!(code == 1 && line.starts_with(words), "{code} {line}");
    assert!(line.contains(" unless a worker comes; the last run broke off; see"), "{line}");
}

#[test]
fn a_sum_that_does_not_hold_is_critical_and_said_with_the_rest() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", "--source=a", &receiver.url("/404")]);
    spool.run(["work", "--attempts=1"]);
    std::fs::remove_file(&spool.logs("failed")[0]).unwrap();
    spool.quietly(["store", "--source=a", &receiver.url("/404")]);
    spool.run(["work", "--attempts=1"]);
    let (code, line) = check(&spool, &[]);
    let words = "SLIPSTREAM CRITICAL - the counters do not add up; see `slipstream check`; 1 request failed for good; see `slipstream failed list` | ";
    assert!(code == 2 && line.starts_with(words), "{code} {line}");
}

#[test]
fn no_spool_and_one_that_cannot_be_read_are_unknown() {
    let spool = Spool::new();
    let none = "SLIPSTREAM UNKNOWN - there is no spool at SPOOL; `slipstream init` makes one\n";
    assert_eq!(check(&spool, &[]), (3, none.to_owned()));
    let odd = spool.file("a|b", "a file");
    let told = spool.run(["--dir", odd.to_str().unwrap(), "status", "--check"]);
    assert_eq!((told.code, &*told.err), (Some(3), ""));
    assert!(told.out.starts_with("SLIPSTREAM UNKNOWN - HERE/a/b is a file"), "{told:?}");
    assert_eq!(told.out.lines().count(), 1);
    assert!(!spool.path().exists());
}

#[test]
fn its_limits_are_refused_without_it() {
    let spool = Spool::new();
    assert_refused(&spool.run(["status", "--max-failed=3"]), "--check");
    assert_refused(&spool.run(["status", "--check", "--json"]), "cannot be used with");
    assert_refused(&spool.run(["status", "--check", "--max-age=0"]), "above zero");
}
