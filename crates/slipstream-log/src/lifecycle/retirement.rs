//! How logs leave the spool for good, each step idempotent, so that the next process resumes an interrupted one.
//!
//! No log leaves removing/ before the ledger has its entries. While they cannot be written, because
//! the disk is full, what they would say stands in the log's name, and the log is emptied. What of it is
//! to be set aside is written into the room that this gives back; if another program takes that first,
//! it is counted, but not kept.

use std::ops::Range;
use std::time::Duration;

use crate::consume::backlog::notes_path;
use crate::error::SpoolError;
use crate::format::log_name::{Departure, LogName, Stage, split_leaving};
use crate::format::scan::{Item, is_zeros};
use crate::fs::File;
use crate::lifecycle::ledger::{Counts, Gone, Outcomes};
use crate::spool::{Patience, REMOVING, Shared, log_path};

/// What the name of a file of unreadable bytes has behind that of their log.
pub(crate) const DAMAGED: &str = ".damaged";
/// How much of it is kept in memory while the disk is full.
const KEPT_MAX: usize = 1 << 20;

/// Takes bytes that are set aside.
type Put<'a> = dyn FnMut(&[u8]) -> Result<(), SpoolError> + 'a;

/// Zeros in blocks of this many bytes are not copied: a file may have terabytes of them that take
/// no room.
const BLOCK: usize = 4096;
/// For how long others' unfinished removals are finished at a time. What is left then is finished
/// by a later process.
const FINISH_FOR: Duration = Duration::from_secs(2);

/// Writes what is unreadable of a log: each stretch behind a line that says where it stood.
struct Aside<'a> {
    shared: &'a Shared,
    file: &'a dyn File,
    path: &'a str,
    put: &'a mut Put<'a>,
    /// How many more bytes may be written.
    room: u64,
}

impl Aside<'_> {
    /// Writes these bytes; false when there is no room for all of them.
    fn stretch(&mut self, range: Range<u64>) -> Result<bool, SpoolError> {
        let mut at = range.start;
        while at < range.end {
            let zeros = self.run(at..range.end, is_zeros)?;
            if zeros - at >= BLOCK as u64 {
                if !self.line(&format!("-- {} zeros from {at} on --\n", zeros - at))? {
                    return Ok(false);
                }
                at = zeros;
                continue;
            }
            let end = self.run(at..range.end, |chunk| chunk.len() < BLOCK || !is_zeros(chunk))?;
            let heading = format!("-- {} bytes from {at} on --\n", end - at);
            if self.room < heading.len() as u64 + (end - at) + 1 {
                return Ok(false);
            }
            self.line(&heading)?;
            self.copy(at..end)?;
            self.line("\n")?;
            at = end;
        }
        Ok(true)
    }

    fn line(&mut self, text: &str) -> Result<bool, SpoolError> {
        let Some(room) = self.room.checked_sub(text.len() as u64) else {
            return Ok(false);
        };
        self.room = room;
        (self.put)(text.as_bytes())?;
        Ok(true)
    }

    fn copy(&mut self, range: Range<u64>) -> Result<(), SpoolError> {
        self.room -= range.end - range.start;
        let mut buffer = vec![0; 16 * BLOCK];
        let mut at = range.start;
        while at < range.end {
            let len = self.fill(&mut buffer, at, range.end)?;
            (self.put)(&buffer[..len])?;
            at += len as u64;
        }
        Ok(())
    }

    /// How far the blocks go that are like this.
    fn run(&self, range: Range<u64>, like: impl Fn(&[u8]) -> bool) -> Result<u64, SpoolError> {
        let mut buffer = vec![0; 16 * BLOCK];
        let mut at = range.start;
        while at < range.end {
            let len = self.fill(&mut buffer, at, range.end)?;
            for chunk in buffer[..len].chunks(BLOCK) {
                if !like(chunk) {
                    return Ok(at);
                }
                at += chunk.len() as u64;
            }
        }
        Ok(at)
    }

    /// Reads as many bytes as the buffer holds. What was cut off meanwhile reads as zeros.
    fn fill(&self, buffer: &mut [u8], at: u64, end: u64) -> Result<usize, SpoolError> {
        let len = (end - at).min(buffer.len() as u64) as usize;
        let read = self.file.read_at(&mut buffer[..len], at);
        let read = read.map_err(|error| self.shared.io("read", self.path, error))?;
        buffer[read..len].fill(0);
        Ok(len)
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

/// What went with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Departed {
    pub(crate) bytes: u64,
    /// Requests that were not settled before.
    pub(crate) requests: u64,
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
    /// Takes a log out of the spool, and says what went with it. None if another process
    /// moved it on first.
    pub(crate) fn depart(
        &self,
        stage: Stage,
        log: LogName,
        why: Departure,
        patience: &mut Patience,
    ) -> Result<Option<Departed>, SpoolError> {
        let path = log_path(stage, log);
        let Some(file) = self.open_if_there(&path)? else {
            return Ok(None);
        };
        let _held = patience.lock(self, &*file, &path)?;
        if !self.is_at(&*file, &path)? {
            return Ok(None);
        }
        let leaving = Leaving { log, step: Step::For(why) };
        self.move_log("remove", &path, &leaving.path())?;
        self.finish_departure(&*file, log, why)
    }

    /// Finishes what was begun and not finished: logs that were on their way out when a process
    /// ended, or the disk was full. What another process works on right now is left to it, and what
    /// takes too long to a later call.
    pub(crate) fn finish_departures(&self) -> Result<(), SpoolError> {
        self.finish_departures_for(FINISH_FOR)
    }

    /// The same, for as long as told.
    pub(crate) fn finish_departures_for(&self, most: Duration) -> Result<(), SpoolError> {
        let began = self.clock.elapsed();
        for leaving in self.logs_leaving()? {
            if self.clock.elapsed() - began > most {
                tracing::warn!("some logs in removing/ are left to a later run");
                break;
            }
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
    ) -> Result<Option<Departed>, SpoolError> {
        let path = Leaving { log, step: Step::For(why) }.path();
        let tally = self.tally(file, &path, Some(log))?;
        let sealed = self.account(log)?.stored.unwrap_or_else(|| tally.sealed());
        let unsettled = tally.pending + tally.failed;
        let mut outcomes = Outcomes {
            delivered: tally.delivered,
            expired: tally.expired,
            purged: tally.dropped,
            set_aside: tally.set_aside(sealed),
            ..Outcomes::default()
        };
        match why {
            Departure::Done if unsettled > 0 => {
                // It was settled, and a crash of the machine undid that: back it goes.
                let ready = log_path(Stage::Ready, log);
                self.move_log("put back", &path, &ready)?;
                return Ok(None);
            }
            Departure::Done => {}
            Departure::Overwritten => outcomes.overwritten = unsettled,
            Departure::Purged => outcomes.purged += unsettled,
        }
        let mut kept = None;
        if tally.damaged > 0
            && let Err(error) = self.set_damage_aside(file, &path, log)
        {
            if !error.is_full_disk() {
                return Err(error);
            }
            kept = Some(self.damage(file, &path, log)?);
        }
        let gone = Gone { bytes: tally.bytes, outcomes };
        let counts = Counts { sealed, gone };
        let counted = Leaving { log, step: Step::Counted(counts) }.path();
        self.move_log("remove", &path, &counted)?;
        if let Some(kept) = kept {
            file.truncate(0).map_err(|error| self.io("empty", &path, error))?;
            if let Err(error) = self.write_aside(log, |put| put(&kept)) {
                tracing::error!(%log, %error, "no room to set unreadable bytes aside; they are lost");
            }
        }
        if let Err(error) = self.enter_and_remove(file, log, &counts) {
            tracing::warn!(%log, %error, "emptied, but not removed yet");
        }
        Ok(Some(Departed { bytes: tally.bytes, requests: unsettled }))
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
        let _ = self.fs.remove(&notes_path(log));
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
        self.write_aside(log, |put| self.each_damage(file, path, log, put))
    }

    /// The same bytes, from the beginning as many as may be kept in memory.
    fn damage(&self, file: &dyn File, path: &str, log: LogName) -> Result<Vec<u8>, SpoolError> {
        let mut kept = Vec::new();
        self.each_damage(file, path, log, &mut |bytes| {
            let room = KEPT_MAX - kept.len();
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
            Ok(())
        })?;
        Ok(kept)
    }

    /// Writes a log's failed/NAME.damaged, whole or not at all.
    fn write_aside(
        &self,
        log: LogName,
        write: impl FnOnce(&mut Put<'_>) -> Result<(), SpoolError>,
    ) -> Result<(), SpoolError> {
        let aside = format!("{}/{log}{DAMAGED}", Stage::Failed.dir());
        let failed = |error| self.io("set aside damage in", &aside, error);
        let _ = self.fs.remove(&aside);
        self.bound_damage(log.slot)?;
        let copy = self.fs.create(&aside).map_err(failed)?;
        let written = write(&mut |bytes| copy.append(bytes).map_err(|error| failed(error.error)));
        if written.is_err() {
            let _ = self.fs.remove(&aside);
        }
        written
    }

    /// How long the file is that holds all of a log's damage.
    pub(crate) fn aside_len(
        &self,
        file: &dyn File,
        path: &str,
        log: LogName,
    ) -> Result<u64, SpoolError> {
        let mut len = 0;
        self.each_damage(file, path, log, &mut |bytes| {
            len += bytes.len() as u64;
            Ok(())
        })?;
        Ok(len)
    }

    /// Shows a log's damage as it is to be set aside: at most twice as many bytes as are read of it.
    fn each_damage(
        &self,
        file: &dyn File,
        path: &str,
        log: LogName,
        put: &mut Put<'_>,
    ) -> Result<(), SpoolError> {
        let mut walk = self.walk(file, path, Some(log))?;
        let (end, room) = (walk.end(), 2 * walk.end());
        let mut aside = Aside { shared: self, file, path, put, room };
        loop {
            let item = walk.next(file).map_err(|error| self.io("read", path, error))?;
            let Some(item) = item else {
                return Ok(());
            };
            let Item::Damage(range) = item else {
                continue;
            };
            let read = range.start.min(end)..range.end.min(end);
            if !aside.stretch(read)? {
                return (aside.put)(b"-- no more is kept --\n");
            }
            if range.end > end {
                aside.line(&format!(
                    "-- {} bytes from {end} on are not kept --\n",
                    range.end - end
                ))?;
            }
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
}
