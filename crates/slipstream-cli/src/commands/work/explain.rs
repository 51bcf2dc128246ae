//! `slipstream work --explain`: when a request is tried by a policy, and what bounds that.
//!
//! # Invariants
//! - No spool is looked at.
//! - The JSON's fields are a promise: fields may join, none changes.

use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use slipstream_core::{RetryPolicy, Step};

use crate::args::PolicyArgs;
use crate::exit::Exit;
use crate::term::print;
use crate::term::units::{count, spell};

#[derive(Serialize)]
struct Report {
    policy: String,
    attempts: u32,
    every_seconds: f64,
    ends_before_next_run: bool,
    schedule: Vec<Line>,
}

/// An attempt; times count from the first.
#[derive(Serialize)]
struct Line {
    attempt: u32,
    round: u32,
    wait_seconds: f64,
    earliest_seconds: f64,
    latest_seconds: f64,
}

pub(crate) fn run(policy: &RetryPolicy, args: &PolicyArgs) -> Result<Exit> {
    let last = policy.schedule().last().map_or(Duration::ZERO, |step| step.latest);
    let report = Report {
        policy: policy.to_string(),
        attempts: policy.all_attempts(),
        every_seconds: args.every.as_secs_f64(),
        ends_before_next_run: last < args.every,
        schedule: policy.schedule().map(|step| Line::of(&step)).collect(),
    };
    if args.json {
        print::out(&print::json(&report)?)?;
        return Ok(Exit::Success);
    }
    print::out(&format!("{}\n\n{}\n{}", report.policy, table(policy), remarks(policy)))?;
    if report.ends_before_next_run {
        let (last, every) = (short(last), spell(args.every));
        print::complain(&format!(
            "the last attempt is made {last} after the first, and the next run ({every} later) finds nothing left to try: a destination that is down for that long has its requests fail for good; for more, add rounds, such as rounds=4,every=1h"
        ));
    }
    Ok(Exit::Success)
}

impl Line {
    fn of(step: &Step) -> Self {
        Self {
            attempt: step.attempt,
            round: step.round,
            wait_seconds: whole(step.wait).as_secs_f64(),
            earliest_seconds: whole(step.earliest).as_secs_f64(),
            latest_seconds: whole(step.latest).as_secs_f64(),
        }
    }
}

fn table(policy: &RetryPolicy) -> String {
    let head = ["attempt", "round", "wait", "earliest", "latest"].map(str::to_owned);
    let row = |step: Step| {
        let times = [step.wait, step.earliest, step.latest].map(short);
        let [wait, earliest, latest] = times;
        [step.attempt.to_string(), step.round.to_string(), wait, earliest, latest]
    };
    let rows: Vec<_> = std::iter::once(head).chain(policy.schedule().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<_> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
        text.push_str(&format!("{}\n", cells.join("  ")));
    }
    text
}

fn remarks(policy: &RetryPolicy) -> String {
    let attempts = count(policy.all_attempts().into(), "attempt");
    let asked = spell(policy.retry_after_cap);
    format!(
        "\
Times count from the first attempt. What is due between two runs waits for the next one, and a
destination may ask for up to {asked} more (Retry-After). A request that none of its
{attempts} delivered is kept in failed/.
A longer schedule may have waits of up to 6 days and 65,535 attempts in all. It ends earlier
where a request expires (store --ttl, work --max-age), and where too much waits in processing/:
1,440 logs in a slot, or as many bytes as may wait in ready/; the oldest log is overwritten then.
"
    )
}

/// To the millisecond: what chance adds is a fraction.
fn whole(wait: Duration) -> Duration {
    let millis = (wait.as_secs_f64() * 1_000.0).round();
    Duration::try_from_secs_f64(millis / 1_000.0).unwrap_or(wait)
}

fn short(wait: Duration) -> String {
    spell(whole(wait))
}
