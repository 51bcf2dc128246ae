//! Stops and failures at every operation of a repair: what it reports as repaired is repaired, and
//! the next repair does what it left undone.

use slipstream_core::operator::{Checked, Operator};
use slipstream_core::{Engine, Settlement};

use super::run::Run;
use super::scenarios::MINUTE;
use crate::Settings;
use crate::fs::Fs;
use crate::fs::fake::{EIO, ENOSPC, Plan};

/// A spool with damage, an entry that is missing and an entry that is spoiled, a log on its way
/// out, and a file that was being made.
fn ill() -> Run {
    let mut run = Run::new(Settings { slots: 1, ..Settings::default() });
    run.store();
    run.store();
    let mut backlog = run.spool().backlog().unwrap();
    run.work(&mut *backlog, &Settlement::Failed);
    backlog.close().unwrap();
    for _ in 0..2 {
        run.store();
        run.pass(MINUTE);
    }
    run.store();
    let one = |dir: &str| run.fake.names().into_iter().find(|name| name.starts_with(dir)).unwrap();
    let (failed, ready) = (one("failed/"), one("ready/"));
    run.fake.damage(&failed, |bytes| *bytes.last_mut().unwrap() ^= 1);
    run.fake.damage("ledger", |bytes| {
        let text = String::from_utf8(std::mem::take(bytes)).unwrap();
        let log = ready.strip_prefix("ready/").unwrap();
        let kept: Vec<_> = text.lines().filter(|line| !line.contains(log)).collect();
        *bytes = (kept.join("\n") + "\n0badc0de {\"stored\":{\"lo").into_bytes();
    });
    let leaving = run.fake.create("removing/s000-20261124T054217482Z-8f3a6c1e5d2b9a47.log.purged");
    leaving.unwrap();
    run.fake.create("collecting/s000.log.new-1").unwrap();
    run
}

#[test]
fn what_a_repair_calls_mended_is_mended_whatever_fails() {
    let mut tried = 0;
    for plan in [
        |op| Plan::StopAt(op, 0),
        |op| Plan::StopAt(op, 2),
        |op| Plan::FailOnce(op, EIO, 0),
        |op| Plan::FailOnce(op, ENOSPC, 2),
        |op| Plan::FailFrom(op, EIO),
        |op| Plan::FailFrom(op, ENOSPC),
    ] {
        for op in 1.. {
            let run = ill();
            run.fake.plan(plan(op));
            let report = run.spool().check(true);
            let ops = run.fake.ops();
            run.fake.restart();
            let all = |report: Checked| [report.problems, report.leftovers].concat();
            let check = |repair| all(run.spool().check(repair).unwrap());
            if !report.is_ok_and(|report| all(report).iter().all(|found| found.mended)) {
                let again = check(true);
                assert!(again.iter().all(|found| found.mended), "{:?}: {again:?}", plan(op));
            }
            assert_eq!(check(false), [], "{:?}", plan(op));
            tried += 1;
            if op > ops {
                break;
            }
        }
    }
    println!("{tried} faults tried");
    assert!(tried > 200, "only {tried}");
}
