//! `slipstream doctor`: looks for what keeps people's requests from going out.
//!
//! Guaranteed: nothing is changed; each finding says what is so, why it matters and what to do.
//!
//! Absent on purpose: what is in the logs; that is `check`. And what only a guess could tell: a
//! finding is something that was seen.

mod places;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use slipstream_core::{Clock, SystemClock, Timestamp};
use slipstream_log::{Spool, Stage};

use crate::units::{rfc3339, spell};
use crate::{Ended, owner, print};

/// The file that a worker locks. It is written when a worker begins and when it ends.
const WORKER_LOCK: &str = "worker.lock";

/// How long what was stored may wait for a worker. Cron runs it every minute.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// How far a time may lie ahead before the clock is to blame.
const AHEAD: Duration = Duration::from_secs(60);

/// Something that keeps requests from going out, or will.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    what: String,
    why: &'static str,
    to_do: String,
}

impl Finding {
    fn new(what: impl Into<String>, why: &'static str, to_do: impl Into<String>) -> Self {
        Self { what: what.into(), why, to_do: to_do.into() }
    }
}

pub(crate) fn run(dir: &Path) -> Result<Ended> {
    // While this is root, if it is: others may not look at other people's processes.
    let mut findings = places::others(dir)?;
    owner::become_owner(dir)?;
    match Spool::find(dir) {
        Ok(Some(spool)) => findings.extend(of_spool(&spool)?),
        Ok(None) => findings.push(Finding::new(
            format!("there is no spool at {}", dir.display()),
            "nobody has stored anything there, or not in the directory that you see",
            "name the directory that programs store in with --dir or SLIPSTREAM_DIR, or make it with `slipstream init`",
        )),
        Err(error) => findings.push(Finding::new(
            error.to_string(),
            "neither store nor work can use the spool",
            "do what it says",
        )),
    }
    let mut text = String::new();
    for Finding { what, why, to_do } in &findings {
        let lines = [("found", &**what), ("why it matters", why), ("what to do", &**to_do)];
        for (name, line) in lines {
            text.push_str(&format!("{name:<14}  {}\n", print::one_line(line)));
        }
        text.push('\n');
    }
    if findings.is_empty() {
        text = format!("nothing found that keeps requests in {} from going out\n", dir.display());
    }
    print::out(&text)?;
    Ok(if findings.is_empty() { Ended::Well } else { Ended::Short })
}

fn of_spool(spool: &Spool) -> Result<Vec<Finding>> {
    let now = SystemClock::new().now();
    let mut findings = places::of(spool)?;
    let lock = spool.path().join(WORKER_LOCK).metadata().ok();
    let worker = lock.map(|it| Timestamp::from_millis(it.mtime().max(0) as u64 * 1_000));
    let status = spool.status()?;
    if !status.worker_running {
        findings.extend(not_taken(status.oldest_unclaimed(), worker, now));
    }
    let mut stamps = Vec::from_iter(worker);
    for stage in [Stage::Ready, Stage::Processing, Stage::Failed] {
        stamps.extend(spool.sealed_logs(stage)?.into_iter().map(|log| log.stamp));
    }
    findings.extend(from_the_future(&stamps, now));
    Ok(findings)
}

/// That no worker takes what was stored.
fn not_taken(
    oldest: Option<Duration>,
    worker: Option<Timestamp>,
    now: Timestamp,
) -> Option<Finding> {
    let oldest = oldest.filter(|age| *age > PATIENCE)?;
    let last = match worker.filter(|last| now.since(*last) > PATIENCE) {
        Some(last) => format!("the last one was seen {}", rfc3339(last)),
        None => "though one was seen lately, or the spool is new".to_owned(),
    };
    let age = spell(Duration::from_secs(oldest.as_secs()));
    Some(Finding::new(
        format!("no worker has taken what was stored {age} ago; {last}"),
        "nothing goes out, and the oldest gives way when a slot is full",
        "run `slipstream work`; if that helps, see why cron or the timer does not: `slipstream setup`, cron's mail, `systemctl list-timers`",
    ))
}

/// That something has a time that is yet to come.
fn from_the_future(stamps: &[Timestamp], now: Timestamp) -> Option<Finding> {
    let newest = stamps.iter().max()?;
    let ahead = newest.since(now);
    (ahead > AHEAD).then(|| {
        let ahead = spell(Duration::from_secs(ahead.as_secs()));
        Finding::new(
            format!("something in the spool was made at {}, {ahead} from now", rfc3339(*newest)),
            "the clock was ahead, or is behind: delays, --ttl and ages are wrong by that much",
            "set the clock and keep it right (`timedatectl`); what is stored is kept, and goes out",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_795_521_600_000);

    fn before(seconds: u64) -> Timestamp {
        Timestamp::from_millis(NOON.as_millis() - seconds * 1_000)
    }

    #[test]
    fn what_was_stored_lately_or_taken_is_no_finding() {
        let age = Duration::from_secs;
        assert_eq!(not_taken(None, Some(before(90_000)), NOON), None);
        assert_eq!(not_taken(Some(age(300)), None, NOON), None);
        let found = not_taken(Some(age(301)), Some(before(3_600)), NOON).unwrap();
        let what = "no worker has taken what was stored 5m 1s ago; the last one was seen 2026-11-24T11:00:00.000Z";
        assert_eq!(found.what, what);
        let found = not_taken(Some(age(301)), Some(before(10)), NOON).unwrap();
        assert!(found.what.ends_with("though one was seen lately, or the spool is new"));
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
