//! The one walk over dead letters: shows them, counts them, or changes them.
//!
//! A filter is shown every request of processing/ and failed/, and the state of each: so it can
//! also show why a request that it looks for is no dead letter. Only dead letters count and change.
//!
//! # Invariants
//! - What a plan counts is what is changed when it is applied: the same walk and the same filter.
//! - Memory is bounded: one record, the notes that a filter keeps, and a name for each log.
//! - A log whose other requests still wait is in processing/. While no worker runs, what failed in it is
//!   changed, too; while one does, it is the worker's alone, and is only counted.
//! - A log that cannot be read or changed keeps no other from being.

use std::collections::HashMap;
use std::ops::ControlFlow;

use slipstream_core::Timestamp;
use slipstream_core::operator::{Act, Letter, SelectedTo, Selection, Skipped, Standing};

use super::act::{Untold, move_on, settlement as settled_by};
use crate::consume::attempt_log;
use crate::consume::worker_lock::{WorkerLock, holder};
use crate::dir::locks::Patience;
use crate::error::SpoolError;
use crate::format::frame::{SETTLEMENT_AT, State};
use crate::format::layout::{WORKER_LOCK, log_path};
use crate::format::log_name::{LogName, Stage};
use crate::format::scan::Item;
use crate::fs::File;
use crate::lifecycle::rotation::Rotation;

/// Returns whether a request is chosen, or that enough was seen.
type Choose<'a> = dyn FnMut(&Letter<'_>) -> ControlFlow<(), bool> + 'a;

/// Shows each request of processing/ and failed/, oldest log first, until `look` breaks off.
/// Returns which logs could not be read.
pub(crate) fn each(
    rotation: &Rotation,
    look: &mut dyn FnMut(&Letter<'_>) -> ControlFlow<()>,
) -> Result<Vec<Skipped>, SpoolError> {
    let mut show = |letter: &Letter<'_>| look(letter).map_continue(|()| false);
    let worker_running = holder(rotation.files()).is_ok_and(|worker| worker.is_some());
    let mut walk = Walk::new(rotation, None, worker_running, &mut show);
    walk.is_listing = true;
    walk.run().map(|selection| selection.skipped)
}

/// Counts the dead letters that `choose` takes, and changes nothing.
pub(crate) fn plan(
    rotation: &Rotation,
    choose: &mut dyn FnMut(&Letter<'_>) -> bool,
) -> Result<Selection, SpoolError> {
    let mut choose = |letter: &Letter<'_>| ControlFlow::Continue(choose(letter));
    let worker = holder(rotation.files());
    let running = worker.as_ref().is_ok_and(Option::is_some);
    let mut selection = Walk::new(rotation, None, running, &mut choose).run()?;
    selection.skipped.extend(worker.err().map(|error| error.skipped(WORKER_LOCK)));
    Ok(selection)
}

/// Retries or drops the dead letters that `choose` takes.
pub(crate) fn apply(
    rotation: &Rotation,
    act: Act,
    choose: &mut dyn FnMut(&Letter<'_>) -> bool,
) -> Result<Selection, SpoolError> {
    let mut choose = |letter: &Letter<'_>| ControlFlow::Continue(choose(letter));
    let worker = match WorkerLock::take(rotation.files()) {
        Err(SpoolError::Busy { .. }) => None,
        other => Some(other?),
    };
    let selection = Walk::new(rotation, Some(act), worker.is_none(), &mut choose).run()?;
    if act == Act::Drop {
        rotation.ledger().shorten_if_long();
    }
    Ok(selection)
}

/// The state of a record of a log at this stage.
fn standing(state: State, stage: Stage, worker_running: bool) -> Standing {
    let failed = match stage {
        Stage::Processing if worker_running => Standing::HeldByWorker,
        _ => Standing::Failed,
    };
    match state {
        State::Failed => failed,
        // In failed/ nothing waits: a settlement that a flipped bit made pending is as good as failed.
        State::Pending if stage == Stage::Failed => failed,
        State::Pending => Standing::Waiting,
        State::Delivered | State::Expired | State::Dropped => Standing::Settled,
    }
}

struct Walk<'a> {
    rotation: &'a Rotation,
    act: Option<Act>,
    worker_running: bool,
    choose: &'a mut Choose<'a>,
    /// Each log is shown once, wherever it moves.
    is_listing: bool,
    selection: Selection,
    /// The logs of processing/ that were seen, and what was chosen of the logs that a worker has.
    seen: HashMap<LogName, u64>,
    patience: Patience,
    untold: Untold,
}

/// What was found in one log.
#[derive(Default)]
struct Found {
    /// Dead letters that were chosen, and changed if that is asked for.
    chosen: u64,
    to: SelectedTo,
    /// What was chosen of a log that a worker has.
    held: u64,
    /// Others that failed, or wait.
    left: u64,
    enough: bool,
}

/// A log that is being read.
struct Log<'a> {
    stage: Stage,
    name: LogName,
    path: &'a str,
    file: &'a dyn File,
}

impl<'a> Walk<'a> {
    fn new(
        rotation: &'a Rotation,
        act: Option<Act>,
        worker_running: bool,
        choose: &'a mut Choose<'a>,
    ) -> Self {
        Self {
            rotation,
            act,
            worker_running,
            choose,
            is_listing: false,
            selection: Selection::default(),
            seen: HashMap::new(),
            patience: Patience::usual(),
            untold: Untold::default(),
        }
    }

    fn run(&mut self) -> Result<Selection, SpoolError> {
        let files = self.rotation.files();
        // Processing first, or what moves there would be looked at twice.
        'all: for stage in [Stage::Processing, Stage::Failed] {
            for log in files.logs_in(stage)? {
                if self.was_seen(log) {
                    continue;
                }
                match self.one(stage, log) {
                    Ok(true) => break 'all,
                    Ok(false) => {}
                    Err(error) if error.is_of_the_spool() => return Err(error),
                    Err(error) => {
                        self.selection.skipped.push(error.skipped(log_path(stage, log)));
                    }
                }
            }
        }
        self.untold.tell(files)?;
        self.selection.worker_running = self.worker_running;
        self.selection.held_by_worker = self.seen.values().sum();
        Ok(std::mem::take(&mut self.selection))
    }

    /// Whether a log counts already. A log that a worker had, and has moved to failed/ since,
    /// counts there.
    fn was_seen(&mut self, log: LogName) -> bool {
        match self.seen.get(&log) {
            None => false,
            Some(_) if self.is_listing => true,
            Some(_) => {
                self.seen.remove(&log);
                false
            }
        }
    }

    /// Whether enough was seen in it.
    fn one(&mut self, stage: Stage, name: LogName) -> Result<bool, SpoolError> {
        let (files, path) = (self.rotation.files(), log_path(stage, name));
        let is_workers = stage == Stage::Processing && self.worker_running;
        let act = self.act.filter(|_| !is_workers);
        let opened = match act {
            Some(_) => files.open_if_there(&path)?,
            None => files.open_to_read(&path)?,
        };
        let Some(file) = opened else { return Ok(false) };
        let _held = act.map(|_| self.patience.lock(files, &*file, &path)).transpose()?;
        if act.is_some() && !files.is_at(&*file, &path)? {
            return Ok(false);
        }
        let mut found = Found::default();
        let read = self.read(&Log { stage, name, path: &path, file: &*file }, act, &mut found);
        if stage == Stage::Processing {
            self.seen.insert(name, found.held);
        }
        if act == Some(Act::Retry) {
            // Before the log moves, and whatever became of the rest of it.
            self.untold.add(&found.to);
        }
        read?;
        if let (Some(act), Stage::Failed) = (act, stage) {
            let counts = (found.chosen, found.left);
            let retirement = &self.rotation.retirement;
            move_on(act, retirement, (&*file, name), counts, &mut self.untold)?;
        }
        self.selection.requests += found.chosen;
        self.selection.parts += u64::from(found.chosen > 0);
        self.selection.to.merge(&found.to);
        Ok(found.enough)
    }

    fn read(
        &mut self,
        log: &Log<'_>,
        act: Option<Act>,
        found: &mut Found,
    ) -> Result<(), SpoolError> {
        let files = self.rotation.files();
        let Log { stage, name, path, file } = *log;
        let notes = |look: &mut dyn FnMut(&str)| Ok(attempt_log::each_line(files, name, look)?);
        let mut walk = files.walk(file, path, Some(name))?;
        while let Some(item) = walk.next(file).map_err(|error| files.io("read", path, error))? {
            let Item::Record { at, settlement, payload } = item else {
                continue;
            };
            let standing = standing(settlement.state, stage, self.worker_running);
            let mut letter = Letter::new(standing, stage, path, payload).with_notes(&notes);
            letter.attempts = settlement.attempts.into();
            letter.due = Some(settlement.due).filter(|due| *due > Timestamp::default());
            let ControlFlow::Continue(taken) = (self.choose)(&letter) else {
                found.enough = true;
                return Ok(());
            };
            match standing {
                Standing::Failed if taken => {
                    found.to.add(payload);
                    if let Some(act) = act {
                        let bytes = settled_by(act, settlement).encode();
                        let written = file.write_at(&bytes, at + SETTLEMENT_AT);
                        written.map_err(|error| files.io("settle a request in", path, error))?;
                    }
                    found.chosen += 1;
                }
                Standing::HeldByWorker if taken => found.held += 1,
                Standing::Settled => {}
                _ => found.left += 1,
            }
        }
        Ok(())
    }
}
