//! Spools as they may be seen.

use std::collections::BTreeMap;
use std::time::Duration;

use slipstream_core::{LastRun, Timestamp};
use slipstream_log::health::Snapshot;
use slipstream_log::{Outcomes, Settings, Stage, StageStatus, Status, Totals as Sums};

/// Noon of some day.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_795_521_600_000);

/// A spool of which nothing is known but its sums.
pub(crate) fn status(stored: u64, pending: u64, failed: u64) -> Status {
    let delivered = stored - pending - failed;
    let outcomes = Outcomes { delivered, ..Outcomes::default() };
    let stages = Stage::ALL.map(|stage| (stage, StageStatus::default())).to_vec();
    Status {
        stages,
        totals: Sums { stored, pending, failed, outcomes },
        slots: Vec::new(),
        overwritten: BTreeMap::new(),
        spoiled_entries: 0,
        worker_running: false,
        worker_pid: None,
        worker_silent: Duration::ZERO,
        skipped: Vec::new(),
    }
}

/// A spool of which this is known.
pub(crate) fn seen_of(status: Status) -> Snapshot {
    Snapshot::new("/s", Settings::default(), status, NOON)
}

pub(crate) fn ended(seconds_ago: u64, ending: &str, more: &str) -> Option<LastRun> {
    let at = NOON.as_millis() - seconds_ago * 1_000;
    let text = format!(r#"{{"began":{at},"at":{at},"ended":{at},"ending":"{ending}"{more}}}"#);
    LastRun::read(text.as_bytes())
}
