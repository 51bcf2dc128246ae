//! Retirement: removes logs. Every step is idempotent; an interrupted one is resumed by the next process.
//!
//! No log leaves removing/ before the ledger has its entries. While they cannot be written, because
//! the disk is full, what they would say is in the log's name, and the log is emptied. What of it
//! is to be set aside is written into the room that this gives back; if another program takes that
//! first, it is counted, but not kept.

use std::time::Duration;

use slipstream_core::operator::Outcomes;

use crate::dir::files::SpoolFiles;
use crate::dir::locks::Patience;
use crate::error::SpoolError;
use crate::format::layout::{log_path, notes_path};
use crate::format::log_name::{LogName, RetireReason, Stage};
use crate::fs::File;
use crate::lifecycle::damage::{self, Damage};
use crate::lifecycle::entries::{Counts, Gone};
use crate::lifecycle::ledger::Ledger;
use crate::lifecycle::retiring_log::{RetiringLog, Step};
use crate::lifecycle::tally::Tally;

/// For how long others' unfinished removals are finished at a time. What is left then is finished
/// by a later process.
const FINISH_FOR: Duration = Duration::from_secs(2);

/// What went with a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retired {
    pub(crate) bytes: u64,
    /// Requests that were not settled before.
    pub(crate) requests: u64,
}

/// Removal of logs from an opened spool. It takes a log's lock, then the ledger's.
pub(crate) struct Retirement {
    pub(crate) ledger: Ledger,
}

impl Retirement {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self { ledger }
    }

    fn files(&self) -> &SpoolFiles {
        &self.ledger.files
    }

    /// Takes a log out of the spool, and returns what went with it. None if another process moved
    /// it on first.
    pub(crate) fn retire(
        &self,
        stage: Stage,
        log: LogName,
        why: RetireReason,
        patience: &mut Patience,
    ) -> Result<Option<Retired>, SpoolError> {
        let (files, path) = (self.files(), log_path(stage, log));
        let Some(file) = files.open_if_there(&path)? else {
            return Ok(None);
        };
        let _held = patience.lock(files, &*file, &path)?;
        if !files.is_at(&*file, &path)? {
            return Ok(None);
        }
        files.move_log("remove", &path, &RetiringLog::new(log, why).path())?;
        self.finish(&*file, log, why)
    }

    /// Finishes what was begun and not finished: logs that were on their way out when a process
    /// ended, or the disk was full. What another process works on right now is left to it, and what
    /// takes too long to a later call.
    pub(crate) fn finish_all(&self) -> Result<(), SpoolError> {
        self.finish_all_within(FINISH_FOR)
    }

    /// The same, for as long as given.
    pub(crate) fn finish_all_within(&self, most: Duration) -> Result<(), SpoolError> {
        let clock = &self.files().clock;
        let began = clock.elapsed();
        for retiring in RetiringLog::list(self.files())? {
            if clock.elapsed() - began > most {
                tracing::warn!("some logs in removing/ are left to a later run");
                break;
            }
            if let Err(error) = self.resume(&retiring) {
                tracing::warn!(log = %retiring.log, %error, "is still on its way out");
            }
        }
        Ok(())
    }

    fn resume(&self, retiring: &RetiringLog) -> Result<(), SpoolError> {
        let (files, path) = (self.files(), retiring.path());
        let Some(file) = files.open_if_there(&path)? else {
            return Ok(());
        };
        let Some(_held) = files.lock_if_free(&*file, &path)? else {
            return Ok(());
        };
        if !files.is_at(&*file, &path)? {
            return Ok(());
        }
        match &retiring.step {
            Step::For(why) => self.finish(&*file, retiring.log, *why).map(drop),
            Step::Counted(counts) => self.enter_and_remove(&*file, retiring.log, counts),
        }
    }

    /// Counts a log in removing/ and removes it. Call it with the log's lock.
    pub(crate) fn finish(
        &self,
        file: &dyn File,
        log: LogName,
        why: RetireReason,
    ) -> Result<Option<Retired>, SpoolError> {
        let (files, path) = (self.files(), RetiringLog::new(log, why).path());
        let tally = Tally::of(files, file, &path, Some(log))?;
        let sealed = self.ledger.account(log)?.stored.unwrap_or_else(|| tally.sealed());
        let unsettled = tally.pending + tally.failed;
        let mut outcomes = Outcomes::default();
        (outcomes.delivered, outcomes.expired) = (tally.delivered, tally.expired);
        (outcomes.purged, outcomes.set_aside) = (tally.dropped, tally.set_aside(sealed));
        match why {
            RetireReason::Done if unsettled > 0 => {
                // It was settled, and a crash of the machine undid that: back it goes.
                let ready = log_path(Stage::Ready, log);
                files.move_log("put back", &path, &ready)?;
                return Ok(None);
            }
            RetireReason::Done => {}
            RetireReason::Overwritten => outcomes.overwritten = unsettled,
            RetireReason::Purged => outcomes.purged += unsettled,
        }
        let mut kept = None;
        let damage = Damage { files, file, path: &path, log };
        if tally.damaged > 0
            && let Err(error) = damage.set_aside()
        {
            if !error.is_full_disk() {
                return Err(error);
            }
            kept = Some(damage.read()?);
        }
        let gone = Gone { bytes: tally.bytes, outcomes };
        let counts = Counts { sealed, gone };
        let counted = RetiringLog { log, step: Step::Counted(counts) }.path();
        files.move_log("remove", &path, &counted)?;
        if let Some(kept) = kept {
            file.truncate(0).map_err(|error| files.io("empty", &path, error))?;
            if let Err(error) = damage::set_aside(files, log, &kept) {
                tracing::error!(%log, %error, "no room to set unreadable bytes aside; they are lost");
            }
        }
        if let Err(error) = self.enter_and_remove(file, log, &counts) {
            tracing::warn!(%log, %error, "emptied, but not removed yet");
        }
        Ok(Some(Retired { bytes: tally.bytes, requests: unsettled }))
    }

    /// Enters a log whose name holds its counts, and removes it. If it cannot be entered, it is at
    /// least emptied: on a full disk that makes the room to enter it.
    fn enter_and_remove(
        &self,
        file: &dyn File,
        log: LogName,
        counts: &Counts,
    ) -> Result<(), SpoolError> {
        let retiring = RetiringLog { log, step: Step::Counted(*counts) };
        let (files, path) = (self.files(), retiring.path());
        let entered = self.ledger.enter_gone(log, counts).or_else(|_| {
            file.truncate(0).map_err(|error| files.io("empty", &path, error))?;
            self.ledger.enter_gone(log, counts)
        });
        entered?;
        let _ = files.fs.remove(&notes_path(log));
        files.fs.remove(&path).map_err(|error| files.io("remove", &path, error))
    }
}
