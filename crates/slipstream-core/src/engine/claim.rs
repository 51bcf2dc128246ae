//! A claim: one record that the worker holds, and how it is settled.

use std::time::Duration;

use crate::request::destination::Destination;

/// Names a claim within its backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

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
#[non_exhaustive]
pub struct Claim {
    /// What to answer with.
    pub ticket: Ticket,
    /// The encoded [`Record`](crate::Record).
    pub payload: Vec<u8>,
    /// Attempts that were counted before now.
    pub attempts: u32,
    /// How often in a row an attempt of it was interrupted: it was begun, and the worker ended. Such
    /// an attempt is not among those counted, unless there were too many of them.
    pub interrupted: u32,
    /// How long it must not be tried yet, for what comes out early; answer with [`Settlement::Release`]
    /// and this time.
    pub visible_in: Duration,
    /// It comes out before it is due: the first time in a run, so that the worker sees what an
    /// earlier one deferred; and once after an operator [asked](crate::Next::Asked).
    pub early: bool,
    /// Orders what is stored. Of two records with the same order key, the record that was stored
    /// first has the smaller position. It is the same each time that a record comes out.
    pub position: u128,
}

impl Claim {
    /// A record that is due now, with no attempts before. The other fields are set where it is not so.
    pub fn new(ticket: Ticket, payload: Vec<u8>, position: u128) -> Self {
        let visible_in = Duration::ZERO;
        Self { ticket, payload, attempts: 0, interrupted: 0, visible_in, early: false, position }
    }
}

/// What becomes of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// Delivered: it never comes out again.
    Delivered,
    /// Dead-lettered: it is kept with the failed ones.
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
    /// It comes out only through [`Backlog::spilled`](crate::Backlog::spilled), or in the next run. It costs the engine no
    /// memory. If an attempt was begun, it was not made, and is not counted.
    Spill,
}
