//! A request as a filter of dead letters sees it.

use slipstream_core::{Record, Timestamp};

use crate::consume::attempt_log;
use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::frame::{SettlementField, State};
use crate::format::log_name::{LogName, Stage};

/// How a request stands that is in a log of processing/ or failed/.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It failed for good: a dead letter, which may be retried or dropped.
    Failed,
    /// It failed for good, in a log that a running worker has. Nothing can be done about it before that
    /// worker has ended.
    HeldByWorker,
    /// It waits for its next attempt.
    Waiting,
    /// It was delivered, expired, or dropped.
    Settled,
}

impl Standing {
    pub(super) fn of(state: State, stage: Stage, worker_running: bool) -> Self {
        let failed = match stage {
            Stage::Processing if worker_running => Self::HeldByWorker,
            _ => Self::Failed,
        };
        match state {
            State::Failed => failed,
            // In failed/ nothing waits: a settlement that a flipped bit made pending is as good as failed.
            State::Pending if stage == Stage::Failed => failed,
            State::Pending => Self::Waiting,
            State::Delivered | State::Expired | State::Dropped => Self::Settled,
        }
    }
}

/// A request in a log of processing/ or failed/.
pub struct Letter<'a> {
    pub(super) files: &'a SpoolFiles,
    pub(super) stage: Stage,
    pub(super) log: LogName,
    pub(super) standing: Standing,
    pub(super) settlement: SettlementField,
    pub(super) payload: &'a [u8],
}

impl Letter<'_> {
    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Whether it failed for good, wherever it is.
    pub fn is_failed(&self) -> bool {
        matches!(self.standing, Standing::Failed | Standing::HeldByWorker)
    }

    /// The stage of its log.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Its log.
    pub fn log(&self) -> LogName {
        self.log
    }

    /// How many attempts were made.
    pub fn attempts(&self) -> u16 {
        self.settlement.attempts
    }

    /// When it may be tried next, if it says so.
    pub fn due(&self) -> Option<Timestamp> {
        Some(self.settlement.due).filter(|due| *due > Timestamp::default())
    }

    /// Its bytes: an encoded [`Record`].
    pub fn payload(&self) -> &[u8] {
        self.payload
    }

    /// The record, if it can be decoded.
    pub fn record(&self) -> Option<Record> {
        Record::decode(self.payload).ok()
    }

    /// Shows each line that was noted about the requests of its log, oldest first. They are read when
    /// this is called: a filter that asks of them keeps one log's notes at a time.
    ///
    /// # Errors
    /// As for [`Spool::notes_of`](crate::Spool::notes_of).
    pub fn each_note(&self, look: impl FnMut(&str)) -> Result<(), SpoolError> {
        attempt_log::each_line(self.files, self.log, look)
    }
}

impl std::fmt::Debug for Letter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter")
            .field("log", &self.log)
            .field("standing", &self.standing)
            .finish_non_exhaustive()
    }
}
