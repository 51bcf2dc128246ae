//! The worker's side of a spool: claims logs, gives out their records, settles them in place.
//!
//! # Invariants
//! - A record that was given out and not settled comes out again, in the next run if this one ends
//!   early. An attempt stands on disk before it is made.
//! - A log leaves processing/ only when all its records are settled.
//! - Memory is bounded: a few bytes for each record that waits, up to [`WAITING_MAX`] of them; beyond
//!   that a log is read again when the earliest is due, which finds the times on disk. What the worker
//!   passes over takes none (see [`revisit`]). So are descriptors: a log whose records wait holds none
//!   (see [`open`]).
//! - What is wrong with one log ends no run: it is skipped, tried again, and told at the end (see
//!   [`trouble`]). Only what concerns the whole spool is an error of a step.
//!
//! Logs are claimed one at a time, when the one before has been read through: so processing/
//! holds what is being worked on and not the whole backlog, and the disk bound holds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use slipstream_core::{Backlog, BacklogError, Claim, Next, Notifier, Settlement, Ticket};

use crate::consume::state_files::{LAST_RUN, MEMORY};
use crate::consume::worker_lock::{WorkerLock, take_worker_lock};
use crate::error::SpoolError;
use crate::format::frame::{SettlementField, State};
use crate::format::log_name::{LogName, Stage, collecting_name};
use crate::format::scan::{Item, Walk, read_record, read_settlement};
use crate::format::settings::SETTINGS_FILE;
use crate::fs::Open;
use crate::spool::{PATIENCE, Shared, log_path};

mod asked;
mod attempt_log;
mod claim;
mod finish;
mod notify;
mod open;
mod revisit;
mod settle;
mod trouble;

use self::asked::Asked;
pub(crate) use self::asked::{ASKED, DESTINATIONS_MAX};
pub(crate) use self::attempt_log::{NOTES, notes_path};
use self::finish::Finishing;
use self::notify::News;
use self::open::OpenLogs;
use self::revisit::Revisit;
use self::trouble::{SKIP_FOR, Troubles};

/// How many waiting records are remembered at most.
const WAITING_MAX: usize = 1 << 16;

/// How often the directories are looked at for new logs while others are being worked, or are
/// held by another process.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// For how long logs are read in search of the next record, before the run gets to see whether its
/// time is up, or it is to stop.
const CLAIM_FOR: Duration = Duration::from_millis(200);

/// A spool that is being worked.
pub(crate) struct SpoolBacklog {
    shared: Arc<Shared>,
    /// Held for as long as this lives.
    worker_lock: WorkerLock,
    /// Of the settings which the spool was opened with: which file, and when it was written.
    settings_identity: Option<(u64, u64)>,
    settings_written: Option<slipstream_core::Timestamp>,
    logs: HashMap<LogName, ClaimedLog>,
    /// Those of them that are open.
    files: OpenLogs,
    /// The one that is being read.
    reading: Option<(LogName, Walk)>,
    /// Those that are to be read again for records that are not remembered, and when.
    rereads: BTreeSet<(Duration, LogName)>,
    /// The logs that hold records which nothing in memory stands for, by place.
    passed: BTreeMap<u128, LogName>,
    revisit: Option<Revisit>,
    asked: Asked,
    queue: VecDeque<Found>,
    /// Logs that another process holds, and since when that is known.
    held: HashMap<Found, Duration>,
    /// Slots of such logs, and since when the later ones wait for them.
    slots_held: HashMap<u16, Duration>,
    /// Logs whose records are all settled, and that could not leave processing/ yet.
    finishing: HashMap<LogName, Finishing>,
    /// Outcomes that could not be written yet, and when that is tried again.
    owed: Vec<Out>,
    owed_at: Duration,
    troubles: Troubles,
    /// The run is over.
    ending: bool,
    /// Since when this process has had too few descriptors to go on.
    short_since: Option<Duration>,
    out: HashMap<Ticket, Out>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    tickets: u64,
    looked: Option<Duration>,
    news: Option<News>,
}

/// A log in processing/ of which something is not settled.
struct ClaimedLog {
    /// Its file's, for when it is opened again.
    identity: (u64, u64),
    salt: u64,
    len: u64,
    /// The frames of records that are given out or wait.
    outstanding: HashSet<u64>,
    /// The frames of which something could not be written yet.
    unwritten: HashSet<u64>,
    /// Something in it was given up, so that it is kept.
    failed: bool,
    /// That some of it is unreadable was told.
    damaged: bool,
    /// When the log must be read again for records that are not remembered.
    again: Option<Duration>,
    /// Records that are pending, were given out, and that nothing in memory stands for.
    unremembered: u64,
    /// The frames between which those are that were passed over.
    passed: (u64, u64),
    /// How far it has been read: what begins before was given out.
    read_to: u64,
    /// What is not due comes out when it is read again, since an operator asked.
    hurried: bool,
}

/// What a look at the spool finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Found {
    Collecting(u16),
    Sealed(Stage, LogName),
    /// A whole directory.
    Dir(&'static str),
}

#[derive(Clone, Copy)]
struct Out {
    log: LogName,
    at: u64,
    settlement: SettlementField,
    /// What stood there before an attempt was begun, if one was since it was given out.
    before: Option<SettlementField>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    due: Duration,
    log: LogName,
    at: u64,
    /// It is not due by what stands on disk: an operator asked.
    early: bool,
}

impl SpoolBacklog {
    /// Opens the spool for its one worker.
    pub(crate) fn open(shared: Arc<Shared>) -> Result<Self, SpoolError> {
        let worker_lock = take_worker_lock(&shared)?;
        let settings_identity = shared.fs.stat(SETTINGS_FILE).ok().map(|stat| stat.identity);
        let settings_written = shared.fs.modified(SETTINGS_FILE).ok();
        let mut backlog = Self {
            shared,
            worker_lock,
            settings_identity,
            settings_written,
            logs: HashMap::new(),
            files: OpenLogs::default(),
            reading: None,
            rereads: BTreeSet::new(),
            passed: BTreeMap::new(),
            revisit: None,
            asked: Asked::default(),
            queue: VecDeque::new(),
            held: HashMap::new(),
            slots_held: HashMap::new(),
            finishing: HashMap::new(),
            owed: Vec::new(),
            owed_at: Duration::ZERO,
            troubles: Troubles::default(),
            ending: false,
            short_since: None,
            out: HashMap::new(),
            waiting: BinaryHeap::new(),
            tickets: 0,
            looked: None,
            news: None,
        };
        backlog.tidy()?;
        Ok(backlog)
    }

    /// What is due, if anything is. One that cannot go on for want of descriptors waits until what
    /// is in flight has given some back.
    fn next_claim(&mut self) -> Result<Next, SpoolError> {
        let mut sheds = 0;
        loop {
            match self.next_step() {
                Err(error) if error.is_out_of_descriptors() => {
                    sheds += 1;
                    if sheds < 3 && self.files.shed() {
                        continue;
                    }
                    let now = self.shared.clock.elapsed();
                    if self.waits_for_descriptors(now) {
                        self.short_since.get_or_insert(now);
                        return Ok(Next::Wait(LOOK_EVERY));
                    }
                    return Err(error);
                }
                other => {
                    self.short_since = None;
                    return other;
                }
            }
        }
    }

    /// Whether a lack of descriptors is waited out: only while something is in flight are they
    /// given back for sure.
    fn waits_for_descriptors(&self, now: Duration) -> bool {
        !self.out.is_empty() || self.short_since.is_none_or(|since| now < since + PATIENCE)
    }

    fn next_step(&mut self) -> Result<Next, SpoolError> {
        let began = self.shared.clock.elapsed();
        loop {
            let now = self.shared.clock.elapsed();
            if now.saturating_sub(began) > CLAIM_FOR {
                // Logs without a record to give out can be many, and long.
                return Ok(Next::Wait(Duration::ZERO));
            }
            if let Some(asked) = self.listen_to_operators(now) {
                return Ok(Next::Asked(asked));
            }
            if self.waiting.peek().is_some_and(|Reverse(first)| first.due <= now) {
                if let Some(claim) = self.give_out_waiting(now)? {
                    return Ok(Next::Work(claim));
                }
                continue;
            }
            if let Some(log) = self.reading.as_ref().map(|(log, _)| *log) {
                if let Some(claim) = self.read_on(log)? {
                    return Ok(Next::Work(claim));
                }
                self.reading = None;
                self.finish_if_settled(log);
                continue;
            }
            if let Some((again, log)) = self.rereads.first().copied().filter(|(at, _)| *at <= now) {
                self.read_again(log, now)?;
                self.rereads.remove(&(again, log));
                continue;
            }
            if self.claim_next(now)? || self.asked.has_news() {
                continue;
            }
            let waiting = self.waiting.peek().map(|Reverse(first)| first.due);
            let again = self.rereads.first().map(|(again, _)| *again);
            let held = (!self.held.is_empty()).then_some(now + LOOK_EVERY);
            return Ok(match waiting.into_iter().chain(again).chain(held).min() {
                Some(due) => Next::Wait(due.saturating_sub(now)),
                None => Next::Empty,
            });
        }
    }

    /// The next unsettled record of the log that is being read, none at its end.
    fn read_on(&mut self, name: LogName) -> Result<Option<Claim>, SpoolError> {
        let (wall, now) = (self.shared.clock.now(), self.shared.clock.elapsed());
        let Some(identity) = self.logs.get(&name).map(|log| log.identity) else {
            return Ok(None);
        };
        let patient = self.waits_for_descriptors(now);
        let file = match self.files.get(&self.shared, name, identity) {
            Ok(file) => file,
            Err(error) if patient && error.is_out_of_descriptors() => return Err(error),
            Err(error) => {
                self.cannot_open(name, error);
                self.again_at(name, now + SKIP_FOR);
                return Ok(None);
            }
        };
        let (Some((_, walk)), Some(log)) = (&mut self.reading, self.logs.get_mut(&name)) else {
            return Ok(None);
        };
        loop {
            let item = match walk.next(file) {
                Ok(Some(item)) => item,
                Ok(None) => return Ok(None),
                Err(error) => {
                    // The disk gives no more of this log: it is kept with the failed ones,
                    // and the others go on.
                    log.failed = true;
                    let path = log_path(Stage::Processing, name);
                    let error = self.shared.io("read on in", &path, error);
                    self.troubles.note_lasting(Found::claimed(name), now, error);
                    return Ok(None);
                }
            };
            let Item::Record { at, settlement, payload } = item else {
                if let Item::Damage(range) = item
                    && !std::mem::replace(&mut log.damaged, true)
                {
                    tracing::warn!(log = %name, ?range, "unreadable bytes are set aside");
                }
                continue;
            };
            log.failed |= settlement.state == State::Failed;
            if settlement.state != State::Pending || log.outstanding.contains(&at) {
                continue;
            }
            let again = at < log.read_to;
            let settlement = match again {
                true => match read_settlement(file, at) {
                    // It was settled after these bytes were read.
                    Ok(now) if now.state != State::Pending => continue,
                    Ok(now) => now,
                    Err(_) => settlement,
                },
                false => settlement,
            };
            let payload = payload.to_vec();
            log.outstanding.insert(at);
            log.read_to = log.read_to.max(at + 1);
            let early = !again || log.hurried;
            if again {
                self.is_remembered(name);
            }
            // What an earlier run put off comes out, too, so that the worker knows of it.
            let wait = settlement.remaining(wall);
            let out = Out { log: name, at, settlement, before: None };
            return Ok(Some(self.give_out(out, payload, wait, early)));
        }
    }

    /// Gives out the first of the waiting records.
    fn give_out_waiting(&mut self, now: Duration) -> Result<Option<Claim>, SpoolError> {
        let Some(Reverse(Waiting { log: name, at, early, .. })) = self.waiting.pop() else {
            return Ok(None);
        };
        let patient = self.waits_for_descriptors(now);
        let Some(log) = self.logs.get(&name) else {
            return Ok(None);
        };
        let file = match self.files.get(&self.shared, name, log.identity) {
            Ok(file) => file,
            Err(error) if patient && error.is_out_of_descriptors() => {
                self.waiting.push(Reverse(Waiting { due: now, log: name, at, early }));
                return Err(error);
            }
            Err(error) => {
                self.waiting.push(Reverse(Waiting { due: now + SKIP_FOR, log: name, at, early }));
                self.cannot_open(name, error);
                return Ok(None);
            }
        };
        match read_record(file, log.salt, at, self.shared.settings.limits()) {
            Ok(Some((settlement, payload))) => {
                let out = Out { log: name, at, settlement, before: None };
                let wait = match early {
                    true => settlement.remaining(self.shared.clock.now()),
                    false => Duration::ZERO,
                };
                Ok(Some(self.give_out(out, payload, wait, early)))
            }
            Ok(None) => {
                // Damaged since it was read first: the process that removes the log sets it aside.
                tracing::warn!(log = %name, at, "a record can no longer be read");
                self.is_settled(name, at);
                Ok(None)
            }
            Err(error) => {
                let error =
                    self.shared.io("read a request in", &log_path(Stage::Processing, name), error);
                self.troubles.note(Found::claimed(name), now, error);
                self.waiting.push(Reverse(Waiting { due: now + SKIP_FOR, log: name, at, early }));
                Ok(None)
            }
        }
    }

    fn give_out(&mut self, out: Out, payload: Vec<u8>, wait: Duration, early: bool) -> Claim {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.out.insert(ticket, out);
        Claim {
            ticket,
            payload,
            attempts: out.settlement.resumed().attempts.into(),
            interrupted: out.settlement.interruptions().into(),
            visible_in: wait,
            early: early && !wait.is_zero(),
            position: out.log.position(out.at),
        }
    }

    fn read_again(&mut self, name: LogName, now: Duration) -> Result<(), SpoolError> {
        let Some(identity) = self.logs.get(&name).map(|log| log.identity) else {
            return Ok(());
        };
        let patient = self.waits_for_descriptors(now);
        let path = log_path(Stage::Processing, name);
        let file = self.files.get(&self.shared, name, identity);
        let walk = file.and_then(|file| self.shared.walk(file, &path, Some(name)));
        match walk {
            Ok(walk) => {
                self.reading = Some((name, walk));
                if let Some(log) = self.logs.get_mut(&name) {
                    log.again = None;
                }
                Ok(())
            }
            Err(error) if patient && error.is_out_of_descriptors() => Err(error),
            Err(error) => {
                self.cannot_open(name, error);
                self.again_at(name, now + SKIP_FOR);
                Ok(())
            }
        }
    }

    /// Has a log be read again.
    fn again_at(&mut self, name: LogName, due: Duration) {
        let Some(log) = self.logs.get_mut(&name) else {
            return;
        };
        if let Some(earlier) = log.again.replace(due) {
            self.rereads.remove(&(earlier, name));
        }
        self.rereads.insert((due, name));
    }

    /// Takes in that a claimed log cannot be opened. One that was taken away is this worker's no
    /// more; if it comes back, it is claimed anew.
    fn cannot_open(&mut self, name: LogName, error: SpoolError) {
        let now = self.shared.clock.elapsed();
        if !matches!(error, SpoolError::Taken { .. }) {
            return self.troubles.note(Found::claimed(name), now, error);
        }
        self.troubles.note_lasting(Found::claimed(name), now, error);
        self.owed.retain(|out| out.log != name);
        self.waiting.retain(|Reverse(waiting)| waiting.log != name);
        self.forget(name);
    }

    /// Has nothing more to do with a log.
    fn forget(&mut self, name: LogName) -> Option<ClaimedLog> {
        self.files.close(name);
        self.passed.remove(&name.position(0));
        self.revisit.take_if(|revisit| revisit.is_of(name));
        let log = self.logs.remove(&name)?;
        if let Some(again) = log.again {
            self.rereads.remove(&(again, name));
        }
        Some(log)
    }
}

impl Found {
    /// A log that is claimed.
    fn claimed(log: LogName) -> Self {
        Self::Sealed(Stage::Processing, log)
    }
}

/// What the worker is told when no record is to be had.
fn of_claiming(error: SpoolError) -> BacklogError {
    match error.is_out_of_descriptors() {
        true => BacklogError::Unavailable { retry_in: LOOK_EVERY, reason: error.with_cause() },
        false => error.into(),
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collecting(slot) => {
                write!(f, "{}/{}", Stage::Collecting.dir(), collecting_name(*slot))
            }
            Self::Sealed(stage, log) => f.write_str(&log_path(*stage, *log)),
            Self::Dir(dir) => f.write_str(dir),
        }
    }
}

impl Backlog for SpoolBacklog {
    fn next(&mut self) -> Result<Next, BacklogError> {
        self.worker_lock.check()?;
        self.next_claim().map_err(of_claiming)
    }

    fn spilled(&mut self, from: Bound<u128>) -> Result<Option<Claim>, BacklogError> {
        self.worker_lock.check()?;
        self.next_passed_over(from).map_err(of_claiming)
    }

    fn begin(&mut self, ticket: Ticket) -> Result<u32, BacklogError> {
        self.worker_lock.check()?;
        self.count_attempt(ticket)
    }

    fn settle(&mut self, ticket: Ticket, verdict: Settlement) -> Result<(), BacklogError> {
        self.worker_lock.check()?;
        self.apply(ticket, verdict)
    }

    fn note(&mut self, ticket: Ticket, line: &str) {
        let Some(out) = self.out.get(&ticket) else {
            return;
        };
        if let Some(log) = self.logs.get(&out.log) {
            self.shared.add_note(out.log, line, log.len);
        }
    }

    fn recall(&mut self) -> Option<Vec<u8>> {
        self.shared.read_left(MEMORY, Open::Own)
    }

    fn remember(&mut self, memory: &[u8]) {
        let left = self.worker_lock.check().map_err(std::io::Error::other);
        if let Err(error) = left.and_then(|()| self.shared.leave(MEMORY, memory)) {
            tracing::warn!(%error, "the next run will not know what this one learnt");
        }
    }

    fn report(&mut self, run: &[u8]) {
        let left = self.worker_lock.check().map_err(std::io::Error::other);
        if let Err(error) = left.and_then(|()| self.shared.leave(LAST_RUN, run)) {
            tracing::warn!(%error, "the report of this run is lost");
        }
    }

    fn follow(&mut self, notifier: Notifier) -> Result<(), BacklogError> {
        self.worker_lock.check()?;
        self.news = Some(News::watch(&self.shared, notifier)?);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), BacklogError> {
        self.worker_lock.check()?;
        self.asked.forget(&self.shared);
        Ok(self.put_in_place()?)
    }
}
