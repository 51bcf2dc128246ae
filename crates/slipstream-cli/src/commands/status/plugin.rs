//! `slipstream status --check`: a spool's health as one line and an exit code, as monitoring plugins
//! do.
//!
//! # Invariants
//! - One line on standard output, whatever happens, and nothing in it but the one `|` that begins
//!   the numbers.
//! - What is wrong, and how bad it is, [`Status::findings`] says; a notice is no warning.
//!
//! # Non-goals
//! A memory. What grew since the last check is for the monitoring system to find.

use anyhow::{Result, bail};
use slipstream_core::operator::{EndedEarly, Finding, Operator, Severity, Status, Thresholds};

use crate::args::HealthArgs;
use crate::exit::Exit;
use crate::health::{READ_FOR, hangs, last_seen, waits};
use crate::process::owner::Place;
use crate::term::print;
use crate::term::units::{ago, count, spell, thousands, whole};

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

fn look(place: &Place) -> Result<Status> {
    place.become_owner()?;
    let Some(spool) = place.find()? else {
        // A slip in the path must not look like a spool where all is well.
        bail!("there is no spool at {}; `slipstream init` makes one", place.path().display());
    };
    Ok(spool.status(READ_FOR)?)
}

fn judge(seen: &Status, args: &HealthArgs) -> (u8, String) {
    let mut thresholds = Thresholds::default();
    (thresholds.max_age, thresholds.max_down) = (args.max_age, args.max_down);
    (thresholds.max_failed, thresholds.max_pending) = (args.max_failed, args.max_pending);
    let mut findings = seen.findings(&thresholds);
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    let is_blocked = |finding: &&Finding| matches!(finding, Finding::Blocked(_));
    let mut blocked = findings.iter().filter(is_blocked).count();
    let mut words = Vec::new();
    for finding in &findings {
        // One is named for all.
        let more = match finding {
            Finding::Blocked(_) => std::mem::take(&mut blocked).checked_sub(1),
            _ => Some(0),
        };
        words.extend(more.and_then(|more| words_of(seen, finding, more as u64)));
    }
    let code = match findings.first().map(Finding::severity) {
        Some(Severity::Critical) => CRITICAL,
        Some(Severity::Warning) => WARNING,
        Some(Severity::Notice) | None => {
            let totals = &seen.totals;
            return (0, format!("{} pending, {} failed", totals.pending, totals.failed));
        }
    };
    (code, words.join("; "))
}

/// A finding in a few words; none if it is no more than a notice. `more` destinations are like the
/// named destination.
fn words_of(seen: &Status, finding: &Finding, more: u64) -> Option<String> {
    Some(match finding {
        Finding::Unbalanced => "the counters do not add up; see `slipstream check`".to_owned(),
        Finding::WorkerHangs(hung) => hangs(hung),
        Finding::Unreadable(skipped) => {
            let files = count(skipped.len() as u64, "file");
            format!("{files} could not be read: {}", skipped.first()?.why)
        }
        Finding::NotTaken { age, worker_running } => {
            let last = match worker_running {
                true => String::new(),
                false => format!(", {}", last_seen(seen.last_run.as_ref(), seen.at)),
            };
            format!("no worker has taken what was stored {} ago{last}", ago(*age))
        }
        Finding::NearlyFull(near) => {
            let words = match near.overwrites {
                Some(_) => "overwrites its oldest log",
                None => "refuses what is stored",
            };
            format!("{} {words} in {} unless a worker comes", near.part, spell(whole(near.wait)))
        }
        Finding::EndedEarly(EndedEarly::Broken) => {
            "the last run broke off; see `slipstream doctor`".to_owned()
        }
        Finding::EndedEarly(EndedEarly::Killed) => {
            "the last run ended without a word; see `slipstream doctor`".to_owned()
        }
        Finding::Blocked(blocked) => {
            let more = match more {
                0 => String::new(),
                more => format!(" (and {})", count(more, "more destination")),
            };
            format!("{}{more}", waits(blocked, seen.at))
        }
        Finding::DeadLetters { failed, .. } => {
            let failed = count(*failed, "request");
            format!("{failed} failed for good; see `slipstream failed list`")
        }
        Finding::TooManyPending(pending) => format!("{} wait", thousands(*pending)),
        _ => return None,
    })
}

/// Performance data: the value, when it warns, when it is critical, its least.
fn numbers(seen: &Status, args: &HealthArgs) -> String {
    let (totals, blocked) = (&seen.totals, seen.blocked());
    let gone = &totals.outcomes;
    let most = args.max_pending.map(|most| most.to_string()).unwrap_or_default();
    let age = seen.oldest_unclaimed().unwrap_or_default().as_secs();
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
    let waiting: u64 = blocked.iter().filter_map(|it| it.pending).sum();
    parts.push(format!("destinations_in_trouble={};;;0", blocked.len()));
    parts.push(format!("waiting_for_them={waiting};;;0"));
    parts.join(" ")
}
