//! `slipstream failed retry`: gives requests that were given up to the next worker.
//!
//! Guaranteed: what is not named stays failed, and an id that is not there is said to be
//! missing. The JSON's fields are a promise: fields may join, none changes.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use slipstream_core::{Record, RecordId};
use slipstream_log::{Spool, Stage};

use super::each;
use crate::args::RetryArgs;
use crate::units::count;
use crate::{Ended, print};

#[derive(Default, Serialize)]
struct Report {
    requests: u64,
    logs: u64,
    dry_run: bool,
    missing: Vec<String>,
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
        (report.requests, report.logs) = match args.dry_run {
            true => count_chosen(spool, &mut choice)?,
            false => {
                let retried = spool
                    .retry_failed(|payload| choice.takes(payload))
                    .with_context(|| format!("cannot retry what failed in {}", dir.display()))?;
                (retried.requests, retried.logs)
            }
        };
    }
    let whereabouts = match spool {
        Some(spool) if !choice.missing.is_empty() => whereabouts(spool, &choice.missing)?,
        _ => BTreeMap::new(),
    };
    report.missing = choice.missing.iter().map(RecordId::to_string).collect();
    print::out(&if args.json { print::json(&report)? } else { report.to_string() })?;
    for id in &choice.missing {
        let why = whereabouts.get(id).copied().unwrap_or(
            "is not among the failed requests; `slipstream failed list` shows those there are",
        );
        print::complain(&format!("{id} {why}"));
    }
    Ok(if choice.missing.is_empty() { Ended::Well } else { Ended::Short })
}

/// Requests and logs that a retry would take.
fn count_chosen(spool: &Spool, choice: &mut Choice) -> Result<(u64, u64)> {
    let mut requests = 0;
    let mut logs = HashSet::new();
    each(spool, Stage::Failed, |kept| {
        if kept.is_failed(Stage::Failed) && choice.takes(kept.payload) {
            requests += 1;
            logs.insert(kept.log);
        }
        Ok(true)
    })?;
    Ok((requests, logs.len() as u64))
}

/// Why some that are not in failed/ are not: a log that was retried in part is a worker's.
fn whereabouts(
    spool: &Spool,
    missing: &BTreeSet<RecordId>,
) -> Result<BTreeMap<RecordId, &'static str>> {
    let mut found = BTreeMap::new();
    each(spool, Stage::Processing, |kept| {
        if let Some(record) = kept.record().filter(|record| missing.contains(&record.id)) {
            let why = if kept.is_failed(Stage::Processing) {
                "failed, but its log waits for the next worker with others that are retried; run `slipstream work`, then retry it"
            } else {
                "is not among the failed requests: it waits for the next worker already, or was settled since"
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
