//! `slipstream doctor`: looks for what keeps people's requests from going out.
//!
//! # Invariants
//! - Nothing is changed.
//! - Each finding says what is so, why it matters and what to do.
//! - The JSON's fields are a promise: fields may join, none changes.
//!
//! # Non-goals
//! What is in the logs; that is `check`. And guesses: a finding is something that was seen.

mod finding;
mod places;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use slipstream_core::operator::{
    self, Blocked, EndedEarly, Holder, Operator, Stage, Status, Thresholds,
};
use slipstream_core::{Clock, LastRun, SystemClock, Timestamp};
use slipstream_log::Spool;

use self::finding::Finding;
use crate::args::DoctorArgs;
use crate::exit::Exit;
use crate::health::{NAMED, READ_FOR, end_it, hangs, have_it_tried, last_seen};
use crate::process::owner::Place;
use crate::term::print;
use crate::term::units::{ago, rfc3339};

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
    match spool.status(READ_FOR) {
        Ok(seen) => findings.extend(of_health(&seen, began)),
        Err(error) => findings.push(unreadable(format!("{:#}", anyhow::Error::new(error)))),
    }
    let mut stamps = Vec::from_iter(began);
    stamps.extend(spool.last_run().map(|run| Timestamp::from_millis(run.at)));
    for stage in [Stage::Ready, Stage::Processing, Stage::Failed] {
        // A stage that cannot be listed has been found.
        let logs = spool.sealed_logs(stage).unwrap_or_default();
        stamps.extend(logs.into_iter().map(|log| log.stamp));
    }
    findings.extend(from_the_future(&stamps, now));
    Ok(findings)
}

/// What keeps requests from going out, of all that is wrong. `began` is when a worker began or
/// ended last, which includes workers that were killed, too.
fn of_health(seen: &Status, began: Option<Timestamp>) -> Vec<Finding> {
    let mut blocked = 0;
    let mut findings = Vec::new();
    for finding in seen.findings(&Thresholds::default()) {
        match finding {
            operator::Finding::Unreadable(skipped) => {
                let first = skipped.into_iter().take(SKIPPED_SHOWN);
                findings.extend(first.map(|file| unreadable(file.why)));
            }
            operator::Finding::WorkerHangs(holder) => findings.push(hung(&holder)),
            operator::Finding::NotTaken { age, worker_running: true } => {
                findings.push(too_slow(age))
            }
            operator::Finding::NotTaken { age, worker_running: false } => {
                findings.push(not_taken(age, seen.last_run.as_ref(), began, seen.at));
            }
            operator::Finding::EndedEarly(ended) => {
                let run = seen.last_run.as_ref();
                findings.extend(run.and_then(|run| broke_off(ended, run)));
            }
            operator::Finding::Blocked(destination) => {
                blocked += 1;
                if blocked <= NAMED {
                    findings.push(waits(&destination, seen.at));
                }
            }
            _ => {}
        }
    }
    findings
}

/// That no worker takes what was stored.
fn not_taken(
    age: Duration,
    last_run: Option<&LastRun>,
    began: Option<Timestamp>,
    now: Timestamp,
) -> Finding {
    let told = last_run.map_or(Timestamp::default(), |run| Timestamp::from_millis(run.at));
    let mut last = last_seen(last_run, now);
    // Perhaps a worker that was killed.
    let later = |began: &Timestamp| began.since(told) > Thresholds::MAX_AGE;
    if let Some(began) = began.filter(|began| last_run.is_some() && later(began)) {
        last.push_str(&format!(", and worker.lock was taken {} since", rfc3339(began)));
    }
    let age = ago(age);
    Finding::critical(
        format!("no worker has taken what was stored {age} ago; {last}"),
        "nothing goes out, and the oldest log is overwritten when a slot is full",
        "run `slipstream work`; if that helps, see why cron or the timer does not: `slipstream setup`, cron's mail, `systemctl list-timers`",
    )
}

/// That a worker runs and does not come to what was stored.
fn too_slow(age: Duration) -> Finding {
    Finding::critical(
        format!("no worker has taken what was stored {} ago, though one is running", ago(age)),
        "it waits for what was stored before, and the oldest log is overwritten when a slot is full",
        "give the worker more --concurrency, and see `slipstream status` for destinations that are slow or down",
    )
}

/// That something has the worker's lock and does not work.
fn hung(holder: &Holder) -> Finding {
    Finding::critical(
        format!("{}: it hangs, is stopped, or is not a worker", hangs(holder)),
        "nothing goes out until it ends: there is one worker at a time",
        end_it(holder),
    )
}

/// That requests wait for a destination.
fn waits(blocked: &Blocked, now: Timestamp) -> Finding {
    let why = "it has taken none since, and requests fail for good when their attempts are used up";
    Finding::warning(crate::health::waits(blocked, now), why, have_it_tried(blocked))
}

/// That the last run could not be carried out.
fn broke_off(ended: EndedEarly, run: &LastRun) -> Option<Finding> {
    let (what, why) = match ended {
        EndedEarly::Killed => {
            ("ended without a word", "it was killed, or the machine went down while it ran")
        }
        EndedEarly::Broken => ("broke off", "what was left waits; the next run may break off, too"),
        EndedEarly::OutOfTime => return None,
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
        let ahead = ago(ahead);
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
    fn what_is_not_taken_is_told_with_when_a_worker_was_there_last() {
        let run = ended(3_600);
        let what = |run, began| not_taken(Duration::from_secs(301), run, began, NOON).what;
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
    fn a_run_that_broke_off_or_was_killed_is_told_with_when_it_began() {
        let run = LastRun::read(br#"{"began":1795521600000}"#).unwrap();
        assert_eq!(broke_off(EndedEarly::OutOfTime, &run), None);
        for (ended, words) in [
            (EndedEarly::Broken, "12:00:00.000Z, broke off"),
            (EndedEarly::Killed, "12:00:00.000Z, ended without a word"),
        ] {
            let found = broke_off(ended, &run).unwrap();
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
