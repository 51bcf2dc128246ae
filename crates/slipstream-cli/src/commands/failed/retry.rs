//! `slipstream failed retry` and `drop`: gives dead letters to the next worker, or
//! removes them.
//!
//! # Invariants
//! - What is not named stays failed, and an id that is not there is said to be missing.
//! - The JSON's fields are a promise: fields may join, none changes.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;
use slipstream_core::RecordId;
use slipstream_core::operator::{Act, Operator, Selection, Standing};

use super::choice::Choice;
use super::unread::Unread;
use crate::args::ChoiceArgs;
use crate::exit::Exit;
use crate::term::print;
use crate::term::units::count;

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

pub(super) fn run(
    dir: &Path,
    engine: Option<&dyn Operator>,
    args: &ChoiceArgs,
    act: Act,
) -> Result<Exit> {
    let mut choice = Choice::new(&args.ids, &args.filter);
    let selection = match engine {
        Some(engine) if args.dry_run => engine.plan(&mut |letter| choice.takes(letter))?,
        Some(engine) => {
            let applied = engine.apply(act, &mut |letter| choice.takes(letter));
            applied
                .with_context(|| format!("cannot {} what failed in {}", verb(act), dir.display()))?
        }
        None => Selection::default(),
    };
    let report = Report {
        requests: selection.requests,
        logs: selection.parts,
        dry_run: args.dry_run,
        missing: choice.missing.iter().map(RecordId::to_string).collect(),
        worker_running: selection.worker_running,
        left: selection.held_by_worker,
    };
    print::out(&if args.json { print::json(&report)? } else { report.text(act) })?;
    for id in &choice.missing {
        print::complain(&format!("{id} {}", whereabouts(choice.standing.get(id), act)));
    }
    choice.filter.tell_of_others();
    if report.left > 0 {
        let left = count(report.left, "failed request");
        print::complain(&format!("{left} left alone: {}", with_worker(act)));
    }
    let well = choice.missing.is_empty() && report.left == 0;
    let mut unread: Unread = choice.filter.unread();
    unread.add(selection.skipped);
    Ok(unread.say(if well { Exit::Success } else { Exit::Incomplete }))
}

fn verb(act: Act) -> &'static str {
    match act {
        Act::Retry => "retry",
        Act::Drop => "drop",
    }
}

/// Why it cannot be done now.
fn with_worker(act: Act) -> String {
    let act = verb(act);
    format!("a running worker has the log; {act} it after the worker has ended")
}

/// Where one is that was named, and is no dead letter which could be retried or dropped.
fn whereabouts(standing: Option<&Standing>, act: Act) -> String {
    match standing {
        None => "is not among the failed requests; `slipstream failed list` shows those there are".to_owned(),
        Some(Standing::HeldByWorker) => format!("is left alone: {}", with_worker(act)),
        Some(_) => "is not among the failed requests: it waits for the next worker already, or was settled since".to_owned(),
    }
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
