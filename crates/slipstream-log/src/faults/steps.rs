//! Stops and failures at every operation of every scenario.

use super::run::Run;
use super::scenarios::{ALL, Scenario};
use crate::fs::fake::{EINTR, EIO, ENOSPC, Plan};

/// Plays a scenario with a plan, and holds what is left against the promises.
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
