//! `slipstream status --check`: a spool's health as one line and an exit code, as Nagios and its
//! like want it.
//!
//! # Invariants
//! - One line on standard output, whatever happens, and nothing in it but the one `|` that begins
//!   the numbers.
//! - Critical is what loses requests or tells that none are delivered: what was stored is not
//!   taken, the counters do not add up.
//! - Warning is what an operator should look at.
//!
//! # Non-goals
//! A memory. What grew since the last check is for the monitoring system to tell.

use anyhow::{Result, bail};
use slipstream_core::{Clock, SystemClock, Timestamp};
use slipstream_log::{OnFull, Settings, Status};
use slipstream_worker::LastRun;

use super::hints::{hangs, last_seen};
use super::seen::{READ_FOR, last_run};
use super::stuck::{Stuck, stuck};
use crate::args::HealthArgs;
use crate::exit::Exit;
use crate::process::owner::Place;
use crate::term::print;
use crate::term::units::{count, spell, thousands, whole};

/// The exit codes, and their words.
const WORDS: [&str; 4] = ["OK", "WARNING", "CRITICAL", "UNKNOWN"];
const WARNING: u8 = 1;
const CRITICAL: u8 = 2;
const UNKNOWN: u8 = 3;

pub(crate) fn run(place: &Place, args: &HealthArgs) -> Result<Exit> {
    let (code, words, numbers) = match look(place) {
        Ok(look) => {
            let (code, words) = judge(&look, args);
            (code, words, format!(" | {}", numbers(&look, args)))
        }
        Err(error) => (UNKNOWN, format!("{error:#}"), String::new()),
    };
    let words = print::one_line(&words).replace('|', "/");
    print::out(&format!("SLIPSTREAM {} - {words}{numbers}\n", WORDS[usize::from(code)]))?;
    Ok(Exit::Code(code))
}

struct Look {
    status: Status,
    settings: Settings,
    last_run: Option<LastRun>,
    /// The destinations that requests wait for.
    stuck: Vec<Stuck>,
    at: Timestamp,
}

fn look(place: &Place) -> Result<Look> {
    place.become_owner()?;
    let Some(spool) = place.find()? else {
        // A slip in the path must not look like a spool where all is well.
        bail!("there is no spool at {}; `slipstream init` makes one", place.path().display());
    };
    let (status, destinations) = spool.status_by_destination(READ_FOR)?;
    let (settings, last_run, at) =
        (spool.settings().clone(), last_run(&spool), SystemClock::new().now());
    let stuck = stuck(last_run.as_ref(), &destinations, at);
    Ok(Look { status, settings, last_run, stuck, at })
}

fn judge(look: &Look, args: &HealthArgs) -> (u8, String) {
    let Look { status, settings, last_run, stuck, at } = look;
    let last_run = last_run.as_ref();
    let totals = &status.totals;
    let mut found = Vec::new();
    if !totals.balanced() {
        found.push((CRITICAL, "the counters do not add up; see `slipstream check`".to_owned()));
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
            false => format!(", {}", last_seen(last_run, *at)),
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
        found.push((WARNING, "the last run broke off; see `slipstream doctor`".to_owned()));
    }
    let stuck: Vec<_> = stuck.iter().filter(|it| at.since(it.since) >= args.max_down).collect();
    if let Some(first) = stuck.first() {
        let more = match stuck.len() - 1 {
            0 => String::new(),
            more => format!(" (and {})", count(more as u64, "more destination")),
        };
        found.push((WARNING, format!("{}{more}", first.words(*at))));
    }
    if totals.failed > args.max_failed {
        let words = "failed for good; see `slipstream failed list`";
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
fn numbers(Look { status, stuck, .. }: &Look, args: &HealthArgs) -> String {
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
    let waiting: u64 = stuck.iter().filter_map(|stuck| stuck.pending).sum();
    parts.push(format!("destinations_in_trouble={};;;0", stuck.len()));
    parts.push(format!("waiting_for_them={waiting};;;0"));
    parts.join(" ")
}
