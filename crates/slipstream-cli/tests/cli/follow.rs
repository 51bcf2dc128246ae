//! `slipstream work --follow`: it stays, delivers what comes, and ends when told to.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Instant;

use crate::receiver::{PATIENCE, Receiver};
use crate::run::{Ran, Spool, assert_refused, ran};

/// A worker that stays: but not longer than its test.
struct Worker(Option<Child>);

impl Worker {
    fn start(spool: &Spool, args: &[&str]) -> Self {
        let mut command = spool.command([&["work", "--follow"], args].concat());
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    fn stderr(&mut self) -> ChildStderr {
        self.0.as_mut().unwrap().stderr.take().unwrap()
    }

    /// Tells it to end, and waits for that.
    fn stop(mut self, spool: &Spool, name: &str) -> Ran {
        let worker = self.0.take().unwrap();
        let sent = Command::new("kill").args(["-s", name, &worker.id().to_string()]).status();
        assert!(sent.unwrap().success());
        spool.tell(worker.wait_with_output().unwrap())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(worker) = &mut self.0 {
            let _ = worker.kill().and_then(|()| worker.wait());
        }
    }
}

#[test]
fn what_is_stored_while_it_runs_is_delivered_and_a_signal_ends_it() {
    for name in ["TERM", "INT"] {
        let (spool, receiver) = (Spool::new(), Receiver::new());
        spool.run(["init"]);
        let worker = Worker::start(&spool, &[]);
        for stored in 1..=3 {
            spool.quietly(["store", "--source=a", &receiver.url("/held")]);
            drop(receiver.wait_for_held());
            assert_eq!(receiver.got().len(), stored);
        }
        assert_eq!(worker.stop(&spool, name), ran(0, "", ""));
        assert_eq!(spool.sums(), [3, 0, 0, 3]);
    }
}

#[test]
fn what_it_gives_up_is_a_line_at_once_and_no_failure_at_its_end() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/404")]);
    let mut worker = Worker::start(&spool, &["--attempts=1"]);
    let mut lines = BufReader::new(worker.stderr()).lines();
    let expected = format!("slipstream: gave up 1 request to {}: 404 Not Found", receiver.url(""));
    assert_eq!(lines.next().unwrap().unwrap(), expected);
    // A second one waits for its minute's end, or for the worker's.
    spool.quietly(["store", "--source=a", &receiver.url("/404")]);
    spool.quietly(["store", "--source=a", &receiver.url("/held")]);
    drop(receiver.wait_for_held());
    assert_eq!(worker.stop(&spool, "TERM"), ran(0, "", ""));
    let expected = expected.replace("gave up 1 request", "gave up 1 more request");
    assert_eq!(lines.map(Result::unwrap).collect::<Vec<_>>(), [expected]);
}

#[test]
fn quietly_it_says_nothing_of_what_it_gives_up() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", "--source=a", &receiver.url("/404")]);
    spool.quietly(["store", "--source=a", &receiver.url("/held")]);
    let worker = Worker::start(&spool, &["--attempts=1", "--quiet", "--concurrency=1"]);
    drop(receiver.wait_for_held());
    assert_eq!(worker.stop(&spool, "TERM"), ran(0, "", ""));
    assert_eq!(spool.sums(), [2, 0, 1, 1]);
}

#[test]
fn it_makes_the_spool_that_it_waits_at() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let worker = Worker::start(&spool, &[]);
    // Stored before it, or behind it.
    spool.quietly(["store", &receiver.url("/held")]);
    drop(receiver.wait_for_held());
    assert_eq!(worker.stop(&spool, "TERM"), ran(0, "", ""));
}

#[test]
fn it_has_no_time_budget_to_be_told() {
    let spool = Spool::new();
    // So that it could not stay, either.
    std::fs::write(spool.path(), "a file").unwrap();
    assert_refused(&spool.run(["work", "--follow"]), "SPOOL is a file");
    let refused = spool.run(["work", "--follow", "--max-time=1m"]);
    assert_refused(&refused, "cannot be used with");
}

#[test]
fn metrics_are_written_while_it_runs() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let file = spool.file("slipstream.prom", "");
    let worker = Worker::start(&spool, &[&format!("--metrics={}", file.display())]);
    spool.quietly(["store", &receiver.url("/held")]);
    let held = receiver.wait_for_held();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(r#"ending="running"} 1"#), "{text}");
    drop(held);
    assert_eq!(worker.stop(&spool, "TERM"), ran(0, "", ""));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(r#"ending="stopped"} 1"#), "{text}");
    assert!(text.contains(r#"outcome="delivered"} 1"#), "{text}");
}

#[test]
fn status_tells_within_a_second_what_it_delivered() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let worker = Worker::start(&spool, &[]);
    for _ in 0..5 {
        spool.quietly(["store", &receiver.url("/held")]);
        drop(receiver.wait_for_held());
    }
    let deadline = Instant::now() + PATIENCE;
    while !spool.run(["status"]).out.contains(": 5 delivered, 0 failed, as of ") {
        assert!(Instant::now() < deadline, "{}", spool.run(["status"]).out);
    }
    assert_eq!(worker.stop(&spool, "TERM"), ran(0, "", ""));
}
