//! `slipstream failed retry` and `drop`: gives dead letters to the next worker, or
//! removes them.
//!
//! # Invariants
//! - What is not named stays failed, and an id that is not there is said to be missing.
//! - The JSON's fields are a promise: fields may join, none changes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use slipstream_core::RecordId;
use slipstream_log::{Dropped, Retried, Spool, SpoolError, Stage};

use super::choice::Choice;
use super::walk::{Kept, Unread, each};

use crate::args::ChoiceArgs;
use crate::exit::Exit;
use crate::term::print;
use crate::term::units::count;

/// What is done to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Retry,
    Drop,
}

impl Act {
    /// Why it cannot be done now.
    fn with_worker(self) -> String {
        let act = if self == Self::Retry { "retry" } else { "drop" };
        format!("a running worker has the log; {act} it after the worker has ended")
    }

    fn apply(self, spool: &Spool, choice: &mut Choice) -> Result<Retried, SpoolError> {
        match self {
            Self::Retry => spool.retry_failed(|payload| choice.takes(payload)),
            Self::Drop => {
                let Dropped { logs, requests, worker_running, skipped } =
                    spool.drop_failed(|payload| choice.takes(payload))?;
                Ok(Retried { logs, requests, worker_running, skipped })
            }
        }
    }
}

#[derive(Default, Serialize)]
struct Report {
    requests: u64,
    logs: u64,
    dry_run: bool,
    missing: Vec<String>,
    worker_running: bool,
    /// Failed requests that are left alone, since a running worker has their logs.
    left: u64,
}

pub(super) fn run(dir: &Path, spool: Option<&Spool>, args: &ChoiceArgs, act: Act) -> Result<Exit> {
    let mut unread = Unread::default();
    let mut choice = Choice::of(args, spool, &mut unread)?;
    let mut report = Report { dry_run: args.dry_run, ..Report::default() };
    if let Some(spool) = spool {
        let retried = match args.dry_run {
            true => count_chosen(spool, &mut choice, &mut unread)?,
            false => act.apply(spool, &mut choice).with_context(|| {
                let doing = if act == Act::Retry { "retry" } else { "drop" };
                format!("cannot {doing} what failed in {}", dir.display())
            })?,
        };
        (report.requests, report.logs) = (retried.requests, retried.logs);
        unread.0.extend(retried.skipped.into_iter().map(|it| (it.path, it.why)));
        report.worker_running = retried.worker_running;
        if args.ids.is_empty() && retried.worker_running {
            each_failed(spool, Stage::Processing, &mut unread, |kept| {
                report.left += u64::from(choice.takes(kept.payload));
            })?;
        }
    }
    let whereabouts = match spool {
        Some(spool) if !choice.missing.is_empty() => {
            whereabouts(spool, &choice.missing, report.worker_running, act, &mut unread)?
        }
        _ => BTreeMap::new(),
    };
    report.missing = choice.missing.iter().map(RecordId::to_string).collect();
    print::out(&if args.json { print::json(&report)? } else { report.text(act) })?;
    for id in &choice.missing {
        let why = whereabouts.get(id).map(String::as_str).unwrap_or(
            "is not among the failed requests; `slipstream failed list` shows those there are",
        );
        print::complain(&format!("{id} {why}"));
    }
    choice.tell_of_others();
    if report.left > 0 {
        let left = count(report.left, "failed request");
        print::complain(&format!("{left} left alone: {}", act.with_worker()));
    }
    let well = choice.missing.is_empty() && report.left == 0;
    Ok(unread.say(if well { Exit::Success } else { Exit::Incomplete }))
}

/// What a retry would take.
fn count_chosen(spool: &Spool, choice: &mut Choice, unread: &mut Unread) -> Result<Retried> {
    let worker_running = spool.status()?.worker_running;
    let mut requests = 0;
    let mut logs = HashSet::new();
    let waiting = (!worker_running).then_some(Stage::Processing);
    for stage in waiting.into_iter().chain([Stage::Failed]) {
        each_failed(spool, stage, unread, |kept| {
            if choice.takes(kept.payload) {
                requests += 1;
                logs.insert(kept.log);
            }
        })?;
    }
    Ok(Retried { logs: logs.len() as u64, requests, worker_running, skipped: Vec::new() })
}

fn each_failed(
    spool: &Spool,
    stage: Stage,
    unread: &mut Unread,
    mut look: impl FnMut(&Kept<'_>),
) -> Result<()> {
    each(spool, stage, unread, |kept| {
        if kept.is_failed(stage) {
            look(kept);
        }
        Ok(true)
    })
    .map(drop)
}

/// Why some that could not be retried could not: their logs are still being worked.
fn whereabouts(
    spool: &Spool,
    missing: &BTreeSet<RecordId>,
    worker_running: bool,
    act: Act,
    unread: &mut Unread,
) -> Result<BTreeMap<RecordId, String>> {
    let mut found = BTreeMap::new();
    each(spool, Stage::Processing, unread, |kept| {
        if let Some(record) = kept.record().filter(|record| missing.contains(&record.id)) {
            let why = if kept.is_failed(Stage::Processing) && worker_running {
                format!("is left alone: {}", act.with_worker())
            } else {
                "is not among the failed requests: it waits for the next worker already, or was settled since".to_owned()
            };
            found.insert(record.id, why);
        }
        Ok(true)
    })?;
    Ok(found)
}

impl Report {
    /// What a person reads.
    fn text(&self, act: Act) -> String {
        let becomes = match (act, self.dry_run) {
            (Act::Retry, false) => "will be delivered by the next worker",
            (Act::Retry, true) => "would be delivered by the next worker",
            (Act::Drop, false) => "dropped",
            (Act::Drop, true) => "would be dropped",
        };
        let requests = count(self.requests, "request");
        format!("{requests} in {} {becomes}\n", count(self.logs, "log"))
    }
}
