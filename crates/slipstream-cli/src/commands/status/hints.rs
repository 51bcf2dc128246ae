//! Findings about a spool, and what to do next.
//!
//! # Invariants
//! Nothing is said of a spool in which all is as it should be.

use serde::Serialize;
use slipstream_core::operator::{Blocked, EndedEarly, Finding, NearlyFull, Status, Thresholds};
use slipstream_http::masked_url;

use crate::health::{NAMED, end_it, hangs, have_it_tried, last_seen, waits};
use crate::term::units::{ago, count, spell, whole};

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Hint {
    pub(super) what: String,
    pub(super) to_do: String,
}

/// What is wrong, what costs most first.
pub(super) fn hints(seen: &Status) -> Vec<Hint> {
    let findings = seen.findings(&Thresholds::default());
    let is_blocked = |finding: &&Finding| matches!(finding, Finding::Blocked(_));
    let blocked = findings.iter().filter(is_blocked).count();
    let (mut hints, mut named) = (Vec::new(), 0);
    for finding in &findings {
        if let Finding::Blocked(destination) = finding {
            named += 1;
            match named {
                ..=NAMED => hints.push(for_destination(seen, destination)),
                _ if named == blocked => hints.push(for_more(blocked - NAMED)),
                _ => {}
            }
            continue;
        }
        hints.extend(hint(seen, finding));
    }
    hints
}

fn for_destination(seen: &Status, blocked: &Blocked) -> Hint {
    Hint { what: waits(blocked, seen.at), to_do: have_it_tried(blocked) }
}

fn for_more(destinations: usize) -> Hint {
    let what = format!("requests wait for {}", count(destinations as u64, "more destination"));
    Hint { what, to_do: "slipstream status --json".to_owned() }
}

fn hint(seen: &Status, finding: &Finding) -> Option<Hint> {
    let (what, to_do) = match finding {
        Finding::Unreadable(skipped) => {
            let files = count(skipped.len() as u64, "file");
            let why = skipped.first().map_or("", |first| &first.why);
            let what =
                format!("{files} could not be read, and what is in there is not counted: {why}");
            (what, "slipstream check".to_owned())
        }
        Finding::Unbalanced => {
            let what =
                "the counters do not add up: a log was removed by hand, or the disk lost something";
            (what.to_owned(), "slipstream check".to_owned())
        }
        Finding::WorkerHangs(hung) => {
            (format!("{}: it hangs, is stopped, or is not a worker", hangs(hung)), end_it(hung))
        }
        Finding::NearlyFull(near) => nearly_full(seen, near),
        Finding::NotTaken { age, worker_running } => not_taken(seen, *age, *worker_running),
        Finding::EndedEarly(ended) => {
            let (what, to_do) = ended_early(*ended);
            (what.to_owned(), to_do.to_owned())
        }
        Finding::DeadLetters { failed, most_to } => {
            let to = match most_to {
                Some((to, all)) => {
                    let most = if *all { "to " } else { "most of them to " };
                    format!(", {most}{}", masked_url(to))
                }
                None => String::new(),
            };
            let what = format!("{} failed for good{to}", count(*failed, "request"));
            (what, "slipstream failed list".to_owned())
        }
        _ => return None,
    };
    Some(Hint { what, to_do })
}

fn nearly_full(seen: &Status, near: &NearlyFull) -> (String, String) {
    let (part, wait) = (&near.part, spell(whole(near.wait)));
    let what = match near.overwrites {
        Some(requests) => {
            let requests = count(requests, "request");
            format!("the oldest log of {part} ({requests}) will be overwritten in {wait}")
        }
        None => format!("{part} will refuse what is stored in {wait}"),
    };
    let to_do = match (seen.worker, seen.hung_worker()) {
        (None, _) => "slipstream work",
        (Some(_), Some(_)) => "end what keeps the worker away",
        (Some(_), None) => FASTER,
    };
    (what, to_do.to_owned())
}

/// What to do where a worker runs, and does not keep up.
const FASTER: &str = "a worker is running; if it is too slow, give it more --concurrency";

fn not_taken(seen: &Status, age: std::time::Duration, worker_running: bool) -> (String, String) {
    let what = format!("no worker has taken what was stored {} ago", ago(age));
    if worker_running {
        return (what, FASTER.to_owned());
    }
    let last = last_seen(seen.last_run.as_ref(), seen.at);
    let to_do = "slipstream work; then slipstream doctor, or slipstream setup cron";
    (format!("{what}; {last}"), to_do.to_owned())
}

fn ended_early(ended: EndedEarly) -> (&'static str, &'static str) {
    match ended {
        EndedEarly::Killed => (
            "the last worker ended without a word: it was killed, or the machine went down",
            "slipstream work",
        ),
        EndedEarly::Broken => ("the last run broke off", "slipstream doctor"),
        EndedEarly::OutOfTime => (
            "the last run's time was up with work left",
            "run the worker more often, or give it more --max-time or --concurrency",
        ),
    }
}
