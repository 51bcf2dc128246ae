//! `slipstream work --follow`: it stays, delivers what comes, and ends on a signal.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use slipstream_core::Destination;
use slipstream_core::operator::Operator;

use crate::receiver::{PATIENCE, Receiver};
use crate::run::{Ran, Spool, assert_refused, ran};

/// A worker that stays: but not longer than its test.
pub(crate) struct Worker(Option<Child>);

impl Worker {
    pub(crate) fn start(spool: &Spool, args: &[&str]) -> Self {
        Self::of(spool.command([&["work", "--follow"], args].concat()))
    }

    pub(crate) fn of(mut command: Command) -> Self {
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    fn stderr(&mut self) -> ChildStderr {
        self.0.as_mut().unwrap().stderr.take().unwrap()
    }

    /// Signals it to end, and waits for that.
    pub(crate) fn stop(mut self, spool: &Spool, name: &str) -> Ran {
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
    let expected =
        format!("slipstream: 1 request to {} failed for good: 404 Not Found", receiver.url(""));
    assert_eq!(lines.next().unwrap().unwrap(), expected);
    // A second one waits for its minute's end, or for the worker's.
    spool.quietly(["store", "--source=a", &receiver.url("/404")]);
    spool.quietly(["store", "--source=a", &receiver.url("/held")]);
    drop(receiver.wait_for_held());
    assert_eq!(worker.stop(&spool, "TERM"), ran(0, "", ""));
    let expected = expected.replace("1 request", "1 more request");
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

/// A port where nothing listens until this test does: at an address of its own, or another test's server
/// could be given the same port.
pub(crate) fn dead_url(test: u8) -> String {
    let listener = TcpListener::bind((format!("127.77.0.{test}"), 0)).unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

/// Waits until the spool's sums are these.
pub(crate) fn wait_for(spool: &Spool, sums: [u64; 4]) {
    let begun = Instant::now();
    while spool.sums() != sums {
        assert!(begun.elapsed() < PATIENCE, "{:?} and not {sums:?}", spool.sums());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_is_retried_while_it_runs_is_tried_though_its_destination_was_down() {
    let (spool, dead) = (Spool::new(), dead_url(1));
    spool.run(["init"]);
    let worker = Worker::start(&spool, &["--attempts=1", "--quiet"]);
    // Three fail, and the rest is dead-lettered untried.
    for _ in 0..8 {
        spool.quietly(["store", "--source=a", &dead]);
    }
    wait_for(&spool, [8, 0, 8, 0]);
    let receiver = Receiver::at(&dead);
    assert_eq!(spool.run(["failed", "retry", "--all"]).code, Some(0));
    wait_for(&spool, [8, 0, 0, 8]);
    assert_eq!(receiver.got().len(), 8);
    assert_eq!(worker.stop(&spool, "TERM"), ran(0, "", ""));
}

#[test]
fn what_waits_for_its_destination_is_tried_at_once_when_an_operator_asks_whether_a_worker_runs_or_not()
 {
    for follows in [true, false] {
        let (spool, dead) = (Spool::new(), dead_url(2));
        for _ in 0..5 {
            spool.quietly(["store", "--source=a", "--retry=attempts=1,rounds=9,every=1d", &dead]);
        }
        let worker = follows.then(|| Worker::start(&spool, &["--quiet"]));
        if !follows {
            spool.run(["work", "--quiet"]);
        }
        let begun = Instant::now();
        let told = || std::fs::read_to_string(spool.path().join("worker.run")).unwrap_or_default();
        while follows && spool.logs("processing").is_empty() {
            assert!(begun.elapsed() < PATIENCE, "{}", told());
            std::thread::sleep(Duration::from_millis(50));
        }
        let receiver = Receiver::at(&dead);
        let open = slipstream_log::Spool::find(spool.path()).unwrap().unwrap();
        let to = Destination::new(dead.trim_end_matches('/'));
        // Requests that had not failed yet when it was asked are not meant.
        let begun = Instant::now();
        while spool.sums() != [5, 0, 0, 5] {
            assert!(begun.elapsed() < PATIENCE, "{:?}", spool.sums());
            open.try_now(std::slice::from_ref(&to)).unwrap();
            if !follows {
                assert_eq!(spool.run(["work", "--quiet"]), ran(0, "", ""));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        assert_eq!(receiver.got().len(), 5);
        if let Some(worker) = worker {
            assert_eq!(worker.stop(&spool, "TERM"), ran(0, "", ""));
        }
    }
}

/// What is done to a spool's directory.
type Change = fn(&Path);

fn empty(path: &Path) {
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let removed = match path.is_dir() {
            true => std::fs::remove_dir_all(path),
            false => std::fs::remove_file(path),
        };
        removed.unwrap();
    }
}

#[test]
fn it_goes_on_where_its_spool_is_now_when_that_was_emptied_removed_moved_or_made_anew() {
    let changes: [(&str, Change); 6] = [
        ("emptied", empty),
        ("removed", |path| {
            // The worker may write down meanwhile what it did.
            while std::fs::remove_dir_all(path).is_err() {}
        }),
        ("moved", |path| std::fs::rename(path, path.with_extension("old")).unwrap()),
        ("with its parent", |path| {
            let parent = path.parent().unwrap();
            std::fs::rename(parent, parent.with_extension("old")).unwrap();
            std::fs::create_dir(parent).unwrap();
        }),
        ("settings in place", |path| {
            let settings = path.join("settings.json");
            let text = std::fs::read_to_string(&settings).unwrap();
            std::fs::write(&settings, text.replace("\"slots\": 16", "\"slots\": 7")).unwrap();
        }),
        ("settings", |path| {
            let settings = path.join("settings.json");
            let text = std::fs::read_to_string(&settings).unwrap();
            let new = path.join("settings.new");
            std::fs::write(&new, text.replace("\"slots\": 16", "\"slots\": 7")).unwrap();
            std::fs::set_permissions(&new, std::fs::metadata(&settings).unwrap().permissions())
                .unwrap();
            std::fs::rename(new, settings).unwrap();
        }),
    ];
    for (name, change) in changes {
        let (spool, receiver) = (Spool::new(), Receiver::new());
        spool.run(["init"]);
        let worker = Worker::start(&spool, &["--quiet"]);
        spool.quietly(["store", "--source=a", &receiver.url("/held")]);
        drop(receiver.wait_for_held());
        change(&spool.path());
        let begun = Instant::now();
        spool.quietly(["store", "--source=a", &receiver.url("/held")]);
        drop(receiver.wait_for_held());
        assert!(begun.elapsed() < Duration::from_secs(10), "{name}: {:?}", begun.elapsed());
        let stopped = worker.stop(&spool, "TERM");
        assert_eq!((stopped.code, &*stopped.out), (Some(0), ""), "{name}: {}", stopped.err);
        assert!(stopped.err.contains("goes on with what is there now"), "{name}: {}", stopped.err);
        let _ = std::fs::remove_dir_all(spool.path().parent().unwrap().with_extension("old"));
    }
}
