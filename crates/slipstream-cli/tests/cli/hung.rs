//! What is said when something has the worker's lock and does not work.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::receiver::Receiver;
use crate::run::{Spool, ran};

/// A process that ends with its test.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(quiet.spawn().unwrap())
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

fn wait_until(so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it does not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Has it that no worker began or reported for ten minutes.
fn ten_minutes_pass(spool: &Spool) {
    for name in ["worker.lock", "worker.run"] {
        let file = File::options().append(true).open(spool.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(600)).unwrap();
    }
}

/// Asserts that each command that an operator or a monitor looks at reports this process.
#[track_caller]
fn assert_told(spool: &Spool, pid: u32) {
    let words = format!("process {pid} holds worker.lock, and no worker has begun or reported for");
    let status = spool.run(["status"]);
    assert!(status.out.contains(&words) && status.out.contains("no worker can run"), "{status:?}");
    let worker = &spool.status()["worker"];
    assert_eq!((&worker["running"], &worker["pid"]), (&true.into(), &pid.into()));
    assert!(worker["silent_seconds"].as_u64() >= Some(600), "{worker}");
    let check = spool.run(["status", "--check"]);
    assert_eq!(check.code, Some(2), "{check:?}");
    assert!(check.out.starts_with("SLIPSTREAM CRITICAL - ") && check.out.contains(&words));
    let doctor = spool.run(["doctor"]);
    assert!(doctor.code == Some(1) && doctor.out.contains(&words), "{doctor:?}");
    assert!(doctor.out.contains(&format!("then kill {pid}")), "{doctor:?}");
    let store = spool.run(["store", "--warn-after=5m", "http://127.0.0.1:9/"]);
    assert!(store.code == Some(0) && store.err.contains(&words), "{store:?}");
    let file = spool.file("metrics.prom", "");
    let work = spool.run(["work", "--quiet", "--metrics", file.to_str().unwrap()]);
    assert_eq!((work.code, &*work.out), (Some(2), ""));
    assert!(work.err.contains(&words) && work.err.contains("slipstream doctor"), "{work:?}");
    let metrics = std::fs::read_to_string(&file).unwrap();
    let silent = metrics.lines().find_map(|line| {
        line.starts_with("slipstream_worker_silent_seconds{").then(|| line.rsplit_once(' '))?
    });
    assert!(silent.unwrap().1.parse::<f64>().unwrap() >= 600.0, "{metrics}");
    assert!(metrics.contains("slipstream_pending_requests"), "{metrics}");
}

#[test]
fn a_lock_that_no_worker_holds_is_told_of_with_the_process_that_does() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/")]);
    spool.run(["work", "--quiet"]);
    let lock = spool.path().join("worker.lock");
    let mut command = Command::new("flock");
    let holder = Process::start(command.arg("--no-fork").arg(&lock).args(["sleep", "300"]));
    wait_until(|| spool.status()["worker"]["running"] == true);
    // A worker that has just begun may be behind it.
    assert_eq!(spool.run(["status", "--check"]).code, Some(0));
    assert_eq!(spool.run(["work", "--quiet"]), ran(0, "", ""));
    ten_minutes_pass(&spool);
    spool.quietly(["store", "--warn-after=0", &receiver.url("/")]);
    assert_told(&spool, holder.0.id());
    drop(holder);
    spool.run(["work", "--quiet", "--attempts=1"]);
    assert_eq!(spool.sums(), [3, 0, 1, 2]);
    assert_eq!(spool.run(["status", "--check", "--max-failed=9"]).code, Some(0));
}

#[test]
fn a_worker_that_was_stopped_is_told_of_and_one_that_stays_is_well() {
    let spool = Spool::new();
    spool.run(["init"]);
    let worker = Process::start(&mut spool.command(["work", "--follow"]));
    wait_until(|| spool.path().join("worker.run").exists());
    assert_eq!(spool.run(["status", "--check"]).code, Some(0));
    assert_eq!(spool.run(["doctor", "--json"]).out.matches("worker.lock").count(), 0);
    worker.signal("STOP");
    ten_minutes_pass(&spool);
    assert_told(&spool, worker.0.id());
    // The way to end it is reported, and then the next worker goes on.
    worker.signal("KILL");
    wait_until(|| spool.status()["worker"]["running"] == false);
    spool.run(["work", "--quiet", "--attempts=1"]);
    assert_eq!(spool.sums(), [1, 0, 1, 0]);
}
