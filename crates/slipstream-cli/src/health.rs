//! `slipstream status --check`: a spool's health as one line and an exit code, as Nagios and its
//! like want it.
//!
//! Guaranteed: one line on standard output, whatever happens, and nothing in it but the one `|`
//! that begins the numbers. Critical is what loses requests or tells that none are delivered: what
//! was stored is not taken, the sum does not hold. Warning is what somebody should look at.
//!
//! Absent on purpose: a memory. What grew since the last check is for whoever keeps the numbers.

use std::time::Duration;

use anyhow::{Result, bail};
use slipstream_core::{Clock, SystemClock};
use slipstream_log::{OnFull, Settings, Status};
use slipstream_worker::LastRun;

use crate::args::HealthArgs;
use crate::owner::Place;
use crate::status::{hangs, last_run, last_seen};
use crate::units::{count, spell, thousands};
use crate::{Ended, print};

/// The exit codes, and their words.
const WORDS: [&str; 4] = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];
const WARNING: u8 = 1;
const CRITICAL: u8 = 2;
const UNKNOWN: u8 = 3;

pub(crate) fn run(place: &Place, args: &HealthArgs) -> Result<Ended> {
    let (code, words, numbers) = match look(place) {
        Ok(Look { status, settings, last_run }) => {
            let (code, words) = judge(&status, &settings, last_run.as_ref(), args);
            (code, words, format!(" | {}", numbers(&status, args)))
        }
        Err(error) => (UNKNOWN, format!("{error:#}"), String::new()),
    };
    let words = print::one_line(&words).replace('|', "/");
    print::out(&format!("SLIPSTREAM {} - {words}{numbers}\n", WORDS[usize::from(code)]))?;
    Ok(Ended::Told(code))
}

struct Look {
    status: Status,
    settings: Settings,
    last_run: Option<LastRun>,
}

fn look(place: &Place) -> Result<Look> {
    place.become_owner()?;
    let Some(spool) = place.find()? else {
        // A slip in the path must not look like a spool where all is well.
        bail!("there is no spool at {}; `slipstream init` makes one", place.path().display());
    };
    let (status, settings) = (spool.status()?, spool.settings().clone());
    Ok(Look { status, settings, last_run: last_run(&spool) })
}

fn judge(
    status: &Status,
    settings: &Settings,
    last_run: Option<&LastRun>,
    args: &HealthArgs,
) -> (u8, String) {
    let totals = &status.totals;
    let mut found = Vec::new();
    if !totals.balanced() {
        found.push((CRITICAL, "the sum does not hold; see `slipstream check`".to_owned()));
    }
    if let Some(hung) = status.hung_worker() {
        found.push((CRITICAL, hangs(&hung)));
    }
    if let Some(first) = status.skipped.first() {
        let files = count(status.skipped.len() as u64, "file");
        found.push((WARNING, format!("{files} could not be read: {}", first.why)));
    }
    let age = status.oldest_unclaimed();
    if let Some(age) = age.filter(|age| *age > args.max_age) {
        let last = match status.worker_running {
            true => String::new(),
            false => format!(", {}", last_seen(last_run, SystemClock::new().now())),
        };
        let words = "no worker has taken what was stored";
        found.push((CRITICAL, format!("{words} {} ago{last}", spell(whole(age)))));
    }
    if let Some(near) = status.forecast() {
        let (slot, wait) = (near.slot, spell(whole(near.wait)));
        let words = match settings.on_full {
            OnFull::Overwrite => "overwrites its oldest log",
            OnFull::Reject => "refuses what is stored",
        };
        found.push((WARNING, format!("slot {slot} {words} in {wait} unless a worker comes")));
    }
    if last_run.is_some_and(|run| run.ending.as_deref() == Some("broken")) {
        found.push((WARNING, "the last run broke off; see `slipstream work`".to_owned()));
    }
    if totals.failed > args.max_failed {
        let words = "given up; see `slipstream failed list`";
        found.push((WARNING, format!("{} {words}", count(totals.failed, "request"))));
    }
    if args.max_pending.is_some_and(|most| totals.pending > most) {
        found.push((WARNING, format!("{} wait", thousands(totals.pending))));
    }
    let worst = found.iter().map(|(code, _)| *code).max();
    let Some(worst) = worst else {
        return (0, format!("{} pending, {} failed", totals.pending, totals.failed));
    };
    let words: Vec<_> = found.into_iter().map(|(_, words)| words).collect();
    (worst, words.join("; "))
}

/// Performance data: the value, when it warns, when it is critical, its least.
fn numbers(status: &Status, args: &HealthArgs) -> String {
    let totals = &status.totals;
    let gone = &totals.outcomes;
    let most = args.max_pending.map(|most| most.to_string()).unwrap_or_default();
    let age = status.oldest_unclaimed().unwrap_or_default().as_secs();
    let mut parts = vec![
        format!("pending={};{most};;0", totals.pending),
        format!("failed={};{};;0", totals.failed, args.max_failed),
        format!("age={age}s;;{};0", args.max_age.as_secs_f64()),
    ];
    parts.extend(
        [
            ("stored", totals.stored),
            ("delivered", gone.delivered),
            ("expired", gone.expired),
            ("overwritten", gone.overwritten),
            ("purged", gone.purged),
            ("set_aside", gone.set_aside),
        ]
        .map(|(name, number)| format!("{name}={number}c")),
    );
    parts.join(" ")
}

fn whole(age: Duration) -> Duration {
    Duration::from_secs(age.as_secs())
}
