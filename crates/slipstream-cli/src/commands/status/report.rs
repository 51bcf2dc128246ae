//! The status for programs.
//!
//! The JSON's fields are a promise: fields may join, none changes. docs/status.schema.json says
//! what each is.

use serde::Serialize;
use slipstream_core::operator::{AGES, AgeHistogram, Blocked, Stage, StageStatus, Status, Waiting};
use slipstream_core::{LastRun, Timestamp};
use slipstream_http::masked_url;
use slipstream_log::{LogStatus, OnFull, OverwrittenSum, SlotStatus, SpoolStatus};

use super::hints::{Hint, hints};
use crate::term::totals::Totals;
use crate::term::units::rfc3339;

#[derive(Default, Serialize)]
pub(super) struct Report {
    states: States,
    totals: Totals,
    balanced: bool,
    worker: Worker,
    /// Failed requests whose logs are in processing/, since others in them wait.
    failed_in_processing: u64,
    at: Option<String>,
    settings: Option<Settings>,
    slots: Vec<Slot>,
    forecast: Option<Forecast>,
    overwritten_by_slot: Vec<Overwritten>,
    age_columns_seconds: Vec<u64>,
    destinations: Vec<Destination>,
    other_destinations: Others,
    unread_requests: u64,
    unreadable_requests: u64,
    last_run: Option<LastRun>,
    /// Destinations that requests wait for.
    waiting_for: Vec<WaitingFor>,
    hints: Vec<Hint>,
}

#[derive(Default, Serialize)]
struct States {
    collecting: State,
    ready: State,
    processing: State,
    failed: State,
}

#[derive(Default, Serialize)]
struct State {
    logs: u64,
    requests: u64,
    bytes: u64,
    oldest_age_seconds: Option<u64>,
}

#[derive(Default, Serialize)]
struct Worker {
    running: bool,
    pid: Option<u32>,
    /// For how long it has reported nothing.
    silent_seconds: Option<u64>,
}

/// The settings of the spool that the rest is to be read by.
#[derive(Serialize)]
struct Settings {
    slots: u16,
    logs: u32,
    rotate_ms: u64,
    on_full: OnFull,
}

#[derive(Serialize)]
struct Log {
    requests: u64,
    bytes: u64,
    age_seconds: u64,
}

#[derive(Serialize)]
struct Slot {
    slot: u16,
    collecting: Option<Log>,
    ready: Vec<Log>,
    processing: State,
    failed: State,
    full_in_seconds: Option<u64>,
}

#[derive(Serialize)]
struct Forecast {
    slot: u16,
    seconds: u64,
    requests: u64,
}

#[derive(Serialize)]
struct Overwritten {
    slot: u16,
    logs: u64,
    requests: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Destination {
    destination: String,
    pending: AgeHistogram,
    failed: AgeHistogram,
}

/// Destinations without a line of their own, together.
#[derive(Default, Serialize)]
struct Others {
    pending: AgeHistogram,
    failed: AgeHistogram,
}

/// A destination that requests wait for.
#[derive(Serialize)]
struct WaitingFor {
    destination: String,
    state: String,
    since: String,
    why: String,
    pending: Option<u64>,
    next_attempt: String,
}

impl WaitingFor {
    fn of(blocked: Blocked) -> Self {
        Self {
            destination: masked_url(&blocked.destination),
            state: blocked.state,
            since: rfc3339(blocked.since),
            why: blocked.why,
            pending: blocked.pending,
            next_attempt: rfc3339(blocked.next),
        }
    }
}

impl Report {
    /// Of a spool that is not there.
    pub(super) fn of_nothing() -> Self {
        Self { balanced: true, age_columns_seconds: columns(), ..Self::default() }
    }

    /// What any engine reports; and what only a spool can, if it is one.
    pub(super) fn of(seen: &Status, spool: Option<&SpoolStatus>, top: usize) -> Self {
        let mut states = States::default();
        for (stage, seen) in &seen.stages {
            let state = match stage {
                Stage::Collecting => &mut states.collecting,
                Stage::Ready => &mut states.ready,
                Stage::Processing => &mut states.processing,
                Stage::Failed => &mut states.failed,
            };
            *state = State::of(seen);
        }
        // The row says what the sum says, wherever the requests are.
        let failed_in_processing = seen.failed_in_processing();
        states.failed.requests += failed_in_processing;
        let (first, rest, _) = seen.destinations.first(top);
        let destination = |it: &Waiting| Destination {
            destination: masked_url(&it.destination),
            pending: it.pending,
            failed: it.failed,
        };
        let report = Self {
            states,
            totals: Totals::of(&seen.totals),
            balanced: seen.totals.balanced(),
            worker: Worker {
                running: seen.worker.is_some(),
                pid: seen.worker.and_then(|worker| worker.pid),
                silent_seconds: seen.worker.map(|worker| worker.silent.as_secs()),
            },
            failed_in_processing,
            at: Some(rfc3339(seen.at)),
            age_columns_seconds: columns(),
            destinations: first.iter().map(destination).collect(),
            other_destinations: Others { pending: rest.pending, failed: rest.failed },
            unread_requests: seen.destinations.skipped,
            unreadable_requests: seen.destinations.unreadable,
            last_run: seen.last_run.clone(),
            waiting_for: seen.blocked().into_iter().map(WaitingFor::of).collect(),
            hints: hints(seen),
            ..Self::default()
        };
        match spool {
            Some(spool) => report.with_spool(spool),
            None => report,
        }
    }

    /// The same, and what only a spool can report.
    fn with_spool(self, spool: &SpoolStatus) -> Self {
        let settings = &spool.settings;
        let overwritten = spool.overwritten.iter().map(|(slot, gone)| {
            let OverwrittenSum { logs, requests, bytes, .. } = *gone;
            Overwritten { slot: *slot, logs, requests, bytes }
        });
        Self {
            settings: Some(Settings {
                slots: settings.slots,
                logs: settings.logs,
                rotate_ms: settings.rotate_ms,
                on_full: settings.on_full,
            }),
            slots: spool.slots.iter().map(|slot| Slot::of(slot, spool.status.at)).collect(),
            forecast: spool.forecast().map(|near| Forecast {
                slot: near.slot,
                seconds: near.wait.as_secs(),
                requests: near.requests,
            }),
            overwritten_by_slot: overwritten.collect(),
            ..self
        }
    }
}

fn columns() -> Vec<u64> {
    AGES.iter().map(|age| age.as_secs()).collect()
}

impl State {
    fn of(seen: &StageStatus) -> Self {
        Self {
            logs: seen.parts,
            requests: seen.requests,
            bytes: seen.bytes,
            oldest_age_seconds: seen.oldest_age.map(|age| age.as_secs()),
        }
    }
}

impl Slot {
    fn of(slot: &SlotStatus, now: Timestamp) -> Self {
        let log = |log: &LogStatus| Log {
            requests: log.requests,
            bytes: log.bytes,
            age_seconds: now.since(log.begun).as_secs(),
        };
        Self {
            slot: slot.slot,
            collecting: slot.collecting.as_ref().map(log),
            ready: slot.ready.iter().map(log).collect(),
            processing: State::of(&slot.processing),
            failed: State::of(&slot.failed),
            full_in_seconds: slot.full_in.map(|wait| wait.as_secs()),
        }
    }
}
