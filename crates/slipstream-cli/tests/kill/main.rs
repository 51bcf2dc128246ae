//! Kill at every system call: whatever happens to `init`, `store`, `work`, `failed retry`, `failed drop`, `purge`
//! or `check --repair` at any of their calls to the file system, nothing acknowledged is lost, the
//! sum holds, the next worker finishes what was begun, and the command says what went wrong.
//!
//! Each scenario runs a command once under strace to see its calls, then once for each call and
//! each way in which that call may go wrong, on a fresh copy of the same spool. Start-up is left
//! out: faults begin with the first call that names the spool. It is killed before and after each
//! call that changes something. `SLIPSTREAM_KILL_ALL=1` kills at every call, and adds errors that
//! are like the errors that are always tried. Needs strace, by name or as `SLIPSTREAM_TEST_STRACE`.
//!
//! # Non-goals
//! Torn writes, which strace cannot make.

mod place;
mod promises;
mod receiver;
mod scenario;
mod strace;

use crate::place::{Place, WORK};
use crate::scenario::Scenario;

/// A `store` of one request.
fn store(place: &Place, name: &'static str, options: &[&str]) -> Scenario {
    let url = place.receiver.url(200);
    let args = [&["store", "--print-id", "-d", "x"], options, &[&*url]].concat();
    Scenario { stores: 1, ..Scenario::new(name, &args) }
}

/// A worker that has one request in flight.
fn work(name: &'static str) -> Scenario {
    Scenario { delivers: true, in_flight: 1, ..Scenario::new(name, &WORK) }
}

#[test]
fn making_a_spool() {
    let place = Place::new();
    Scenario::new("init", &["init", "--slots=2"]).try_all(&place);
}

#[test]
fn storing_the_first_request_of_all() {
    let place = Place::new();
    store(&place, "store, no spool yet", &[]).try_all(&place);
}

#[test]
fn storing_the_first_request_of_a_log() {
    let place = Place::new();
    place.init();
    store(&place, "store, no log yet", &[]).try_all(&place);
}

#[test]
fn storing_behind_another_request() {
    let mut place = Place::new();
    place.init();
    place.store(200);
    store(&place, "store", &[]).try_all(&place);
}

#[test]
fn storing_so_that_it_survives_a_power_loss() {
    let mut place = Place::new();
    place.init();
    place.store(200);
    store(&place, "store --durable", &["--durable"]).try_all(&place);
}

#[test]
fn storing_a_batch() {
    let mut place = Place::new();
    place.init();
    place.store(200);
    let url = place.receiver.url(200);
    let lines: String =
        (0..5).map(|n| format!("{{\"url\":\"{url}\",\"body\":\"{n}\"}}\n")).collect();
    let file = place.file("batch", &lines);
    let args = ["store", "--print-id", "--batch", file.to_str().unwrap()];
    Scenario { stores: 5, ..Scenario::new("store --batch", &args) }.try_all(&place);
}

#[test]
fn storing_when_the_log_is_over() {
    let mut place = Place::new();
    place.init_rotating(10);
    place.store(200);
    place.pass_rotation();
    store(&place, "store, rotating", &[]).try_all(&place);
}

#[test]
fn storing_when_the_slot_is_full() {
    let mut place = Place::new();
    place.init_rotating(1);
    for _ in 0..2 {
        place.store(200);
        place.pass_rotation();
    }
    assert_eq!(place.names("ready").len(), 1);
    let scenario = store(&place, "store, overwriting", &[]);
    Scenario { may_go: 1, ..scenario }.try_all(&place);
}

#[test]
fn working() {
    let mut place = Place::new();
    place.init_rotating(10);
    place.store(200);
    place.pass_rotation();
    for _ in 0..2 {
        place.store(200);
    }
    work("work").try_all(&place);
}

#[test]
fn working_when_a_request_fails() {
    let mut place = Place::new();
    place.init();
    for status in [200, 404, 200] {
        place.store(status);
    }
    work("work, one failing").try_all(&place);
}

#[test]
fn working_what_a_killed_worker_left() {
    let mut place = Place::new();
    place.init();
    for _ in 0..3 {
        place.store(200);
    }
    // Two were delivered, and of the second nothing is known.
    place.kill_worker(|_, got| got.len() == 2);
    assert_eq!(place.names("processing").len(), 1);
    // That request comes again, and so may the request that is in flight then.
    Scenario { in_flight: 2, ..work("work, resuming") }.try_all(&place);
}

#[test]
fn retrying_what_failed() {
    let mut place = Place::new();
    place.init_rotating(10);
    for _ in 0..2 {
        place.store(200);
        place.give_up();
        place.store(404);
        place.store(200);
        place.give_up();
        place.pass_rotation();
    }
    place.store(200);
    assert!(place.names("failed").len() >= 4);
    let args = ["failed", "retry", "--all"];
    Scenario { retries: true, ..Scenario::new("failed retry --all", &args) }.try_all(&place);
}

#[test]
fn dropping_what_failed() {
    let mut place = Place::new();
    place.init_rotating(10);
    for status in [404, 404] {
        place.store(status);
        assert_eq!(place.run(&WORK).status.code(), Some(1));
        place.known.got.extend(place.receiver.take());
        place.pass_rotation();
    }
    place.store(200);
    assert_eq!(place.names("failed").iter().filter(|name| name.ends_with(".log")).count(), 2);
    let args = ["failed", "drop", "--all"];
    Scenario { may_go: 2, ..Scenario::new("failed drop --all", &args) }.try_all(&place);
}

#[test]
fn mending() {
    let mut place = Place::new();
    place.init_rotating(10);
    for status in [404, 200, 404] {
        place.store(status);
    }
    assert_eq!(place.run(&WORK).status.code(), Some(1));
    place.known.got = place.receiver.take();
    place.store(200);
    place.pass_rotation();
    place.store(200);
    place.forget_stored("ready");
    place.damage_last("failed");
    place.leave_half_made();
    let args = ["check", "--repair"];
    Scenario { mends: true, ..Scenario::new("check --repair", &args) }.try_all(&place);
}

#[test]
fn purging() {
    let mut place = Place::new();
    place.init_rotating(10);
    place.store(404);
    assert_eq!(place.run(&WORK).status.code(), Some(1));
    place.known.got = place.receiver.take();
    place.store(200);
    place.kill_worker(|place, _| !place.names("processing").is_empty());
    for _ in 0..2 {
        place.pass_rotation();
        place.store(200);
    }
    for stage in ["collecting", "ready", "processing", "failed"] {
        // Beside a failed log there are notes about it.
        let logs = place.names(stage).into_iter().filter(|name| name.ends_with(".log"));
        assert_eq!(logs.count(), 1, "{stage}");
    }
    let args = ["purge", "--yes"];
    Scenario { may_go: 4, ..Scenario::new("purge", &args) }.try_all(&place);
}
