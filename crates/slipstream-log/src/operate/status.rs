//! What a spool holds and what became of the rest, without a lock that a writer could wait for.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipstream_core::{Clock, Timestamp};

use crate::consume::worker_lock::{Holder, WORKER_LOCK};
use crate::error::SpoolError;
use crate::format::frame::{SettlementField, State};
use crate::format::log_name::{Departure, LogName, Stage, parse_collecting};
use crate::fs::{File, Open};
use crate::lifecycle::ledger::{Counts, LEDGER, Ledger, Outcomes, OverwrittenSum};
use crate::lifecycle::retirement::Step;
use crate::lifecycle::tally::Tally;
use crate::operate::forecast::{self, Forecast, LogStatus, SlotStatus};
use crate::operate::histogram::{Ages, Destinations};
use crate::operate::skipped::Skipped;
use crate::spool::{Shared, Spool, log_path};

/// What a spool holds, by stage, and the sums since it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Each stage, in the order of a log's life.
    pub stages: Vec<(Stage, StageStatus)>,
    /// The sums.
    pub totals: Totals,
    /// Each slot in which something stands.
    pub slots: Vec<SlotStatus>,
    /// What was overwritten, by slot.
    pub overwritten: BTreeMap<u16, OverwrittenSum>,
    /// Entries of the ledger that cannot be read.
    pub spoiled_entries: u64,
    /// Whether a worker runs.
    pub worker_running: bool,
    /// Its process id, if it is known.
    pub worker_pid: Option<u32>,
    /// For how long it has told nothing.
    pub worker_silent: Duration,
    /// Files that could not be read, and are not counted in the rest.
    pub skipped: Vec<Skipped>,
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

impl Status {
    /// What has the worker's lock, if anything.
    pub fn worker(&self) -> Option<Holder> {
        let holder = Holder { pid: self.worker_pid, silent: self.worker_silent };
        self.worker_running.then_some(holder)
    }

    /// What has the worker's lock and hangs, is stopped, or is no worker.
    pub fn hung_worker(&self) -> Option<Holder> {
        self.worker().filter(Holder::hangs)
    }

    /// The slot whose oldest log must give way first if no worker comes; none while that is not
    /// near.
    pub fn forecast(&self) -> Option<Forecast> {
        let near = self.slots.iter().filter_map(|slot| {
            let requests = slot.ready.first().map_or(0, |oldest| oldest.requests);
            slot.full_in.map(|wait| Forecast { slot: slot.slot, wait, requests })
        });
        near.min_by_key(|forecast| forecast.wait)
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
        Ok(self.shared().look(None)?.0)
    }

    /// The same, and for how long requests have waited, by whom they go to. Envelopes are read for
    /// no longer than `most`; what is left then is only counted.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn status_by_destination(
        &self,
        most: Duration,
    ) -> Result<(Status, Destinations), SpoolError> {
        self.shared().look(Some(most))
    }
}

/// Reads the envelopes of what is counted, while there is time.
struct Reader<'a> {
    clock: &'a dyn Clock,
    until: Duration,
    seen: u64,
    in_time: bool,
    ages: Ages,
}

impl Reader<'_> {
    fn read(&mut self, stage: Stage, settlement: SettlementField, payload: &[u8]) {
        let SettlementField { state, due, .. } = settlement;
        if !matches!(state, State::Pending | State::Failed) {
            return;
        }
        // Asking for the time costs as much as reading an envelope.
        if self.seen.is_multiple_of(1_024) {
            self.in_time = self.clock.elapsed() < self.until;
        }
        self.seen += 1;
        match self.in_time {
            true if state == State::Failed || stage == Stage::Failed => {
                self.ages.add_failed(payload);
            }
            true => self.ages.add_pending(due, payload),
            false => self.ages.skip(),
        }
    }
}

impl Shared {
    fn look(&self, read_for: Option<Duration>) -> Result<(Status, Destinations), SpoolError> {
        let mut tries = 0..5;
        loop {
            let until = self.clock.elapsed().saturating_add(read_for.unwrap_or_default());
            let ages = Ages::new(self.clock.now());
            let mut reader = Reader { clock: &*self.clock, until, seen: 0, in_time: true, ages };
            let wanted = read_for.is_some();
            let status = self.look_at_all(&mut |stage, settlement, payload| {
                if wanted {
                    reader.read(stage, settlement, payload);
                }
            })?;
            tries.next();
            let settled = status.totals.balanced() || !status.skipped.is_empty();
            if settled || tries.is_empty() {
                return Ok((status, reader.ages.sorted()));
            }
        }
    }

    /// Looks once, and shows each record that is in a log at a stage.
    fn look_at_all(
        &self,
        show: &mut dyn FnMut(Stage, SettlementField, &[u8]),
    ) -> Result<Status, SpoolError> {
        let mut skipped = Vec::new();
        let ledger = or_skip(LEDGER, self.read_ledger(), &mut skipped);
        let seen = self.see_logs(show, &mut skipped)?;
        let collecting = self.see_collecting(show, &mut skipped)?;
        let worker = or_skip(WORKER_LOCK, self.worker(), &mut skipped);
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
            slots: self.slots(&collecting, &seen),
            overwritten: folded.slots,
            spoiled_entries: ledger.spoiled,
            worker_running: worker.is_some(),
            worker_pid: worker.and_then(|worker| worker.pid),
            worker_silent: worker.map_or(Duration::ZERO, |worker| worker.silent),
            skipped,
        })
    }

    /// The logs that are being collected: when they were opened, and what they hold.
    fn see_collecting(
        &self,
        show: &mut dyn FnMut(Stage, SettlementField, &[u8]),
        skipped: &mut Vec<Skipped>,
    ) -> Result<Vec<(LogName, Tally)>, SpoolError> {
        let mut seen = Vec::new();
        for name in self.list(Stage::Collecting.dir())? {
            let Some(slot) = parse_collecting(&name) else {
                continue;
            };
            let path = format!("{}/{name}", Stage::Collecting.dir());
            let show = |settlement, payload: &_| show(Stage::Collecting, settlement, payload);
            let found = self.see_in_slot(slot, &path, show);
            seen.extend(or_skip(&path, found, skipped));
        }
        Ok(seen)
    }

    fn see_in_slot(
        &self,
        slot: u16,
        path: &str,
        show: impl FnMut(SettlementField, &[u8]),
    ) -> Result<Option<(LogName, Tally)>, SpoolError> {
        let Some(file) = self.open_to_read(path)? else {
            return Ok(None);
        };
        let header = self.read_header(&*file, path)?;
        let tally = self.tally_with(&*file, path, None, show)?;
        Ok(Some((self.sealed_name(slot, header), tally)))
    }

    fn see_logs(
        &self,
        show: &mut dyn FnMut(Stage, SettlementField, &[u8]),
        skipped: &mut Vec<Skipped>,
    ) -> Result<HashMap<LogName, Seen>, SpoolError> {
        let mut logs = HashMap::new();
        for stage in [Stage::Ready, Stage::Processing, Stage::Failed] {
            for log in self.logs_in(stage)? {
                let show = |settlement, payload: &_| show(stage, settlement, payload);
                let path = log_path(stage, log);
                let tally = or_skip(&path, self.tally_if_there(&path, log, show), skipped);
                logs.extend(tally.map(|tally| (log, Seen::At(stage, tally))));
            }
        }
        for leaving in self.logs_leaving()? {
            let seen = match &leaving.step {
                Step::Counted(counts) => Some(Seen::Counted(*counts)),
                Step::For(why) => {
                    let path = leaving.path();
                    let tally = self.tally_if_there(&path, leaving.log, |_, _| ());
                    or_skip(&path, tally, skipped).map(|tally| Seen::Leaving(*why, tally))
                }
            };
            logs.extend(seen.map(|seen| (leaving.log, seen)));
        }
        Ok(logs)
    }

    fn tally_if_there(
        &self,
        path: &str,
        log: LogName,
        show: impl FnMut(SettlementField, &[u8]),
    ) -> Result<Option<Tally>, SpoolError> {
        let file = self.open_to_read(path)?;
        file.map(|file| self.tally_with(&*file, path, Some(log), show)).transpose()
    }

    pub(crate) fn open_to_read(&self, path: &str) -> Result<Option<Box<dyn File>>, SpoolError> {
        match self.fs.open(path, Open::Read) {
            Ok(file) => Ok(Some(file)),
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
        for (stage, log, tally) in at_stages(collecting, seen) {
            stages[stage as usize].1.add(stage, log, tally, now);
        }
        stages
    }

    fn slots(
        &self,
        collecting: &[(LogName, Tally)],
        seen: &HashMap<LogName, Seen>,
    ) -> Vec<SlotStatus> {
        let now = self.clock.now();
        let mut slots = BTreeMap::<u16, SlotStatus>::new();
        for (stage, log, tally) in at_stages(collecting, seen) {
            let slot = slots.entry(log.slot).or_default();
            slot.slot = log.slot;
            let (begun, requests, bytes) = (log.stamp, tally.pending + tally.failed, tally.bytes);
            let status = LogStatus { begun, requests, bytes };
            match stage {
                Stage::Collecting => slot.collecting = Some(status),
                Stage::Ready => slot.ready.push(status),
                Stage::Processing => {
                    slot.processing.add(stage, log, tally, now);
                    slot.failed.requests += tally.failed;
                }
                Stage::Failed => slot.failed.add(stage, log, tally, now),
            }
        }
        let mut slots: Vec<_> = slots.into_values().collect();
        for slot in &mut slots {
            slot.ready.sort_unstable_by_key(|log| log.begun);
            slot.full_in = forecast::full_in(&self.settings, slot, now);
        }
        slots
    }
}

/// What a file holds; nothing, and a word about it, if it cannot be read.
fn or_skip<T: Default>(path: &str, seen: Result<T, SpoolError>, skipped: &mut Vec<Skipped>) -> T {
    seen.unwrap_or_else(|error| {
        skipped.push(Skipped::new(path, &error));
        T::default()
    })
}

/// The logs that stand at a stage.
fn at_stages<'a>(
    collecting: &'a [(LogName, Tally)],
    seen: &'a HashMap<LogName, Seen>,
) -> impl Iterator<Item = (Stage, &'a LogName, &'a Tally)> {
    let sealed = seen.iter().filter_map(|(log, seen)| match seen {
        Seen::At(stage, tally) => Some((*stage, log, tally)),
        Seen::Leaving(..) | Seen::Counted(_) => None,
    });
    collecting.iter().map(|(log, tally)| (Stage::Collecting, log, tally)).chain(sealed)
}

impl StageStatus {
    fn add(&mut self, stage: Stage, log: &LogName, tally: &Tally, now: Timestamp) {
        self.logs += 1;
        self.requests += tally.pending;
        if stage == Stage::Failed {
            self.requests += tally.failed;
        }
        self.bytes += tally.bytes;
        let age = now.since(log.stamp);
        self.oldest_age = Some(self.oldest_age.map_or(age, |oldest| oldest.max(age)));
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
