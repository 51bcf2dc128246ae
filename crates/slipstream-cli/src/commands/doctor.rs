//! `slipstream doctor`: looks for what keeps people's requests from going out.
//!
//! # Invariants
//! - Nothing is changed.
//! - Each finding says what is so, why it matters and what to do.
//! - The JSON's fields are a promise: fields may join, none changes.
//!
//! # Non-goals
//! What is in the logs; that is `check`. And what only a guess could tell: a finding is something
//! that was seen.

mod finding;
mod places;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use slipstream_core::{Clock, SystemClock, Timestamp};
use slipstream_log::{Holder, Spool, Stage};
use slipstream_worker::LastRun;

use self::finding::Finding;
use crate::args::DoctorArgs;
use crate::commands::status::{
    NAMED, PATIENCE, READ_FOR, Stuck, end_it, hangs, last_run, last_seen, stuck,
};
use crate::exit::Exit;
use crate::process::owner::Place;
use crate::term::print;
use crate::term::units::{rfc3339, spell};

/// The file that a worker locks. It is written when a worker begins and when it ends.
const WORKER_LOCK: &str = "worker.lock";

/// How far a time may lie ahead before the clock is to blame.
const AHEAD: Duration = Duration::from_secs(60);

/// All of it, for programs.
#[derive(Serialize)]
struct Report {
    spool: String,
    findings: Vec<Finding>,
}

pub(crate) fn run(place: &Place, args: &DoctorArgs) -> Result<Exit> {
    // While this is root, if it is: others may not look at other people's processes.
    let dir = place.path();
    let mut findings = places::others(dir)?;
    match place.become_owner().and_then(|()| place.find()) {
        Ok(Some(spool)) => findings.extend(of_spool(&spool)?),
        Ok(None) => findings.push(Finding::critical(
            format!("there is no spool at {}", dir.display()),
            "nothing was stored, or it was stored in another directory (a service may have a /tmp of its own)",
            "name the directory that programs store in with --dir or SLIPSTREAM_DIR, or make it with `slipstream init`",
        )),
        Err(error) => findings.push(Finding::critical(
            format!("{error:#}"),
            "neither store nor work can use the spool",
            "do what the finding says, then run this again",
        )),
    }
    let ended = if findings.is_empty() { Exit::Success } else { Exit::Incomplete };
    if args.json {
        let report = Report { spool: dir.display().to_string(), findings };
        print::out(&print::json(&report)?)?;
    } else {
        print::out(&text(dir, &findings))?;
    }
    Ok(ended)
}

fn text(dir: &Path, findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { what, why, to_do, .. } in findings {
        let lines = [("found", &**what), ("why it matters", why), ("what to do", &**to_do)];
        for (name, line) in lines {
            text.push_str(&format!("{name:<14}  {}\n", print::one_line(line)));
        }
        text.push('\n');
    }
    if findings.is_empty() {
        text = format!("nothing found that keeps requests in {} from going out\n", dir.display());
    }
    text
}

/// How many files that cannot be read are named at most.
const SKIPPED_SHOWN: usize = 10;

fn unreadable(what: String) -> Finding {
    let why = "what is in there is neither counted nor delivered";
    Finding::critical(what, why, "do what the finding says, then run this again")
}

fn of_spool(spool: &Spool) -> Result<Vec<Finding>> {
    let now = SystemClock::new().now();
    let mut findings = places::of(spool)?;
    let lock = spool.path().join(WORKER_LOCK).metadata().ok();
    let began = lock.map(|it| Timestamp::from_millis(it.mtime().max(0) as u64 * 1_000));
    let last_run = last_run(spool);
    match spool.status_by_destination(READ_FOR) {
        Ok((status, destinations)) => {
            let skipped = status.skipped.iter().take(SKIPPED_SHOWN);
            findings.extend(skipped.map(|file| unreadable(file.why.clone())));
            if status.worker_running {
                findings.extend(status.hung_worker().map(hung));
            } else {
                let oldest = status.oldest_unclaimed();
                findings.extend(not_taken(oldest, last_run.as_ref(), began, now));
                findings.extend(last_run.as_ref().and_then(broke_off));
            }
            let stuck = stuck(last_run.as_ref(), &destinations, now);
            findings.extend(stuck.iter().take(NAMED).map(|it| waits(it, now)));
        }
        Err(error) => findings.push(unreadable(format!("{:#}", anyhow::Error::new(error)))),
    }
    let mut stamps = Vec::from_iter(began);
    stamps.extend(last_run.map(|run| Timestamp::from_millis(run.at)));
    for stage in [Stage::Ready, Stage::Processing, Stage::Failed] {
        // One that cannot be listed has been found.
        let logs = spool.sealed_logs(stage).unwrap_or_default();
        stamps.extend(logs.into_iter().map(|log| log.stamp));
    }
    findings.extend(from_the_future(&stamps, now));
    Ok(findings)
}

/// That no worker takes what was stored. `began` is when one began or ended last, which tells of
/// those that were killed, too.
fn not_taken(
    oldest: Option<Duration>,
    last_run: Option<&LastRun>,
    began: Option<Timestamp>,
    now: Timestamp,
) -> Option<Finding> {
    let oldest = oldest.filter(|age| *age > PATIENCE)?;
    let told = last_run.map_or(Timestamp::default(), |run| Timestamp::from_millis(run.at));
    let mut last = last_seen(last_run, now);
    // Perhaps a worker that was killed.
    if let Some(began) = began.filter(|began| last_run.is_some() && began.since(told) > PATIENCE) {
        last.push_str(&format!(", and worker.lock was taken {} since", rfc3339(began)));
    }
    let age = spell(Duration::from_secs(oldest.as_secs()));
    Some(Finding::critical(
        format!("no worker has taken what was stored {age} ago; {last}"),
        "nothing goes out, and the oldest log is overwritten when a slot is full",
        "run `slipstream work`; if that helps, see why cron or the timer does not: `slipstream setup`, cron's mail, `systemctl list-timers`",
    ))
}

/// That something has the worker's lock and does not work.
fn hung(holder: Holder) -> Finding {
    Finding::critical(
        format!("{}: it hangs, is stopped, or is not a worker", hangs(&holder)),
        "nothing goes out until it ends: there is one worker at a time",
        end_it(&holder),
    )
}

/// That requests wait for a destination.
fn waits(stuck: &Stuck, now: Timestamp) -> Finding {
    let why = "it has taken none since, and requests fail for good when their attempts are used up";
    Finding::warning(stuck.words(now), why, stuck.to_do())
}

/// That the last run could not be carried out.
fn broke_off(run: &LastRun) -> Option<Finding> {
    let (what, why) = match run.ending.as_deref() {
        None => ("ended without a word", "it was killed, or the machine went down while it ran"),
        Some("broken") => ("broke off", "what was left waits; the next run may break off, too"),
        _ => return None,
    };
    Some(Finding::warning(
        format!("the last run, which began {}, {what}", rfc3339(Timestamp::from_millis(run.began))),
        why,
        "run `slipstream work`, and mend what it names",
    ))
}

/// That something has a time that is yet to come.
fn from_the_future(stamps: &[Timestamp], now: Timestamp) -> Option<Finding> {
    let newest = stamps.iter().max()?;
    let ahead = newest.since(now);
    (ahead > AHEAD).then(|| {
        let ahead = spell(Duration::from_secs(ahead.as_secs()));
        Finding::warning(
            format!("something in the spool was made at {}, {ahead} from now", rfc3339(*newest)),
            "the clock was ahead, or is behind: delays, --ttl and ages are wrong by that much",
            "set the clock and keep it right (`timedatectl`); what is stored is kept, and goes out",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::finding::Severity;
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_795_521_600_000);

    fn before(seconds: u64) -> Timestamp {
        Timestamp::from_millis(NOON.as_millis() - seconds * 1_000)
    }

    fn ended(seconds_ago: u64) -> LastRun {
        let at = before(seconds_ago).as_millis();
        let text = format!(r#"{{"at":{at},"ended":{at},"ending":"drained"}}"#);
        LastRun::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_was_stored_lately_or_taken_is_no_finding() {
        let age = Duration::from_secs;
        let run = ended(3_600);
        assert_eq!(not_taken(None, Some(&run), None, NOON), None);
        assert_eq!(not_taken(Some(age(300)), None, None, NOON), None);
        let what = |run, began| not_taken(Some(age(301)), run, began, NOON).unwrap().what;
        let begin = "no worker has taken what was stored 5m 1s ago; ";
        for (run, began, last) in [
            (Some(&run), Some(before(3_600)), "the last one ended 1h ago"),
            (None, Some(before(10)), "none has ever finished a run here"),
            (
                Some(&run),
                Some(before(60)),
                "the last one ended 1h ago, and worker.lock was taken 2026-11-24T11:59:00.000Z since",
            ),
        ] {
            assert_eq!(what(run, began), format!("{begin}{last}"));
        }
    }

    #[test]
    fn a_run_that_broke_off_or_was_killed_is_a_finding_and_one_that_ended_is_none() {
        assert_eq!(broke_off(&ended(60)), None);
        for (text, words) in [
            (r#"{"began":1795521600000,"ending":"broken"}"#, "12:00:00.000Z, broke off"),
            (r#"{"began":1795521600000}"#, "12:00:00.000Z, ended without a word"),
        ] {
            let found = broke_off(&LastRun::read(text.as_bytes()).unwrap()).unwrap();
            assert!(found.what.ends_with(words), "{found:?}");
            assert_eq!(found.severity, Severity::Warning);
        }
    }

    #[test]
    fn a_time_that_is_yet_to_come_is_a_finding() {
        let ahead = |seconds| NOON.after(Duration::from_secs(seconds));
        assert_eq!(from_the_future(&[], NOON), None);
        assert_eq!(from_the_future(&[before(5), ahead(60)], NOON), None);
        let found = from_the_future(&[before(5), ahead(3_600)], NOON).unwrap();
        let what = "something in the spool was made at 2026-11-24T13:00:00.000Z, 1h from now";
        assert_eq!(found.what, what);
    }
}
