//! Attempts and outcomes, written into the logs.
//!
//! # Invariants
//! An attempt that could not be written is not made. An attempt that was begun and is released was
//! not made: the record is as it was before. An outcome that could not be written is owed: it is
//! tried again until the run ends, its log stays in processing/, and nothing says that it was
//! recorded. As long as something of a log is not written, the log's trouble remains.

use std::cmp::Reverse;
use std::time::Duration;

use slipstream_core::{BacklogError, Settlement, Ticket, Timestamp};

use super::consumer::{Consumer, LOOK_EVERY, Out, WAITING_MAX, WaitingRecord};
use super::found::Found;
use super::trouble::SKIP_FOR;
use crate::error::SpoolError;
use crate::format::frame::{SETTLEMENT_AT, SettlementField, State};
use crate::format::layout::log_path;
use crate::format::log_name::{LogName, Stage};

impl Consumer {
    /// Counts an attempt on disk, and returns its number.
    pub(super) fn count_attempt(&mut self, ticket: Ticket) -> Result<u32, BacklogError> {
        let Some(mut out) = self.out.get(&ticket).copied() else {
            return Ok(0);
        };
        out.before = Some(out.settlement);
        out.settlement = out.settlement.begin();
        self.settle_in_place(out).map_err(|error| self.unavailable(out.log, error))?;
        self.out.insert(ticket, out);
        Ok(out.settlement.attempts.into())
    }

    /// Records what became of a claim.
    pub(super) fn apply(
        &mut self,
        ticket: Ticket,
        settlement: Settlement,
    ) -> Result<(), BacklogError> {
        let Some(mut out) = self.out.remove(&ticket) else {
            return Ok(());
        };
        let wait = match settlement {
            Settlement::Delivered => out.settle(State::Delivered),
            Settlement::Failed => out.settle(State::Failed),
            Settlement::Expired => out.settle(State::Expired),
            Settlement::Retry { after: wait } => {
                out.settlement = out.ended().due_in(wait, self.rotation.files().clock.now());
                Some(wait)
            }
            Settlement::Release { after: wait } => Some(wait),
            Settlement::Spill => return self.spill(out),
        };
        let recorded = match settlement {
            Settlement::Release { after: _ } => self.undo_attempt(out),
            _ => self.settle_in_place(out),
        };
        let recorded = recorded.map_err(|error| self.unavailable(out.log, error));
        if let Some(wait) = wait {
            self.wait_until(out.log, out.at, self.rotation.files().clock.elapsed() + wait);
            return match recorded {
                // This run knows when it is due, and the next may find it due at once.
                Err(BacklogError::Unavailable { .. }) => Ok(()),
                other => other,
            };
        }
        if let Some(log) = self.logs.get_mut(&out.log) {
            log.failed |= out.settlement.state == State::Failed;
        }
        match recorded {
            Ok(()) => self.is_settled(out.log, out.at),
            Err(error) => {
                if self.logs.contains_key(&out.log) {
                    self.owed.push(out);
                    self.owed_at = self.rotation.files().clock.elapsed() + retry_in(&error);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Restores what was on disk before an attempt was begun, if one was.
    pub(super) fn undo_attempt(&mut self, mut out: Out) -> Result<(), SpoolError> {
        let Some(before) = out.before else { return Ok(()) };
        out.settlement = before;
        self.settle_in_place(out)
    }

    /// A record needs nothing more.
    pub(super) fn is_settled(&mut self, log: LogName, at: u64) {
        if let Some(log) = self.logs.get_mut(&log) {
            log.outstanding.remove(&at);
        }
        self.finish_if_settled(log);
    }

    /// Writes the outcomes that could not be written when they were known.
    pub(super) fn write_owed(&mut self) {
        let now = self.rotation.files().clock.elapsed();
        self.owed_at = now + SKIP_FOR;
        for out in std::mem::take(&mut self.owed) {
            match self.settle_in_place(out) {
                Ok(()) => self.is_settled(out.log, out.at),
                Err(error) => {
                    let again = retry_in(&self.unavailable(out.log, error));
                    self.owed_at = self.owed_at.min(now + again);
                    if self.logs.contains_key(&out.log) {
                        self.owed.push(out);
                    }
                }
            }
        }
    }

    /// Writes a settlement. The log is in trouble until all that could not be written is.
    fn settle_in_place(&mut self, out: Out) -> Result<(), SpoolError> {
        let written = self.write_in_place(out);
        let Some(log) = self.logs.get_mut(&out.log) else { return written };
        if written.is_err() {
            log.unwritten.insert(out.at);
            return written;
        }
        log.unwritten.remove(&out.at);
        if log.unwritten.is_empty() {
            self.troubles.clear(Found::claimed(out.log));
        }
        Ok(())
    }

    fn write_in_place(&mut self, out: Out) -> Result<(), SpoolError> {
        let path = log_path(Stage::Processing, out.log);
        let Some(log) = self.logs.get(&out.log) else {
            return Err(SpoolError::Taken { path: self.rotation.files().path.join(path) });
        };
        let file = self.open.get(self.rotation.files(), out.log, log.identity)?;
        let written = file.write_at(&out.settlement.encode(), out.at + SETTLEMENT_AT);
        written.map_err(|error| self.rotation.files().io("settle a request in", &path, error))
    }

    /// What the worker is given when a log cannot be written.
    pub(super) fn unavailable(&mut self, log: LogName, error: SpoolError) -> BacklogError {
        if error.is_of_the_spool() {
            return error.into();
        }
        let reason = error.with_cause();
        let short = error.is_out_of_descriptors();
        let retry_in = if short { LOOK_EVERY } else { SKIP_FOR };
        if short {
            self.troubles.note_passing(
                Found::claimed(log),
                self.rotation.files().clock.elapsed(),
                error,
            );
        } else if self.logs.contains_key(&log) {
            self.cannot_open(log, error);
        }
        BacklogError::Unavailable { retry_in, reason }
    }

    /// Remembers when a record is due, or, when too many are remembered already, when its log must
    /// be read again.
    fn wait_until(&mut self, name: LogName, at: u64, due: Duration) {
        let Some(log) = self.logs.get_mut(&name) else {
            return;
        };
        if self.waiting.len() < WAITING_MAX {
            log.outstanding.insert(at);
            self.waiting.push(Reverse(WaitingRecord { due, log: name, at, early: false }));
        } else {
            log.outstanding.remove(&at);
            log.unremembered += 1;
            let due = log.again.map_or(due, |again| again.min(due));
            self.again_at(name, due);
        }
    }
}

fn retry_in(error: &BacklogError) -> Duration {
    match error {
        BacklogError::Unavailable { retry_in, .. } => *retry_in,
        _ => SKIP_FOR,
    }
}

impl Out {
    fn settle(&mut self, state: State) -> Option<Duration> {
        self.settlement =
            SettlementField { state, due: Timestamp::default(), wait: 0, ..self.ended() };
        None
    }

    /// Its settlement, no attempt being on its way any more.
    fn ended(&self) -> SettlementField {
        match self.before {
            Some(_) => SettlementField { begun: None, ..self.settlement },
            // Nothing was tried: what an earlier run left is only taken over.
            None => self.settlement.resumed(),
        }
    }
}
