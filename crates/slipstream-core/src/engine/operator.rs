//! The operator's interface to an engine: status, dead letters, purge, check.
//!
//! An engine is a directory of logs on local disk, a replicated stream on a server, or memory in a test.
//! Only what means something in each of them is here. A *part* of an engine is what it keeps records in (a
//! log of a spool, a slot of a stream); it has a name to be shown, and nothing else is known of it.
//!
//! # Invariants
//! - The counters add up at every quiet moment: [`Totals::balanced`].
//! - What a plan counts is what is changed when it is applied.
//! - Lists of records are streamed: memory does not grow with their number.
//!
//! # Non-goals
//! What one engine alone has (logs, slots, disk use, settings): that is in its own type, beside this trait.
//! And words for people.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::engine::last_run::LastRun;
use crate::request::destination::Destination;

mod checked;
mod error;
mod health;
mod histogram;
mod holder;
mod letter;
mod selection;
mod skipped;
mod stage;
mod status;
mod totals;

pub use self::checked::{Checked, Problem};
pub use self::error::OperatorError;
pub use self::health::{Blocked, EndedEarly, Finding, Severity, Thresholds};
pub use self::histogram::{AGES, AgeHistogram, AgeHistograms, Destinations, Waiting};
pub use self::holder::{Holder, Overdue, WORKER_SILENCE};
pub use self::letter::{Act, Letter, Notes, Standing};
pub use self::selection::{SelectedTo, Selection};
pub use self::skipped::{Purged, Skipped};
pub use self::stage::{Stage, StageStatus};
pub use self::status::{NearlyFull, Status};
pub use self::totals::{Outcomes, Totals};

/// The operator's interface to an engine.
///
/// Programs that show or change what is stored take a `&dyn Operator`, and so work on any engine:
///
/// ```
/// use std::time::Duration;
///
/// use slipstream_core::operator::{Act, Operator, OperatorError, Severity, Thresholds};
///
/// /// Retries what failed for good to one host, unless something is wrong with the engine itself.
/// fn retry_to(engine: &dyn Operator, host: &str) -> Result<u64, OperatorError> {
///     let seen = engine.status(Duration::from_secs(1))?;
///     let findings = seen.findings(&Thresholds::default());
///     if findings.iter().any(|finding| finding.severity() == Severity::Critical) {
///         return Ok(0);
///     }
///     let retried = engine.apply(Act::Retry, &mut |letter| {
///         letter.record().is_some_and(|record| record.destination.is_host(host))
///     })?;
///     Ok(retried.requests)
/// }
/// ```
pub trait Operator: Send + Sync {
    /// Where it is, to be shown: a directory, or a server and a stream.
    fn place(&self) -> String;

    /// Looks at everything in it. Envelopes are read for no longer than `most`, to count for how
    /// long requests have waited, and for which destination; what is left then is only counted.
    ///
    /// While others work, the counters may not be of one moment. At a quiet moment they add up.
    ///
    /// # Errors
    /// When it cannot be looked at.
    fn status(&self, most: Duration) -> Result<Status, OperatorError>;

    /// How many requests wait to be delivered; none when that cannot be counted within about
    /// `most`.
    ///
    /// # Errors
    /// When it cannot be looked at.
    fn pending_within(&self, most: Duration) -> Result<Option<u64>, OperatorError>;

    /// What the last run, or the current one, [reported](crate::Backlog::report).
    fn last_run(&self) -> Option<LastRun>;

    /// Whether no worker has finished here for longer than `after`, and none that reports is
    /// running. Only one of all callers within that time gets this answer.
    fn overdue(&self, after: Duration) -> Option<Overdue>;

    /// Has what waits for these destinations tried now, none for all of them: a circuit that is
    /// open, a pause that was asked for, and the time until the next attempt end. The worker that
    /// runs does so within a second, else the next one does.
    ///
    /// # Errors
    /// When no worker can be asked.
    fn try_now(&self, destinations: &[Destination]) -> Result<(), OperatorError>;

    /// Shows each dead letter until `look` breaks off, oldest part first, and what is kept beside
    /// them: so `look` can also show why a request that it looks for is no dead letter. Returns
    /// what could not be read.
    ///
    /// # Errors
    /// When what there is cannot be read.
    fn each_letter(
        &self,
        look: &mut dyn FnMut(&Letter<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Skipped>, OperatorError>;

    /// Counts the dead letters that `choose` takes, and changes nothing. It is shown what
    /// [`Operator::each_letter`] shows; only dead letters count.
    ///
    /// # Errors
    /// As for [`Operator::each_letter`].
    fn plan(&self, choose: &mut dyn FnMut(&Letter<'_>) -> bool)
    -> Result<Selection, OperatorError>;

    /// Retries or drops the dead letters that `choose` takes.
    ///
    /// # Errors
    /// As for [`Operator::each_letter`], or when nothing can be changed.
    fn apply(
        &self,
        act: Act,
        choose: &mut dyn FnMut(&Letter<'_>) -> bool,
    ) -> Result<Selection, OperatorError>;

    /// Removes everything at a stage, and counts as purged what was not settled. A part that cannot be
    /// removed keeps no other from being.
    ///
    /// # Errors
    /// [`OperatorError::Busy`] when a worker has what is at that stage; else when nothing can be removed.
    fn purge(&self, stage: Stage) -> Result<Purged, OperatorError>;

    /// Reads every record and every count, and reports what is wrong. With `repair`, repairs it,
    /// too.
    ///
    /// # Errors
    /// [`OperatorError::Busy`] when a repair finds a worker running; else when it cannot be read.
    fn check(&self, repair: bool) -> Result<Checked, OperatorError>;
}
