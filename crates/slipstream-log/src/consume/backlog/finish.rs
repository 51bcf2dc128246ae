//! The last steps: logs whose records are all settled leave processing/, and what stays there is
//! bounded.
//!
//! # Invariants
//! A log that cannot leave stays where it is, is tried again, and is taken on by the next run. No
//! lock is waited for while there may be other work.

use std::collections::HashSet;
use std::time::Duration;

use super::consumer::{Consumer, Finishing};
use super::found::Found;
use super::trouble::SKIP_FOR;
use crate::consume::abandoned;
use crate::dir::locks::{PATIENCE, Patience};
use crate::error::SpoolError;
use crate::format::layout::log_path;
use crate::format::log_name::{LogName, RetireReason, Stage};
use crate::format::settings::OnFull;

/// How often a log that another process holds is tried again, at first.
const TRY_EVERY: Duration = Duration::from_secs(1);

/// How long the end of a run waits for locks, all together.
const LAST_PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 1_000 });

impl Consumer {
    /// Does what ended processes left undone.
    pub(super) fn tidy(&mut self) -> Result<(), SpoolError> {
        let files = self.rotation.files();
        let steps = [
            ("collecting", abandoned::clear(files)),
            ("removing", self.rotation.retirement.finish_all()),
            ("failed", self.rotation.ledger().count_failed()),
        ];
        let now = files.clock.elapsed();
        for (dir, step) in steps {
            match step {
                Err(error) if error.is_of_the_spool() => return Err(error),
                Err(error) => self.troubles.note(Found::Dir(dir), now, error),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Takes a log out of processing/ once nothing in it is left to do.
    pub(super) fn finish_if_settled(&mut self, name: LogName) {
        let reading = self.reading.as_ref().is_some_and(|(log, _)| *log == name);
        let settled = self.logs.get(&name).filter(|log| {
            log.outstanding.is_empty() && log.again.is_none() && log.unremembered == 0
        });
        let Some(log) = settled.filter(|_| !reading) else {
            return;
        };
        let now = self.rotation.files().clock.elapsed();
        let finishing =
            Finishing { identity: log.identity, failed: log.failed, since: now, again: now };
        self.try_to_finish(name, finishing, &mut Patience::of(Duration::ZERO));
        self.forget(name);
    }

    /// Tries again to take logs out of processing/ that could not go before.
    pub(super) fn finish_others(&mut self, now: Duration) {
        let due = self.finishing.iter().filter(|(_, log)| log.again <= now);
        let due: Vec<_> = due.map(|(name, log)| (*name, *log)).collect();
        for (name, log) in due {
            self.try_to_finish(name, log, &mut Patience::of(Duration::ZERO));
            self.open.close(name);
        }
    }

    fn try_to_finish(&mut self, name: LogName, mut log: Finishing, patience: &mut Patience) {
        let mut moved = self.move_on(name, log, patience);
        if moved.as_ref().is_err_and(SpoolError::is_out_of_descriptors) && self.open.shed() {
            moved = self.move_on(name, log, patience);
        }
        let Err(error) = moved else {
            if self.finishing.remove(&name).is_some() {
                self.troubles.clear(Found::claimed(name));
            }
            return;
        };
        let now = self.rotation.files().clock.elapsed();
        let passing = matches!(error, SpoolError::Locked { .. }) || error.is_out_of_descriptors();
        let passing = passing && now < log.since + PATIENCE && !self.ending;
        log.again = now + if passing { TRY_EVERY } else { SKIP_FOR };
        self.finishing.insert(name, log);
        if !passing {
            self.troubles.note(Found::claimed(name), now, error);
        }
    }

    fn move_on(
        &mut self,
        name: LogName,
        log: Finishing,
        patience: &mut Patience,
    ) -> Result<(), SpoolError> {
        let (rotation, files) = (&*self.rotation, self.rotation.files());
        if !log.failed {
            let retirement = &rotation.retirement;
            let done = retirement.retire(Stage::Processing, name, RetireReason::Done, patience);
            return done.map(drop);
        }
        let path = log_path(Stage::Processing, name);
        let file = self.open.get(files, name, log.identity)?;
        let held = patience.lock(files, file, &path)?;
        if files.is_at(file, &path)? {
            // It may stay there for long.
            rotation.ledger().count_if_not_yet(file, &path, name);
            files.move_log("keep as failed", &path, &log_path(Stage::Failed, name))?;
        }
        drop(held);
        let keep = files.settings.logs as usize;
        if let Err(error) = rotation.evict_oldest(Stage::Failed, name.slot, keep) {
            tracing::warn!(slot = name.slot, %error, "failed/ may hold more logs than it should");
        }
        Ok(())
    }

    /// Puts everything in its place, at the end of a run. The first error, if there was any.
    pub(super) fn put_in_place(&mut self) -> Result<(), SpoolError> {
        // Whatever keeps a log from leaving now is reported.
        self.ending = true;
        if !self.owed.is_empty() {
            self.write_owed();
        }
        let mut patience = Patience::of(LAST_PATIENCE);
        let left: Vec<_> = self.finishing.iter().map(|(name, log)| (*name, *log)).collect();
        for (name, log) in left {
            self.try_to_finish(name, log, &mut patience);
        }
        let bounded = self.bound_processing();
        let finished = self.rotation.retirement.finish_all();
        self.rotation.ledger().shorten_if_long();
        self.worker_lock.clear();
        // Everything else is in its place; that something was left is no success.
        let troubles = self.troubles.take().map_or(Ok(()), Err);
        troubles.and(bounded).and(finished)
    }

    /// What stays in processing/ for the next run is bounded. Where writers are refused instead of
    /// anything being overwritten, it keeps them from storing more.
    fn bound_processing(&self) -> Result<(), SpoolError> {
        if self.rotation.files().settings.on_full == OnFull::Reject {
            return Ok(());
        }
        let slots: HashSet<_> = self.logs.keys().map(|log| log.slot).collect();
        let mut bounded = Ok(());
        for slot in slots {
            let waiting = self.rotation.waiting(slot);
            let slot = waiting
                .and_then(|waiting| self.rotation.evict(Stage::Processing, waiting.surplus()));
            bounded = bounded.and(slot.map(drop));
        }
        bounded
    }
}
