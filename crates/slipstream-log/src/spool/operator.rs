//! The operator's side of a spool: what any engine offers, and what only logs can.

use std::ops::ControlFlow;
use std::time::Duration;

use slipstream_core::operator::{
    Act, Checked, Letter, Operator, OperatorError, Overdue, Purged, Selection, Skipped, Status,
};
use slipstream_core::{Destination, LastRun};

use super::Spool;
use crate::consume::asked;
use crate::dead_letters::walk;
use crate::error::SpoolError;
use crate::format::log_name::{LogName, Stage};
use crate::operate::status::SpoolStatus;
use crate::operate::survey::{self, Survey};
use crate::operate::{check, pending, purge, staleness};

/// A part of a spool is a log. Errors are [`SpoolError`]s, but for [`OperatorError::Busy`].
///
/// ```
/// use std::time::Duration;
///
/// use slipstream_core::operator::{Act, Finding, Letter, Operator, Severity, Thresholds};
/// use slipstream_log::Spool;
///
/// # let dir = tempfile::tempdir()?;
/// # let spool = Spool::open(dir.path().join("spool"))?;
/// let seen = spool.status(Duration::from_secs(1))?;
/// let findings = seen.findings(&Thresholds::default());
/// let worst = findings.iter().map(Finding::severity).max();
/// assert!(worst < Some(Severity::Critical));
///
/// let mut many_attempts = |letter: &Letter<'_>| letter.attempts > 5;
/// let planned = spool.plan(&mut many_attempts)?;
/// println!("would retry {} in {} logs", planned.requests, planned.parts);
/// let retried = spool.apply(Act::Retry, &mut many_attempts)?;
/// assert_eq!(retried.requests, planned.requests);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl Operator for Spool {
    fn place(&self) -> String {
        self.path().display().to_string()
    }

    fn status(&self, most: Duration) -> Result<Status, OperatorError> {
        Ok(self.spool_status(most)?.status)
    }

    /// The time is looked at before each log, so one log more may be read.
    fn pending_within(&self, most: Duration) -> Result<Option<u64>, OperatorError> {
        Ok(pending::pending_within(self.files(), most)?)
    }

    fn last_run(&self) -> Option<LastRun> {
        survey::last_run(self.files())
    }

    fn overdue(&self, after: Duration) -> Option<Overdue> {
        staleness::overdue(self.files(), after)
    }

    fn try_now(&self, destinations: &[Destination]) -> Result<(), OperatorError> {
        Ok(asked::ask(self.files(), destinations)?)
    }

    /// The letters of processing/ and failed/, each log once.
    fn each_letter(
        &self,
        look: &mut dyn FnMut(&Letter<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Skipped>, OperatorError> {
        Ok(walk::each(&self.rotation, look)?)
    }

    fn plan(
        &self,
        choose: &mut dyn FnMut(&Letter<'_>) -> bool,
    ) -> Result<Selection, OperatorError> {
        Ok(walk::plan(&self.rotation, choose)?)
    }

    fn apply(
        &self,
        act: Act,
        choose: &mut dyn FnMut(&Letter<'_>) -> bool,
    ) -> Result<Selection, OperatorError> {
        Ok(walk::apply(&self.rotation, act, choose)?)
    }

    fn purge(&self, stage: Stage) -> Result<Purged, OperatorError> {
        Ok(purge::purge(&self.rotation, stage)?)
    }

    fn check(&self, repair: bool) -> Result<Checked, OperatorError> {
        Ok(check::check(&self.rotation, repair)?)
    }
}

/// What only a spool can report.
impl Spool {
    /// What [`Operator::status`] reports, and the spool's slots, settings and accounts, of one
    /// look.
    ///
    /// While others work, the parts are not of one moment; so it looks again, a few times, if
    /// the sums do not agree. At a quiet moment they must.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn spool_status(&self, most: Duration) -> Result<SpoolStatus, SpoolError> {
        Survey::new(self.rotation.ledger()).look(most)
    }

    /// The sealed logs at a stage, oldest first.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn sealed_logs(&self, stage: Stage) -> Result<Vec<LogName>, SpoolError> {
        self.files().logs_in(stage)
    }
}
