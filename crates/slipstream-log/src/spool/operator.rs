//! What an operator asks of a spool.

use std::time::Duration;

use slipstream_core::{Destination, LastRun};

use super::Spool;
use crate::consume::{asked, attempt_log, state_files};
use crate::dead_letters::act::Act;
use crate::dead_letters::letter::{Letter, Standing};
use crate::dead_letters::selection::Selection;
use crate::dead_letters::walk::DeadLetters;
use crate::error::SpoolError;
use crate::format::layout::LAST_RUN;
use crate::format::log_name::{LogName, Stage};
use crate::fs::Open;
use crate::operate::check::{self, Report};
use crate::operate::health::Snapshot;
use crate::operate::histogram::Destinations;
use crate::operate::inspect::{InspectError, LogReader};
use crate::operate::pending;
use crate::operate::purge::{self, Purged};
use crate::operate::staleness::{self, Overdue};
use crate::operate::status::Status;
use crate::operate::survey::Survey;

impl Spool {
    /// Looks at everything in the spool.
    ///
    /// While others work, the parts are not of one moment; so it looks again, a few times, if
    /// the sums do not agree. At a quiet moment they must.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn status(&self) -> Result<Status, SpoolError> {
        Ok(Survey::new(self.rotation.ledger()).look(None)?.0)
    }

    /// The same, and for how long requests have waited, by whom they go to. Envelopes are read for
    /// no longer than `most`; what is left then is only counted.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn status_by_destination(
        &self,
        most: Duration,
    ) -> Result<(Status, Destinations), SpoolError> {
        Survey::new(self.rotation.ledger()).look(Some(most))
    }

    /// How many requests wait to be delivered; none when the logs that hold them could not all be
    /// read within `most`. The time is looked at before each log, so one log more may be read.
    ///
    /// # Errors
    /// When a directory or a log cannot be read.
    pub fn pending_within(&self, most: Duration) -> Result<Option<u64>, SpoolError> {
        pending::pending_within(self.files(), most)
    }

    /// Whether no worker has finished here for longer than `after`, and none is running that tells
    /// so. Only one of all who ask within that time is told.
    pub fn overdue(&self, after: Duration) -> Option<Overdue> {
        staleness::overdue(self.files(), after)
    }

    /// What the last run, or the one that lasts, [reported](slipstream_core::Backlog::report).
    pub fn last_run(&self) -> Option<LastRun> {
        LastRun::read(&state_files::read(self.files(), LAST_RUN, Open::Read)?)
    }

    /// Looks at everything that tells whether the spool is well. Envelopes are read for no longer than
    /// `most`; see [`Spool::status_by_destination`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use slipstream_log::Spool;
    /// use slipstream_log::health::{Finding, Severity, Thresholds};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let spool = Spool::open(dir.path().join("spool"))?;
    /// let seen = spool.snapshot(Duration::from_secs(1))?;
    /// let findings = seen.findings(&Thresholds::default());
    /// let worst = findings.iter().map(Finding::severity).max();
    /// assert!(worst < Some(Severity::Critical));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn snapshot(&self, most: Duration) -> Result<Snapshot, SpoolError> {
        let (status, destinations) = self.status_by_destination(most)?;
        Ok(Snapshot {
            path: self.path().to_owned(),
            settings: self.settings().clone(),
            status,
            destinations,
            last_run: self.last_run(),
            at: self.files().clock.now(),
        })
    }

    /// Has what waits for these destinations tried now, none for all of them: a circuit that is open, a
    /// pause that was asked for, and the time until the next attempt end. The worker that runs heeds it
    /// within a second, else the next one does.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn try_now(&self, destinations: &[Destination]) -> Result<(), SpoolError> {
        asked::ask(self.files(), destinations)
    }

    /// Requests that failed for good, to be shown, counted, retried or dropped.
    ///
    /// ```
    /// use slipstream_log::{Act, Spool};
    ///
    /// # let dir = tempfile::tempdir()?;
    /// # let spool = Spool::open(dir.path().join("spool"))?;
    /// let many_attempts = |letter: &slipstream_log::Letter<'_>| letter.attempts() > 5;
    /// let planned = spool.dead_letters().plan(many_attempts)?;
    /// println!("would retry {} in {} logs", planned.requests, planned.logs);
    /// let retried = spool.dead_letters().apply(Act::Retry, many_attempts)?;
    /// assert_eq!(retried.requests, planned.requests);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn dead_letters(&self) -> DeadLetters<'_> {
        DeadLetters::new(&self.rotation)
    }

    /// Makes failed requests pending again: those of whose bytes (an encoded
    /// [`Record`](slipstream_core::Record)) `choose` says so.
    ///
    /// # Errors
    /// As for [`DeadLetters::apply`].
    pub fn retry_failed(
        &self,
        mut choose: impl FnMut(&[u8]) -> bool,
    ) -> Result<Selection, SpoolError> {
        let choose =
            |letter: &Letter<'_>| letter.standing() == Standing::Failed && choose(letter.payload());
        self.dead_letters().apply(Act::Retry, choose)
    }

    /// Removes failed requests for good: those of whose bytes (an encoded
    /// [`Record`](slipstream_core::Record)) `choose` says so.
    ///
    /// # Errors
    /// As for [`DeadLetters::apply`].
    pub fn drop_failed(
        &self,
        mut choose: impl FnMut(&[u8]) -> bool,
    ) -> Result<Selection, SpoolError> {
        let choose =
            |letter: &Letter<'_>| letter.standing() == Standing::Failed && choose(letter.payload());
        self.dead_letters().apply(Act::Drop, choose)
    }

    /// Shows each line that was noted about a log's requests, oldest first. One at a time, for
    /// there may be as many bytes of them as of the log; one that is too long is skipped, and
    /// what is behind as many bytes as the longest log may have.
    ///
    /// # Errors
    /// When they cannot be read. A log without notes is no error.
    pub fn notes_of(&self, log: LogName, look: impl FnMut(&str)) -> Result<(), SpoolError> {
        attempt_log::each_line(self.files(), log, look)
    }

    /// The sealed logs at a stage, oldest first.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn sealed_logs(&self, stage: Stage) -> Result<Vec<LogName>, SpoolError> {
        self.files().logs_in(stage)
    }

    /// Opens one of them to be read; none if it has moved on since.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_log(&self, stage: Stage, log: LogName) -> Result<Option<LogReader>, InspectError> {
        LogReader::of_spool(self.files(), stage, log)
    }

    /// Removes every log at a stage, and counts what it still held as purged. One that cannot be
    /// removed keeps no other from being.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] for [`Stage::Processing`] while a worker runs; else when the directory
    /// cannot be read, or nothing in it changed.
    pub fn purge(&self, stage: Stage) -> Result<Purged, SpoolError> {
        purge::purge(&self.rotation, stage)
    }

    /// Reads every log and every entry, and says what is wrong. With `repair`, mends it, too.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] when a repair finds a worker running; else when the file system
    /// refuses.
    pub fn check(&self, repair: bool) -> Result<Report, SpoolError> {
        check::check(&self.rotation, repair)
    }
}
