//! The backlog: what is stored, as the one worker that works it sees it.

use std::error::Error;
use std::ops::Bound;
use std::time::Duration;

use crate::driver::notifier::Notifier;
use crate::engine::claim::{Claim, Settlement, Ticket, TryNow};

/// What waits to be delivered, as its one worker sees it.
///
/// Records come out oldest first as far as the engine knows ages; records with the same order key
/// always do, the first time in a run. Each claim is answered by one [`Backlog::settle`]; dropping
/// a backlog releases unanswered claims.
pub trait Backlog {
    /// The next record that is due, if there is one now.
    ///
    /// # Errors
    /// When the engine itself fails. One unreadable record is not an error: it is set aside. After
    /// [`BacklogError::Unavailable`] it is worth another try when something in flight has ended.
    fn next(&mut self) -> Result<Next, BacklogError>;

    /// The first record by [position](Claim::position), from this bound on, of the records that
    /// were answered with [`Settlement::Spill`]. None when there is none.
    ///
    /// # Errors
    /// As for [`Backlog::next`].
    fn spilled(&mut self, from: Bound<u128>) -> Result<Option<Claim>, BacklogError>;

    /// Counts an attempt where a crash cannot undo it, and returns its number, 1 for the first.
    /// Call it before the attempt is made. An attempt that is interrupted, by a crash or a kill,
    /// gets its number back, up to a bound that stops a request which crashes its worker.
    ///
    /// # Errors
    /// The attempt must not be made. After [`BacklogError::Unavailable`] the ticket is still to be
    /// settled, by [`Settlement::Release`]; the run goes on.
    fn begin(&mut self, ticket: Ticket) -> Result<u32, BacklogError>;

    /// Records what became of a claim. The ticket is spent.
    ///
    /// # Errors
    /// The settlement is not recorded; the request may be attempted again. After
    /// [`BacklogError::Unavailable`] the engine tries again to record it; the run goes on.
    fn settle(&mut self, ticket: Ticket, settlement: Settlement) -> Result<(), BacklogError>;

    /// Keeps a line about a claim that is out, for the operator: what became of an attempt. Lines
    /// are kept as long as the record is, as far as there is room: best effort.
    fn note(&mut self, ticket: Ticket, line: &str) {
        let _ = (ticket, line);
    }

    /// What the last run remembered, if anything.
    fn recall(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// Remembers this for the next run, in place of what was remembered before. At most a megabyte;
    /// best effort, too.
    fn remember(&mut self, memory: &[u8]) {
        let _ = memory;
    }

    /// Keeps this for the operator: what the run did, or has done so far, in place of what was kept
    /// before. A few kilobytes at most; best effort, too. Call it once a minute while the run
    /// lasts: a worker that reports nothing for minutes is taken to hang.
    fn report(&mut self, run: &[u8]) {
        let _ = run;
    }

    /// Wakes this one whenever records may have come, from now on.
    ///
    /// # Errors
    /// The engine cannot report when.
    fn follow(&mut self, notifier: Notifier) -> Result<(), BacklogError> {
        drop(notifier);
        Err(BacklogError::Engine("this engine cannot tell when records come".into()))
    }

    /// Puts everything in its final place, at the end of a run. Claims that were not answered come
    /// out of the next backlog. Until it is dropped, the backlog is still this worker's, which may
    /// yet [report](Backlog::report) how that went.
    ///
    /// # Errors
    /// The engine could not finish; the next backlog will.
    fn finish(&mut self) -> Result<(), BacklogError>;

    /// Finishes it, and lets go of it.
    ///
    /// # Errors
    /// As for [`Backlog::finish`].
    fn close(mut self: Box<Self>) -> Result<(), BacklogError> {
        self.finish()
    }
}

/// What a backlog has to give.
#[derive(Debug)]
pub enum Next {
    /// A record to work on.
    Work(Claim),
    /// An operator asked for these. It comes before the records that it is about, and everything that
    /// waits for its time comes out [early](Claim::early) once.
    Asked(Vec<TryNow>),
    /// Nothing now; the earliest of what was deferred is due after this long.
    Wait(Duration),
    /// Nothing at all, but for the claims that are out.
    Empty,
}

/// Why a backlog could not be worked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BacklogError {
    /// Another worker has it.
    #[error("another worker is running{}", .holder.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    Busy {
        /// Its process id, if it is known.
        holder: Option<u32>,
    },
    /// What this claim is kept in cannot be used now; all other claims can.
    #[error("{reason}")]
    Unavailable {
        /// When it may be worth another try.
        retry_in: Duration,
        /// Why.
        reason: String,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(Box<dyn Error + Send + Sync>),
}
