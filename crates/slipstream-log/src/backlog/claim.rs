//! Which log comes next, and how it becomes the worker's own.

use std::collections::HashSet;
use std::time::Duration;

use super::{Found, LOOK_EVERY, Notes, OpenLog, SKIP_FOR, SpoolBacklog};
use crate::error::SpoolError;
use crate::fs::{Lock, Replace};
use crate::name::{LogName, Stage, parse_collecting};
use crate::spool::{PATIENCE, collecting_path, log_path};

impl SpoolBacklog {
    /// Claims one more log; false when there is none.
    pub(super) fn claim_next(&mut self, now: Duration) -> Result<bool, SpoolError> {
        if self.queue.is_empty() {
            // With nothing in flight this decides whether the run is over.
            let news = self.news.as_ref().is_some_and(|news| news.came());
            let due = self.looked.is_none_or(|looked| now >= looked + LOOK_EVERY);
            if !(news || due || (self.out.is_empty() && self.held.is_empty())) {
                return Ok(false);
            }
            self.looked = Some(now);
            self.look(now)?;
        }
        while let Some(found) = self.queue.pop_front() {
            let claimed = self.claim(found);
            let Err(error) = claimed else {
                self.held.remove(&found);
                if let Ok(Some((name, log))) = claimed {
                    self.logs.insert(name, log);
                    self.reading = Some(name);
                    return Ok(true);
                }
                continue;
            };
            let locked = matches!(error, SpoolError::Locked { .. });
            if locked && now < *self.held.entry(found).or_insert(now) + PATIENCE {
                // Somebody holds it. It is tried again when the others are done, and before the
                // later ones of its slot, whose requests may have to stay in order.
                self.queue.retain(|later| later.slot() != found.slot());
                continue;
            }
            self.held.remove(&found);
            tracing::error!(?found, %error, "cannot claim a log; the others go on");
            self.skipped.insert(found, now);
            self.skipped_for.get_or_insert(error);
        }
        Ok(false)
    }

    /// Looks what there is to claim: first what an earlier run left, then oldest first.
    fn look(&mut self, now: Duration) -> Result<(), SpoolError> {
        if self.news.is_some() && !self.shared.fs.is_at(&self.shared.path) {
            // Whoever stores now stores elsewhere.
            return Err(SpoolError::Moved { path: self.shared.path.clone() });
        }
        if let Some(news) = &self.news {
            // Before the look: what comes behind it is told.
            news.listen()?;
        }
        self.shared.shorten_ledger_if_long();
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
        self.skipped.retain(|_, since| now < *since + SKIP_FOR);
        found.retain(|found| !self.skipped.contains_key(found));
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
        if matches!(found, Found::Collecting(_))
            && shared.is_empty(&*file, &path)?
            && !shared.is_left_behind(&*file, &path)?
        {
            return Ok(None);
        }
        let held = shared.lock_for(&*file, Lock::Exclusive, &path, Duration::ZERO)?;
        if !shared.is_at(&*file, &path)? {
            return Ok(None);
        }
        let name = match found {
            Found::Collecting(slot) => {
                let header = shared.read_header(&*file, &path)?;
                if header.is_some() && shared.is_empty(&*file, &path)? {
                    // Whoever waits for a directory without logs would else wait for ever.
                    shared.remove_empty(&*file, &path)?;
                    return Ok(None);
                }
                shared.sealed_name(slot, header)
            }
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
            notes: Notes::default(),
        };
        Ok(Some((name, log)))
    }
}

impl Found {
    fn slot(self) -> u16 {
        match self {
            Self::Collecting(slot) => slot,
            Self::Sealed(_, log) => log.slot,
        }
    }
}
