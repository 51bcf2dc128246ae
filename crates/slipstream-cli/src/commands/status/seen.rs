//! A spool as it was seen at one moment.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use slipstream_core::{Clock, SystemClock, Timestamp};
use slipstream_log::{Destinations, Settings, Spool, Stage, Status};
use slipstream_worker::LastRun;

/// How long envelopes are read for.
pub(crate) const READ_FOR: Duration = Duration::from_secs(1);

/// A spool as it was seen.
pub(super) struct Seen {
    pub(super) path: PathBuf,
    pub(super) settings: Settings,
    pub(super) status: Status,
    pub(super) destinations: Destinations,
    pub(super) last_run: Option<LastRun>,
    pub(super) at: Timestamp,
}

impl Seen {
    pub(super) fn of(spool: &Spool, read_for: Duration) -> Result<Self> {
        let (status, destinations) = spool.status_by_destination(read_for)?;
        Ok(Self {
            path: spool.path().to_owned(),
            settings: spool.settings().clone(),
            status,
            destinations,
            last_run: last_run(spool),
            at: SystemClock::new().now(),
        })
    }
}

/// What the last run left.
pub(crate) fn last_run(spool: &Spool) -> Option<LastRun> {
    LastRun::read(&spool.last_run()?)
}

/// Requests that failed while others in their log wait: not in failed/ yet.
pub(crate) fn failed_in_processing(status: &Status) -> u64 {
    let kept = status.stages.iter().filter(|(stage, _)| *stage == Stage::Failed);
    let kept: u64 = kept.map(|(_, seen)| seen.requests).sum();
    status.totals.failed.saturating_sub(kept)
}
