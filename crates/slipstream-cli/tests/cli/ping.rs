//! `slipstream work --ping`: a watcher is notified of the run, and cannot disturb it.

use crate::receiver::{Receiver, dead_url};
use crate::run::{Spool, assert_refused, ran};

fn work(spool: &Spool, url: &str) -> crate::run::Ran {
    spool.run(["work", "--quiet", "--attempts=1", "--ping", url])
}

fn told(watcher: &Receiver) -> Vec<String> {
    watcher.got().into_iter().map(|got| got.line).collect()
}

#[test]
fn it_is_told_that_the_run_begins_and_how_it_ends() {
    let (spool, receiver, watcher) = (Spool::new(), Receiver::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/")]);
    assert_eq!(work(&spool, &watcher.url("/id")), ran(0, "", ""));
    spool.quietly(["store", &receiver.url("/404")]);
    assert_eq!(work(&spool, &watcher.url("/id")).code, Some(1));
    let expected = ["GET /id/start", "GET /id", "GET /id/start", "GET /id/1"];
    assert_eq!(told(&watcher), expected);
}

#[test]
fn it_is_told_of_a_spool_that_cannot_be_worked_and_of_one_that_is_not_there() {
    let (spool, watcher) = (Spool::new(), Receiver::new());
    assert_eq!(work(&spool, &watcher.url("/id")), ran(0, "", ""));
    std::fs::write(spool.path(), "a file").unwrap();
    assert_refused(&work(&spool, &watcher.url("/id")), "SPOOL is a file");
    // Neither of them began.
    assert_eq!(told(&watcher), ["GET /id", "GET /id/2"]);
}

#[test]
fn one_that_does_not_answer_is_a_line_and_changes_nothing() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/")]);
    let url = format!("{}s3cret", dead_url());
    let worked = work(&spool, &url);
    assert_eq!((worked.code, &*worked.out), (Some(0), ""), "{worked:?}");
    assert_eq!(worked.err.lines().count(), 2, "{worked:?}");
    for line in worked.err.lines() {
        assert!(line.starts_with("slipstream: cannot ping: "), "{line}");
        assert!(line.contains("connection refused") && !line.contains("s3cret"), "{line}");
    }
    assert_eq!(spool.sums(), [1, 0, 0, 1]);
}

#[test]
fn a_second_worker_says_nothing_to_it() {
    let (spool, receiver, watcher) = (Spool::new(), Receiver::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/held")]);
    let mut first = spool.command(["work", "--quiet"]).spawn().unwrap();
    let held = receiver.wait_for_held();
    assert_eq!(work(&spool, &watcher.url("/id")), ran(0, "", ""));
    drop(held);
    assert!(first.wait().unwrap().success());
    assert_eq!(told(&watcher), [""; 0]);
}

#[test]
fn what_is_no_url_is_refused_before_the_run() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/")]);
    assert_refused(&work(&spool, "ftp://example.com/"), "cannot ping: ");
    let both = spool.run(["work", "--follow", "--ping", "http://a/"]);
    assert_refused(&both, "cannot be used with");
    assert_eq!(receiver.got().len(), 0);
}
