//! The status for programs.
//!
//! The JSON's fields are a promise: fields may join, none changes. docs/status.schema.json says
//! what each is.

use serde::Serialize;
use slipstream_core::{LastRun, Timestamp};
use slipstream_http::masked_url;
use slipstream_log::health::{Blocked, Snapshot};
use slipstream_log::{
    AGES, AgeHistogram, LogStatus, OnFull, OverwrittenSum, SlotStatus, Stage, StageStatus,
};

use super::hints::{Hint, hints};
use crate::term::totals::{Totals, failed_in_processing};
use crate::term::units::rfc3339;

#[derive(Default, Serialize)]
pub(super) struct Report {
    states: States,
    totals: Totals,
    balanced: bool,
    worker: Worker,
    /// Those of the failed requests whose logs are in processing/, since others in them wait.
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
    /// For how long it has told nothing.
    silent_seconds: Option<u64>,
}

/// Those of the spool's settings that the rest is to be read by.
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

/// Those that have no line of their own, together.
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

    pub(super) fn of(seen: &Snapshot, top: usize) -> Self {
        let status = &seen.status;
        let mut states = States::default();
        for (stage, seen) in &status.stages {
            let state = match stage {
                Stage::Collecting => &mut states.collecting,
                Stage::Ready => &mut states.ready,
                Stage::Processing => &mut states.processing,
                Stage::Failed => &mut states.failed,
            };
            *state = State::of(seen);
        }
        // The row says what the sum says, wherever the requests are.
        let failed_in_processing = failed_in_processing(status);
        states.failed.requests += failed_in_processing;
        let settings = &seen.settings;
        let (first, rest, _) = seen.destinations.first(top);
        let destination = |it: &slipstream_log::Waiting| Destination {
            destination: masked_url(&it.destination),
            pending: it.pending,
            failed: it.failed,
        };
        let overwritten = status.overwritten.iter().map(|(slot, gone)| {
            let OverwrittenSum { logs, requests, bytes } = *gone;
            Overwritten { slot: *slot, logs, requests, bytes }
        });
        Self {
            states,
            totals: Totals::of(&status.totals),
            balanced: status.totals.balanced(),
            worker: Worker {
                running: status.worker_running,
                pid: status.worker_pid,
                silent_seconds: status.worker().map(|worker| worker.silent.as_secs()),
            },
            failed_in_processing,
            at: Some(rfc3339(seen.at)),
            settings: Some(Settings {
                slots: settings.slots,
                logs: settings.logs,
                rotate_ms: settings.rotate_ms,
                on_full: settings.on_full,
            }),
            slots: status.slots.iter().map(|slot| Slot::of(slot, seen.at)).collect(),
            forecast: status.forecast().map(|near| Forecast {
                slot: near.slot,
                seconds: near.wait.as_secs(),
                requests: near.requests,
            }),
            overwritten_by_slot: overwritten.collect(),
            age_columns_seconds: columns(),
            destinations: first.iter().map(destination).collect(),
            other_destinations: Others { pending: rest.pending, failed: rest.failed },
            unread_requests: seen.destinations.skipped,
            unreadable_requests: seen.destinations.unreadable,
            last_run: seen.last_run.clone(),
            waiting_for: seen.blocked().into_iter().map(WaitingFor::of).collect(),
            hints: hints(seen),
        }
    }
}

fn columns() -> Vec<u64> {
    AGES.iter().map(|age| age.as_secs()).collect()
}

impl State {
    fn of(seen: &StageStatus) -> Self {
        Self {
            logs: seen.logs,
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
