//! Files of a spool that are no logs, and many logs that wait: what each command makes of them.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use slipstream_core::{Clock, Engine, Record, RecordId, Source, SystemClock, Timestamp};
use slipstream_log::LogReader;
use slipstream_log::walk::Item;

use crate::receiver::Receiver;
use crate::run::Spool;

/// The name of a log that the spool never had.
const FOREIGN: &str = "s002-20261124T054217482Z-8f3a6c1e5d2b9a47.log";

#[test]
fn a_pipe_named_like_a_log_is_passed_over_and_told_by_every_command() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    for path in ["/404", "/200"] {
        spool.quietly(["store", &receiver.url(path)]);
    }
    for stage in ["ready", "failed", "processing"] {
        let path = spool.path().join(stage).join(FOREIGN);
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }
    let no_file = "not a regular file; move it out of the spool";
    let worked = spool.run(["work", "--attempts=1"]);
    assert_eq!(worked.code, Some(2), "{worked:?}");
    assert!(worked.err.contains(no_file) && worked.err.contains("2 files"), "{worked:?}");
    assert_eq!(spool.sums(), [2, 0, 1, 1]);
    let status = spool.run(["status"]);
    assert_eq!(status.code, Some(1), "{status:?}");
    assert!(status.out.contains("3 files could not be read"), "{status:?}");
    let checked = spool.run(["status", "--check"]);
    assert!(checked.code == Some(2) && checked.out.contains("3 files"), "{checked:?}");
    let listed = spool.run(["failed", "list"]);
    assert_eq!((listed.code, listed.out.lines().count()), (Some(2), 1), "{listed:?}");
    assert_eq!(listed.err.matches("passed over: ").count(), 2, "{listed:?}");
    let id = listed.out.split_whitespace().next().unwrap();
    let shown = spool.run(["failed", "show", id]);
    assert!(shown.code == Some(2) && shown.out.contains("404"), "{shown:?}");
    for command in [&["failed", "list", "--status", "404"][..], &["failed", "retry", "--all"]] {
        let ran = spool.run(command);
        assert!(ran.code == Some(2) && ran.err.contains(no_file), "{ran:?}");
    }
    assert_eq!(spool.sums(), [2, 1, 0, 1]);
    let purged = spool.run(["purge", "--yes"]);
    assert_eq!((purged.code, purged.err.matches("not removed: ").count()), (Some(2), 3));
    assert_eq!(spool.sums(), [2, 0, 0, 1]);
}

/// A clock that goes on by a minute each time it is asked to.
struct Minutes(AtomicU64);

impl Clock for Minutes {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Stores what is to wait for an hour, each in a log of its own.
fn store_waiting(spool: &Spool, receiver: &Receiver, logs: u64) {
    spool.quietly(["store", "--delay", "1h", &receiver.url("/late")]);
    let collecting = &spool.logs("collecting")[0];
    let mut reader = LogReader::open(collecting).unwrap();
    let Some(Item::Record { payload, .. }) = reader.next_item().unwrap() else { panic!() };
    let record = Record::decode(payload).unwrap();
    let now = SystemClock::new().now();
    for log in 1..logs {
        let then = now.as_millis() - (logs - log + 2) * 60_000;
        let clock = Minutes(then.into());
        let id = RecordId::generate(now);
        let engine = slipstream_log::Spool::builder().clock(clock).open(spool.path()).unwrap();
        engine.store(&Source::named("late"), &[Record { id, ..record.clone() }]).unwrap();
    }
}

#[test]
fn a_fresh_request_is_delivered_behind_a_thousand_logs_that_wait_with_few_descriptors() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.run(["init", "--logs", "10000"]);
    store_waiting(&spool, &receiver, 1_100);
    for (round, limit) in [64, 1_024, 4_096].into_iter().enumerate() {
        spool.quietly(["store", &receiver.url("/fresh")]);
        let mut command = spool.command(["work"]);
        let work = format!("ulimit -n {limit}; exec {} work", command.get_program().display());
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(work);
        for (name, value) in command.env("PATH", std::env::var_os("PATH").unwrap()).get_envs() {
            value.map(|value| shell.env(name, value));
        }
        let ran = spool.tell(shell.output().unwrap());
        assert_eq!(ran.code, Some(0), "{limit}: {ran:?}");
        let delivered = round as u64 + 1;
        assert_eq!(spool.sums(), [1_100 + delivered, 1_100, 0, delivered], "{limit}");
    }
}
