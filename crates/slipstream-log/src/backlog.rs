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
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use slipstream_core::{Backlog, BacklogError, Claim, Next, Ticket, Timestamp, Verdict};

use crate::error::SpoolError;
use crate::frame::{SETTLEMENT_AT, Settlement, State};
use crate::fs::{File, Lock, Open, Replace};
use crate::ledger::LEDGER;
use crate::name::{Departure, LogName, Stage, parse_collecting};
use crate::spool::{Shared, collecting_path, log_path};
use crate::walk::{Item, Walk, read_record};

/// How many waiting records are remembered at most.
const WAITING_MAX: usize = 1 << 16;
/// How often the directories are looked at for new logs while others are being worked.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The file that a worker holds locked while it runs; its process id stands in it.
pub(crate) const WORKER_LOCK: &str = "worker.lock";

/// A spool that is being worked.
pub(crate) struct SpoolBacklog {
    shared: Arc<Shared>,
    /// Held for as long as this lives.
    worker_lock: Box<dyn File>,
    logs: HashMap<LogName, OpenLog>,
    reading: Option<LogName>,
    queue: VecDeque<Found>,
    /// Logs that could not be claimed: not tried again in this run.
    skipped: HashSet<Found>,
    out: HashMap<Ticket, Out>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    tickets: u64,
    looked: Option<Duration>,
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
        Ok(Self {
            shared,
            worker_lock,
            logs: HashMap::new(),
            reading: None,
            queue: VecDeque::new(),
            skipped: HashSet::new(),
            out: HashMap::new(),
            waiting: BinaryHeap::new(),
            tickets: 0,
            looked: None,
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
            return Ok(match waiting.into_iter().chain(again).min() {
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
            let wait = settlement.due.since(wall);
            if wait.is_zero() {
                let payload = payload.to_vec();
                log.outstanding.insert(at);
                return Ok(Some(self.give_out(Out { log: name, at, settlement }, payload)));
            }
            let due = self.shared.clock.elapsed() + wait;
            wait_until(&mut self.waiting, log, name, at, due);
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
                Ok(Some(self.give_out(Out { log: name, at, settlement }, payload)))
            }
            unreadable => {
                // Damaged since it was read first: whoever removes the log sets it aside.
                tracing::warn!(log = %name, at, error = ?unreadable.err(), "a record can no longer be read");
                log.outstanding.remove(&at);
                self.finish_if_settled(name)?;
                Ok(None)
            }
        }
    }

    fn give_out(&mut self, out: Out, payload: Vec<u8>) -> Claim {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.out.insert(ticket, out);
        Claim { ticket, payload, attempts: out.settlement.attempts.into() }
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

    /// Claims one more log; false when there is none.
    fn claim_next(&mut self, now: Duration) -> Result<bool, SpoolError> {
        if self.queue.is_empty() {
            // With nothing in flight this decides whether the run is over.
            let look =
                self.out.is_empty() || self.looked.is_none_or(|looked| now >= looked + LOOK_EVERY);
            if !look {
                return Ok(false);
            }
            self.looked = Some(now);
            self.look()?;
        }
        while let Some(found) = self.queue.pop_front() {
            match self.claim(found) {
                Ok(None) => {}
                Ok(Some((name, log))) => {
                    self.logs.insert(name, log);
                    self.reading = Some(name);
                    return Ok(true);
                }
                Err(error) => {
                    tracing::error!(?found, %error, "cannot claim a log; the others go on");
                    self.skipped.insert(found);
                }
            }
        }
        Ok(false)
    }

    /// Looks what there is to claim: first what an earlier run left, then oldest first.
    fn look(&mut self) -> Result<(), SpoolError> {
        let mut found = Vec::new();
        // What an earlier run left, and what somebody wants retried.
        let left = self.shared.logs_in(Stage::Processing)?;
        let left = left.into_iter().filter(|log| !self.logs.contains_key(log));
        found.extend(left.map(|log| Found::Sealed(Stage::Processing, log)));
        let ready = self.shared.logs_in(Stage::Ready)?;
        found.extend(ready.into_iter().map(|log| Found::Sealed(Stage::Ready, log)));
        let collecting = self.shared.list(Stage::Collecting.dir())?;
        let mut slots: Vec<_> =
            collecting.iter().filter_map(|name| parse_collecting(name)).collect();
        slots.sort_unstable();
        found.extend(slots.into_iter().map(Found::Collecting));
        found.retain(|found| !self.skipped.contains(found));
        self.queue = found.into();
        Ok(())
    }

    /// Claims a log: from here on nothing overwrites it. None if there is nothing in it, or
    /// somebody else was faster.
    fn claim(&self, found: Found) -> Result<Option<(LogName, OpenLog)>, SpoolError> {
        let shared = &*self.shared;
        let path = match found {
            Found::Collecting(slot) => collecting_path(slot),
            Found::Sealed(stage, log) => log_path(stage, log),
        };
        let Some(file) = shared.open_if_there(&path)? else {
            return Ok(None);
        };
        if matches!(found, Found::Collecting(_)) && shared.is_empty(&*file, &path)? {
            return Ok(None);
        }
        let held = shared.lock(&*file, Lock::Exclusive, &path)?;
        if !shared.is_at(&*file, &path)? {
            return Ok(None);
        }
        let name = match found {
            Found::Collecting(slot) => shared.sealed_name(slot, shared.read_header(&*file, &path)?),
            Found::Sealed(_, log) => log,
        };
        let processing = log_path(Stage::Processing, name);
        match found {
            Found::Collecting(_) => shared.leave_collecting(&*file, &path, &processing)?,
            Found::Sealed(Stage::Processing, _) => {}
            Found::Sealed(..) => {
                let renamed = shared.fs.rename(&path, &processing, Replace::Never);
                renamed.map_err(|error| shared.io("claim", &path, error))?;
            }
        }
        shared.count_if_not_yet(&*file, &processing, name)?;
        drop(held);
        let walk = shared.walk(&*file, &processing, Some(name))?;
        let log = OpenLog {
            salt: walk.salt(),
            path: processing,
            file,
            walk,
            outstanding: HashSet::new(),
            failed: false,
            again: None,
        };
        Ok(Some((name, log)))
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
                self.skipped.insert(Found::Sealed(Stage::Processing, name));
            }
            return Ok(());
        }
        let held = self.shared.lock(&*log.file, Lock::Exclusive, &log.path)?;
        if self.shared.is_at(&*log.file, &log.path)? {
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
            Verdict::Retry(wait) => {
                out.settlement.due = self.shared.clock.now().after(wait);
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

    /// What stays in processing/ for the next run is bounded like everything else.
    fn bound_processing(&self) -> Result<(), SpoolError> {
        let slots: HashSet<_> = self.logs.keys().map(|log| log.slot).collect();
        for slot in slots {
            let keep = self.shared.settings.logs as usize;
            self.shared.overwrite_oldest(Stage::Processing, slot, keep)?;
        }
        Ok(())
    }
}

impl Out {
    fn settle(&mut self, state: State) -> Option<Duration> {
        self.settlement.state = state;
        self.settlement.due = Timestamp::from_millis(0);
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

    fn close(self: Box<Self>) -> Result<(), BacklogError> {
        self.bound_processing()?;
        self.shared.finish_departures()?;
        self.shared.shorten_ledger_if_long();
        let _ = self.worker_lock.truncate(0);
        Ok(())
    }
}

/// Makes the file that a worker locks, unless it is there.
pub(crate) fn make_worker_lock(shared: &Shared) -> Result<(), SpoolError> {
    match shared.fs.create(WORKER_LOCK) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(shared.io("make", WORKER_LOCK, error))
        }
        _ => Ok(()),
    }
}

pub(crate) fn take_worker_lock(shared: &Shared) -> Result<Box<dyn File>, SpoolError> {
    let failed = |doing| move |error| shared.io(doing, WORKER_LOCK, error);
    let file = match shared.fs.open(WORKER_LOCK, Open::Update) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_worker_lock(shared)?;
            shared.fs.open(WORKER_LOCK, Open::Update).map_err(failed("open"))?
        }
        other => other.map_err(failed("open"))?,
    };
    // Whoever only asks whether a worker runs holds it for a moment, too.
    for _ in 0..200 {
        match file.try_lock(Lock::Exclusive) {
            Ok(()) => {
                let pid = std::process::id().to_string();
                let written = file.truncate(0).and_then(|()| file.write_at(pid.as_bytes(), 0));
                // Only a comfort for whoever comes second.
                if let Err(error) = written {
                    tracing::debug!(%error, "cannot leave a process id in the worker's lock");
                }
                return Ok(file);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => return Err(failed("lock")(error)),
        }
    }
    Err(SpoolError::Busy { holder: read_pid(&*file) })
}

fn read_pid(file: &dyn File) -> Option<u32> {
    let mut bytes = [0; 16];
    let read = file.read_at(&mut bytes, 0).ok()?;
    std::str::from_utf8(&bytes[..read]).ok()?.trim().parse().ok()
}

impl Shared {
    /// Whether a worker has the spool, and its process id if that is known. Takes the worker's
    /// lock for a moment if it is free.
    pub(crate) fn worker(&self) -> Result<(bool, Option<u32>), SpoolError> {
        let file = match self.fs.open(WORKER_LOCK, Open::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok((false, None)),
            Err(error) => return Err(self.io("open", WORKER_LOCK, error)),
        };
        match file.try_lock(Lock::Shared) {
            Ok(()) => Ok((false, None)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok((true, read_pid(&*file))),
            Err(error) => Err(self.io("lock", WORKER_LOCK, error)),
        }
    }

    /// Removes files that were being made when their maker ended. One that is being made right
    /// now is made again.
    pub(crate) fn clear_abandoned(&self) -> Result<(), SpoolError> {
        for name in self.list(Stage::Collecting.dir())? {
            if name.contains(".log.new-") {
                let _ = self.fs.remove(&format!("{}/{name}", Stage::Collecting.dir()));
            }
        }
        for name in self.list(".")? {
            if name.starts_with(LEDGER) && name.contains(".new-") {
                let _ = self.fs.remove(&name);
            }
        }
        Ok(())
    }
}
