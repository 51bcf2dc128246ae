//! Actions on dead letters: retry and drop.
//!
//! # Invariants
//! - *Retry*: each chosen record is pending again, with no attempts counted, before its log moves to
//!   processing/, where nothing overwrites it and the next worker (or the running one, when it looks for
//!   new logs) takes it on. Records that were not chosen stay failed in the same log.
//! - *Drop*: a dropped record is settled in place and counts as purged, in its log and when that goes. A log
//!   of failed/ in which nothing else is left goes at once; an earlier end leaves that to the next that drops.
//! - So wherever this ends early, a record is either as it was or as it should be, and the counters add up.

use std::collections::BTreeSet;

use slipstream_core::operator::{Act, SelectedTo};
use slipstream_core::{Destination, Timestamp};

use crate::consume::asked::{self, DESTINATIONS_MAX};
use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::frame::{SettlementField, State};
use crate::format::layout::log_path;
use crate::format::log_name::{LogName, RetireReason, Stage};
use crate::fs::File;
use crate::lifecycle::retirement::Retirement;
use crate::lifecycle::retiring_log::RetiringLog;

/// A worker is notified of all destinations when there are more than these.
const _: () = assert!(SelectedTo::MOST > DESTINATIONS_MAX);

/// The settlement that a record has from now on.
pub(super) fn settlement(act: Act, was: SettlementField) -> SettlementField {
    match act {
        Act::Retry => SettlementField::FRESH,
        Act::Drop => {
            let (state, due) = (State::Dropped, Timestamp::default());
            SettlementField { state, due, wait: 0, ..was }
        }
    }
}

/// Moves a log of failed/ on, in which `chosen` records were changed and `left` others are failed or
/// wait. Call it with the log's lock, held alone.
pub(super) fn move_on(
    act: Act,
    retirement: &Retirement,
    (file, log): (&dyn File, LogName),
    (chosen, left): (u64, u64),
    untold: &mut Untold,
) -> Result<(), SpoolError> {
    let (files, path) = (&retirement.ledger.files, log_path(Stage::Failed, log));
    match act {
        Act::Retry if chosen > 0 => {
            untold.tell(files)?;
            files.bring_to_processing("retry", &path, log)
        }
        Act::Drop if left == 0 => {
            // Not as done: a power loss that undoes the settlements must not send anything.
            let why = RetireReason::Purged;
            files.move_log("remove", &path, &RetiringLog::new(log, why).path())?;
            retirement.finish(file, log, why).map(drop)
        }
        Act::Retry | Act::Drop => Ok(()),
    }
}

/// Destinations that something is retried to, and of which workers were not notified yet. What this
/// worker, or the last one, has recorded of a destination must not fail it untried.
#[derive(Default)]
pub(super) struct Untold(BTreeSet<String>);

impl Untold {
    pub(super) fn add(&mut self, to: &SelectedTo) {
        // More than can be distinguished count as all.
        let room = (DESTINATIONS_MAX + 1).saturating_sub(self.0.len());
        self.0.extend(to.each.keys().take(room).cloned());
    }

    pub(super) fn tell(&mut self, files: &SpoolFiles) -> Result<(), SpoolError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let destinations: Vec<_> =
            std::mem::take(&mut self.0).into_iter().map(Destination::new).collect();
        asked::ask(files, &destinations)
    }
}
