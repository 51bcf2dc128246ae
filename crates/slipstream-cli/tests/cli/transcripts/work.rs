//! What `work` says of a run.

use std::process::Stdio;
use std::time::{Duration, Instant};

use slipstream_core::{
    Clock, DeliveryOptions, Destination, Engine, Record, RecordId, Source, SystemClock,
};

use super::{Scene, transcript};
use crate::receiver::PATIENCE;

#[test]
fn a_run_tells_what_became_of_what_was_stored() {
    let mut scene = Scene::new();
    scene.types_all(&[
        "slipstream work",
        "slipstream work --quiet",
        "slipstream init --slots 1",
        "slipstream work",
        "slipstream store --source a http://127.0.0.1:40001/a http://127.0.0.1:40001/b",
        "slipstream work",
        "slipstream store --source a http://127.0.0.1:40001/404 http://127.0.0.1:40001/404?b http://127.0.0.1:40001/",
        "slipstream work --attempts 1",
        "slipstream store --source a http://127.0.0.1:40009/",
        "slipstream work --attempts 1 --quiet",
        "slipstream store --source a --ttl 1ms http://127.0.0.1:40001/",
        "slipstream work",
        "slipstream store --source a http://127.0.0.1:40001/503",
        "slipstream work --retry base=1h,jitter=0 --max-idle 0 --metrics HERE/missing/x.prom",
        "slipstream work --attempts 1 --quiet --max-time 0",
        "slipstream work --ping ftp://h/",
        "slipstream work --allow-secret KEY",
        "slipstream work --allow-secret env:PASSWORD",
        "slipstream work --proxy ftp://h",
        "http_proxy=ftp://h slipstream work",
        "slipstream work --quiet --ping http://127.0.0.1:40009/s3cret",
    ]);
    scene.is("work");
}

#[test]
fn a_worker_that_is_there_is_told_to_others() {
    let mut scene = Scene::new();
    scene.types(
        "slipstream store --source a http://127.0.0.1:40001/404 http://127.0.0.1:40001/held",
    );
    let worker = scene.starts("slipstream work --attempts 1 --concurrency 1");
    let held = scene.server.wait_for_held();
    scene.types_all(&[
        "slipstream work",
        "slipstream work --quiet",
        "slipstream status",
        "slipstream check --repair",
        "slipstream purge --yes",
        "slipstream failed list",
    ]);
    scene.types_all(&[
        "slipstream failed retry --all",
        "slipstream failed drop --all --dry-run",
        "slipstream failed retry ID1",
        "slipstream retry-now 127.0.0.1",
    ]);
    drop(held);
    scene.ends(worker);
    scene.is("work_beside_a_worker");
}

#[test]
fn one_that_is_told_to_stop_says_what_it_leaves() {
    let mut scene = Scene::after(&[
        "slipstream init --slots 1",
        "slipstream store --source a http://127.0.0.1:40001/held",
    ]);
    let worker = scene.starts("slipstream work --stop-timeout 50ms");
    let held = scene.server.wait_for_held();
    scene.signals(&worker, "TERM");
    scene.ends(worker);
    drop(held);
    scene.is("work_stopped");
}

#[test]
fn a_request_whose_workers_are_killed_is_told_with_its_attempts() {
    let mut scene = Scene::after(&[
        "slipstream init --slots 1",
        "slipstream store --source a http://127.0.0.1:40001/held",
    ]);
    for _ in 0..11 {
        let line = "slipstream work --quiet";
        let mut worker = scene.command(line).stderr(Stdio::null()).spawn().unwrap();
        let _held = scene.server.wait_for_held();
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    scene.notes("eleven times a worker begins to deliver it and is killed");
    scene.types_all(&["slipstream work", "slipstream failed list", "slipstream failed show ID1"]);
    scene.is("work_killed");
}

#[test]
fn one_that_stays_says_what_it_gives_up() {
    let mut scene = Scene::after(&[
        "slipstream init --slots 1",
        "slipstream store --source a http://127.0.0.1:40001/[404-406]",
    ]);
    let worker = scene.starts("slipstream work --follow --attempts 1 --concurrency 1");
    let begun = Instant::now();
    while scene.spool.status()["totals"]["failed"] != 3 {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(1));
    }
    scene.signals(&worker, "TERM");
    scene.ends(worker);
    scene.is("work_follow");
}

/// Stores a record that no command would make.
fn store_forged(scene: &Scene, kind: &str, destination: String) {
    let spool = slipstream_log::Spool::open(scene.spool.path()).unwrap();
    // A map of method and url, in MessagePack.
    let body = b"\x82\xa6method\xa3GET\xa3url\xa9http://h/";
    let record = Record {
        id: RecordId::generate(SystemClock::new().now()),
        kind: kind.to_owned(),
        destination: Destination::new(destination),
        options: DeliveryOptions::default(),
        body: body.to_vec(),
    };
    spool.store(&Source::named("a"), &[record]).unwrap();
}

#[test]
fn what_is_not_tried_is_told_with_why() {
    let mut scene = Scene::new();
    scene.types_all(&[
        "slipstream init --slots 1",
        "slipstream store --source a --sign-secret env:NOT_SET http://127.0.0.1:40001/a",
        "slipstream store --source a --sign-secret file:/nowhere/key http://127.0.0.1:40001/b",
        "slipstream store --source a --sign-secret env:KEY http://127.0.0.1:40001/c",
        "slipstream store --source a http://127.0.0.1:40001/d",
        "slipstream store --source a -d x unix:///nowhere/socket",
        "slipstream store --source a --unix-socket /nowhere/socket http://h/",
        "slipstream store --source a -x http://127.0.0.1:40001/ --noproxy 127.0.0.2 http://127.0.0.2:9/",
        "slipstream store --source a --query 'SELECT 1' --password-env NOT_SET mysql://me@127.0.0.1:40009/db",
        "slipstream store --source a --query 'SELECT 1' --defaults-file /nowhere/my.cnf mysql://h/db",
    ]);
    store_forged(&scene, "beep", "beep://me:s3cret@speaker".to_owned());
    store_forged(&scene, "http", scene.server.url(""));
    scene.notes("a program stores a kind of its own, and a request with another's destination");
    scene.types_all(&[
        "KEY=none slipstream work --deny-private --attempts 1 --concurrency 1",
        "slipstream failed list",
        "slipstream failed list --status 503",
        "slipstream failed retry --status 503",
        "slipstream failed list --error 'not tried' --kind beep",
        "slipstream failed retry --all",
        "KEY=none slipstream work --quiet --attempts 1 --concurrency 1",
        "slipstream failed list",
        "slipstream failed retry --host 127.0.0.2",
        "slipstream work --deny-private --allow-host 127.0.0.1 --attempts 1",
    ]);
    scene.is("work_not_tried");
}

#[test]
fn what_a_run_is_told_is_refused() {
    let mut scene = Scene::new();
    scene.types_all(&[
        "slipstream init --slots 1",
        "slipstream work --quiet --allow-secret env:KEY@nowhere:x",
        "slipstream work --quiet --allow-secret env:KEY@mysql://nowhere:x",
        "slipstream work --quiet --allow-host 'unix:run/a'",
        "slipstream work --quiet --allow-host 'a b'",
        "slipstream work --quiet --ping http://",
        "slipstream work --quiet --proxy http://",
    ]);
    scene.is("work_refuses");
}

#[test]
fn when_a_request_is_tried_is_explained() {
    transcript(
        "work_explain",
        &[
            "slipstream work --explain",
            "slipstream work --explain --json",
            "slipstream work --attempts 5 --backoff 10s --explain --every 1m",
            "slipstream work --retry attempts=3,base=10s,rounds=3,every=1d --explain",
            "slipstream work --retry attempts=1 --explain",
            "slipstream work --every 7s --explain",
            "slipstream work --retry attempts=2,base=10s,rounds=2,every=1d,jitter=0 --explain --json",
        ],
    );
}
