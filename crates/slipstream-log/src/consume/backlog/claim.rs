//! The choice of the next log, and its claim by the worker.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::time::Duration;

use super::consumer::{ClaimedLog, Consumer, LOOK_EVERY, NONE_SPILLED};
use super::found::Found;
use crate::dir::locks::PATIENCE;
use crate::error::SpoolError;
use crate::format::layout::{SETTINGS_FILE, WORKER_LOCK, collecting_path, log_path};
use crate::format::log_name::{LogName, Stage};
use crate::format::scan::Walk;
use crate::fs::{File, Lock};

/// A log that was just claimed.
struct Claimed {
    name: LogName,
    file: Box<dyn File>,
    walk: Walk,
    log: ClaimedLog,
}

impl Consumer {
    /// Claims one more log; false when there is none.
    pub(super) fn claim_next(&mut self, now: Duration) -> Result<bool, SpoolError> {
        if self.queue.is_empty() {
            // With nothing in flight this decides whether the run is over.
            let changed = self.watcher.as_ref().is_some_and(|watcher| watcher.came());
            let due = self.looked.is_none_or(|looked| now >= looked + LOOK_EVERY);
            if !(changed || due || (self.out.is_empty() && self.held.is_empty())) {
                return Ok(false);
            }
            self.looked = Some(now);
            self.finish_others(now);
            if !self.owed.is_empty() && self.owed_at <= now {
                self.write_owed();
            }
            self.look(now)?;
        }
        while let Some(found) = self.queue.pop_front() {
            let error = match self.claim(found) {
                Ok(claimed) => {
                    self.held.remove(&found);
                    self.slots_held.remove(&found.slot());
                    self.troubles.clear(found);
                    let Some(Claimed { name, file, walk, log }) = claimed else {
                        continue;
                    };
                    self.open.put(name, file);
                    self.logs.insert(name, log);
                    self.reading = Some((name, walk));
                    return Ok(true);
                }
                Err(error) if error.is_out_of_descriptors() && self.waits_for_descriptors(now) => {
                    // It is not the log's fault, and its turn is still to come.
                    self.queue.push_front(found);
                    return Err(error);
                }
                Err(error) => error,
            };
            self.cannot_claim(found, now, error);
        }
        Ok(false)
    }

    fn cannot_claim(&mut self, found: Found, now: Duration, error: SpoolError) {
        let mut error = error;
        if let SpoolError::Locked { waited, .. } = &mut error {
            let since = *self.held.entry(found).or_insert(now);
            // Several that are held keep the others of their slot waiting no longer than one.
            let first = *self.slots_held.entry(found.slot()).or_insert(now);
            if now < first + PATIENCE && !self.troubles.knows(found) {
                // Another process holds it. It is tried again when the others are done, and before
                // the later ones of its slot, whose requests may have to stay in order.
                self.queue.retain(|later| later.slot() != found.slot());
                return;
            }
            *waited = now.saturating_sub(since);
        }
        self.held.remove(&found);
        self.troubles.note(found, now, error);
    }

    /// Looks what there is to claim: first what an earlier run left, then oldest first. A directory
    /// that cannot be read keeps nothing in the others from being claimed.
    fn look(&mut self, now: Duration) -> Result<(), SpoolError> {
        if self.watcher.is_some() && !self.is_in_place() {
            // What is stored now is stored elsewhere, or by other settings.
            return Err(SpoolError::Moved { path: self.rotation.files().path.clone() });
        }
        if let Some(watcher) = &self.watcher {
            // Before the look: what comes after it causes a notification.
            watcher.listen()?;
        }
        self.rotation.ledger().shorten_if_long();
        // What an earlier run left, and what is to be retried.
        let mut found = self.sealed_in(Stage::Processing, now)?;
        found.extend(self.sealed_in(Stage::Ready, now)?);
        let collecting = self.rotation.files().collecting_slots();
        let mut slots = self.or_trouble(Stage::Collecting, now, collecting)?;
        slots.sort_unstable();
        found.extend(slots.into_iter().map(Found::Collecting));
        found.retain(|found| !self.troubles.rests(*found, now));
        self.queue = found.into();
        // Behind the listing: what an operator asked before a log moved is known before its records are.
        self.asked.look(self.rotation.files());
        Ok(())
    }

    /// Whether the spool's path leads to what this worker has opened: the directory, the lock that keeps
    /// other workers away, and the settings. What cannot be looked at now is taken to be as it was.
    fn is_in_place(&self) -> bool {
        let fs = &self.rotation.files().fs;
        let same = |path, identity| match fs.stat(path) {
            Ok(stat) => identity == Some(stat.identity),
            Err(error) => error.kind() != ErrorKind::NotFound,
        };
        fs.is_at(&self.rotation.files().path)
            && same(WORKER_LOCK, self.worker_lock.identity())
            && same(SETTINGS_FILE, self.settings_identity)
            // An editor may write into the file that is there.
            && fs.modified(SETTINGS_FILE).map_or(true, |at| self.settings_written == Some(at))
    }

    /// The logs of a stage that are not this worker's yet, oldest first.
    fn sealed_in(&mut self, stage: Stage, now: Duration) -> Result<Vec<Found>, SpoolError> {
        let logs = self.rotation.files().logs_in(stage);
        let logs = self.or_trouble(stage, now, logs)?.into_iter().filter(|log| !self.has(*log));
        Ok(logs.map(|log| Found::Sealed(stage, log)).collect())
    }

    /// What was found in a directory; nothing if it cannot be read.
    fn or_trouble<T: Default>(
        &mut self,
        stage: Stage,
        now: Duration,
        listed: Result<T, SpoolError>,
    ) -> Result<T, SpoolError> {
        let found = Found::Dir(stage.name());
        match listed {
            Ok(listed) => {
                self.troubles.clear(found);
                Ok(listed)
            }
            Err(error) if error.is_out_of_descriptors() || error.is_of_the_spool() => Err(error),
            Err(error) => {
                if !self.troubles.rests(found, now) {
                    self.troubles.note(found, now, error);
                }
                Ok(T::default())
            }
        }
    }

    /// Whether this worker has a log of this name already.
    fn has(&self, log: LogName) -> bool {
        self.logs.contains_key(&log) || self.finishing.contains_key(&log)
    }

    /// Claims a log: from here on nothing overwrites it. None if there is nothing in it, or
    /// another process was faster.
    fn claim(&self, found: Found) -> Result<Option<Claimed>, SpoolError> {
        let files = self.rotation.files();
        let path = match found {
            Found::Collecting(slot) => collecting_path(slot),
            Found::Sealed(stage, log) => log_path(stage, log),
            Found::Dir(_) => return Ok(None),
        };
        let Some(file) = files.open_if_there(&path)? else {
            return Ok(None);
        };
        if matches!(found, Found::Collecting(_))
            && files.is_empty(&*file, &path)?
            && !self.rotation.is_left_behind(&*file, &path)?
        {
            return Ok(None);
        }
        let held = files.lock_for(&*file, Lock::Exclusive, &path, Duration::ZERO)?;
        if !files.is_at(&*file, &path)? {
            return Ok(None);
        }
        let Some(name) = self.bring_to_processing(found, &*file, &path)? else {
            return Ok(None);
        };
        let processing = log_path(Stage::Processing, name);
        self.rotation.ledger().count_if_not_yet(&*file, &processing, name);
        drop(held);
        let stat = file.stat().map_err(|error| files.io("look at", &processing, error))?;
        let walk = files.walk(&*file, &processing, Some(name))?;
        // What is still out of a log that was away for a while does not come out twice.
        let out = self.out.values().filter(|out| out.log == name).map(|out| out.at);
        let log = ClaimedLog {
            identity: stat.identity,
            salt: walk.salt(),
            len: walk.end(),
            outstanding: out.collect(),
            unwritten: HashSet::new(),
            failed: false,
            damaged: false,
            again: None,
            unremembered: 0,
            spilled: NONE_SPILLED,
            read_to: 0,
            hurried: false,
        };
        Ok(Some(Claimed { name, file, walk, log }))
    }

    /// Moves a log to processing/ and returns its name there; none if nothing is in it. Call it
    /// with the log's lock.
    fn bring_to_processing(
        &self,
        found: Found,
        file: &dyn File,
        path: &str,
    ) -> Result<Option<LogName>, SpoolError> {
        let (rotation, files) = (&*self.rotation, self.rotation.files());
        match found {
            Found::Collecting(slot) => {
                let header = files.read_header(file, path)?;
                if header.is_some() && files.is_empty(file, path)? {
                    // A worker that waits for a directory without logs would else wait for ever.
                    rotation.remove_empty(file, path)?;
                    return Ok(None);
                }
                let there = |log| log_path(Stage::Processing, log);
                let free = |log| !self.has(log);
                rotation.leave_collecting(file, path, slot, there, free).map(Some)
            }
            Found::Sealed(stage, log) => {
                if stage != Stage::Processing {
                    files.bring_to_processing("claim", path, log)?;
                }
                Ok(Some(log))
            }
            Found::Dir(_) => Ok(None),
        }
    }
}
