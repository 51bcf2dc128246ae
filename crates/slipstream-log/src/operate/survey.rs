//! Survey of a whole spool, the source of its status.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use slipstream_core::operator::{AgeHistograms, Skipped, Stage, StageStatus, Status, Totals};
use slipstream_core::{Clock, LastRun};

use crate::consume::state_files;
use crate::consume::worker_lock::holder;
use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::frame::{SettlementField, State};
use crate::format::layout::{LAST_RUN, LEDGER, WORKER_LOCK, collecting_path, log_path};
use crate::format::log_name::{LogName, RetireReason};
use crate::fs::Open;
use crate::lifecycle::entries::{Accounts, Counts};
use crate::lifecycle::ledger::Ledger;
use crate::lifecycle::retiring_log::{RetiringLog, Step};
use crate::lifecycle::tally::Tally;
use crate::operate::forecast::full_in;
use crate::operate::slots::{LogStatus, SlotStatus};
use crate::operate::status::SpoolStatus;

/// A sealed log that is there, and what it holds.
enum Seen {
    At(Stage, Tally),
    Retiring(RetireReason, Tally),
    Counted(Counts),
}

/// Reads the envelopes of what is counted, while there is time.
struct Reader<'a> {
    clock: &'a dyn Clock,
    until: Duration,
    seen: u64,
    in_time: bool,
    histograms: AgeHistograms,
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
                self.histograms.add_failed(payload);
            }
            true => self.histograms.add_pending(due, payload),
            false => self.histograms.skip(),
        }
    }
}

/// A look at all that is in a spool. It waits for no lock.
pub(crate) struct Survey<'a> {
    ledger: &'a Ledger,
    files: &'a SpoolFiles,
}

impl<'a> Survey<'a> {
    pub(crate) fn new(ledger: &'a Ledger) -> Self {
        Self { ledger, files: &ledger.files }
    }

    /// Looks at everything. Envelopes are read for no longer than `most`, to count for how long
    /// requests have waited, by destination; what is left then is only counted.
    ///
    /// While others work, the parts are not of one moment; so it looks again, a few times, if the sums do
    /// not agree. At a quiet moment they must.
    pub(crate) fn look(&self, most: Duration) -> Result<SpoolStatus, SpoolError> {
        let clock = &*self.files.clock;
        let mut tries = 0..5;
        loop {
            let until = clock.elapsed().saturating_add(most);
            let histograms = AgeHistograms::new(clock.now());
            let mut reader = Reader { clock, until, seen: 0, in_time: true, histograms };
            let mut seen = self.look_at_all(&mut |stage, settlement, payload| {
                reader.read(stage, settlement, payload);
            })?;
            tries.next();
            let settled = seen.status.totals.balanced() || !seen.status.skipped.is_empty();
            if settled || tries.is_empty() {
                seen.status.destinations = reader.histograms.sorted();
                return Ok(seen);
            }
        }
    }

    /// Looks once, and shows each record that is in a log at a stage.
    fn look_at_all(
        &self,
        show: &mut dyn FnMut(Stage, SettlementField, &[u8]),
    ) -> Result<SpoolStatus, SpoolError> {
        let mut skipped = Vec::new();
        let accounts = or_skip(LEDGER, self.ledger.read(), &mut skipped);
        let seen = self.see_logs(show, &mut skipped)?;
        let collecting = self.see_collecting(show, &mut skipped)?;
        let worker = or_skip(WORKER_LOCK, holder(self.files), &mut skipped);
        let there = seen.keys().copied().collect();
        let folded = accounts.folded_without(&there);
        let mut totals = Totals::default();
        (totals.stored, totals.outcomes) = (folded.stored, folded.outcomes);
        // What is being collected counts as it is; an end that is being written does not.
        for (_, tally) in &collecting {
            totals.stored += tally.readable();
            totals.pending += tally.readable();
        }
        for (name, seen) in &seen {
            count(&mut totals, &accounts, *name, seen);
        }
        // Logs that are neither there nor accounted for were taken away by hand. (A log that a
        // power loss put back into collecting/ is there.)
        let collected = |name| collecting.iter().any(|(log, _)| log == name);
        for (name, account) in &accounts.logs {
            if account.gone.is_none() && !seen.contains_key(name) && !collected(name) {
                let stored = account.stored.map_or(0, |sealed| sealed.requests);
                totals.stored = totals.stored.saturating_add(stored);
            }
        }
        let place = self.files.path.display().to_string();
        let mut status = Status::new(place, self.files.clock.now(), totals);
        status.stages = self.stages(&collecting, &seen);
        (status.worker, status.skipped) = (worker, skipped);
        status.last_run = last_run(self.files);
        let mut all = SpoolStatus::new(status, self.files.settings.clone());
        (all.overwritten, all.spoiled_entries) = (folded.slots, accounts.spoiled);
        Ok(all.with_slots(self.slots(&collecting, &seen)))
    }

    /// The logs that are being collected: when they were opened, and what they hold.
    fn see_collecting(
        &self,
        show: &mut dyn FnMut(Stage, SettlementField, &[u8]),
        skipped: &mut Vec<Skipped>,
    ) -> Result<Vec<(LogName, Tally)>, SpoolError> {
        let mut seen = Vec::new();
        for slot in self.files.collecting_slots()? {
            let path = collecting_path(slot);
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
        let files = self.files;
        let Some(file) = files.open_to_read(path)? else {
            return Ok(None);
        };
        let header = files.read_header(&*file, path)?;
        let tally = Tally::showing(files, &*file, path, None, show)?;
        Ok(Some((files.sealed_name(slot, header), tally)))
    }

    fn see_logs(
        &self,
        show: &mut dyn FnMut(Stage, SettlementField, &[u8]),
        skipped: &mut Vec<Skipped>,
    ) -> Result<HashMap<LogName, Seen>, SpoolError> {
        let mut logs = HashMap::new();
        for stage in [Stage::Ready, Stage::Processing, Stage::Failed] {
            for log in self.files.logs_in(stage)? {
                let show = |settlement, payload: &_| show(stage, settlement, payload);
                let path = log_path(stage, log);
                let tally = or_skip(&path, self.tally_if_there(&path, log, show), skipped);
                logs.extend(tally.map(|tally| (log, Seen::At(stage, tally))));
            }
        }
        for retiring in RetiringLog::list(self.files)? {
            let seen = match &retiring.step {
                Step::Counted(counts) => Some(Seen::Counted(*counts)),
                Step::For(why) => {
                    let path = retiring.path();
                    let tally = self.tally_if_there(&path, retiring.log, |_, _| ());
                    or_skip(&path, tally, skipped).map(|tally| Seen::Retiring(*why, tally))
                }
            };
            logs.extend(seen.map(|seen| (retiring.log, seen)));
        }
        Ok(logs)
    }

    fn tally_if_there(
        &self,
        path: &str,
        log: LogName,
        show: impl FnMut(SettlementField, &[u8]),
    ) -> Result<Option<Tally>, SpoolError> {
        let file = self.files.open_to_read(path)?;
        file.map(|file| Tally::showing(self.files, &*file, path, Some(log), show)).transpose()
    }

    fn stages(
        &self,
        collecting: &[(LogName, Tally)],
        seen: &HashMap<LogName, Seen>,
    ) -> Vec<(Stage, StageStatus)> {
        let now = self.files.clock.now();
        let mut stages: Vec<_> =
            Stage::ALL.iter().map(|stage| (*stage, StageStatus::default())).collect();
        for (stage, log, tally) in at_stages(collecting, seen) {
            stages[stage as usize].1.add(
                unsettled(stage, tally),
                tally.bytes,
                now.since(log.stamp),
            );
        }
        stages
    }

    fn slots(
        &self,
        collecting: &[(LogName, Tally)],
        seen: &HashMap<LogName, Seen>,
    ) -> Vec<SlotStatus> {
        let now = self.files.clock.now();
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
                    slot.processing.add(unsettled(stage, tally), bytes, now.since(begun));
                    slot.failed.requests += tally.failed;
                }
                Stage::Failed => {
                    slot.failed.add(unsettled(stage, tally), bytes, now.since(begun));
                }
            }
        }
        let mut slots: Vec<_> = slots.into_values().collect();
        for slot in &mut slots {
            slot.ready.sort_unstable_by_key(|log| log.begun);
            slot.full_in = full_in(&self.files.settings, slot, now);
        }
        slots
    }
}

/// What the last run, or the current one, reported.
pub(crate) fn last_run(files: &SpoolFiles) -> Option<LastRun> {
    LastRun::read(&state_files::read(files, LAST_RUN, Open::Read)?)
}

/// What a file holds; nothing, and a word about it, if it cannot be read.
fn or_skip<T: Default>(path: &str, seen: Result<T, SpoolError>, skipped: &mut Vec<Skipped>) -> T {
    seen.unwrap_or_else(|error| {
        skipped.push(error.skipped(path));
        T::default()
    })
}

/// The logs that are at a stage.
fn at_stages<'a>(
    collecting: &'a [(LogName, Tally)],
    seen: &'a HashMap<LogName, Seen>,
) -> impl Iterator<Item = (Stage, &'a LogName, &'a Tally)> {
    let sealed = seen.iter().filter_map(|(log, seen)| match seen {
        Seen::At(stage, tally) => Some((*stage, log, tally)),
        Seen::Retiring(..) | Seen::Counted(_) => None,
    });
    collecting.iter().map(|(log, tally)| (Stage::Collecting, log, tally)).chain(sealed)
}

/// Requests of a log that are not settled; in failed/, requests that failed for good, too.
fn unsettled(stage: Stage, tally: &Tally) -> u64 {
    match stage {
        Stage::Failed => tally.pending + tally.failed,
        _ => tally.pending,
    }
}

/// Adds one log that is there to the sums.
fn count(totals: &mut Totals, accounts: &Accounts, name: LogName, seen: &Seen) {
    let (Seen::At(_, tally) | Seen::Retiring(_, tally)) = seen else {
        if let Seen::Counted(Counts { sealed, gone }) = seen {
            totals.stored = totals.stored.saturating_add(sealed.requests);
            totals.outcomes.add(&gone.outcomes);
        }
        return;
    };
    let entered = accounts.logs.get(&name).and_then(|account| account.stored);
    let sealed = entered.unwrap_or_else(|| tally.sealed());
    totals.stored = totals.stored.saturating_add(sealed.requests);
    totals.outcomes.delivered = totals.outcomes.delivered.saturating_add(tally.delivered);
    totals.outcomes.expired = totals.outcomes.expired.saturating_add(tally.expired);
    totals.outcomes.purged = totals.outcomes.purged.saturating_add(tally.dropped);
    totals.outcomes.set_aside += tally.set_aside(sealed);
    let unsettled = tally.pending + tally.failed;
    match seen {
        // In failed/ nothing is pending: whatever is not settled has failed.
        Seen::At(Stage::Failed, _) => totals.failed += unsettled,
        Seen::Retiring(RetireReason::Overwritten, _) => totals.outcomes.overwritten += unsettled,
        Seen::Retiring(RetireReason::Purged, _) => totals.outcomes.purged += unsettled,
        _ => {
            totals.pending += tally.pending;
            totals.failed += tally.failed;
        }
    }
}
