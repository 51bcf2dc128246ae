//! A backlog in memory, with its books open to the test.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::ops::Bound;
use std::rc::Rc;
use std::time::Duration;

use slipstream_core::{
    Backlog, BacklogError, Claim, Clock, Next, Notifier, Settlement, Ticket, TryNow,
};
use slipstream_worker::LastRun;

use crate::fakes::FakeClock;

/// A backlog of so many records, made as they are claimed; and its books.
pub(crate) fn of(
    count: usize,
    payload: impl Fn(u64) -> Vec<u8> + 'static,
    clock: FakeClock,
) -> (Rc<RefCell<Books>>, Box<dyn Backlog>) {
    let books = Rc::new(RefCell::new(Books {
        states: vec![State::Waiting; count],
        attempts: vec![0; count],
        interrupted: vec![0; count],
        begun: vec![false; count],
        ..Books::default()
    }));
    let backlog = FakeBacklog { books: books.clone(), payload: Box::new(payload), clock };
    (books, Box::new(backlog))
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum State {
    #[default]
    Waiting,
    Claimed,
    Delivered,
    Failed,
    Expired,
}

/// The books of a backlog, open to the test after the run.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) states: Vec<State>,
    pub(crate) attempts: Vec<u32>,
    /// How often each was interrupted by earlier workers.
    pub(crate) interrupted: Vec<u32>,
    /// Whose attempt was begun and is not settled.
    begun: Vec<bool>,
    pub(crate) claimed: usize,
    pub(crate) most_claimed: usize,
    pub(crate) put_back: u64,
    pub(crate) closed: bool,
    /// Whether a notifier was given.
    pub(crate) followed: bool,
    /// The lines that were left, by ticket.
    pub(crate) notes: Vec<(u64, String)>,
    /// What was remembered last.
    pub(crate) memory: Option<Vec<u8>>,
    /// What was reported, in order.
    pub(crate) reports: Vec<LastRun>,
    /// `finish` fails.
    pub(crate) refuses_to_finish: bool,
    /// Settlements that succeed before all fail.
    pub(crate) settlements_left: Option<u64>,
    /// `begin` fails from now on.
    pub(crate) refuses_to_begin: bool,
    /// Claims by ticket that are unavailable, and how often `begin` says so before it goes through.
    pub(crate) begin_unavailable: BTreeMap<u64, u32>,
    /// Claims whose outcome cannot be recorded now.
    pub(crate) settle_unavailable: BTreeSet<u64>,
    /// What an operator asks for, to be returned once.
    pub(crate) asks: Vec<TryNow>,
    due: BinaryHeap<Reverse<(Duration, u64)>>,
    /// When the records are due that come out early.
    early: BTreeMap<u64, Duration>,
    /// The records that were spilled.
    passed: BTreeSet<u64>,
    /// How often a record that was spilled was read again.
    pub(crate) read_again: u64,
    fresh: u64,
}

impl Books {
    /// One more record that waits.
    pub(crate) fn add(&mut self) {
        self.states.push(State::Waiting);
        self.attempts.push(0);
        self.interrupted.push(0);
        self.begun.push(false);
    }

    pub(crate) fn count(&self, state: State) -> usize {
        self.states.iter().filter(|&&each| each == state).count()
    }

    pub(crate) fn at(ticket: Ticket) -> usize {
        usize::try_from(ticket.0).expect("tickets are indices here")
    }
}

struct FakeBacklog {
    books: Rc<RefCell<Books>>,
    payload: Box<dyn Fn(u64) -> Vec<u8>>,
    clock: FakeClock,
}

impl FakeBacklog {
    fn claim(&self, books: &mut Books, ticket: u64, wait: Duration) -> Claim {
        let index = Books::at(Ticket(ticket));
        assert_eq!(books.states[index], State::Waiting);
        books.states[index] = State::Claimed;
        books.claimed += 1;
        books.most_claimed = books.most_claimed.max(books.claimed);
        let mut claim = Claim::new(Ticket(ticket), (self.payload)(ticket), ticket.into());
        claim.attempts = books.attempts[index];
        claim.interrupted = books.interrupted[index];
        claim.visible_in = wait;
        claim.early = !wait.is_zero();
        claim
    }
}

fn broken() -> BacklogError {
    BacklogError::Engine("the disk is full".into())
}

fn unavailable() -> BacklogError {
    BacklogError::Unavailable { retry_in: Duration::from_secs(60), reason: "I/O error".into() }
}

impl Backlog for FakeBacklog {
    fn next(&mut self) -> Result<Next, BacklogError> {
        let mut books = self.books.borrow_mut();
        let now = self.clock.elapsed();
        if !books.asks.is_empty() {
            // Everything that waits comes out once.
            for Reverse((due, ticket)) in std::mem::take(&mut books.due) {
                books.early.insert(ticket, due);
                books.due.push(Reverse((now, ticket)));
            }
            return Ok(Next::Asked(std::mem::take(&mut books.asks)));
        }
        let due = books.due.peek().map(|&Reverse((due, _))| due);
        let ticket = match due {
            Some(due) if due <= now => books.due.pop().expect("it was peeked at").0.1,
            _ if books.fresh < books.states.len() as u64 => {
                books.fresh += 1;
                books.fresh - 1
            }
            Some(due) => return Ok(Next::Wait(due - now)),
            None => return Ok(Next::Empty),
        };
        let wait =
            books.early.remove(&ticket).map_or(Duration::ZERO, |due| due.saturating_sub(now));
        Ok(Next::Work(self.claim(&mut books, ticket, wait)))
    }

    fn spilled(&mut self, from: Bound<u128>) -> Result<Option<Claim>, BacklogError> {
        let mut books = self.books.borrow_mut();
        let from = from.map(|position| u64::try_from(position).expect("places are indices here"));
        let first = books.passed.range((from, Bound::Unbounded)).next().copied();
        let Some(ticket) = first else { return Ok(None) };
        books.passed.remove(&ticket);
        books.read_again += 1;
        Ok(Some(self.claim(&mut books, ticket, Duration::ZERO)))
    }

    fn begin(&mut self, ticket: Ticket) -> Result<u32, BacklogError> {
        let mut books = self.books.borrow_mut();
        if books.refuses_to_begin {
            return Err(broken());
        }
        assert_eq!(books.states[Books::at(ticket)], State::Claimed);
        if let Some(left) = books.begin_unavailable.get_mut(&ticket.0).filter(|left| **left > 0) {
            *left -= 1;
            return Err(unavailable());
        }
        books.attempts[Books::at(ticket)] += 1;
        books.begun[Books::at(ticket)] = true;
        Ok(books.attempts[Books::at(ticket)])
    }

    fn settle(&mut self, ticket: Ticket, settlement: Settlement) -> Result<(), BacklogError> {
        let mut books = self.books.borrow_mut();
        if let Some(left) = &mut books.settlements_left {
            *left = left.checked_sub(1).ok_or_else(broken)?;
        }
        let puts_back = matches!(settlement, Settlement::Release { after: _ } | Settlement::Spill);
        if !puts_back && books.settle_unavailable.contains(&ticket.0) {
            books.claimed -= 1;
            return Err(unavailable());
        }
        let index = Books::at(ticket);
        assert_eq!(books.states[index], State::Claimed, "each claim is settled once");
        books.claimed -= 1;
        let begun = std::mem::take(&mut books.begun[index]);
        if begun && puts_back {
            // It was not made.
            books.attempts[index] -= 1;
        }
        books.states[index] = match settlement {
            Settlement::Delivered => State::Delivered,
            Settlement::Failed => State::Failed,
            Settlement::Expired => State::Expired,
            Settlement::Spill => {
                books.passed.insert(ticket.0);
                State::Waiting
            }
            Settlement::Retry { after: wait } | Settlement::Release { after: wait } => {
                books.put_back += u64::from(matches!(settlement, Settlement::Release { after: _ }));
                books.due.push(Reverse((self.clock.elapsed() + wait, ticket.0)));
                State::Waiting
            }
        };
        Ok(())
    }

    fn note(&mut self, ticket: Ticket, line: &str) {
        assert_eq!(self.books.borrow().states[Books::at(ticket)], State::Claimed);
        self.books.borrow_mut().notes.push((ticket.0, line.to_owned()));
    }

    fn recall(&mut self) -> Option<Vec<u8>> {
        self.books.borrow().memory.clone()
    }

    fn remember(&mut self, memory: &[u8]) {
        self.books.borrow_mut().memory = Some(memory.to_vec());
    }

    fn follow(&mut self, _: Notifier) -> Result<(), BacklogError> {
        self.books.borrow_mut().followed = true;
        Ok(())
    }

    fn report(&mut self, run: &[u8]) {
        self.books.borrow_mut().reports.push(LastRun::read(run).unwrap());
    }

    fn finish(&mut self) -> Result<(), BacklogError> {
        let mut books = self.books.borrow_mut();
        books.closed = true;
        if books.refuses_to_finish { Err(broken()) } else { Ok(()) }
    }
}
