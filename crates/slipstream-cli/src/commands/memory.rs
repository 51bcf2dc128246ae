//! An engine of records in memory, for tests: what commands show and change has neither logs nor slots.
//!
//! # Invariants
//! It has two stages, ready and failed, and one part of the same name for each.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::time::Duration;

use slipstream_core::operator::{
    Act, AgeHistograms, Checked, Letter, Operator, OperatorError, Overdue, Purged, Selection,
    Skipped, Stage, StageStatus, Standing, Status, Totals,
};
use slipstream_core::{DeliveryOptions, Destination, LastRun, Record, RecordId, Timestamp};

/// Noon of some day, when it is.
pub(crate) const NOON: Timestamp = Timestamp::from_millis(1_795_521_600_000);

#[derive(Default)]
pub(crate) struct Memory(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    requests: Vec<Request>,
    /// What is gone, and how many were stored.
    totals: Totals,
}

struct Request {
    failed: bool,
    attempts: u32,
    payload: Vec<u8>,
    /// As a worker noted it.
    note: String,
}

impl Request {
    fn stage(&self) -> Stage {
        if self.failed { Stage::Failed } else { Stage::Ready }
    }
}

impl Memory {
    /// Takes in a request of this number that was attempted so often, a minute ago.
    pub(crate) fn with(self, number: u8, to: &str, failed: bool, attempts: u32) -> Self {
        let stored = Timestamp::from_millis(NOON.as_millis() - 60_000);
        let id = RecordId::new(stored, [number; 10]);
        let (kind, destination) = ("beep".to_owned(), Destination::new(to));
        let options = DeliveryOptions::default();
        let payload = Record { id, kind, destination, options, body: vec![number] }.encode();
        let note = format!(
            r#"{{"id":"{id}","at":7,"attempt":{attempts},"reason":"status 503","status":503}}"#
        );
        let mut kept = self.0.into_inner().unwrap();
        kept.requests.push(Request { failed, attempts, payload, note });
        kept.totals.stored += 1;
        Self(Mutex::new(kept))
    }

    /// Shows each letter, and does what is asked for to the dead letters that are taken.
    fn walk(
        &self,
        act: Option<Act>,
        choose: &mut dyn FnMut(&Letter<'_>) -> ControlFlow<(), bool>,
    ) -> Selection {
        let mut kept = self.0.lock().unwrap();
        let mut selection = Selection::default();
        let mut dropped = Vec::new();
        for (at, request) in kept.requests.iter_mut().enumerate() {
            let standing = if request.failed { Standing::Failed } else { Standing::Waiting };
            let (stage, note) = (request.stage(), &request.note);
            let notes = |look: &mut dyn FnMut(&str)| {
                look(note);
                Ok(())
            };
            let mut letter = Letter::new(standing, stage, stage.name(), &request.payload);
            letter.attempts = request.attempts;
            let ControlFlow::Continue(taken) = choose(&letter.with_notes(&notes)) else { break };
            if !taken || !request.failed {
                continue;
            }
            (selection.requests, selection.parts) = (selection.requests + 1, 1);
            selection.to.add(&request.payload);
            match act {
                Some(Act::Retry) => (request.failed, request.attempts) = (false, 0),
                Some(Act::Drop) => dropped.push(at),
                None => {}
            }
        }
        kept.totals.outcomes.purged += dropped.len() as u64;
        dropped.iter().rev().for_each(|at| drop(kept.requests.remove(*at)));
        selection
    }
}

impl Operator for Memory {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn status(&self, _most: Duration) -> Result<Status, OperatorError> {
        let kept = self.0.lock().unwrap();
        let mut status = Status::new(self.place(), NOON, kept.totals);
        let mut ages = AgeHistograms::new(NOON);
        let mut stages = [Stage::Ready, Stage::Failed].map(|it| (it, StageStatus::default()));
        for Request { failed, payload, .. } in &kept.requests {
            match failed {
                true => ages.add_failed(payload),
                false => ages.add_pending(Timestamp::default(), payload),
            }
            let bytes = payload.len() as u64;
            stages[usize::from(*failed)].1.add(1, bytes, Duration::from_secs(60));
        }
        let [(_, ready), (_, failed)] = &stages;
        (status.totals.pending, status.totals.failed) = (ready.requests, failed.requests);
        (status.stages, status.destinations) = (stages.to_vec(), ages.sorted());
        Ok(status)
    }

    fn pending_within(&self, most: Duration) -> Result<Option<u64>, OperatorError> {
        Ok(Some(self.status(most)?.totals.pending))
    }

    fn last_run(&self) -> Option<LastRun> {
        None
    }

    fn overdue(&self, _after: Duration) -> Option<Overdue> {
        None
    }

    fn try_now(&self, _destinations: &[Destination]) -> Result<(), OperatorError> {
        Ok(())
    }

    fn each_letter(
        &self,
        look: &mut dyn FnMut(&Letter<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Skipped>, OperatorError> {
        Ok(self.walk(None, &mut |letter| look(letter).map_continue(|()| false)).skipped)
    }

    fn plan(
        &self,
        choose: &mut dyn FnMut(&Letter<'_>) -> bool,
    ) -> Result<Selection, OperatorError> {
        Ok(self.walk(None, &mut |letter| ControlFlow::Continue(choose(letter))))
    }

    fn apply(
        &self,
        act: Act,
        choose: &mut dyn FnMut(&Letter<'_>) -> bool,
    ) -> Result<Selection, OperatorError> {
        Ok(self.walk(Some(act), &mut |letter| ControlFlow::Continue(choose(letter))))
    }

    fn purge(&self, stage: Stage) -> Result<Purged, OperatorError> {
        if !matches!(stage, Stage::Ready | Stage::Failed) {
            let why = format!("memory has no stage {stage}; name ready or failed");
            return Err(OperatorError::Unsupported(why));
        }
        let mut kept = self.0.lock().unwrap();
        let mut purged = Purged::default();
        kept.requests.retain(|request| {
            let goes = request.stage() == stage;
            purged.requests += u64::from(goes);
            !goes
        });
        kept.totals.outcomes.purged += purged.requests;
        purged.parts = 1;
        Ok(purged)
    }

    fn check(&self, _repair: bool) -> Result<Checked, OperatorError> {
        let mut checked = Checked::default();
        checked.totals = self.status(Duration::MAX)?.totals;
        (checked.parts, checked.records) = (2, checked.totals.pending + checked.totals.failed);
        Ok(checked)
    }
}
