//! Where records are kept between the program that stores them and the worker that
//! delivers them.
//!
//! The trait serves two homes: a directory on local disk, and a replicated stream on
//! other machines. So it promises only what both can: records go in and are acknowledged;
//! records come out as claims, each settled by itself; an attempt is counted before it is
//! made; what is put off comes out again when it is due. Files, slots and locks are the
//! spool's own business, streams and consumers the stream's.

use std::error::Error;
use std::ops::Bound;
use std::time::Duration;

use crate::{Destination, Notifier, Record, RecordId, Source};

/// Keeps records until they are delivered.
pub trait Engine: Send + Sync {
    /// Stores records, in this order. When it returns, they are acknowledged.
    ///
    /// # Errors
    /// Nothing of what was given is acknowledged; some of it may be delivered all the same
    /// when it was several records, or the error is [`StoreError::DurabilityUnknown`].
    fn store(&self, source: &Source, records: &[Record]) -> Result<Receipt, StoreError>;

    /// Opens what is stored for the one worker that may work it.
    ///
    /// # Errors
    /// [`BacklogError::Busy`] when another worker has it, else why it cannot be worked.
    fn backlog(&self) -> Result<Box<dyn Backlog>, BacklogError>;
}

/// What an engine says of a successful store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// What had to give way to keep the bound on disk use.
    pub overwritten: Vec<Overwritten>,
    /// What was not stored, because it repeats what was stored a moment ago.
    pub duplicates: Vec<Duplicate>,
}

/// A record that was not stored: one with the same dedupe key was, within its window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duplicate {
    /// The record that was given.
    pub id: RecordId,
    /// The earlier one.
    pub of: RecordId,
}

/// Undelivered work that was given up to keep the bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overwritten {
    /// The log that held it.
    pub log: String,
    /// Requests that it still held.
    pub requests: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Why a record was not stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The request can never be delivered as it stands.
    #[error(transparent)]
    Invalid(#[from] crate::Invalid),
    /// The record is larger than the engine takes.
    #[error(
        "the request takes {bytes} bytes and the limit is {limit}; store it smaller, or raise the limit"
    )]
    TooLarge {
        /// Its size in bytes.
        bytes: u64,
        /// The engine's limit in bytes.
        limit: u64,
    },
    /// The engine is full and was told to refuse rather than overwrite.
    #[error("{0}")]
    Full(String),
    /// It was written, but whether it would survive a power loss is unknown.
    #[error("the request was written but may not survive a power loss")]
    DurabilityUnknown(#[source] Box<dyn Error + Send + Sync>),
    /// The engine failed.
    #[error(transparent)]
    Engine(Box<dyn Error + Send + Sync>),
}

/// What waits to be delivered, as its one worker sees it.
///
/// Records come out oldest first as far as the engine knows ages; those with the same order key
/// always do, the first time in a run. Each claim is answered by one [`Backlog::settle`]; dropping
/// a backlog puts unanswered claims back.
pub trait Backlog {
    /// The next record that is due, if there is one now.
    ///
    /// # Errors
    /// When the engine itself fails. One unreadable record is not an error: it is set aside. After
    /// [`BacklogError::Unavailable`] it is worth another try when something in flight has ended.
    fn next(&mut self) -> Result<Next, BacklogError>;

    /// The first record by [place](Claim::place), from this bound on, of those that were answered with
    /// [`Settlement::Spill`]. None when there is none.
    ///
    /// # Errors
    /// As for [`Backlog::next`].
    fn spilled(&mut self, from: Bound<u128>) -> Result<Option<Claim>, BacklogError>;

    /// Counts an attempt where a crash cannot undo it, and returns its number, 1 for the
    /// first. Call it before the attempt is made. One that is interrupted, by a crash or a kill, gets
    /// its number back, up to a bound that stops a request which crashes its worker.
    ///
    /// # Errors
    /// The attempt must not be made. After [`BacklogError::Unavailable`] the ticket is still to be
    /// settled, by [`Settlement::Release`]; the run goes on.
    fn begin(&mut self, ticket: Ticket) -> Result<u32, BacklogError>;

    /// Records what became of a claim. The ticket is spent.
    ///
    /// # Errors
    /// The verdict is not recorded; the request may be attempted again. After
    /// [`BacklogError::Unavailable`] the engine tries again to record it; the run goes on.
    fn settle(&mut self, ticket: Ticket, verdict: Settlement) -> Result<(), BacklogError>;

    /// Keeps a line about a claim that is out, for the operator: what became of an attempt. Lines
    /// are kept as long as the record is, as far as there is room; they are no promise.
    fn note(&mut self, ticket: Ticket, line: &str) {
        let _ = (ticket, line);
    }

    /// What the last run remembered, if anything.
    fn recall(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// Remembers this for the next run, in place of what was remembered before. At most a
    /// megabyte; no promise either.
    fn remember(&mut self, memory: &[u8]) {
        let _ = memory;
    }

    /// Keeps this for the operator: what the run did, or has done so far, in place of what was kept
    /// before. A few kilobytes at most; no promise either. Call it once a minute while the run lasts: a
    /// worker that tells nothing for minutes is taken for one that hangs.
    fn report(&mut self, run: &[u8]) {
        let _ = run;
    }

    /// Wakes this one whenever records may have come, from now on.
    ///
    /// # Errors
    /// The engine cannot tell when.
    fn follow(&mut self, notifier: Notifier) -> Result<(), BacklogError> {
        drop(notifier);
        Err(BacklogError::Engine("this engine cannot tell when records come".into()))
    }

    /// Puts everything in its final place, at the end of a run. Claims that were not answered come
    /// out of the next backlog. Until it is dropped, the backlog is still this worker's, who may
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

/// Names a claim within its backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What a backlog has to give.
#[derive(Debug)]
pub enum Next {
    /// A record to work on.
    Work(Claim),
    /// An operator asked for these. It comes before the records that it is about, and everything that
    /// waits for its time comes out [early](Claim::early) once.
    Asked(Vec<TryNow>),
    /// Nothing now; the earliest of what was put off is due after this long.
    Wait(Duration),
    /// Nothing at all, but for the claims that are out.
    Empty,
}

/// What an operator wants tried without waiting for a pause, a circuit or a back-off to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TryNow {
    /// Everything.
    All,
    /// What goes to this destination.
    To(Destination),
}

impl TryNow {
    /// Whether it is about this destination.
    pub fn concerns(&self, destination: &Destination) -> bool {
        match self {
            Self::All => true,
            Self::To(asked) => asked == destination,
        }
    }
}

/// A record that the worker holds.
#[derive(Debug)]
pub struct Claim {
    /// What to answer with.
    pub ticket: Ticket,
    /// The encoded [`Record`].
    pub payload: Vec<u8>,
    /// Attempts that were counted before now.
    pub attempts: u32,
    /// How often in a row an attempt of it was interrupted: it was begun, and the worker ended. Such
    /// an attempt is not among those counted, unless there were too many of them.
    pub interrupted: u32,
    /// How long it must not be tried yet, for what comes out early; answer with [`Settlement::Release`]
    /// and this time.
    pub visible_in: Duration,
    /// It comes out before it is due: the first time in a run, so that the worker knows of what an
    /// earlier one put off; and once after an operator [asked](Next::Asked).
    pub early: bool,
    /// Orders what is stored. Of two records with the same order key, the one that was stored first
    /// has the smaller place. It is the same each time that a record comes out.
    pub position: u128,
}

/// What becomes of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// Delivered: it never comes out again.
    Delivered,
    /// Given up: it is kept with the failed ones.
    Failed,
    /// It outlived its use: it never comes out again, and is counted.
    Expired,
    /// It comes out again after this long, in a later run if need be: the time is kept.
    Retry {
        /// Counted from now.
        after: Duration,
    },
    /// It comes out again after this long in this run, or at once in the next. If an attempt was
    /// begun, it was not made, and is not counted.
    Release {
        /// Counted from now.
        after: Duration,
    },
    /// It comes out only through [`Backlog::spilled`], or in the next run. It costs the engine no
    /// memory. If an attempt was begun, it was not made, and is not counted.
    Spill,
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
