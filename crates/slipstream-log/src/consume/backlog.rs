//! The worker's side of a spool: claims logs, gives out their records, settles them in place.
//!
//! # Invariants
//! - A record that was given out and not settled comes out again, in the next run if this one ends
//!   early. An attempt is on disk before it is made.
//! - A log leaves processing/ only when all its records are settled.
//! - Memory is bounded: a few bytes for each record that waits, up to `WAITING_MAX` of them; beyond
//!   that a log is read again when the earliest is due, which finds the times on disk. What the worker
//!   spills takes none (see `spilled`). So are descriptors: a log whose records wait holds none
//!   (see `open`).
//! - What is wrong with one log ends no run: it is skipped, tried again, and reported at the end
//!   (see `trouble`). Only what concerns the whole spool is an error of a step.
//!
//! Logs are claimed one at a time, when the one before has been read through: so processing/
//! holds what is being worked on and not the whole backlog, and the disk bound holds.

use std::ops::Bound;
use std::sync::Arc;

use slipstream_core::{Backlog, BacklogError, Claim, Next, Notifier, Settlement, Ticket};

use self::consumer::{Consumer, LOOK_EVERY};
use crate::consume::notify::ChangeWatcher;
use crate::consume::{attempt_log, state_files};
use crate::error::SpoolError;
use crate::format::layout::{LAST_RUN, MEMORY};
use crate::fs::Open;
use crate::lifecycle::rotation::Rotation;

mod claim;
mod consumer;
mod finish;
mod found;
mod next;
mod open;
mod settle;
mod spilled;
mod trouble;

/// Opens a spool for its one worker.
pub(crate) fn open(rotation: Arc<Rotation>) -> Result<Box<dyn Backlog>, SpoolError> {
    let mut consumer = Consumer::new(rotation)?;
    consumer.tidy()?;
    Ok(Box::new(consumer))
}

/// What the worker is given when no record is to be had.
fn of_claiming(error: SpoolError) -> BacklogError {
    match error.is_out_of_descriptors() {
        true => BacklogError::Unavailable { retry_in: LOOK_EVERY, reason: error.with_cause() },
        false => error.into(),
    }
}

impl Backlog for Consumer {
    fn next(&mut self) -> Result<Next, BacklogError> {
        self.worker_lock.check()?;
        self.next_claim().map_err(of_claiming)
    }

    fn spilled(&mut self, from: Bound<u128>) -> Result<Option<Claim>, BacklogError> {
        self.worker_lock.check()?;
        self.next_spilled(from).map_err(of_claiming)
    }

    fn begin(&mut self, ticket: Ticket) -> Result<u32, BacklogError> {
        self.worker_lock.check()?;
        self.count_attempt(ticket)
    }

    fn settle(&mut self, ticket: Ticket, settlement: Settlement) -> Result<(), BacklogError> {
        self.worker_lock.check()?;
        self.apply(ticket, settlement)
    }

    fn note(&mut self, ticket: Ticket, line: &str) {
        let Some(out) = self.out.get(&ticket) else {
            return;
        };
        if let Some(log) = self.logs.get(&out.log) {
            attempt_log::add(self.rotation.files(), out.log, line, log.len);
        }
    }

    fn recall(&mut self) -> Option<Vec<u8>> {
        state_files::read(self.rotation.files(), MEMORY, Open::Own)
    }

    fn remember(&mut self, memory: &[u8]) {
        let files = self.rotation.files();
        let left = self.worker_lock.check().map_err(std::io::Error::other);
        if let Err(error) = left.and_then(|()| state_files::write(files, MEMORY, memory)) {
            tracing::warn!(%error, "the next run will not know what this one learnt");
        }
    }

    fn report(&mut self, run: &[u8]) {
        let files = self.rotation.files();
        let left = self.worker_lock.check().map_err(std::io::Error::other);
        if let Err(error) = left.and_then(|()| state_files::write(files, LAST_RUN, run)) {
            tracing::warn!(%error, "the report of this run is lost");
        }
    }

    fn follow(&mut self, notifier: Notifier) -> Result<(), BacklogError> {
        self.worker_lock.check()?;
        self.watcher = Some(ChangeWatcher::watch(self.rotation.files(), notifier)?);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), BacklogError> {
        self.worker_lock.check()?;
        self.asked.forget(self.rotation.files());
        Ok(self.put_in_place()?)
    }
}
