//! What is wrong with a spool, and what to do next.
//!
//! # Invariants
//! - What loses requests comes before what delays them, and that before what has happened already.
//! - Nothing is said of a spool in which all is as it should be.

use std::time::Duration;

use serde::Serialize;
use slipstream_core::Timestamp;
use slipstream_log::{Destinations, Holder, OnFull, Settings, Status};
use slipstream_worker::LastRun;

use super::stuck::{Stuck, stuck};
use crate::term::units::{count, spell, whole};

/// How long what was stored may wait for a worker. Cron runs it every minute.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Hint {
    pub(crate) what: String,
    pub(crate) to_do: String,
}

/// What is wrong, the worst first.
pub(crate) fn hints(
    status: &Status,
    settings: &Settings,
    destinations: &Destinations,
    last_run: Option<&LastRun>,
    now: Timestamp,
) -> Vec<Hint> {
    let first = [
        unread(status),
        sum(status),
        hung(status),
        forecast(status, settings),
        not_taken(status, last_run, now),
    ];
    let last = [last_run.and_then(|run| broke_off(status, run)), given_up(status, destinations)];
    let waits = for_destinations(&stuck(last_run, destinations, now), now);
    first.into_iter().flatten().chain(waits).chain(last.into_iter().flatten()).collect()
}

/// Most destinations that are named.
pub(crate) const NAMED: usize = 5;

fn for_destinations(stuck: &[Stuck], now: Timestamp) -> Vec<Hint> {
    let hint = |stuck: &Stuck| Hint { what: stuck.words(now), to_do: stuck.to_do() };
    let mut hints: Vec<_> = stuck.iter().take(NAMED).map(hint).collect();
    if let Some(more) = stuck.len().checked_sub(NAMED).filter(|more| *more > 0) {
        let what = format!("requests wait for {}", count(more as u64, "more destination"));
        hints.push(Hint { what, to_do: "slipstream status --json".to_owned() });
    }
    hints
}

fn hint(what: String, to_do: &str) -> Option<Hint> {
    Some(Hint { what, to_do: to_do.to_owned() })
}

fn unread(status: &Status) -> Option<Hint> {
    let first = status.skipped.first()?;
    let files = count(status.skipped.len() as u64, "file");
    hint(
        format!("{files} could not be read, and what is in there is not counted: {}", first.why),
        "slipstream check",
    )
}

fn sum(status: &Status) -> Option<Hint> {
    let totals = &status.totals;
    let what = "the counters do not add up: a log was removed by hand, or the disk lost something";
    if totals.balanced() { None } else { hint(what.to_owned(), "slipstream check") }
}

fn forecast(status: &Status, settings: &Settings) -> Option<Hint> {
    let near = status.forecast()?;
    let (slot, wait, requests) = (near.slot, spell(whole(near.wait)), near.requests);
    let requests = count(requests, "request");
    let what = match settings.on_full {
        OnFull::Overwrite => {
            format!("the oldest log of slot {slot} ({requests}) will be overwritten in {wait}")
        }
        OnFull::Reject => format!("slot {slot} will refuse what is stored in {wait}"),
    };
    if status.worker_running && status.hung_worker().is_none() {
        return hint(what, "a worker is running; if it is too slow, give it more --concurrency");
    }
    let to_do =
        if status.worker_running { "end what keeps the worker away" } else { "slipstream work" };
    hint(what, to_do)
}

/// What has the worker's lock and tells nothing, in words.
pub(crate) fn hangs(hung: &Holder) -> String {
    let who = match hung.pid {
        Some(pid) => format!("process {pid}"),
        None => "a process".to_owned(),
    };
    let silent = spell(whole(hung.silent));
    format!("{who} holds worker.lock, and no worker has begun or reported for {silent}")
}

/// What to do about it. Ending it loses nothing: the next run goes on where it was.
pub(crate) fn end_it(hung: &Holder) -> String {
    match hung.pid {
        Some(pid) => format!("ps -o pid,user,stat,args -p {pid}; then kill {pid} (if stopped: kill -KILL {pid}): the next run goes on where it was"),
        None => "`fuser -v` on worker.lock as root tells which; end it: the next run goes on where it was".to_owned(),
    }
}

fn hung(status: &Status) -> Option<Hint> {
    let hung = status.hung_worker()?;
    let what = format!("{}: it hangs, is stopped, or is not a worker", hangs(&hung));
    hint(what, &end_it(&hung))
}

/// When a worker was there last, in words.
pub(crate) fn last_seen(last_run: Option<&LastRun>, now: Timestamp) -> String {
    match last_run {
        None => "none has ever finished a run here".to_owned(),
        Some(run) => {
            let seen = Timestamp::from_millis(run.ended.unwrap_or(run.at));
            let ago = spell(whole(now.since(seen)));
            let seen = if run.ended.is_some() { "ended" } else { "was seen" };
            format!("the last one {seen} {ago} ago")
        }
    }
}

fn not_taken(status: &Status, last_run: Option<&LastRun>, now: Timestamp) -> Option<Hint> {
    let age = status.oldest_unclaimed().filter(|age| *age > PATIENCE)?;
    if status.worker_running {
        // If it hangs, that is told.
        return None;
    }
    let (age, last) = (spell(whole(age)), last_seen(last_run, now));
    hint(
        format!("no worker has taken what was stored {age} ago; {last}"),
        "slipstream work; then slipstream doctor, or slipstream setup cron",
    )
}

fn broke_off(status: &Status, run: &LastRun) -> Option<Hint> {
    match run.ending.as_deref() {
        None if !status.worker_running => hint(
            "the last worker ended without a word: it was killed, or the machine went down".into(),
            "slipstream work",
        ),
        Some("broken") => hint("the last run broke off".into(), "slipstream doctor"),
        Some("budget") => hint(
            "the last run's time was up with work left".into(),
            "run the worker more often, or give it more --max-time or --concurrency",
        ),
        _ => None,
    }
}

fn given_up(status: &Status, destinations: &Destinations) -> Option<Hint> {
    let failed = status.totals.failed;
    if failed == 0 {
        return None;
    }
    let worst = destinations.each.iter().max_by_key(|it| it.failed.iter().sum::<u64>());
    let of_it: u64 = worst.map_or(0, |it| it.failed.iter().sum());
    let to = match worst {
        Some(worst) if of_it * 2 > failed => {
            let most = if of_it < failed { "most of them to " } else { "to " };
            format!(", {most}{}", slipstream_http::masked_url(&worst.destination))
        }
        _ => String::new(),
    };
    hint(format!("{} failed for good{to}", count(failed, "request")), "slipstream failed list")
}
