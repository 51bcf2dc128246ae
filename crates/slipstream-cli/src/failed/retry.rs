//! `slipstream failed retry`: gives requests that were given up to the next worker.
//!
//! Guaranteed: what is not named stays failed, and an id that is not there is said to be
//! missing. The JSON's fields are a promise: fields may join, none changes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use slipstream_core::{Record, RecordId};
use slipstream_log::{Retried, Spool, Stage};

use super::{Kept, each};
use crate::args::RetryArgs;
use crate::units::count;
use crate::{Ended, print};

/// Why what failed cannot be retried now.
const WITH_WORKER: &str =
    "a running worker has the log, for others in it wait; retry it when that has ended";

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

/// Which of the failed requests are meant, and which of those that were named are found.
struct Choice {
    all: bool,
    missing: BTreeSet<RecordId>,
    found: BTreeSet<RecordId>,
}

impl Choice {
    fn of(args: &RetryArgs) -> Self {
        Self { all: args.all, missing: args.ids.iter().copied().collect(), found: BTreeSet::new() }
    }

    fn takes(&mut self, payload: &[u8]) -> bool {
        if self.all {
            return true;
        }
        let Ok(record) = Record::decode(payload) else {
            return false;
        };
        // Whoever copies a log by hand has an id twice, and means both.
        if self.missing.remove(&record.id) {
            self.found.insert(record.id);
        }
        self.found.contains(&record.id)
    }
}

pub(super) fn run(dir: &Path, spool: Option<&Spool>, args: &RetryArgs) -> Result<Ended> {
    let mut choice = Choice::of(args);
    let mut report = Report { dry_run: args.dry_run, ..Report::default() };
    if let Some(spool) = spool {
        let retried = match args.dry_run {
            true => count_chosen(spool, &mut choice)?,
            false => spool
                .retry_failed(|payload| choice.takes(payload))
                .with_context(|| format!("cannot retry what failed in {}", dir.display()))?,
        };
        (report.requests, report.logs) = (retried.requests, retried.logs);
        report.worker_running = retried.worker_running;
        if args.all && retried.worker_running {
            each_failed(spool, Stage::Processing, |_| report.left += 1)?;
        }
    }
    let whereabouts = match spool {
        Some(spool) if !choice.missing.is_empty() => {
            whereabouts(spool, &choice.missing, report.worker_running)?
        }
        _ => BTreeMap::new(),
    };
    report.missing = choice.missing.iter().map(RecordId::to_string).collect();
    print::out(&if args.json { print::json(&report)? } else { report.to_string() })?;
    for id in &choice.missing {
        let why = whereabouts.get(id).map(String::as_str).unwrap_or(
            "is not among the failed requests; `slipstream failed list` shows those there are",
        );
        print::complain(&format!("{id} {why}"));
    }
    if report.left > 0 {
        let left = count(report.left, "failed request");
        print::complain(&format!("{left} left alone: {WITH_WORKER}"));
    }
    Ok(if choice.missing.is_empty() && report.left == 0 { Ended::Well } else { Ended::Short })
}

/// What a retry would take.
fn count_chosen(spool: &Spool, choice: &mut Choice) -> Result<Retried> {
    let worker_running = spool.status()?.worker_running;
    let mut requests = 0;
    let mut logs = HashSet::new();
    let waiting = (!worker_running).then_some(Stage::Processing);
    for stage in waiting.into_iter().chain([Stage::Failed]) {
        each_failed(spool, stage, |kept| {
            if choice.takes(kept.payload) {
                requests += 1;
                logs.insert(kept.log);
            }
        })?;
    }
    Ok(Retried { logs: logs.len() as u64, requests, worker_running })
}

fn each_failed(spool: &Spool, stage: Stage, mut look: impl FnMut(&Kept<'_>)) -> Result<()> {
    each(spool, stage, |kept| {
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
) -> Result<BTreeMap<RecordId, String>> {
    let mut found = BTreeMap::new();
    each(spool, Stage::Processing, |kept| {
        if let Some(record) = kept.record().filter(|record| missing.contains(&record.id)) {
            let why = if kept.is_failed(Stage::Processing) && worker_running {
                format!("is left alone: {WITH_WORKER}")
            } else {
                "is not among the failed requests: it waits for the next worker already, or was settled since".to_owned()
            };
            found.insert(record.id, why);
        }
        Ok(true)
    })?;
    Ok(found)
}

/// What a person reads.
impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let will = if self.dry_run { "would" } else { "will" };
        writeln!(
            f,
            "{} in {} {will} be delivered by the next worker",
            count(self.requests, "request"),
            count(self.logs, "log")
        )
    }
}
