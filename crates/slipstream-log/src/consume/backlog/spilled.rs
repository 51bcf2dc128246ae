//! Spilled records: the worker passed them over, and reads them again by their position.
//!
//! # Invariants
//! - Such a record has nothing in memory but its log's count, so a backlog of any length costs
//!   none. A log with some stays in processing/.
//! - None comes out while it is out, and none that was settled since its bytes were read: what is
//!   on disk now decides.

use std::ops::Bound;

use slipstream_core::{BacklogError, Claim};

use super::consumer::{Consumer, NONE_SPILLED, Out, Revisit};
use super::trouble::SKIP_FOR;
use crate::error::SpoolError;
use crate::format::frame::State;
use crate::format::layout::log_path;
use crate::format::log_name::{LogName, OFFSET_MAX, Stage};
use crate::format::scan::{Item, read_settlement};

impl Consumer {
    /// Has a record come out only when it is looked for by its place.
    pub(super) fn spill(&mut self, out: Out) -> Result<(), BacklogError> {
        let undone = self.undo_attempt(out).map_err(|error| self.unavailable(out.log, error));
        if let Some(log) = self.logs.get_mut(&out.log) {
            log.outstanding.remove(&out.at);
            log.unremembered += 1;
            log.spilled = (log.spilled.0.min(out.at), log.spilled.1.max(out.at));
            self.spilled.insert(out.log.position(0), out.log);
        }
        match undone {
            // The attempt was not made; at worst it is counted.
            Err(BacklogError::Unavailable { .. }) => Ok(()),
            other => other,
        }
    }

    /// The first record from this place on that was spilled.
    pub(super) fn next_spilled(&mut self, from: Bound<u128>) -> Result<Option<Claim>, SpoolError> {
        let (mut place, mut taken) = match from {
            Bound::Unbounded => (0, false),
            Bound::Included(place) => (place, false),
            Bound::Excluded(place) => (place, true),
        };
        while let Some((name, at, but_for)) = self.log_with_spilled(place, taken) {
            match self.read_spilled(name, at, but_for) {
                Ok(Some(claim)) => return Ok(Some(claim)),
                Ok(None) => {}
                Err(error) if error.is_out_of_descriptors() || error.is_of_the_spool() => {
                    return Err(error);
                }
                Err(error) => {
                    // What is in it comes out by itself, when it is read from its beginning again.
                    self.cannot_open(name, error);
                    self.again_at(name, self.rotation.files().clock.elapsed() + SKIP_FOR);
                }
            }
            // The next log is behind everything that may be in this one.
            (place, taken) = (name.position(0) | u128::from(OFFSET_MAX), true);
        }
        Ok(None)
    }

    /// The log in which the next such record may be, the frame to begin at, and whether that one
    /// itself does not count.
    fn log_with_spilled(&self, position: u128, taken: bool) -> Option<(LogName, u64, bool)> {
        let (base, at) = LogName::split_position(position);
        self.spilled.range(base..).find_map(|(place, name)| {
            let (first, last) = self.logs.get(name)?.spilled;
            let (at, taken) = if *place == base { (at, taken) } else { (0, false) };
            if at < first {
                return Some((*name, first, false));
            }
            (at < last || (at == last && !taken)).then_some((*name, at, taken))
        })
    }

    /// The first such record of a log from this frame on.
    fn read_spilled(
        &mut self,
        name: LogName,
        at: u64,
        taken: bool,
    ) -> Result<Option<Claim>, SpoolError> {
        let Some(identity) = self.logs.get(&name).map(|log| log.identity) else {
            return Ok(None);
        };
        let path = log_path(Stage::Processing, name);
        let file = self.open.get(self.rotation.files(), name, identity)?;
        let goes_on = |revisit: &mut Revisit| revisit.log == name && taken && revisit.last == at;
        let mut revisit = match self.revisit.take_if(|revisit| revisit.log == name) {
            Some(revisit) => revisit,
            None => Revisit {
                log: name,
                walk: self.rotation.files().walk(file, &path, Some(name))?,
                last: 0,
            },
        };
        if !goes_on(&mut revisit) {
            revisit.walk.seek(at);
        }
        let Some(log) = self.logs.get_mut(&name) else { return Ok(None) };
        let found = loop {
            let item = revisit.walk.next(file);
            let item = item.map_err(|error| self.rotation.files().io("read in", &path, error))?;
            let Some(item) = item else { break None };
            let Item::Record { at: frame, payload, .. } = item else { continue };
            if frame > log.spilled.1 {
                break None;
            }
            revisit.last = frame;
            if (taken && frame <= at) || log.outstanding.contains(&frame) {
                continue;
            }
            let now = read_settlement(file, frame);
            let now = now.map_err(|error| self.rotation.files().io("read in", &path, error))?;
            if now.state == State::Pending {
                log.outstanding.insert(frame);
                break Some((
                    Out { log: name, at: frame, settlement: now, before: None },
                    payload.to_vec(),
                ));
            }
        };
        self.revisit = Some(revisit);
        Ok(found.map(|(out, payload)| {
            self.is_remembered(name);
            let wait = out.settlement.remaining(self.rotation.files().clock.now());
            self.give_out(out, payload, wait, true)
        }))
    }

    /// Takes in that a record without an entry in memory is given out.
    pub(super) fn is_remembered(&mut self, name: LogName) {
        let Some(log) = self.logs.get_mut(&name) else { return };
        log.unremembered = log.unremembered.saturating_sub(1);
        if log.unremembered == 0 {
            log.spilled = NONE_SPILLED;
            self.spilled.remove(&name.position(0));
        }
    }
}
