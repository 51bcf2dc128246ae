//! Which log comes next, and how it becomes the worker's own.

use std::collections::HashSet;
use std::time::Duration;

use super::{Found, OpenLog, SpoolBacklog};
use crate::error::SpoolError;
use crate::fs::{Lock, Replace};
use crate::name::{LogName, Stage, parse_collecting};
use crate::spool::{PATIENCE, collecting_path, log_path};

/// How often the directories are looked at for new logs while others are being worked.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl SpoolBacklog {
    /// Claims one more log; false when there is none.
    pub(super) fn claim_next(&mut self, now: Duration) -> Result<bool, SpoolError> {
        if self.queue.is_empty() {
            // With nothing in flight this decides whether the run is over.
            let look =
                self.out.is_empty() || self.looked.is_none_or(|looked| now >= looked + LOOK_EVERY);
            if !look {
                return Ok(false);
            }
            self.looked = Some(now);
            self.look()?;
        }
        while let Some(found) = self.queue.pop_front() {
            match self.claim(found) {
                Ok(None) => {}
                Ok(Some((name, log))) => {
                    self.logs.insert(name, log);
                    self.reading = Some(name);
                    return Ok(true);
                }
                // Somebody holds it: first the others, then it is waited for.
                Err(SpoolError::Locked { .. }) if self.held.insert(found) => {
                    self.queue.push_back(found)
                }
                Err(error) => {
                    tracing::error!(?found, %error, "cannot claim a log; the others go on");
                    self.skipped.insert(found);
                    self.skipped_for.get_or_insert(error);
                }
            }
        }
        Ok(false)
    }

    /// Looks what there is to claim: first what an earlier run left, then oldest first.
    fn look(&mut self) -> Result<(), SpoolError> {
        let mut found = Vec::new();
        // What an earlier run left, and what somebody wants retried.
        let left = self.shared.logs_in(Stage::Processing)?;
        let left = left.into_iter().filter(|log| !self.logs.contains_key(log));
        found.extend(left.map(|log| Found::Sealed(Stage::Processing, log)));
        let ready = self.shared.logs_in(Stage::Ready)?;
        found.extend(ready.into_iter().map(|log| Found::Sealed(Stage::Ready, log)));
        let collecting = self.shared.list(Stage::Collecting.dir())?;
        let mut slots: Vec<_> =
            collecting.iter().filter_map(|name| parse_collecting(name)).collect();
        slots.sort_unstable();
        found.extend(slots.into_iter().map(Found::Collecting));
        found.retain(|found| !self.skipped.contains(found));
        self.queue = found.into();
        Ok(())
    }

    /// Claims a log: from here on nothing overwrites it. None if there is nothing in it, or
    /// somebody else was faster.
    fn claim(&self, found: Found) -> Result<Option<(LogName, OpenLog)>, SpoolError> {
        let shared = &*self.shared;
        let path = match found {
            Found::Collecting(slot) => collecting_path(slot),
            Found::Sealed(stage, log) => log_path(stage, log),
        };
        let Some(file) = shared.open_if_there(&path)? else {
            return Ok(None);
        };
        if matches!(found, Found::Collecting(_)) && shared.is_empty(&*file, &path)? {
            return Ok(None);
        }
        let patience = if self.held.contains(&found) { PATIENCE } else { Duration::ZERO };
        let held = shared.lock_for(&*file, Lock::Exclusive, &path, patience)?;
        if !shared.is_at(&*file, &path)? {
            return Ok(None);
        }
        let name = match found {
            Found::Collecting(slot) => shared.sealed_name(slot, shared.read_header(&*file, &path)?),
            Found::Sealed(_, log) => log,
        };
        let processing = log_path(Stage::Processing, name);
        match found {
            Found::Collecting(_) => shared.leave_collecting(&*file, &path, &processing)?,
            Found::Sealed(Stage::Processing, _) => {}
            Found::Sealed(..) => {
                let renamed = shared.fs.rename(&path, &processing, Replace::Never);
                renamed.map_err(|error| shared.io("claim", &path, error))?;
            }
        }
        shared.count_if_not_yet(&*file, &processing, name)?;
        drop(held);
        let walk = shared.walk(&*file, &processing, Some(name))?;
        let log = OpenLog {
            salt: walk.salt(),
            path: processing,
            file,
            walk,
            outstanding: HashSet::new(),
            failed: false,
            again: None,
        };
        Ok(Some((name, log)))
    }
}
