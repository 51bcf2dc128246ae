//! What `failed` says of requests that were dead-lettered.

use super::Scene;

/// Three that failed, of two sources.
const FAILED: [&str; 5] = [
    "slipstream init --slots 1",
    "slipstream store --source a -H 'cookie: s3cret' -d s3cret http://s3cret:s3cret@127.0.0.1:40001/404?key=s3cret",
    "slipstream store --source a --order-key k --retry attempts=2,base=1ms --dedupe d --ttl 1d http://127.0.0.1:40001/500",
    "slipstream store --source a http://127.0.0.1:40009/",
    "slipstream work --quiet --attempts 1 --concurrency 1",
];

#[test]
fn none_is_said_to_be_none() {
    let mut scene = Scene::new();
    let id = "019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c";
    let show = format!("slipstream failed show {id}");
    let retry = format!("slipstream failed retry {id}");
    let drop = format!("slipstream failed drop {id}");
    let all = ["slipstream failed list", "slipstream failed list --json", &show, &retry, &drop];
    scene.types_all(&all);
    scene.types("slipstream init --slots 1");
    scene.types_all(&all);
    scene.types_all(&[
        "slipstream failed list --host h",
        "slipstream failed retry --all",
        "slipstream failed retry --all --json",
        "slipstream failed drop --all",
    ]);
    scene.is("failed_none");
}

#[test]
fn they_are_listed_and_shown() {
    let mut scene = Scene::after(&FAILED);
    scene.types_all(&[
        "slipstream failed list",
        "slipstream failed list --json",
        "slipstream failed list --status 404",
        "slipstream failed list --error refused",
        "slipstream failed list --host 127.0.0.1:40009",
        "slipstream failed list --kind tcp",
        "slipstream failed list --older-than 1d",
        "slipstream failed show ID1",
        "slipstream failed show ID1 --show-secrets",
        "slipstream failed show ID2 --json",
        "slipstream failed show ID3",
    ]);
    scene.is("failed_list_and_show");
}

#[test]
fn one_that_waits_is_shown() {
    let mut scene = Scene::new();
    scene.types_all(&[
        "slipstream store --source a --print-id http://127.0.0.1:40001/503",
        "slipstream failed show ID1",
        "slipstream work --backoff 1h --max-time 5s --quiet",
        "slipstream failed show ID1",
        "slipstream failed show ID1 --json",
        "slipstream failed retry ID1",
    ]);
    scene.is("failed_show_of_one_that_waits");
}

#[test]
fn they_are_retried_and_dropped() {
    let mut scene = Scene::after(&FAILED);
    scene.run("slipstream failed list", None);
    scene.types_all(&[
        "slipstream failed retry ID1 --dry-run",
        "slipstream failed retry ID1 --dry-run --json",
        "slipstream failed drop --error refused --dry-run",
        "slipstream failed drop --error refused",
        "slipstream failed drop ID3",
        "slipstream failed retry ID1",
        "slipstream failed retry ID1",
        "slipstream failed retry --all --json",
        "slipstream status",
    ]);
    scene.is("failed_retry_and_drop");
}

#[test]
fn those_that_a_filter_cannot_be_asked_of_are_told() {
    let mut scene = Scene::new();
    scene.types_all(&[
        "slipstream init --slots 1",
        "slipstream store --source a -d x tcp://127.0.0.1:40009",
        "slipstream store --source a --sign-secret env:NOT_THERE http://127.0.0.1:40001/",
        "slipstream work --attempts 1 --concurrency 1",
        "slipstream failed list",
        "slipstream failed retry --status 404",
        "slipstream failed list --status 404",
        "slipstream failed list --error 'not tried'",
    ]);
    let notes = std::fs::read_dir(scene.spool.path().join("failed")).unwrap();
    for path in notes.map(|entry| entry.unwrap().path()) {
        if path.extension().is_some_and(|extension| extension != "log") {
            std::fs::remove_file(path).unwrap();
        }
    }
    scene.notes("the notes are removed");
    scene.types_all(&[
        "slipstream failed list",
        "slipstream failed list --status 404",
        "slipstream failed retry --error refused",
    ]);
    scene.types("slipstream failed show ID1");
    scene.is("failed_without_notes");
}
