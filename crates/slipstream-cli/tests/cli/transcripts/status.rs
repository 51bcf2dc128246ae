//! What `status`, `status --check`, `doctor` and the metrics say of a spool in each of its states.

use std::fs::File;
use std::time::{Duration, SystemTime};

use slipstream_core::Timestamp;

use super::Scene;
use crate::run::{Ran, log_of_slot};

/// Looks at the spool in every way.
fn look(scene: &mut Scene) {
    scene.types_all(&["slipstream status", "slipstream status --check"]);
    doctor(scene, "slipstream doctor");
}

/// Types a line that prints JSON, and records it so that it can be read.
fn json(scene: &mut Scene, line: &str) {
    let mut ran = scene.spool.tell(scene.command(line).output().unwrap());
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    ran.out = serde_json::to_string_pretty(&json).unwrap().replace("\": ", "\":");
    let ran = scene.named(ran);
    scene.record(&format!("$ {line} | jq -S"), &ran);
}

/// What is found, but for this machine's disk: whether it is full, or in memory, is its own business.
pub(super) fn doctor(scene: &mut Scene, line: &str) {
    let ran = scene.run(line, None);
    record_found(scene, &format!("$ {line}"), ran);
}

/// Records what `doctor` found, if it is something: that nothing is amiss is not to be had everywhere.
pub(super) fn record_found(scene: &mut Scene, typed: &str, ran: Ran) {
    let machine = |found: &&str| found.contains("(tmpfs)") || found.contains("is nearly full");
    let ours: String = ran.out.split_inclusive("\n\n").filter(|found| !machine(found)).collect();
    if ours.starts_with("found ") {
        scene.record(typed, &Ran { out: ours, ..ran });
    }
}

/// Has it that a file of the spool was written so long ago.
pub(super) fn age(scene: &Scene, name: &str, ago: Duration) {
    let file = File::options().append(true).open(scene.spool.path().join(name)).unwrap();
    file.set_modified(SystemTime::now() - ago).unwrap();
}

#[test]
fn none_and_an_empty_one() {
    let mut scene = Scene::new();
    look(&mut scene);
    scene.types("slipstream init");
    look(&mut scene);
    scene.is("status_empty");
}

#[test]
fn one_where_some_wait_and_some_failed() {
    let mut scene = Scene::after(&[
        "slipstream init --slots 1",
        "slipstream store --source a http://127.0.0.1:40001/[404-405] http://127.0.0.1:40001/",
        "slipstream store --source a http://127.0.0.1:40009/",
        "slipstream work --attempts 1 --quiet --concurrency 1",
        "slipstream store --source a http://later.example.com/ http://a/ http://b/ http://b/",
        "slipstream store --source a --delay 1h -d x tcp://logs.example.com:514",
    ]);
    look(&mut scene);
    json(&mut scene, "slipstream status --json");
    scene.types_all(&[
        "slipstream status --top 1",
        "slipstream status --color always",
        "slipstream status --watch",
        "slipstream status --check --max-failed 1",
        "slipstream status --check --max-failed 1 --max-pending 2",
    ]);
    scene.is("status_waiting_and_failed");
}

#[test]
fn one_whose_destination_takes_nothing() {
    let mut scene = Scene::after(&[
        "slipstream init --slots 1",
        "slipstream store --source a http://127.0.0.1:40009/[1-4]",
        "slipstream work --quiet --max-idle 0 --retry attempts=1",
        "slipstream store --source a http://127.0.0.1:40009/[5-6]",
        "slipstream work --quiet --max-idle 0 --retry attempts=1",
    ]);
    look(&mut scene);
    json(&mut scene, "slipstream status --json");
    scene.types_all(&[
        "slipstream retry-now hooks.example.com",
        "slipstream retry-now 127.0.0.1 --json",
        "slipstream retry-now --all",
    ]);
    scene.is("status_down");
}

#[test]
fn one_whose_destination_fails_and_has_rounds() {
    let mut scene = Scene::after(&[
        "slipstream init --slots 1",
        "slipstream store --source a --retry rounds=10,every=1d http://127.0.0.1:40009/",
        "slipstream work --quiet --max-idle 0 --retry attempts=1",
    ]);
    scene.types_all(&["slipstream status --check --max-down 1h", "slipstream failed list"]);
    scene.is("status_failing");
}

#[test]
fn one_whose_last_run_ended_otherwise_than_it_should() {
    let mut scene = Scene::after(&["slipstream init --slots 1", "slipstream work"]);
    let run = scene.spool.path().join("worker.run");
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let (began, at) = (now - 7_210_000, now - 7_201_000);
    for ending in ["broken", "budget", "stopped", "waiting", "hibernating", ""] {
        let ended = format!(r#","ended":{at},"ending":"{ending}""#);
        let ended = if ending.is_empty() { "" } else { &ended };
        let text = format!(r#"{{"began":{began},"at":{at}{ended}}}"#);
        scene.notes(&format!("two hours ago a run ended: '{ending}'"));
        std::fs::write(&run, text).unwrap();
        scene.types_all(&["slipstream status", "slipstream status --check"]);
        doctor(&mut scene, "slipstream doctor");
    }
    scene.is("status_of_the_last_run");
}

#[test]
fn one_that_no_worker_takes_from_and_that_is_full() {
    for (full, name) in [("overwrite", "status_overdue"), ("reject", "status_overdue_and_full")] {
        let mut scene = Scene::after(&[
            &format!("slipstream init --slots 1 --logs 1 --rotate 1h --on-full {full}"),
            "slipstream store --source a http://127.0.0.1:40009/",
        ]);
        let ready = scene.spool.path().join("ready");
        let (name_of_log, bytes) = log_from(SystemTime::now() - Duration::from_secs(7_230));
        std::fs::write(ready.join(name_of_log), bytes).unwrap();
        scene.notes("a log waits for two hours");
        if full == "reject" {
            let at = SystemTime::now() - Duration::from_secs(7_230);
            let at = at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
            let run = format!(r#"{{"began":{at},"at":{at},"ended":{at},"ending":"drained"}}"#);
            std::fs::write(scene.spool.path().join("worker.run"), run).unwrap();
            scene.notes("the last run ended just as long ago");
        }
        look(&mut scene);
        scene.types_all(&["slipstream work --quiet --attempts 1", "slipstream status"]);
        scene.is(name);
    }
}

#[test]
fn one_whose_clock_was_wrong() {
    let mut scene = Scene::after(&["slipstream init --slots 1", "slipstream work"]);
    let (name, bytes) = log_from(SystemTime::now() + Duration::from_secs(7_255));
    std::fs::write(scene.spool.path().join("failed").join(name), bytes).unwrap();
    age(&scene, "worker.run", Duration::from_secs(7_201));
    scene.notes("a log is from two hours hence");
    doctor(&mut scene, "slipstream doctor");
    scene.is("status_of_the_future");
}

#[test]
fn one_whose_destinations_are_in_trouble() {
    let mut scene = Scene::after(&[
        "slipstream init --slots 1",
        "slipstream work",
        "slipstream store --source a http://a/ http://b/ http://c/ http://d/ http://e/ http://f/ http://g/",
    ]);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let trouble = |(host, state): (char, &str)| {
        let (since, until) = (now - 7_201_000, now + 7_255_000);
        format!(
            r#"{{"to":"http://{host}:80","state":"{state}","since":{since},"until":{until},"why":"503 Service Unavailable"}}"#
        )
    };
    let states = ["paused", "down", "failing", "paused", "down", "failing", "down"];
    let troubles: Vec<_> = ('a'..='g').zip(states).map(trouble).collect();
    let (began, troubles) = (now - 7_210_000, troubles.join(","));
    let text = format!(
        r#"{{"began":{began},"at":{now},"ended":{now},"ending":"waiting","troubles":[{troubles}]}}"#
    );
    std::fs::write(scene.spool.path().join("worker.run"), text).unwrap();
    scene.notes("the last run left seven destinations in trouble");
    look(&mut scene);
    scene.is("status_in_trouble");
}

/// A log that was begun then, and holds a record that cannot be read.
fn log_from(time: SystemTime) -> (String, Vec<u8>) {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    log_of_slot(0, Timestamp::from_millis(since.as_millis() as u64), b"x")
}

#[test]
fn one_whose_sum_does_not_hold() {
    let mut scene = Scene::after(&[
        "slipstream init --slots 1",
        "slipstream store --source a http://127.0.0.1:40001/404",
        "slipstream work --attempts 1 --quiet",
    ]);
    std::fs::remove_file(scene.log("failed")).unwrap();
    scene.notes("a log is removed by hand");
    look(&mut scene);
    scene.types_all(&["slipstream check", "slipstream check --repair", "slipstream check"]);
    scene.is("status_does_not_add_up");
}

#[test]
fn one_whose_worker_hangs() {
    let mut scene = Scene::after(&[
        "slipstream init --slots 1",
        "slipstream work --quiet",
        "slipstream store --source a http://127.0.0.1:40001/held",
    ]);
    let worker = scene.starts("slipstream work --quiet");
    let held = scene.server.wait_for_held();
    scene.signals(&worker, "STOP");
    for name in ["worker.lock", "worker.run"] {
        age(&scene, name, Duration::from_secs(600));
    }
    scene.notes("it reports nothing for ten minutes");
    look(&mut scene);
    scene.types_all(&[
        "slipstream work --quiet",
        "slipstream store --source a --warn-after 5m http://127.0.0.1:40001/",
    ]);
    scene.signals(&worker, "CONT");
    drop(held);
    scene.ends(worker);
    scene.is("status_hung_worker");
}
