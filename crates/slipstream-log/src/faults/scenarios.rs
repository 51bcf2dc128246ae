//! The scenarios: each a sequence of actions of programs and workers on one spool.

use std::time::Duration;

use slipstream_core::operator::{Act, Operator};
use slipstream_core::{Clock, Engine, Settlement};

use super::run::Run;
use crate::format::frame::LogHeader;
use crate::fs::{Fs, Replace};
use crate::{OnFull, Settings, Stage};

pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// A scenario by name, the settings it needs, and what it does.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) settings: fn() -> Settings,
    pub(super) play: fn(&mut Run),
}

fn one_slot() -> Settings {
    Settings { slots: 1, ..Settings::default() }
}

fn two_logs() -> Settings {
    Settings { logs: 2, ..one_slot() }
}

fn rejecting() -> Settings {
    Settings { logs: 1, on_full: OnFull::Reject, ..one_slot() }
}

fn small_logs() -> Settings {
    Settings { record_max: 200, log_max: 400, ..one_slot() }
}

pub(super) const ALL: [Scenario; 15] = [
    Scenario { name: "store by two writers", settings: one_slot, play: store },
    Scenario { name: "rotate at the minute", settings: one_slot, play: rotate },
    Scenario { name: "rotate when large", settings: small_logs, play: store },
    Scenario { name: "overwrite the oldest", settings: two_logs, play: overwrite },
    Scenario { name: "reject when full", settings: rejecting, play: overwrite },
    Scenario { name: "claim, settle, finish", settings: one_slot, play: deliver },
    Scenario { name: "fail some", settings: one_slot, play: fail },
    Scenario { name: "overwrite failed ones", settings: two_logs, play: fail_often },
    Scenario { name: "retry in the run and after", settings: one_slot, play: retry },
    Scenario { name: "resume", settings: one_slot, play: resume },
    Scenario { name: "retry failed ones", settings: one_slot, play: retry_failed },
    Scenario { name: "drop failed ones", settings: one_slot, play: drop_failed },
    Scenario { name: "purge each stage", settings: one_slot, play: purge },
    Scenario { name: "take away what is empty", settings: one_slot, play: leave_empty },
    Scenario { name: "a long life", settings: two_logs, play: long_life },
];

fn store(run: &mut Run) {
    for writer in [0, 1, 0, 0, 1, 1] {
        run.store_by(writer);
    }
}

fn rotate(run: &mut Run) {
    for writer in [0, 1, 1] {
        run.store_by(writer);
        run.store();
        run.pass(MINUTE);
    }
    run.store();
}

fn overwrite(run: &mut Run) {
    for writer in [0, 1, 0, 1, 0] {
        run.store_by(writer);
        run.pass(MINUTE);
    }
}

fn deliver(run: &mut Run) {
    run.store();
    run.pass(MINUTE);
    run.store();
    run.store_by(1);
    if let Ok(mut backlog) = run.spool().backlog() {
        run.work_one(&mut *backlog, Settlement::Delivered);
        // A writer goes on while its log is being worked.
        run.store();
        run.work(&mut *backlog, &Settlement::Delivered);
        let _ = backlog.finish();
        backlog.report(b"what the run did");
    }
}

fn fail(run: &mut Run) {
    run.store();
    run.store();
    run.store();
    if let Ok(mut backlog) = run.spool().backlog() {
        run.work_one(&mut *backlog, Settlement::Failed);
        run.work_one(&mut *backlog, Settlement::Expired);
        run.work(&mut *backlog, &Settlement::Delivered);
        let _ = backlog.close();
    }
}

fn fail_often(run: &mut Run) {
    for _ in 0..4 {
        run.store();
        if let Ok(mut backlog) = run.spool().backlog() {
            run.work(&mut *backlog, &Settlement::Failed);
            let _ = backlog.close();
        }
        run.pass(MINUTE);
    }
}

fn retry(run: &mut Run) {
    run.store();
    run.store();
    if let Ok(mut backlog) = run.spool().backlog() {
        run.work(&mut *backlog, &Settlement::Retry { after: MINUTE });
        run.pass(MINUTE);
        run.work_one(&mut *backlog, Settlement::Delivered);
        run.work(&mut *backlog, &Settlement::Retry { after: MINUTE });
        let _ = backlog.close();
    }
    run.pass(MINUTE);
    if let Ok(mut backlog) = run.spool().backlog() {
        run.work(&mut *backlog, &Settlement::Delivered);
        let _ = backlog.close();
    }
}

/// One request is delivered and three fail; the first and the last of these are retried or dropped.
fn act_on_failed(run: &mut Run, act: Act) {
    for _ in 0..4 {
        run.store();
    }
    if let Ok(mut backlog) = run.spool().backlog() {
        run.work_one(&mut *backlog, Settlement::Delivered);
        run.work(&mut *backlog, &Settlement::Failed);
        let _ = backlog.close();
    }
    let mut count = 0;
    let _ = run.spool().apply(act, &mut |letter| {
        count += u32::from(letter.is_failed());
        letter.is_failed() && count != 2
    });
}

fn retry_failed(run: &mut Run) {
    act_on_failed(run, Act::Retry);
    if let Ok(mut backlog) = run.spool().backlog() {
        run.work(&mut *backlog, &Settlement::Delivered);
        let _ = backlog.close();
    }
}

fn drop_failed(run: &mut Run) {
    act_on_failed(run, Act::Drop);
    let _ = run.spool().apply(Act::Drop, &mut |_| true);
}

fn resume(run: &mut Run) {
    run.store();
    run.store();
    run.store();
    for _ in 0..2 {
        if let Ok(mut backlog) = run.spool().backlog() {
            run.work_one(&mut *backlog, Settlement::Delivered);
            // It ends without a word.
            drop(backlog);
        }
    }
    if let Ok(mut backlog) = run.spool().backlog() {
        run.work(&mut *backlog, &Settlement::Delivered);
        let _ = backlog.close();
    }
}

fn purge(run: &mut Run) {
    for settlement in [Settlement::Failed, Settlement::Retry { after: MINUTE }] {
        run.store();
        if let Ok(mut backlog) = run.spool().backlog() {
            run.work(&mut *backlog, &settlement);
            let _ = backlog.close();
        }
    }
    run.store();
    run.pass(MINUTE);
    run.store();
    for stage in Stage::ALL {
        let _ = run.spool().purge(stage);
    }
}

fn leave_empty(run: &mut Run) {
    for _ in 0..2 {
        // As a writer leaves it that is killed before it appends.
        let now = run.clock.now();
        let header = LogHeader { slot: 0, salt: 7, opened: now, stamp: now };
        let made = run.fake.create("collecting/s000.log.new-7").and_then(|file| {
            file.append(&header.encode()).map_err(|error| error.error)?;
            run.fake.rename("collecting/s000.log.new-7", "collecting/s000.log", Replace::Never)
        });
        drop(made);
        for _ in 0..2 {
            run.pass(MINUTE / 2);
            if let Ok(mut backlog) = run.spool().backlog() {
                run.work(&mut *backlog, &Settlement::Delivered);
                let _ = backlog.close();
            }
        }
        run.store();
    }
}

fn long_life(run: &mut Run) {
    // Long enough for the ledger to be shortened.
    for round in 0..8 {
        run.store();
        run.store_by(1);
        run.pass(MINUTE);
        if round % 3 == 2
            && let Ok(mut backlog) = run.spool().backlog()
        {
            run.work_one(&mut *backlog, Settlement::Failed);
            run.work(&mut *backlog, &Settlement::Delivered);
            let _ = backlog.close();
        }
    }
}
