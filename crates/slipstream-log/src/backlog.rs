//! The worker's side of a spool: claims logs, gives out their records, settles them in place.
//!
//! Guarantees: a record that was given out and not settled comes out again, in the next run if
//! this one ends early; an attempt stands on disk before it is made; a log leaves
//! processing/ only when all its records are settled. Memory is bounded: a few bytes for each
//! record that waits, up to [`WAITING_MAX`] of them; beyond that a log is read again when the
//! earliest is due, which finds the times on disk.
//!
//! Logs are claimed one at a time, when the one before has been read through: so processing/
//! holds what is being worked on and not the whole backlog, and the disk bound holds.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use slipstream_core::{Backlog, BacklogError, Claim, Next, Ticket, Timestamp, Verdict, Waker};

use crate::error::SpoolError;
use crate::frame::{SETTLEMENT_AT, Settlement, State};
use crate::fs::{File, Lock, Replace};
use crate::left::{LAST_RUN, MEMORY};
use crate::name::{Departure, LogName, Stage};
use crate::settings::OnFull;
use crate::spool::{Shared, log_path};
use crate::walk::{Item, Walk, read_record};
use crate::worker_lock::take_worker_lock;

mod claim;
mod news;
mod notes;

use self::news::News;
use self::notes::Notes;
pub(crate) use self::notes::{NOTES, notes_path};

/// How many waiting records are remembered at most.
const WAITING_MAX: usize = 1 << 16;

/// How long a log that could not be claimed is left alone.
const SKIP_FOR: Duration = Duration::from_secs(60);

/// How often the directories are looked at for new logs while others are being worked, or are
/// held by somebody.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A spool that is being worked.
pub(crate) struct SpoolBacklog {
    shared: Arc<Shared>,
    /// Held for as long as this lives.
    worker_lock: Box<dyn File>,
    logs: HashMap<LogName, OpenLog>,
    reading: Option<LogName>,
    queue: VecDeque<Found>,
    /// Logs that somebody else holds, and since when that is known.
    held: HashMap<Found, Duration>,
    /// Logs that could not be claimed, and when: not tried again for a while.
    skipped: HashMap<Found, Duration>,
    /// What kept the first of those from being claimed.
    skipped_for: Option<SpoolError>,
    out: HashMap<Ticket, Out>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    tickets: u64,
    looked: Option<Duration>,
    news: Option<News>,
}

struct OpenLog {
    file: Box<dyn File>,
    path: String,
    salt: u64,
    walk: Walk,
    /// The frames of records that are given out or wait.
    outstanding: HashSet<u64>,
    /// Something in it was given up, so that it is kept.
    failed: bool,
    /// When the log must be read again for records that are not remembered.
    again: Option<Duration>,
    notes: Notes,
}

/// A log to be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Found {
    Collecting(u16),
    Sealed(Stage, LogName),
}

#[derive(Clone, Copy)]
struct Out {
    log: LogName,
    at: u64,
    settlement: Settlement,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: Duration,
    log: LogName,
    at: u64,
}

impl SpoolBacklog {
    /// Opens the spool for its one worker.
    pub(crate) fn open(shared: Arc<Shared>) -> Result<Self, SpoolError> {
        let worker_lock = take_worker_lock(&shared)?;
        shared.clear_abandoned()?;
        shared.finish_departures()?;
        shared.count_failed()?;
        Ok(Self {
            shared,
            worker_lock,
            logs: HashMap::new(),
            reading: None,
            queue: VecDeque::new(),
            held: HashMap::new(),
            skipped: HashMap::new(),
            skipped_for: None,
            out: HashMap::new(),
            waiting: BinaryHeap::new(),
            tickets: 0,
            looked: None,
            news: None,
        })
    }

    fn next_claim(&mut self) -> Result<Next, SpoolError> {
        loop {
            let now = self.shared.clock.elapsed();
            if self.waiting.peek().is_some_and(|Reverse(first)| first.due <= now) {
                if let Some(claim) = self.give_out_waiting()? {
                    return Ok(Next::Work(claim));
                }
                continue;
            }
            if let Some(log) = self.reading {
                if let Some(claim) = self.read_on(log)? {
                    return Ok(Next::Work(claim));
                }
                self.reading = None;
                self.finish_if_settled(log)?;
                continue;
            }
            if let Some(log) = self.log_to_read_again(now) {
                self.read_again(log)?;
                continue;
            }
            if self.claim_next(now)? {
                continue;
            }
            let waiting = self.waiting.peek().map(|Reverse(first)| first.due);
            let again = self.logs.values().filter_map(|log| log.again).min();
            let held = (!self.held.is_empty()).then_some(now + LOOK_EVERY);
            return Ok(match waiting.into_iter().chain(again).chain(held).min() {
                Some(due) => Next::Wait(due.saturating_sub(now)),
                None => Next::Empty,
            });
        }
    }

    /// The next unsettled record of a log, none at its end.
    fn read_on(&mut self, name: LogName) -> Result<Option<Claim>, SpoolError> {
        let wall = self.shared.clock.now();
        let Some(log) = self.logs.get_mut(&name) else {
            return Ok(None);
        };
        loop {
            let item = match log.walk.next(&*log.file) {
                Ok(Some(item)) => item,
                Ok(None) => return Ok(None),
                Err(error) => {
                    // The disk gives no more of this log: it is kept with the failed ones,
                    // and the others go on.
                    tracing::error!(log = %name, %error, "cannot read on; the rest of the log is kept in failed/");
                    log.failed = true;
                    let error = self.shared.io("read on in", &log.path, error);
                    self.skipped_for.get_or_insert(error);
                    return Ok(None);
                }
            };
            let Item::Record { at, settlement, payload } = item else {
                tracing::warn!(log = %name, ?item, "unreadable bytes are set aside");
                continue;
            };
            log.failed |= settlement.state == State::Failed;
            if settlement.state != State::Pending || log.outstanding.contains(&at) {
                continue;
            }
            let payload = payload.to_vec();
            log.outstanding.insert(at);
            // What an earlier run put off comes out, too, so that the worker knows of it.
            let wait = settlement.remaining(wall);
            return Ok(Some(self.give_out(Out { log: name, at, settlement }, payload, wait)));
        }
    }

    /// Gives out the first of the waiting records.
    fn give_out_waiting(&mut self) -> Result<Option<Claim>, SpoolError> {
        let Some(Reverse(Waiting { log: name, at, .. })) = self.waiting.pop() else {
            return Ok(None);
        };
        let Some(log) = self.logs.get_mut(&name) else {
            return Ok(None);
        };
        match read_record(&*log.file, log.salt, at) {
            Ok(Some((settlement, payload))) => {
                let out = Out { log: name, at, settlement };
                Ok(Some(self.give_out(out, payload, Duration::ZERO)))
            }
            unreadable => {
                // Damaged since it was read first: whoever removes the log sets it aside.
                tracing::warn!(log = %name, at, ?unreadable, "a record can no longer be read");
                if let Err(error) = unreadable {
                    let error = self.shared.io("read a request in", &log.path, error);
                    self.skipped_for.get_or_insert(error);
                }
                log.outstanding.remove(&at);
                self.finish_if_settled(name)?;
                Ok(None)
            }
        }
    }

    fn give_out(&mut self, out: Out, payload: Vec<u8>, wait: Duration) -> Claim {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.out.insert(ticket, out);
        let attempts = out.settlement.attempts.into();
        Claim { ticket, payload, attempts, wait, place: out.log.place(out.at) }
    }

    fn log_to_read_again(&self, now: Duration) -> Option<LogName> {
        let due = self.logs.iter().filter(|(_, log)| log.again.is_some_and(|again| again <= now));
        due.map(|(name, _)| *name).min()
    }

    fn read_again(&mut self, name: LogName) -> Result<(), SpoolError> {
        if let Some(log) = self.logs.get_mut(&name) {
            log.again = None;
            log.walk = self.shared.walk(&*log.file, &log.path, Some(name))?;
            self.reading = Some(name);
        }
        Ok(())
    }

    /// Takes a log out of processing/ once nothing in it is left to do.
    fn finish_if_settled(&mut self, name: LogName) -> Result<(), SpoolError> {
        let settled = |log: &OpenLog| log.outstanding.is_empty() && log.again.is_none();
        if self.reading == Some(name) || !self.logs.get(&name).is_some_and(settled) {
            return Ok(());
        }
        let Some(log) = self.logs.remove(&name) else {
            return Ok(());
        };
        if !log.failed {
            // All in it is settled. What keeps it from being removed now (a full disk, say) is no
            // reason to stop working.
            if let Err(error) = self.shared.depart(Stage::Processing, name, Departure::Done) {
                tracing::warn!(log = %name, %error, "delivered, but not removed yet");
                // If it still stands in processing/, the next run tries again.
                let now = self.shared.clock.elapsed();
                self.skipped.insert(Found::Sealed(Stage::Processing, name), now);
            }
            return Ok(());
        }
        let held = self.shared.lock(&*log.file, Lock::Exclusive, &log.path)?;
        if self.shared.is_at(&*log.file, &log.path)? {
            // It may stay there for long.
            self.shared.count_if_not_yet(&*log.file, &log.path, name)?;
            let failed = log_path(Stage::Failed, name);
            let renamed = self.shared.fs.rename(&log.path, &failed, Replace::Never);
            renamed.map_err(|error| self.shared.io("keep as failed", &log.path, error))?;
        }
        drop(held);
        let keep = self.shared.settings.logs as usize;
        self.shared.overwrite_oldest(Stage::Failed, name.slot, keep)?;
        Ok(())
    }

    fn settle_in_place(&self, out: Out) -> Result<(), SpoolError> {
        let Some(log) = self.logs.get(&out.log) else {
            return Ok(());
        };
        let at = out.at + SETTLEMENT_AT;
        let written = log.file.write_at(&out.settlement.encode(), at);
        written.map_err(|error| self.shared.io("settle a request in", &log.path, error))
    }

    fn apply(&mut self, ticket: Ticket, verdict: Verdict) -> Result<(), SpoolError> {
        let Some(mut out) = self.out.remove(&ticket) else {
            return Ok(());
        };
        let wait = match verdict {
            Verdict::Delivered => out.settle(State::Delivered),
            Verdict::Failed => out.settle(State::Failed),
            Verdict::Expired => out.settle(State::Expired),
            Verdict::Defer(wait) => {
                out.settlement = out.settlement.due_in(wait, self.shared.clock.now());
                Some(wait)
            }
            Verdict::PutBack(wait) => Some(wait),
        };
        if !matches!(verdict, Verdict::PutBack(_)) {
            self.settle_in_place(out)?;
        }
        let due = wait.map(|wait| self.shared.clock.elapsed() + wait);
        let Some(log) = self.logs.get_mut(&out.log) else {
            return Ok(());
        };
        match due {
            Some(due) => wait_until(&mut self.waiting, log, out.log, out.at, due),
            None => {
                log.outstanding.remove(&out.at);
                log.failed |= out.settlement.state == State::Failed;
                self.finish_if_settled(out.log)?;
            }
        }
        Ok(())
    }

    /// What stays in processing/ for the next run is bounded. Where writers are refused instead of
    /// anything being overwritten, it keeps them from storing more.
    fn bound_processing(&self) -> Result<(), SpoolError> {
        if self.shared.settings.on_full == OnFull::Reject {
            return Ok(());
        }
        let slots: HashSet<_> = self.logs.keys().map(|log| log.slot).collect();
        for slot in slots {
            let waiting = self.shared.waiting(slot)?;
            self.shared.overwrite(Stage::Processing, waiting.surplus())?;
        }
        Ok(())
    }
}

impl Out {
    fn settle(&mut self, state: State) -> Option<Duration> {
        self.settlement.state = state;
        self.settlement = Settlement { due: Timestamp::default(), wait: 0, ..self.settlement };
        None
    }
}

/// Remembers when a record is due, or, when too many are remembered already, when its log must
/// be read again.
fn wait_until(
    waiting: &mut BinaryHeap<Reverse<Waiting>>,
    log: &mut OpenLog,
    name: LogName,
    at: u64,
    due: Duration,
) {
    if waiting.len() < WAITING_MAX {
        log.outstanding.insert(at);
        waiting.push(Reverse(Waiting { due, log: name, at }));
    } else {
        log.outstanding.remove(&at);
        log.again = Some(log.again.map_or(due, |again| again.min(due)));
    }
}

impl Backlog for SpoolBacklog {
    fn next(&mut self) -> Result<Next, BacklogError> {
        Ok(self.next_claim()?)
    }

    fn begin(&mut self, ticket: Ticket) -> Result<u32, BacklogError> {
        let Some(out) = self.out.get_mut(&ticket) else {
            return Ok(0);
        };
        out.settlement.attempts = out.settlement.attempts.saturating_add(1);
        let out = *out;
        self.settle_in_place(out)?;
        Ok(out.settlement.attempts.into())
    }

    fn settle(&mut self, ticket: Ticket, verdict: Verdict) -> Result<(), BacklogError> {
        Ok(self.apply(ticket, verdict)?)
    }

    fn note(&mut self, ticket: Ticket, line: &str) {
        let Some(out) = self.out.get(&ticket) else {
            return;
        };
        if let Some(log) = self.logs.get_mut(&out.log) {
            log.notes.add(&self.shared, out.log, line, log.walk.end());
        }
    }

    fn recall(&mut self) -> Option<Vec<u8>> {
        self.shared.read_left(MEMORY)
    }

    fn remember(&mut self, memory: &[u8]) {
        if let Err(error) = self.shared.leave(MEMORY, memory) {
            tracing::warn!(%error, "the next run will not know what this one learnt");
        }
    }

    fn report(&mut self, run: &[u8]) {
        if let Err(error) = self.shared.leave(LAST_RUN, run) {
            tracing::warn!(%error, "nobody will be told what this run did");
        }
    }

    fn follow(&mut self, waker: Waker) -> Result<(), BacklogError> {
        self.news = Some(News::watch(&self.shared, waker)?);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), BacklogError> {
        self.bound_processing()?;
        self.shared.finish_departures()?;
        self.shared.shorten_ledger_if_long();
        let _ = self.worker_lock.truncate(0);
        // Everything else is in its place; that something was left is no success.
        self.skipped_for.take().map_or(Ok(()), |error| Err(error.into()))
    }
}
