//! How logs move on: sealed when their time is over, overwritten when a slot is full, and
//! out of the spool for good.
//!
//! Each move commits with one rename. What follows (counting, removing) can be repeated by
//! anybody who finds it undone, and gives the same result: the log does not change any more.
//!
//! No log leaves removing/ before the ledger has its entries. While they cannot be written, because
//! the disk is full, what they would say stands in the log's name, and the log is emptied.

use std::io;

use slipstream_core::Overwritten;

use crate::error::SpoolError;
use crate::frame::{LOG_HEADER, LogHeader, SEAL, SEAL_AT, State};
use crate::fs::{File, Lock, Open, Replace};
use crate::ledger::{Counts, Gone, Outcomes, Sealed};
use crate::name::{Departure, LogName, Stage, split_leaving};
use crate::settings::OnFull;
use crate::spool::{REMOVING, Shared, collecting_path, log_path};
use crate::walk::{Item, Walk};

/// What the name of a file of unreadable bytes has behind that of their log.
pub(crate) const DAMAGED: &str = ".damaged";

/// The records of one log by what has become of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) pending: u64,
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    pub(crate) expired: u64,
    /// Stretches of bytes that are no record.
    pub(crate) damaged: u64,
    pub(crate) bytes: u64,
}

impl Tally {
    pub(crate) fn readable(&self) -> u64 {
        self.pending + self.delivered + self.failed + self.expired
    }

    /// What the log holds, for its entry when it is sealed.
    pub(crate) fn sealed(&self) -> Sealed {
        Sealed { requests: self.readable() + self.damaged, bytes: self.bytes }
    }

    /// How many of the records that it held when it was sealed cannot be read any more. Without
    /// damage none may be missing, so a difference then is not hidden here.
    pub(crate) fn set_aside(&self, sealed: Sealed) -> u64 {
        if self.damaged == 0 && self.bytes >= sealed.bytes {
            return 0;
        }
        sealed.requests.saturating_sub(self.readable())
    }
}

/// A log within removing/.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaving {
    pub(crate) log: LogName,
    pub(crate) step: Step,
}

/// How far a log is on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// It has left its place, and its records are in it.
    For(Departure),
    /// Its records are counted, and may be gone.
    Counted(Counts),
}

impl Leaving {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (log, word) = split_leaving(text)?;
        let step = Departure::of_word(word).map(Step::For);
        let step = step.or_else(|| Counts::of_word(word).map(Step::Counted))?;
        Some(Self { log, step })
    }

    pub(crate) fn path(&self) -> String {
        let word = match &self.step {
            Step::For(why) => why.word().to_owned(),
            Step::Counted(counts) => counts.word(),
        };
        format!("{REMOVING}/{}.{word}", self.log)
    }
}

impl Shared {
    /// A walk over all of a log.
    pub(crate) fn walk(
        &self,
        file: &dyn File,
        path: &str,
        name: Option<LogName>,
    ) -> Result<Walk, SpoolError> {
        let end = file.stat().map_err(|error| self.io("look at", path, error))?.len;
        let header = self.read_header(file, path)?;
        // What the header can no longer tell stands in the name, too.
        let salt = header.map(|header| header.salt).or(name.map(|name| name.salt));
        Ok(salt.map_or_else(|| Walk::unreadable(end), |salt| Walk::new(salt, end)))
    }

    /// Counts the records of a log.
    pub(crate) fn tally(
        &self,
        file: &dyn File,
        path: &str,
        name: Option<LogName>,
    ) -> Result<Tally, SpoolError> {
        let mut walk = self.walk(file, path, name)?;
        let mut tally = Tally { bytes: walk.end(), ..Tally::default() };
        while let Some(item) = walk.next(file).map_err(|error| self.io("read", path, error))? {
            match item {
                Item::Damage(_) => tally.damaged += 1,
                Item::Record { settlement, .. } => match settlement.state {
                    State::Pending => tally.pending += 1,
                    State::Delivered => tally.delivered += 1,
                    State::Failed => tally.failed += 1,
                    State::Expired => tally.expired += 1,
                },
            }
        }
        Ok(tally)
    }

    /// Seals a slot's collecting log: from now on nobody appends to it, and it waits for the
    /// worker. Says what gave way for it. Nothing happens if somebody else was faster.
    pub(crate) fn seal(&self, slot: u16) -> Result<Option<Overwritten>, SpoolError> {
        let path = collecting_path(slot);
        let Some(file) = self.open_if_there(&path)? else {
            return Ok(None);
        };
        let file = &*file;
        let held = self.lock(file, Lock::Exclusive, &path)?;
        if !self.is_at(file, &path)? {
            return Ok(None);
        }
        let header = self.read_header(file, &path)?;
        if header.is_some() && self.is_empty(file, &path)? {
            self.mark_sealed(file, &path)?;
            self.fs.remove(&path).map_err(|error| self.io("remove", &path, error))?;
            return Ok(None);
        }
        let overwritten = self.make_room(slot)?;
        let name = self.sealed_name(slot, header);
        let ready = log_path(Stage::Ready, name);
        self.leave_collecting(file, &path, &ready)?;
        // Writers that wait may go on and see that it moved, while it is counted; whoever wants
        // to take it further waits.
        drop(held);
        let _held = self.lock(file, Lock::Shared, &ready)?;
        if self.is_at(file, &ready)? {
            // If it cannot be counted now, whoever takes it on counts it.
            if let Err(error) = self.count_stored(file, &ready, name) {
                tracing::warn!(log = %name, %error, "sealed, but not counted yet");
            }
        }
        Ok(overwritten)
    }

    /// Moves a collecting log on. Call it with the log's lock, held alone.
    pub(crate) fn leave_collecting(
        &self,
        file: &dyn File,
        path: &str,
        to: &str,
    ) -> Result<(), SpoolError> {
        self.mark_sealed(file, path)?;
        let renamed = self.fs.rename(path, to, Replace::Never);
        renamed.map_err(|error| self.io("seal", path, error))
    }

    /// Tells every writer that this is no longer the slot's log. Before the log moves: a writer
    /// that finds the seal on a log in its place moves it on itself.
    fn mark_sealed(&self, file: &dyn File, path: &str) -> Result<(), SpoolError> {
        let marked = file.write_at(&SEAL, SEAL_AT);
        marked.map_err(|error| self.io("seal", path, error))
    }

    /// The name that a collecting log gets when it is sealed.
    pub(crate) fn sealed_name(&self, slot: u16, header: Option<LogHeader>) -> LogName {
        match header {
            Some(header) => LogName { slot, ..LogName::of(&header) },
            None => LogName { slot, stamp: self.clock.now(), salt: self.fs.random() },
        }
    }

    pub(crate) fn is_empty(&self, file: &dyn File, path: &str) -> Result<bool, SpoolError> {
        let stat = file.stat().map_err(|error| self.io("look at", path, error))?;
        Ok(stat.len <= LOG_HEADER)
    }

    /// Enters what a sealed log holds. Call it with the log's lock.
    pub(crate) fn count_stored(
        &self,
        file: &dyn File,
        path: &str,
        name: LogName,
    ) -> Result<(), SpoolError> {
        let tally = self.tally(file, path, Some(name))?;
        self.enter_stored(name, tally.sealed())
    }

    /// Enters what a sealed log holds unless that was done; on a full disk, when it goes. Call it
    /// with the log's lock.
    pub(crate) fn count_if_not_yet(
        &self,
        file: &dyn File,
        path: &str,
        name: LogName,
    ) -> Result<(), SpoolError> {
        if self.read_ledger()?.logs.get(&name).is_some_and(|account| account.stored.is_some()) {
            return Ok(());
        }
        if let Err(error) = self.count_stored(file, path, name) {
            tracing::warn!(log = %name, %error, "claimed, but not counted yet");
        }
        Ok(())
    }

    /// Makes sure that one more log can become ready in a slot.
    fn make_room(&self, slot: u16) -> Result<Option<Overwritten>, SpoolError> {
        let keep = self.settings.logs.saturating_sub(1) as usize;
        match self.settings.on_full {
            OnFull::Overwrite => self.overwrite_oldest(Stage::Ready, slot, keep),
            OnFull::Reject => {
                let waiting =
                    self.logs_in(Stage::Ready)?.into_iter().filter(|log| log.slot == slot).count();
                if waiting <= keep {
                    return Ok(None);
                }
                Err(SpoolError::Full { path: self.path.clone(), slot, logs: self.settings.logs })
            }
        }
    }

    /// Lets a slot's oldest logs at a stage give way until it has at most `keep`.
    pub(crate) fn overwrite_oldest(
        &self,
        stage: Stage,
        slot: u16,
        keep: usize,
    ) -> Result<Option<Overwritten>, SpoolError> {
        let logs: Vec<_> =
            self.logs_in(stage)?.into_iter().filter(|log| log.slot == slot).collect();
        let mut sum: Option<Overwritten> = None;
        if logs.len() > keep {
            // What a killed process left half removed takes room, too.
            self.finish_departures()?;
        }
        for log in logs.iter().take(logs.len().saturating_sub(keep)) {
            let gone = match self.depart(stage, *log, Departure::Overwritten) {
                Ok(Some(gone)) => gone,
                Ok(None) => continue,
                // It has left its place, which is what was wanted, and is counted when it can be.
                Err(error) => {
                    tracing::warn!(%log, %error, "overwritten, but not counted and removed yet");
                    continue;
                }
            };
            tracing::warn!(%log, requests = gone.outcomes.overwritten, "overwritten");
            let more = sum.get_or_insert_with(|| Overwritten {
                log: log.to_string(),
                requests: 0,
                bytes: 0,
            });
            more.requests += gone.outcomes.overwritten;
            more.bytes += gone.bytes;
        }
        self.shorten_ledger_if_long();
        Ok(sum)
    }

    /// Takes a log out of the spool, and says what became of its records. None if somebody else
    /// moved it on first.
    pub(crate) fn depart(
        &self,
        stage: Stage,
        log: LogName,
        why: Departure,
    ) -> Result<Option<Gone>, SpoolError> {
        let path = log_path(stage, log);
        let Some(file) = self.open_if_there(&path)? else {
            return Ok(None);
        };
        let _held = self.lock(&*file, Lock::Exclusive, &path)?;
        if !self.is_at(&*file, &path)? {
            return Ok(None);
        }
        let leaving = Leaving { log, step: Step::For(why) };
        let renamed = self.fs.rename(&path, &leaving.path(), Replace::Never);
        renamed.map_err(|error| self.io("remove", &path, error))?;
        self.finish_departure(&*file, log, why)
    }

    /// Finishes what was begun and not finished: logs that were on their way out when a process
    /// ended, or the disk was full. What somebody else is at right now is left to him.
    pub(crate) fn finish_departures(&self) -> Result<(), SpoolError> {
        for leaving in self.logs_leaving()? {
            if let Err(error) = self.finish_leaving(&leaving) {
                tracing::warn!(log = %leaving.log, %error, "is still on its way out");
            }
        }
        Ok(())
    }

    fn finish_leaving(&self, leaving: &Leaving) -> Result<(), SpoolError> {
        let path = leaving.path();
        let Some(file) = self.open_if_there(&path)? else {
            return Ok(());
        };
        let Some(_held) = self.lock_if_free(&*file, &path)? else {
            return Ok(());
        };
        if !self.is_at(&*file, &path)? {
            return Ok(());
        }
        match &leaving.step {
            Step::For(why) => self.finish_departure(&*file, leaving.log, *why).map(drop),
            Step::Counted(counts) => self.enter_and_remove(&*file, leaving.log, counts),
        }
    }

    /// Counts a log in removing/ and removes it. Call it with the log's lock.
    pub(crate) fn finish_departure(
        &self,
        file: &dyn File,
        log: LogName,
        why: Departure,
    ) -> Result<Option<Gone>, SpoolError> {
        let path = Leaving { log, step: Step::For(why) }.path();
        let tally = self.tally(file, &path, Some(log))?;
        let entered = self.read_ledger()?.logs.get(&log).and_then(|account| account.stored);
        let sealed = entered.unwrap_or_else(|| tally.sealed());
        let unsettled = tally.pending + tally.failed;
        let mut outcomes = Outcomes {
            delivered: tally.delivered,
            expired: tally.expired,
            set_aside: tally.set_aside(sealed),
            ..Outcomes::default()
        };
        match why {
            Departure::Done if unsettled > 0 => {
                // It was settled, and a crash of the machine undid that: back it goes.
                let ready = log_path(Stage::Ready, log);
                let renamed = self.fs.rename(&path, &ready, Replace::Never);
                renamed.map_err(|error| self.io("put back", &path, error))?;
                return Ok(None);
            }
            Departure::Done => {}
            Departure::Overwritten => outcomes.overwritten = unsettled,
            Departure::Purged => outcomes.purged = unsettled,
        }
        if tally.damaged > 0 {
            self.set_damage_aside(file, &path, log)?;
        }
        let gone = Gone { bytes: tally.bytes, outcomes };
        let counts = Counts { sealed, gone };
        let counted = Leaving { log, step: Step::Counted(counts) }.path();
        let renamed = self.fs.rename(&path, &counted, Replace::Never);
        renamed.map_err(|error| self.io("remove", &path, error))?;
        if let Err(error) = self.enter_and_remove(file, log, &counts) {
            tracing::warn!(%log, %error, "emptied, but not removed yet");
        }
        Ok(Some(gone))
    }

    /// Enters a log whose name tells its counts, and removes it. If it cannot be entered, it is at
    /// least emptied: on a full disk that makes the room to enter it.
    fn enter_and_remove(
        &self,
        file: &dyn File,
        log: LogName,
        counts: &Counts,
    ) -> Result<(), SpoolError> {
        let path = Leaving { log, step: Step::Counted(*counts) }.path();
        let entered = self.enter_gone(log, counts).or_else(|_| {
            file.truncate(0).map_err(|error| self.io("empty", &path, error))?;
            self.enter_gone(log, counts)
        });
        entered?;
        self.fs.remove(&path).map_err(|error| self.io("remove", &path, error))
    }

    /// Copies the unreadable bytes of a log to failed/NAME.damaged, each stretch behind a line
    /// that says where it stood.
    pub(crate) fn set_damage_aside(
        &self,
        file: &dyn File,
        path: &str,
        log: LogName,
    ) -> Result<(), SpoolError> {
        let aside = format!("{}/{log}{DAMAGED}", Stage::Failed.dir());
        let failed = |error| self.io("set aside damage in", &aside, error);
        let _ = self.fs.remove(&aside);
        self.bound_damage(log.slot)?;
        let copy = self.fs.create(&aside).map_err(failed)?;
        let mut walk = self.walk(file, path, Some(log))?;
        loop {
            let item = walk.next(file).map_err(|error| self.io("read", path, error))?;
            let Some(item) = item else {
                return Ok(());
            };
            let Item::Damage(range) = item else {
                continue;
            };
            let put = |bytes: &[u8]| copy.append(bytes).map_err(|error| failed(error.error));
            put(format!("-- {} bytes from {} on --\n", range.end - range.start, range.start)
                .as_bytes())?;
            let mut at = range.start;
            let mut buffer = vec![0; 64 * 1024];
            while at < range.end {
                let len = (range.end - at).min(buffer.len() as u64) as usize;
                let read = file
                    .read_at(&mut buffer[..len], at)
                    .map_err(|error| self.io("read", path, error))?;
                if read == 0 {
                    break;
                }
                put(&buffer[..read])?;
                at += read as u64;
            }
            put(b"\n")?;
        }
    }

    /// Keeps what was set aside for a slot within the same bound as its logs.
    fn bound_damage(&self, slot: u16) -> Result<(), SpoolError> {
        let names = self.list(Stage::Failed.dir())?;
        let mut aside: Vec<_> = names
            .iter()
            .filter_map(|name| LogName::parse(name.strip_suffix(DAMAGED)?))
            .filter(|log| log.slot == slot)
            .collect();
        aside.sort_unstable();
        let keep = self.settings.logs.saturating_sub(1) as usize;
        for log in aside.iter().take(aside.len().saturating_sub(keep)) {
            let path = format!("{}/{log}{DAMAGED}", Stage::Failed.dir());
            self.fs.remove(&path).map_err(|error| self.io("remove", &path, error))?;
        }
        Ok(())
    }

    /// Opens a log to settle records in it; none if it is not there any more.
    pub(crate) fn open_if_there(&self, path: &str) -> Result<Option<Box<dyn File>>, SpoolError> {
        match self.fs.open(path, Open::Update) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io("open", path, error)),
        }
    }
}
