//! Stops and failures at every operation of every scenario.

use std::time::Duration;

use slipstream_core::operator::Operator;
use slipstream_core::{Engine, Settlement};

use super::run::Run;
use super::scenarios::{ALL, MINUTE, Scenario};
use crate::Settings;
use crate::format::layout::ASKED;
use crate::fs::fake::{EINTR, EIO, ENOSPC, Lost, Plan};

/// Runs a scenario with a plan, and checks what is left against the promises.
fn try_with(scenario: &Scenario, plan: Plan) -> u64 {
    let mut run = Run::new((scenario.settings)());
    run.fake.plan(plan);
    (scenario.play)(&mut run);
    let ops = run.fake.ops();
    run.fake.restart();
    run.check(&format!("{}, {plan:?}", scenario.name));
    ops
}

fn at_every_operation(plans: &[fn(u64) -> Plan]) {
    let mut tried = 0;
    for scenario in &ALL {
        let ops = try_with(scenario, Plan::Well);
        for op in 1..=ops {
            for plan in plans {
                try_with(scenario, plan(op));
                tried += 1;
            }
        }
    }
    println!("{tried} faults tried");
    assert!(tried > 1_000, "only {tried}");
}

#[test]
fn a_process_killed_at_any_operation_loses_nothing_acknowledged() {
    at_every_operation(&[
        |op| Plan::StopAt(op, 0),
        // Inside a write: none, some, most, or all of it went through.
        |op| Plan::StopAt(op, 1),
        |op| Plan::StopAt(op, 3),
        |op| Plan::StopAt(op, 4),
    ]);
}

#[test]
fn an_operation_that_fails_once_loses_nothing_acknowledged() {
    at_every_operation(&[
        |op| Plan::FailOnce(op, ENOSPC, 0),
        |op| Plan::FailOnce(op, ENOSPC, 2),
        |op| Plan::FailOnce(op, EIO, 0),
        |op| Plan::FailOnce(op, EIO, 3),
        |op| Plan::FailOnce(op, EINTR, 0),
    ]);
}

#[test]
fn a_disk_that_fails_from_some_operation_on_loses_nothing_acknowledged() {
    at_every_operation(&[|op| Plan::FailFrom(op, ENOSPC), |op| Plan::FailFrom(op, EIO)]);
}

#[test]
fn a_worker_that_starts_at_any_operation_fails_nothing_that_others_do() {
    for scenario in &ALL {
        let play = |plan| {
            let mut run = Run::new((scenario.settings)());
            run.fake.plan(plan);
            (scenario.play)(&mut run);
            let spool = run.spool();
            spool
                .try_now(&[])
                .unwrap_or_else(|error| panic!("{}, {plan:?}: {error}", scenario.name));
            let asked = run.fake.names().into_iter().filter(|name| name.starts_with(ASKED)).count();
            assert_eq!(asked, 1, "{}, {plan:?}", scenario.name);
            (run.fake.ops(), run.acknowledged)
        };
        let (ops, acknowledged) = play(Plan::Well);
        for op in 1..=ops {
            let plan = Plan::ClearAt(op);
            assert_eq!(play(plan).1, acknowledged, "{}, {plan:?}", scenario.name);
        }
    }
}

#[test]
fn a_full_disk_stops_no_worker_and_is_emptied_by_it() {
    for scenario in &ALL {
        let mut run = Run::new((scenario.settings)());
        (scenario.play)(&mut run);
        let pending = run.spool().status(Duration::ZERO).unwrap().totals.pending;
        // The worker's lock is there, as it is in every spool that was made on a disk.
        drop(run.spool().backlog().unwrap());
        run.fake.plan(Plan::Full);
        let mut backlog = run.spool().backlog().unwrap();
        run.pass(Duration::from_secs(86_400));
        run.work(&mut *backlog, &Settlement::Delivered);
        backlog.close().unwrap();
        let left = run.fake.bytes_in(&["collecting", "ready", "processing", "removing"]);
        assert_eq!(
            left,
            0,
            "{}: what was delivered still takes room: {:?}",
            scenario.name,
            run.fake.names()
        );
        let totals = run.spool().status(Duration::ZERO).unwrap().totals;
        assert!(
            totals.balanced() && totals.pending == 0,
            "{}, {pending} before: {totals:?}",
            scenario.name
        );
        run.fake.restart();
        run.check(&format!("{}, then a full disk", scenario.name));
    }
}

#[test]
fn a_writer_on_a_full_disk_makes_room_by_overwriting() {
    let overwriting = ALL.iter().find(|scenario| scenario.name == "overwrite the oldest").unwrap();
    let mut run = Run::new((overwriting.settings)());
    (overwriting.play)(&mut run);
    let before = run.fake.bytes_in(&["ready", "removing"]);
    run.fake.plan(Plan::Full);
    run.pass(MINUTE);
    // Nothing gets longer here, so it fails; but a log has given way.
    run.store();
    assert!(run.fake.bytes_in(&["ready", "removing"]) <= before);
    assert!(
        run.fake.names().iter().any(|name| name.contains(".log.gone-")),
        "{:?}",
        run.fake.names()
    );
    assert!(run.spool().status(Duration::ZERO).unwrap().totals.balanced());
    run.fake.restart();
    run.check("overwriting on a full disk");
}

/// Stores a request that repeats an earlier one, as a process that may be stopped or fail at this
/// operation; then again as a process that does not.
fn repeat_with(plan: Plan) -> u64 {
    let mut run = Run::new(Settings { slots: 1, ..Settings::default() });
    run.store_once("another");
    run.fake.plan(plan);
    run.store_once("order-17");
    let ops = run.fake.ops();
    run.fake.restart();
    let stands = run.store_once("order-17");
    assert_eq!(stands, run.store_once("order-17"), "{plan:?}: a repeat was stored");
    run.check(&format!("storing once, {plan:?}"));
    ops
}

#[test]
fn a_store_that_was_cut_short_never_keeps_its_repeat_from_being_stored() {
    for op in 1..=repeat_with(Plan::Well) {
        for part in [0, 1, 3, 4] {
            repeat_with(Plan::StopAt(op, part));
        }
        for errno in [ENOSPC, EIO, EINTR] {
            repeat_with(Plan::FailOnce(op, errno, 0));
            repeat_with(Plan::FailOnce(op, errno, 3));
        }
    }
}

#[test]
fn after_a_power_loss_a_repeat_is_stored_since_its_like_may_be_gone() {
    for lost in [Lost::Nothing, Lost::Bytes, Lost::Zeroed] {
        let mut run = Run::new(Settings { slots: 1, ..Settings::default() });
        let first = run.store_once("order-17");
        run.fake.power_loss(0, lost);
        assert_ne!(run.store_once("order-17"), first);
    }
}
