//! The built binary and a receiver that is killed, and started again, while a backlog is delivered.

use std::collections::HashMap;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use slipstream_tests::{Daemon, Program};

const COUNT: usize = 6_000;

/// Every so many, a request has an order key.
const KEYED: usize = 50;

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(100);

/// A receiver that writes down what it gets before it answers.
fn receiver() -> Daemon {
    let built = std::env::current_exe().expect("a test has a path");
    let beside = built.ancestors().nth(2).expect("it is in target/PROFILE/deps").join("xtask");
    Daemon::start("SLIPSTREAM_TEST_XTASK", beside.to_str().expect("text"), |dir, port| {
        let (port, ledger) = (port.to_string(), dir.join("ledger").display().to_string());
        let args = ["receiver", "--delay-ms", "5", "--port", &port, "--ledger", &ledger];
        args.map(str::to_owned).into()
    })
}

/// A worker that does not outlive its test.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// Waits until the worker has reported so many attempts that failed and are to be repeated.
fn wait_for_retries(program: &Program, least: u64) {
    let since = Instant::now();
    loop {
        let status: Value = serde_json::from_str(&program.well(["status", "--json"])).unwrap();
        if status["last_run"]["retried"].as_u64().is_some_and(|retried| retried >= least) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{status}");
    }
}

#[test]
fn a_receiver_that_is_killed_and_started_again_costs_no_request_its_place() {
    let (program, mut receiver) = (Program::new(), receiver());
    let line = |n: usize| {
        let url = format!("http://{}/{n}", receiver.address());
        match n % KEYED {
            0 => json!({"url": url, "order_key": "k"}).to_string() + "\n",
            _ => json!({"url": url}).to_string() + "\n",
        }
    };
    let batch = program.file("batch", &(0..COUNT).map(line).collect::<String>());
    program.well(["store", "--source=a", "--batch", batch.to_str().unwrap()]);
    let mut worker = Worker(program.command(["work", "--quiet"]).spawn().unwrap());

    // Twice it is away for as long as a restart takes: until the worker has met that.
    for (taken, retries) in [(COUNT / 4, 1), (COUNT / 2, 150)] {
        receiver.file_once("ledger", |ledger| ledger.lines().count() >= taken);
        receiver.kill();
        wait_for_retries(&program, retries);
        receiver.restart();
    }
    assert!(worker.0.wait().unwrap().success());

    assert_eq!(
        ["delivered", "failed", "pending"].map(|sum| program.total(sum)),
        [COUNT as u64, 0, 0]
    );
    let mut came: HashMap<usize, usize> = HashMap::new();
    let mut keyed = Vec::new();
    for line in receiver.file("ledger").lines() {
        let target = line.split(' ').nth(2).unwrap();
        let number: usize = target[1..].parse().unwrap();
        if came.insert(number, came.get(&number).map_or(1, |times| times + 1)).is_none()
            && number.is_multiple_of(KEYED)
        {
            keyed.push(number);
        }
    }
    assert_eq!(came.len(), COUNT, "all that counts as delivered has come");
    // What it had taken and not answered when it was killed.
    let repeated: usize = came.values().map(|times| times - 1).sum();
    assert!(repeated <= 2 * 100, "{repeated} came twice");
    assert!(keyed.is_sorted(), "{keyed:?}");
}
