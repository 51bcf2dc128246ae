//! What `check`, `inspect` and `doctor` say of a spool that was damaged.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use super::Scene;
use super::status::doctor;

/// A spool with two failed requests in one log.
fn failed() -> Scene {
    Scene::after(&[
        "slipstream init --slots 1",
        "slipstream store --source a http://127.0.0.1:40001/404 http://127.0.0.1:40001/500",
        "slipstream work --attempts 1 --quiet --concurrency 1",
    ])
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

/// The name of a log that was sealed two hours ago.
fn log_name(n: u8) -> String {
    let time = humantime::format_rfc3339_millis(
        SystemTime::now() - Duration::from_secs(7_215 - u64::from(n)),
    );
    let time = time.to_string().replace(['-', ':', '.'], "");
    format!("s000-{time}-8f3a6c1e5d2b9a4{n}.log")
}

#[test]
fn none_and_sound_ones() {
    let mut scene = Scene::new();
    let check = ["slipstream check", "slipstream check --json"];
    scene.types_all(&check);
    scene.types("slipstream store --source a http://127.0.0.1:40001/");
    scene.types_all(&check);
    scene.is("check");
}

#[test]
fn damage_in_a_log() {
    let mut scene = failed();
    change(&scene.log("failed"), |bytes| {
        let last = bytes.len() - 20;
        bytes[last] ^= 1;
    });
    scene.notes("a bit flips in the second request");
    let log = scene.log("failed");
    std::fs::copy(&log, scene.spool.path().with_file_name("copy.log")).unwrap();
    scene.types_all(&[
        "slipstream check",
        "slipstream check --json",
        "slipstream inspect HERE/copy.log",
        "slipstream failed list",
        "slipstream check --repair",
        "slipstream check",
        "slipstream status --check",
    ]);
    scene.is("check_damage");
}

#[test]
fn what_killed_processes_and_strangers_left() {
    let mut scene = failed();
    let spool = scene.spool.path();
    change(&scene.log("failed"), |bytes| {
        let second = bytes.len() - 136;
        bytes.extend_from_within(second..second + 16);
        bytes.extend([0; 16]);
        bytes.extend_from_within(second + 32..second + 80);
    });
    change(&spool.join("ledger"), |bytes| bytes.extend(b"\nnonsense\n0badc0de {\"stored\":{\"lo"));
    std::fs::write(spool.join("collecting/s003.log.new-0123"), "").unwrap();
    std::fs::write(spool.join("collecting/s000.log"), "").unwrap();
    // One in each directory: they are listed in the order that the file system has.
    for name in ["collecting/notes.txt", "ready/\u{1b}[2J", "processing/core"] {
        std::fs::write(spool.join(name), "").unwrap();
    }
    std::fs::create_dir(spool.join("failed/dir")).unwrap();
    let pipe = spool.join("ready").join(log_name(6));
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    std::fs::copy(scene.log("failed"), spool.join("ready").join(log_name(7))).unwrap();
    std::fs::write(spool.join("ready").join(log_name(8)), "x").unwrap();
    scene.notes("writes are cut short, and files are put where they do not belong");
    scene.types_all(&[
        "slipstream check",
        "slipstream status",
        "slipstream work --quiet",
        "slipstream check --repair",
        "slipstream check",
    ]);
    scene.is("check_leftovers");
}

#[test]
fn logs_that_lost_their_header_their_end_or_themselves() {
    let mut scene = failed();
    change(&scene.log("failed"), |bytes| bytes[..144].fill(0));
    scene.notes("the header is gone");
    scene.types_all(&["slipstream check", "slipstream failed list", "slipstream check --repair"]);
    let mut scene = Scene { spool: failed().spool, ..scene };
    change(&scene.log("failed"), |bytes| bytes.truncate(300));
    scene.notes("of another one, the end is gone");
    scene.types_all(&["slipstream check", "slipstream check --repair", "slipstream check"]);
    let mut scene = Scene { spool: failed().spool, ..scene };
    let log = scene.log("failed");
    let ready = scene.spool.path().join("ready").join(log.file_name().unwrap());
    std::fs::copy(&log, ready).unwrap();
    scene.notes("another one stands in ready/, too");
    scene.types_all(&["slipstream check", "slipstream check --repair", "slipstream check"]);
    let mut scene = Scene { spool: failed().spool, ..scene };
    change(&scene.log("failed"), |bytes| {
        let second = bytes.len() - 136;
        bytes.extend_from_within(second..);
    });
    scene.notes("of another one, the last record is there twice");
    scene.types_all(&["slipstream check", "slipstream check --repair", "slipstream check"]);
    let mut scene = Scene { spool: failed().spool, ..scene };
    let log = scene.log("failed");
    let ready = scene.spool.path().join("ready").join(log.file_name().unwrap());
    std::fs::hard_link(&log, ready).unwrap();
    scene.notes("another one has two names in the spool");
    scene.types("slipstream check");
    let mut scene = Scene { spool: failed().spool, ..scene };
    let log = scene.log("failed");
    std::fs::hard_link(&log, scene.spool.path().with_file_name("link")).unwrap();
    scene.notes("another one has a second name elsewhere");
    scene.types_all(&["slipstream check", "slipstream failed list", "slipstream status --check"]);
    scene.is("check_logs");
}

#[test]
fn what_inspect_cannot_read() {
    let mut scene = failed();
    scene.file("text.log", "text");
    scene.file("empty.log", "");
    let log = scene.log("failed");
    std::fs::copy(&log, log.parent().unwrap().with_file_name("s003.log")).unwrap();
    scene.types_all(&[
        "slipstream inspect HERE/missing.log",
        "slipstream inspect HERE/text.log HERE/empty.log",
        "slipstream inspect HERE",
        "slipstream inspect HERE/spool/s003.log",
        "slipstream inspect HERE/spool/s003.log --show-secrets",
    ]);
    scene.is("inspect");
}

#[test]
fn what_doctor_finds() {
    let mut scene = Scene::new();
    scene.types("slipstream doctor --json");
    scene.file("file", "");
    doctor(&mut scene, "slipstream --dir HERE/file doctor");
    scene.types("slipstream init --slots 1");
    std::fs::remove_dir(scene.spool.path().join("ready")).unwrap();
    scene.notes("a cleaner takes ready/");
    doctor(&mut scene, "slipstream doctor");
    scene.types("slipstream check --repair");
    std::fs::write(scene.spool.path().join("ready/notes.txt"), "").unwrap();
    std::os::unix::fs::symlink("/dev/null", scene.spool.path().join("ready").join(log_name(7)))
        .unwrap();
    scene.notes("a link named like a log is put into ready/");
    doctor(&mut scene, "slipstream doctor");
    scene.types_all(&[
        "slipstream status",
        "slipstream status --check",
        "slipstream check",
        "slipstream work --quiet",
    ]);
    scene.is("doctor");
}

#[test]
fn what_doctor_says_of_a_sound_one() {
    let mut scene = Scene::after(&["slipstream init --slots 1"]);
    // Where the machine's disk is full, or in memory, that is what it says.
    if scene.types("slipstream doctor").code == Some(0) {
        scene.is("doctor_of_a_sound_spool");
    }
}

#[test]
fn what_doctor_finds_of_a_spool_for_a_network_file_system() {
    let mut scene = Scene::new();
    scene.types("slipstream init --slots 1 --network-fs");
    doctor(&mut scene, "slipstream doctor");
    scene.is("doctor_network_fs");
}
