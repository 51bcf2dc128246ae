//! One log's trouble: each operation on it fails with each error, at each stage, while a worker
//! runs and while it is being looked at. The others are delivered in that run, the trouble is
//! reported, and once it is over the log is worked, too.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::time::Duration;

use slipstream_core::operator::{Act, Operator};
use slipstream_core::{Backlog, BacklogError, Clock, Engine, Next, Settlement, Source};

use super::run::{Run, number_of, record};
use super::scenarios::MINUTE;
use crate::{Settings, Spool, Stage};

const OPERATIONS: [&str; 10] =
    ["open", "lock", "fstat", "stat", "read", "write", "rename", "truncate", "append", "remove"];

const EIO: i32 = 5;
const EMFILE: i32 = 24;
const ERRORS: [(i32, &str); 8] = [
    (EIO, "EIO"),
    (13, "EACCES"),
    (2, "ENOENT"),
    (17, "EEXIST"),
    (EMFILE, "EMFILE"),
    (11, "EAGAIN"),
    (22, "EINVAL"),
    (28, "ENOSPC"),
];

/// The longest that a run lasts.
const BUDGET: Duration = Duration::from_secs(480);

/// A spool with a log in each of three slots, at the stage that is wanted, and how the second one's
/// name is known.
struct Table {
    run: Run,
    spoiled: String,
    /// Requests in the other logs.
    others: BTreeSet<u64>,
    all: BTreeSet<u64>,
}

impl Table {
    fn new(stage: Stage) -> Self {
        let run = Run::new(Settings { slots: 3, ..Settings::default() });
        let mut table =
            Self { run, spoiled: String::new(), others: BTreeSet::new(), all: BTreeSet::new() };
        let spool = table.run.spool();
        for number in 1..=6 {
            // Two in each slot.
            let source = source_of_slot(number as u16 % 3);
            spool.store(&source, &[record(number)]).unwrap();
            table.all.insert(number);
            if number % 3 != 1 {
                table.others.insert(number);
            }
        }
        table.spoiled = "collecting/s001.log".to_owned();
        if stage == Stage::Collecting {
            return table;
        }
        table.run.pass(MINUTE);
        for slot in 0..3 {
            table.run.spool().rotation().seal(slot).unwrap();
        }
        let name = table.run.fake.names().into_iter().find(|name| name.contains("s001-")).unwrap();
        table.spoiled = name.rsplit_once('/').unwrap().1.to_owned();
        if stage != Stage::Ready {
            let settlement = if stage == Stage::Failed {
                Settlement::Failed
            } else {
                Settlement::Retry { after: MINUTE }
            };
            let mut backlog = table.run.spool().backlog().unwrap();
            table.run.work(&mut *backlog, &settlement);
            backlog.close().unwrap();
            table.run.pass(2 * MINUTE);
        }
        table
    }

    /// One run by a worker. What was settled as delivered or failed, and how it was closed.
    fn work(&self, settlement: &Settlement) -> Result<(BTreeSet<u64>, Result<(), String>), String> {
        let words = |error: BacklogError| error.to_string();
        let mut backlog = self.run.spool().backlog().map_err(words)?;
        let mut settled = BTreeSet::new();
        let start = self.run.clock.elapsed();
        for _ in 0..100_000 {
            if self.run.clock.elapsed() > start + BUDGET {
                break;
            }
            match backlog.next().map_err(words)? {
                Next::Empty => break,
                Next::Asked(_) => {}
                Next::Wait(wait) => self.run.pass(wait.max(Duration::from_millis(1))),
                Next::Work(claim) if !claim.visible_in.is_zero() => {
                    backlog
                        .settle(claim.ticket, Settlement::Release { after: claim.visible_in })
                        .map_err(words)?;
                }
                Next::Work(claim) => {
                    let number = number_of(&claim.payload);
                    match backlog.begin(claim.ticket) {
                        Ok(_) => {}
                        Err(BacklogError::Unavailable { retry_in, .. }) => {
                            let settlement = Settlement::Release { after: retry_in };
                            backlog.settle(claim.ticket, settlement).map_err(words)?;
                            continue;
                        }
                        Err(error) => return Err(words(error)),
                    }
                    match backlog.settle(claim.ticket, settlement.clone()) {
                        Ok(()) => {
                            assert!(settled.insert(number), "request {number} came out twice");
                        }
                        Err(BacklogError::Unavailable { .. }) => {}
                        Err(error) => return Err(words(error)),
                    }
                }
            }
        }
        Ok((settled, backlog.close().map_err(words)))
    }
}

fn source_of_slot(slot: u16) -> Source {
    let sources = (0..100).map(|n| Source::named(format!("shop{n}")));
    sources.into_iter().find(|source| crate::slot_of(source, 3) == slot).unwrap()
}

#[test]
fn one_logs_trouble_keeps_no_other_from_being_delivered_and_is_told() {
    let (mut tried, mut hit) = (0, 0);
    for stage in [Stage::Collecting, Stage::Ready, Stage::Processing] {
        for settlement in [Settlement::Delivered, Settlement::Failed] {
            for what in OPERATIONS {
                for (errno, error) in ERRORS {
                    let case = format!("{what} fails with {error}, {stage}, {settlement:?}");
                    let table = Table::new(stage);
                    table.run.fake.spoil(what, &table.spoiled, errno);
                    let (settled, closed) =
                        table.work(&settlement).unwrap_or_else(|error| panic!("{case}: {error}"));
                    let spoiled = table.run.fake.mend();
                    assert!(
                        settled.is_superset(&table.others),
                        "{case}: only {settled:?} came out\n{:#?}",
                        table.run.fake.trace()
                    );
                    tried += 1;
                    hit += u64::from(spoiled > 0);
                    let left = table
                        .run
                        .fake
                        .names()
                        .into_iter()
                        .filter(|name| name.contains("s001") && !name.starts_with("failed/"));
                    let left: Vec<_> = left.collect();
                    // ENOENT is how a log looks that another process took on.
                    if settled != table.all && error != "ENOENT" {
                        assert!(closed.is_err(), "{case}: nothing is told of {left:?}");
                    }
                    // Over, the next runs do what was left.
                    table.run.pass(Duration::from_secs(86_400));
                    for _ in 0..2 {
                        let (more, closed) = table.work(&settlement).unwrap();
                        closed.unwrap_or_else(|error| panic!("{case}, then: {error}"));
                        drop(more);
                    }
                    let totals = table.run.spool().status(Duration::ZERO).unwrap().totals;
                    assert!(totals.balanced(), "{case}: {totals:?}");
                    assert_eq!(totals.pending, 0, "{case}: {:?}", table.run.fake.names());
                    assert_eq!(totals.failed + totals.outcomes.delivered, 6, "{case}: {totals:?}");
                }
            }
        }
    }
    println!("{hit} of {tried} troubles met");
    assert!(hit > 150, "only {hit}");
}

/// What comes out by itself until nothing is due, and what becomes of it.
fn take_all(run: &Run, backlog: &mut dyn Backlog, settlement: &Settlement) -> BTreeSet<u64> {
    let mut seen = BTreeSet::new();
    for _ in 0..1_000 {
        match backlog.next().unwrap() {
            Next::Empty => return seen,
            Next::Asked(_) => {}
            Next::Wait(wait) => run.pass(wait.max(Duration::from_millis(1))),
            Next::Work(claim) => {
                seen.insert(number_of(&claim.payload));
                backlog.settle(claim.ticket, settlement.clone()).unwrap();
            }
        }
    }
    panic!("it does not end: {seen:?}");
}

#[test]
fn what_was_passed_over_in_a_log_that_cannot_be_read_comes_out_by_itself_when_it_can() {
    let mut hit = 0;
    for (what, errno) in [("open", EIO), ("open", EMFILE), ("read", EIO), ("fstat", EIO)] {
        let table = Table::new(Stage::Collecting);
        let mut backlog = table.run.spool().backlog().unwrap();
        assert_eq!(take_all(&table.run, &mut *backlog, &Settlement::Spill), table.all);
        table.run.fake.spoil(what, "s001", errno);
        let (mut seen, mut from) = (BTreeSet::new(), Bound::Unbounded);
        while let Ok(Some(claim)) = backlog.spilled(from) {
            seen.insert(number_of(&claim.payload));
            from = Bound::Excluded(claim.position);
            // What cannot be written is owed.
            let _ = backlog.settle(claim.ticket, Settlement::Delivered);
        }
        hit += table.run.fake.mend();
        let rest = take_all(&table.run, &mut *backlog, &Settlement::Delivered);
        let again: Vec<_> = seen.intersection(&rest).collect();
        assert!(again.is_empty(), "{what}, {errno}: {again:?} came out twice");
        seen.extend(rest);
        if errno != EMFILE {
            // That is reported to the worker, which asks again.
            assert_eq!(seen, table.all, "{what}, {errno}");
        }
    }
    assert!(hit > 3, "{hit}");
}

/// Something that goes over all logs, and how much it was of use: what it did with the others.
type Look = fn(&Spool) -> (u64, usize);

#[test]
fn one_logs_trouble_ends_no_listing_and_no_command_over_all_logs() {
    let looks: [(&str, Stage, Look); 6] = [
        ("status", Stage::Ready, |spool| {
            let status = spool.status(Duration::ZERO).unwrap();
            (status.totals.pending, status.skipped.len())
        }),
        ("status, collecting", Stage::Collecting, |spool| {
            let status = spool.status(Duration::ZERO).unwrap();
            (status.totals.pending, status.skipped.len())
        }),
        ("retry", Stage::Failed, |spool| {
            let retried = spool.apply(Act::Retry, &mut |_| true).unwrap();
            (retried.requests, retried.skipped.len())
        }),
        ("drop", Stage::Failed, |spool| {
            let dropped = spool.apply(Act::Drop, &mut |_| true).unwrap();
            (dropped.requests, dropped.skipped.len())
        }),
        ("purge", Stage::Ready, |spool| {
            let purged = spool.purge(Stage::Ready).unwrap();
            (purged.requests, purged.skipped.len())
        }),
        ("purge, collecting", Stage::Collecting, |spool| {
            let purged = spool.purge(Stage::Collecting).unwrap();
            (purged.requests, purged.skipped.len())
        }),
    ];
    let mut hit = 0;
    for (name, stage, look) in looks {
        for what in OPERATIONS {
            // A lock that is held is waited for.
            for (errno, error) in ERRORS.into_iter().filter(|(_, error)| *error != "EAGAIN") {
                let case = format!("{name}: {what} fails with {error}");
                let table = Table::new(stage);
                table.run.fake.spoil(what, &table.spoiled, errno);
                let (requests, skipped) = look(&table.run.spool());
                let spoiled = table.run.fake.mend();
                hit += u64::from(spoiled > 0);
                assert!((4..=6).contains(&requests), "{case}: {requests}");
                if requests < 6 && error != "ENOENT" {
                    assert_eq!(skipped, 1, "{case}");
                }
                table.run.pass(Duration::from_secs(86_400));
                table.work(&Settlement::Delivered).unwrap().1.unwrap();
                let totals = table.run.spool().status(Duration::ZERO).unwrap().totals;
                assert!(totals.balanced(), "{case}: {totals:?}");
            }
        }
    }
    println!("{hit} troubles met");
    assert!(hit > 60, "only {hit}");
}
