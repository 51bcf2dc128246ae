//! What a spool holds and what became of the rest, without a lock that a writer could wait for.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::depart::Step;
use crate::error::SpoolError;
use crate::fs::Open;
use crate::ledger::{Counts, Ledger, Outcomes, OverwrittenSum};
use crate::name::{Departure, LogName, Stage, parse_collecting};
use crate::spool::{Shared, Spool, log_path};
use crate::tally::Tally;

/// What a spool holds, by stage, and the sums since it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Each stage, in the order of a log's life.
    pub stages: Vec<(Stage, StageStatus)>,
    /// The sums.
    pub totals: Totals,
    /// What was overwritten, by slot.
    pub overwritten: BTreeMap<u16, OverwrittenSum>,
    /// Entries of the ledger that cannot be read.
    pub spoiled_entries: u64,
    /// Whether a worker runs.
    pub worker_running: bool,
    /// Its process id, if it is known.
    pub worker_pid: Option<u32>,
}

/// What stands at one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StageStatus {
    /// Logs.
    pub logs: u64,
    /// Requests in them that are not settled (in failed/: that were given up).
    pub requests: u64,
    /// Bytes of the logs.
    pub bytes: u64,
    /// How long ago the oldest log was begun. None without logs.
    pub oldest_age: Option<Duration>,
}

/// Sums over a spool's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Stored, counted when logs are sealed.
    pub stored: u64,
    /// Waiting to be delivered.
    pub pending: u64,
    /// Given up, and still there.
    pub failed: u64,
    /// What became of the others.
    pub outcomes: Outcomes,
}

impl Status {
    /// How long ago the oldest log was begun that holds requests and that no worker has taken yet.
    /// None if all were taken: what waits for a retry, or for a time of its own, does not count.
    pub fn oldest_unclaimed(&self) -> Option<Duration> {
        let unclaimed = self.stages.iter().filter(|(stage, seen)| {
            matches!(stage, Stage::Collecting | Stage::Ready) && seen.requests > 0
        });
        unclaimed.filter_map(|(_, seen)| seen.oldest_age).max()
    }
}

impl Totals {
    /// Whether everything that was stored is accounted for.
    pub fn balanced(&self) -> bool {
        let there = self.pending.saturating_add(self.failed);
        self.stored == there.saturating_add(self.outcomes.sum())
    }
}

/// A sealed log that is there, and what it holds.
enum Seen {
    At(Stage, Tally),
    Leaving(Departure, Tally),
    Counted(Counts),
}

impl Spool {
    /// Looks at everything in the spool.
    ///
    /// While others work, the parts are not of one moment; so it looks again, a few times, if
    /// the sums do not agree. At a quiet moment they must.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn status(&self) -> Result<Status, SpoolError> {
        let mut status = self.shared().look_at_all()?;
        for _ in 0..4 {
            if status.totals.balanced() {
                break;
            }
            status = self.shared().look_at_all()?;
        }
        Ok(status)
    }
}

impl Shared {
    fn look_at_all(&self) -> Result<Status, SpoolError> {
        let ledger = self.read_ledger()?;
        let seen = self.see_logs()?;
        let collecting = self.see_collecting()?;
        let (worker_running, worker_pid) = self.worker()?;
        let there = seen.keys().copied().collect();
        let folded = ledger.folded_without(&there);
        let mut totals =
            Totals { stored: folded.stored, outcomes: folded.outcomes, ..Totals::default() };
        // What is being collected counts as it stands; an end that is being written does not.
        for (_, tally) in &collecting {
            totals.stored += tally.readable();
            totals.pending += tally.readable();
        }
        for (name, seen) in &seen {
            count(&mut totals, &ledger, *name, seen);
        }
        // Logs that are neither there nor accounted for were taken away by hand.
        // (One that a power loss put back into collecting/ is there.)
        let collected = |name| collecting.iter().any(|(log, _)| log == name);
        for (name, account) in &ledger.logs {
            if account.gone.is_none() && !seen.contains_key(name) && !collected(name) {
                let stored = account.stored.map_or(0, |sealed| sealed.requests);
                totals.stored = totals.stored.saturating_add(stored);
            }
        }
        Ok(Status {
            stages: self.stages(&collecting, &seen),
            totals,
            overwritten: folded.slots,
            spoiled_entries: ledger.spoiled,
            worker_running,
            worker_pid,
        })
    }

    /// The logs that are being collected: when they were opened, and what they hold.
    fn see_collecting(&self) -> Result<Vec<(LogName, Tally)>, SpoolError> {
        let mut seen = Vec::new();
        for name in self.list(Stage::Collecting.dir())? {
            let Some(slot) = parse_collecting(&name) else {
                continue;
            };
            let path = format!("{}/{name}", Stage::Collecting.dir());
            let Ok(file) = self.fs.open(&path, Open::Read) else {
                continue;
            };
            let header = self.read_header(&*file, &path)?;
            let tally = self.tally(&*file, &path, None)?;
            seen.push((self.sealed_name(slot, header), tally));
        }
        Ok(seen)
    }

    fn see_logs(&self) -> Result<HashMap<LogName, Seen>, SpoolError> {
        let mut logs = HashMap::new();
        for stage in [Stage::Ready, Stage::Processing, Stage::Failed] {
            for log in self.logs_in(stage)? {
                let tally = self.tally_if_there(&log_path(stage, log), log)?;
                logs.extend(tally.map(|tally| (log, Seen::At(stage, tally))));
            }
        }
        for leaving in self.logs_leaving()? {
            let seen = match &leaving.step {
                Step::Counted(counts) => Some(Seen::Counted(*counts)),
                Step::For(why) => {
                    let tally = self.tally_if_there(&leaving.path(), leaving.log)?;
                    tally.map(|tally| Seen::Leaving(*why, tally))
                }
            };
            logs.extend(seen.map(|seen| (leaving.log, seen)));
        }
        Ok(logs)
    }

    fn tally_if_there(&self, path: &str, log: LogName) -> Result<Option<Tally>, SpoolError> {
        match self.fs.open(path, Open::Read) {
            Ok(file) => Ok(Some(self.tally(&*file, path, Some(log))?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io("open", path, error)),
        }
    }

    fn stages(
        &self,
        collecting: &[(LogName, Tally)],
        seen: &HashMap<LogName, Seen>,
    ) -> Vec<(Stage, StageStatus)> {
        let now = self.clock.now();
        let mut stages: Vec<_> =
            Stage::ALL.iter().map(|stage| (*stage, StageStatus::default())).collect();
        let sealed = seen.iter().filter_map(|(log, seen)| match seen {
            Seen::At(stage, tally) => Some((*stage, log, tally)),
            Seen::Leaving(..) | Seen::Counted(_) => None,
        });
        let collecting = collecting.iter().map(|(log, tally)| (Stage::Collecting, log, tally));
        for (stage, log, tally) in collecting.chain(sealed) {
            let status = &mut stages[stage as usize].1;
            status.logs += 1;
            status.requests += tally.pending;
            if stage == Stage::Failed {
                status.requests += tally.failed;
            }
            status.bytes += tally.bytes;
            let age = now.since(log.stamp);
            status.oldest_age = Some(status.oldest_age.map_or(age, |oldest| oldest.max(age)));
        }
        stages
    }
}

/// Adds one log that is there to the sums.
fn count(totals: &mut Totals, ledger: &Ledger, name: LogName, seen: &Seen) {
    let (Seen::At(_, tally) | Seen::Leaving(_, tally)) = seen else {
        if let Seen::Counted(Counts { sealed, gone }) = seen {
            totals.stored = totals.stored.saturating_add(sealed.requests);
            totals.outcomes.add(&gone.outcomes);
        }
        return;
    };
    let entered = ledger.logs.get(&name).and_then(|account| account.stored);
    let sealed = entered.unwrap_or_else(|| tally.sealed());
    totals.stored = totals.stored.saturating_add(sealed.requests);
    totals.outcomes.delivered = totals.outcomes.delivered.saturating_add(tally.delivered);
    totals.outcomes.expired = totals.outcomes.expired.saturating_add(tally.expired);
    totals.outcomes.purged = totals.outcomes.purged.saturating_add(tally.dropped);
    totals.outcomes.set_aside += tally.set_aside(sealed);
    let unsettled = tally.pending + tally.failed;
    match seen {
        // In failed/ nothing is pending: whatever is not settled was given up.
        Seen::At(Stage::Failed, _) => totals.failed += unsettled,
        Seen::Leaving(Departure::Overwritten, _) => totals.outcomes.overwritten += unsettled,
        Seen::Leaving(Departure::Purged, _) => totals.outcomes.purged += unsettled,
        _ => {
            totals.pending += tally.pending;
            totals.failed += tally.failed;
        }
    }
}
