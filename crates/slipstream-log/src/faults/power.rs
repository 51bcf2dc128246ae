//! Power losses: at every operation, the disk is left in each state that it may then be in.
//!
//! A journaling file system keeps the order of changes to names, and may undo any number of the
//! last changes whose directories were not synced; bytes that were not synced are there, gone, or
//! zeros, whatever became of the names.

use super::run::Run;
use super::scenarios::ALL;
use crate::fs::fake::{Lost, Plan};

#[test]
fn a_power_loss_at_any_operation_loses_nothing_that_was_acknowledged_as_durable() {
    let mut states = 0;
    for scenario in &ALL {
        let mut whole = Run::durable((scenario.settings)());
        whole.fake.plan(Plan::Well);
        (scenario.play)(&mut whole);
        for op in 1..=whole.fake.ops() {
            let mut run = Run::durable((scenario.settings)());
            run.fake.plan(Plan::StopAt(op, 2));
            (scenario.play)(&mut run);
            for undone in 0..=run.fake.unsynced_names() {
                for lost in [Lost::Nothing, Lost::Bytes, Lost::Zeroed] {
                    let fake = run.fake.snapshot();
                    fake.power_loss(undone, lost);
                    let what = format!(
                        "{}, power lost at {op}, {undone} names undone, {lost:?}",
                        scenario.name
                    );
                    run.on(fake).check(&what);
                    states += 1;
                }
            }
        }
    }
    println!("{states} states tried");
    assert!(states > 10_000, "only {states}");
}
