//! The bytes of version 1 stay what they are: what was written then is read now, and what is
//! written now is what was written then. `SLIPSTREAM_WRITE_GOLDEN=1` writes the files, once for
//! each new version.

use std::path::{Path, PathBuf};
use std::time::Duration;

use slipstream_core::operator::Operator;
use slipstream_core::{Engine, Next, Settlement};

use super::run::{Run, number_of};
use super::scenarios::MINUTE;
use crate::format::log_name::LogName;
use crate::fs::Fs;
use crate::{Settings, Stage};

/// A spool with something at every stage but removing/: records that are settled, deferred, begun
/// and not touched, a log that has gone, a log that is being collected.
fn spool() -> Run {
    let mut run = Run::new(Settings { slots: 1, ..Settings::default() });
    run.store();
    let mut backlog = run.spool().backlog().unwrap();
    run.work(&mut *backlog, &Settlement::Delivered);
    backlog.close().unwrap();
    for _ in 0..4 {
        run.store();
    }
    let mut backlog = run.spool().backlog().unwrap();
    for settlement in
        [Settlement::Delivered, Settlement::Failed, Settlement::Expired, Settlement::Delivered]
    {
        run.work_one(&mut *backlog, settlement);
    }
    run.store();
    run.store();
    run.work_one(&mut *backlog, Settlement::Retry { after: MINUTE });
    let Next::Work(claim) = backlog.next().unwrap() else { panic!("two were stored") };
    backlog.begin(claim.ticket).unwrap();
    drop(backlog);
    run.store();
    run.pass(MINUTE);
    run.store();
    run
}

/// Where the golden file for a file of the spool is. Salts are drawn by chance, so not by name.
fn golden(path: &str) -> PathBuf {
    let stage = path.split('/').next().unwrap_or(path);
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1").join(stage)
}

fn files(run: &Run) -> Vec<String> {
    let names = run.fake.names();
    names.into_iter().filter(|name| name != "worker.lock").collect()
}

#[test]
fn what_is_written_now_is_what_version_1_wrote() {
    let run = spool();
    let files = files(&run);
    let stages: Vec<_> =
        files.iter().map(|name| name.split('/').next().unwrap_or_default()).collect();
    assert_eq!(stages, ["collecting", "failed", "ledger", "processing", "ready"]);
    for path in files {
        let mut bytes = Vec::new();
        run.fake.damage(&path, |all| bytes = all.clone());
        let golden = golden(&path);
        if std::env::var_os("SLIPSTREAM_WRITE_GOLDEN").is_some() {
            std::fs::write(&golden, &bytes).unwrap();
        }
        assert!(
            std::fs::read(&golden).unwrap() == bytes,
            "{path} is not what {} holds",
            golden.display()
        );
    }
}

#[test]
fn what_version_1_wrote_is_read_now() {
    let run = spool();
    let names = files(&run);
    let old = Run::new(run.settings.clone());
    for path in &names {
        let file = old.fake.create(path).unwrap();
        file.append(&std::fs::read(golden(path)).unwrap()).unwrap();
    }
    old.pass(MINUTE);
    let totals = old.spool().status(Duration::ZERO).unwrap().totals;
    assert!(totals.balanced(), "{totals:?}");
    assert_eq!((totals.stored, totals.pending, totals.failed), (9, 4, 1));
    assert_eq!((totals.outcomes.delivered, totals.outcomes.expired), (3, 1));
    let failed = old.fake.list(Stage::Failed.name()).unwrap();
    assert!(LogName::parse(&failed[0]).is_some(), "{failed:?}");
    let mut backlog = old.spool().backlog().unwrap();
    let mut claims = Vec::new();
    while let Next::Work(claim) = backlog.next().unwrap() {
        claims.push((number_of(&claim.payload), claim.attempts, claim.interrupted));
        backlog.settle(claim.ticket, Settlement::Delivered).unwrap();
    }
    // The first was deferred after an attempt; one of the second was interrupted.
    assert_eq!(claims, [(6, 1, 0), (7, 0, 1), (8, 0, 0), (9, 0, 0)]);
}
