//! A request as a filter of dead letters sees it, and what may be done to it.

use std::fmt;

use super::error::OperatorError;
use super::stage::Stage;
use crate::clock::Timestamp;
use crate::request::record::Record;

/// What is done to chosen dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// They are given to the next worker, as if they had never been tried.
    Retry,
    /// They are removed for good, and count as purged.
    Drop,
}

/// The state of a request that is shown to a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It failed for good: a dead letter, which may be retried or dropped.
    Failed,
    /// It failed for good, in a part that a running worker has. Nothing can be done about it before that
    /// worker has ended.
    HeldByWorker,
    /// It waits for its next attempt.
    Waiting,
    /// It was delivered, expired, or dropped.
    Settled,
}

/// Shows each line that was noted about the requests of a part, oldest first.
pub type Notes<'a> = dyn Fn(&mut dyn FnMut(&str)) -> Result<(), OperatorError> + 'a;

/// A request that failed for good, or is kept beside such ones.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Letter<'a> {
    /// Its state.
    pub standing: Standing,
    /// The stage of its part.
    pub stage: Stage,
    /// Its part's name: of a spool, the path of its log beneath it.
    pub part: &'a str,
    /// How many attempts were made.
    pub attempts: u32,
    /// When it may be tried next, if it says so.
    pub due: Option<Timestamp>,
    /// Its bytes: an encoded [`Record`].
    pub payload: &'a [u8],
    notes: Option<&'a Notes<'a>>,
}

impl<'a> Letter<'a> {
    /// A request in a part; no attempts, no due time and no notes.
    pub fn new(standing: Standing, stage: Stage, part: &'a str, payload: &'a [u8]) -> Self {
        Self { standing, stage, part, attempts: 0, due: None, payload, notes: None }
    }

    /// The same, with what was noted about the requests of its part. It is called when a filter
    /// [asks](Self::each_note).
    #[must_use]
    pub fn with_notes(self, notes: &'a Notes<'a>) -> Self {
        Self { notes: Some(notes), ..self }
    }

    /// Whether it failed for good, wherever it is.
    pub fn is_failed(&self) -> bool {
        matches!(self.standing, Standing::Failed | Standing::HeldByWorker)
    }

    /// The record, if it can be decoded.
    pub fn record(&self) -> Option<Record> {
        Record::decode(self.payload).ok()
    }

    /// Shows each line that was noted about the requests of its part, oldest first. They are read when
    /// this is called: a filter that asks of them keeps one part's notes at a time.
    ///
    /// # Errors
    /// When they cannot be read. That there are none is no error.
    pub fn each_note(&self, mut look: impl FnMut(&str)) -> Result<(), OperatorError> {
        self.notes.map_or(Ok(()), |notes| notes(&mut look))
    }
}

impl fmt::Debug for Letter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter")
            .field("part", &self.part)
            .field("standing", &self.standing)
            .finish_non_exhaustive()
    }
}
