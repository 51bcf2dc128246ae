//! What must hold after a run that met a fault, whatever it was.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;

use serde_json::Value;
use slipstream_core::operator::Operator;
use slipstream_log::Spool;

use crate::place::{Place, WORK};
use crate::scenario::Scenario;
use crate::strace::{Fault, Injection};

/// What is in a spool; nothing else may be left beside it.
const NAMES: [&str; 9] = [
    "collecting",
    "failed",
    "ledger",
    "processing",
    "ready",
    "removing",
    "settings.json",
    "worker.lock",
    "worker.run",
];

/// Fails with the reason when this is not so.
macro_rules! must {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            return Err(format!($($reason)+));
        }
    };
}

/// Holds a spool against the promises after a run that met a fault.
pub(crate) fn hold(
    place: &Place,
    scenario: &Scenario,
    injection: &Injection,
    ran: &Output,
) -> Result<(), String> {
    ended_well(scenario, injection, ran)?;
    let mut acknowledged: BTreeSet<String> =
        if scenario.stores > 0 { lines(&ran.stdout) } else { BTreeSet::new() };
    must!(
        !ran.status.success() || acknowledged.len() == scenario.stores,
        "it succeeded, and printed {} ids",
        acknowledged.len()
    );
    if scenario.mends {
        mended(place, scenario, ran)?;
    }
    let mut stores = scenario.stores;
    let before = Totals::of(place)?;
    if scenario.delivers && ran.status.success() {
        let done = before.delivered == place.known.ids.len();
        must!(done, "it succeeded, and not everything is delivered: {before:?}");
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let perhaps = ["is stored", "was written", "had been stored"];
    let nothing = !unheard(injection) && !perhaps.iter().any(|words| said.contains(words));
    if ran.status.code() == Some(2) && nothing {
        let known = place.known.ids.len();
        must!(before.stored <= known, "it said that nothing was stored: {said}");
    }

    if !place.spool().join("settings.json").exists() {
        // It got no further than to begin making the spool: the next one makes it.
        let stored = place.run(&["store", "--print-id", "-d", "x", &place.receiver.url(200)]);
        must!(stored.status.success(), "the next store: {stored:?}");
        acknowledged.extend(lines(&stored.stdout));
        stores += 1;
    }
    let worked = place.run(&WORK);
    must!(worked.status.code().is_some_and(|code| code < 2), "the next worker: {worked:?}");
    let after = Totals::of(place)?;
    must!(after.waiting == 0 && after.pending == 0, "something still waits: {after:?}");

    let mut got = place.known.got.clone();
    got.extend(place.receiver.take());
    let mut delivered = BTreeMap::new();
    for got in &got {
        if got.status == 200 {
            *delivered.entry(got.id.clone()).or_insert(0) += 1;
        }
    }
    let repeats: usize = delivered.values().map(|times| times - 1).sum();
    must!(repeats <= scenario.in_flight, "{repeats} requests came again: {got:?}");

    let failed = place.ids_in("failed");
    must!(after.failed == failed.len(), "failed: {failed:?}, counted: {after:?}");
    // What was in flight may be answered, and dead-lettered when its log can no longer be read.
    let both = failed.iter().filter(|id| delivered.contains_key(*id)).count();
    must!(both <= scenario.in_flight, "{both} were answered and are failed: {got:?}");
    must!(
        after.delivered + both == delivered.len(),
        "{} were answered well: {after:?}",
        delivered.len()
    );
    if scenario.retries && ran.status.success() {
        let tried = |id: &String| got.iter().any(|got| got.id == *id);
        let left: Vec<_> =
            place.known.given_up.iter().filter(|id| failed.contains(*id) && !tried(id)).collect();
        must!(left.is_empty(), "it succeeded, and these were not tried: {left:?}");
    }
    let kept = |id: &&String| !delivered.contains_key(*id) && !failed.contains(*id);
    let new: Vec<_> = acknowledged.iter().filter(kept).collect();
    must!(new.is_empty(), "acknowledged just now, and lost: {new:?}");
    let missing = place.known.ids.iter().filter(kept).count();
    must!(
        missing == after.overwritten + after.purged + after.set_aside,
        "{missing} are neither delivered nor failed: {after:?}"
    );
    // Nothing was torn here: a fault comes before its call.
    let damaged = usize::from(!place.known.damaged.is_empty());
    must!(missing <= scenario.may_go + damaged, "{missing} are gone: {after:?}");
    must!(after.set_aside == damaged && after.expired == 0, "counted as lost: {after:?}");
    let unknown = delivered.keys().chain(&failed);
    let unknown: BTreeSet<_> = unknown
        .filter(|id| !place.known.ids.contains(*id) && !acknowledged.contains(*id))
        .collect();
    must!(unknown.len() + acknowledged.len() <= stores, "these were never stored: {unknown:?}");
    if injection.fault == Fault::Kill {
        let gave_up = got.iter().filter(|got| got.status != 200).map(|got| &got.id);
        let gave_up: BTreeSet<_> = gave_up.collect();
        must!(
            failed.iter().all(|id| gave_up.contains(id) || place.known.given_up.contains(id)),
            "given up without an attempt: {failed:?}"
        );
    }
    clean(place)
}

fn lines(text: &[u8]) -> BTreeSet<String> {
    String::from_utf8_lossy(text).lines().map(str::to_owned).collect()
}

/// How a command may end: killed from outside, or by itself with a line that says why.
fn ended_well(scenario: &Scenario, injection: &Injection, ran: &Output) -> Result<(), String> {
    let said = String::from_utf8_lossy(&ran.stderr);
    must!(!said.contains("panicked"), "it panicked: {said}");
    let Some(code) = ran.status.code() else {
        must!(injection.fault == Fault::Kill, "a signal ended it: {ran:?}");
        return Ok(());
    };
    must!(code <= 2, "exit code {code}: {said}");
    let lines: Vec<_> = said.lines().collect();
    must!(lines.iter().all(|line| line.starts_with("slipstream: ")), "it said: {said}");
    if code == 0 || unheard(injection) {
        return Ok(());
    }
    if scenario.mends && code == 1 {
        // What it could not mend is among what it found.
        must!(!ran.stdout.is_empty() && said.is_empty(), "exit code 1: {ran:?}");
        return Ok(());
    }
    let lines = lines.iter().filter(|line| !line.starts_with("slipstream: overwrote "));
    // Each file that was left alone has a line; anything else is said in one.
    let of_files = ["slipstream: passed over: ", "slipstream: not removed: "];
    let (files, others): (Vec<&&str>, Vec<&&str>) =
        lines.partition(|line| of_files.iter().any(|words| line.starts_with(words)));
    let is_said = others.len() == 1 || (others.is_empty() && !files.is_empty());
    must!(is_said, "exit code {code}, and it said: {said}");
    Ok(())
}

/// A repair that succeeded has left nothing to do; where one did not, the next one does it all.
fn mended(place: &Place, scenario: &Scenario, ran: &Output) -> Result<(), String> {
    if !ran.status.success() {
        let again = place.command(&scenario.args).output().map_err(|error| error.to_string())?;
        must!(again.status.success(), "the next repair: {again:?}");
    }
    let found = place.run(&["check"]);
    must!(found.status.success(), "a check after the repair: {found:?}");
    let aside = place.names("failed").into_iter().find(|name| name.ends_with(".damaged"));
    let aside = aside.ok_or("nothing was set aside")?;
    let bytes = std::fs::read(place.spool().join("failed").join(aside));
    let bytes = bytes.map_err(|error| error.to_string())?;
    let damaged = &place.known.damaged;
    let whole = bytes.windows(damaged.len()).any(|bytes| bytes == damaged);
    must!(whole, "only a part was set aside: {}", String::from_utf8_lossy(&bytes));
    Ok(())
}

/// Whether the fault also keeps the command from saying anything.
fn unheard(injection: &Injection) -> bool {
    let to_stderr = injection.call.text.starts_with("write(2");
    injection.call.name == "write" && (to_stderr || matches!(injection.fault, Fault::Onwards(_)))
}

/// What ended processes leave is gone, and the spool's own check finds nothing.
fn clean(place: &Place) -> Result<(), String> {
    let left = place.names("removing");
    must!(left.is_empty(), "left in removing/: {left:?}");
    let names = place.names(".");
    let strange: Vec<_> = names.iter().filter(|name| !NAMES.contains(&name.as_str())).collect();
    must!(strange.is_empty(), "left in the spool: {strange:?}");
    let Some(spool) = Spool::find(place.spool()).map_err(|error| error.to_string())? else {
        return Ok(());
    };
    let findings = spool.check(false).map_err(|error| error.to_string())?.problems;
    must!(findings.is_empty(), "the check finds {findings:?}");
    Ok(())
}

/// What `status --json` says.
#[derive(Debug)]
struct Totals {
    stored: usize,
    delivered: usize,
    pending: usize,
    failed: usize,
    set_aside: usize,
    overwritten: usize,
    expired: usize,
    purged: usize,
    /// Logs that are sealed and not in failed/.
    waiting: usize,
}

impl Totals {
    fn of(place: &Place) -> Result<Self, String> {
        let ran = place.run(&["status", "--json"]);
        must!(ran.status.success(), "the status: {ran:?}");
        let status: Value = serde_json::from_slice(&ran.stdout).map_err(|e| e.to_string())?;
        must!(status["balanced"] == true, "the counters do not add up: {status}");
        must!(status["worker"]["running"] == false, "a worker runs: {status}");
        let number = |value: &Value| value.as_u64().unwrap() as usize;
        let total = |name: &str| number(&status["totals"][name]);
        // What is being collected may hold nothing yet.
        let stages = ["ready", "processing"];
        Ok(Self {
            stored: total("stored"),
            delivered: total("delivered"),
            pending: total("pending"),
            failed: total("failed"),
            set_aside: total("set_aside"),
            overwritten: total("overwritten"),
            expired: total("expired"),
            purged: total("purged"),
            waiting: stages.iter().map(|stage| number(&status["states"][stage]["logs"])).sum(),
        })
    }
}
