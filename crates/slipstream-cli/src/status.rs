//! `slipstream status`: what is stored, what became of the rest, and whether the sum holds.
//!
//! The JSON's fields are a promise: fields may join, none changes.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use slipstream_log::{OverwrittenSum, Spool, Stage, StageStatus, Status};

use crate::args::StatusArgs;
use crate::totals::Totals;
use crate::units::{count, spell, spell_bytes, thousands};
use crate::{Ended, health, owner, print};

#[derive(Default, Serialize)]
struct Report {
    states: States,
    totals: Totals,
    balanced: bool,
    worker: Worker,
    /// Those of the failed requests whose logs are in processing/, since others in them wait.
    failed_in_processing: u64,
}

#[derive(Default, Serialize)]
struct States {
    collecting: State,
    ready: State,
    processing: State,
    failed: State,
}

#[derive(Default, Serialize)]
struct State {
    logs: u64,
    requests: u64,
    bytes: u64,
    oldest_age_seconds: Option<u64>,
}

#[derive(Default, Serialize)]
struct Worker {
    running: bool,
    pid: Option<u32>,
}

pub(crate) fn run(dir: &Path, args: &StatusArgs) -> Result<Ended> {
    if args.health.check {
        return health::run(dir, &args.health);
    }
    owner::become_owner(dir)?;
    let status = Spool::find(dir)?.map(|spool| spool.status()).transpose()?;
    let report = match &status {
        Some(status) => Report::of(status),
        None => {
            print::complain(&format!("nothing stored yet in {}", dir.display()));
            Report { balanced: true, ..Report::default() }
        }
    };
    if args.json {
        print::out(&print::json(&report)?)?;
    } else {
        let mut text = report.to_string();
        if let Some(status) = &status {
            text.push_str(&remarks(status));
        }
        print::out(&text)?;
    }
    Ok(if report.balanced { Ended::Well } else { Ended::Short })
}

impl Report {
    fn of(status: &Status) -> Self {
        let mut states = States::default();
        for (stage, seen) in &status.stages {
            let state = match stage {
                Stage::Collecting => &mut states.collecting,
                Stage::Ready => &mut states.ready,
                Stage::Processing => &mut states.processing,
                Stage::Failed => &mut states.failed,
            };
            *state = State::of(seen);
        }
        // The row says what the sum says, wherever the requests are.
        let failed_in_processing = failed_in_processing(status);
        states.failed.requests += failed_in_processing;
        Self {
            states,
            totals: Totals::of(&status.totals),
            balanced: status.totals.balanced(),
            worker: Worker { running: status.worker_running, pid: status.worker_pid },
            failed_in_processing,
        }
    }
}

/// Requests that failed while others in their log wait: not in failed/ yet.
pub(crate) fn failed_in_processing(status: &Status) -> u64 {
    let kept = status.stages.iter().filter(|(stage, _)| *stage == Stage::Failed);
    let kept: u64 = kept.map(|(_, seen)| seen.requests).sum();
    status.totals.failed.saturating_sub(kept)
}

impl State {
    fn of(seen: &StageStatus) -> Self {
        Self {
            logs: seen.logs,
            requests: seen.requests,
            bytes: seen.bytes,
            oldest_age_seconds: seen.oldest_age.map(|age| age.as_secs()),
        }
    }

    fn cells(&self, name: &str) -> [String; 5] {
        let age = self.oldest_age_seconds.map(Duration::from_secs);
        [
            name.to_owned(),
            thousands(self.logs),
            thousands(self.requests),
            spell_bytes(self.bytes),
            age.map_or_else(|| "-".to_owned(), spell),
        ]
    }
}

/// What a person reads.
impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let head = ["state", "logs", "requests", "bytes", "oldest"].map(str::to_owned);
        let rows = [
            head,
            self.states.collecting.cells("collecting"),
            self.states.ready.cells("ready"),
            self.states.processing.cells("processing"),
            self.states.failed.cells("failed"),
        ];
        let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
        let widths: [usize; 5] = std::array::from_fn(width);
        for row in &rows {
            write!(f, "{:<1$}", row[0], widths[0])?;
            for column in 1..row.len() {
                write!(f, "  {:>1$}", row[column], widths[column])?;
            }
            writeln!(f)?;
        }
        write!(f, "\n{}", self.totals)?;
        match (self.worker.running, self.worker.pid) {
            (false, _) => writeln!(f, "no worker runs"),
            (true, None) => writeln!(f, "a worker runs"),
            (true, Some(pid)) => writeln!(f, "a worker runs (process {pid})"),
        }
    }
}

/// What is only worth a line when there is something.
fn remarks(status: &Status) -> String {
    let mut text = String::new();
    let waiting = failed_in_processing(status);
    if waiting > 0 {
        let _ = writeln!(
            text,
            "{} still in processing/, since others in the same log wait",
            count(waiting, "failed request")
        );
    }
    for (slot, gone) in &status.overwritten {
        let OverwrittenSum { logs, requests, bytes } = gone;
        let _ = writeln!(
            text,
            "overwritten in slot {slot}: {} in {} ({})",
            count(*requests, "request"),
            count(*logs, "log"),
            spell_bytes(*bytes)
        );
    }
    if status.spoiled_entries > 0 {
        let _ = writeln!(
            text,
            "{} of the ledger cannot be read; the sum may be wrong by what they said",
            match status.spoiled_entries {
                1 => "1 entry".to_owned(),
                many => format!("{} entries", thousands(many)),
            }
        );
    }
    text
}
