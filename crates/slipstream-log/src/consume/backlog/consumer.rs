//! The state of a spool that is being worked.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use slipstream_core::{Claim, Ticket, Timestamp};

use super::found::Found;
use super::open::OpenLogs;
use super::trouble::Troubles;
use crate::consume::asked::Asked;
use crate::consume::notify::ChangeWatcher;
use crate::consume::worker_lock::WorkerLock;
use crate::dir::locks::PATIENCE;
use crate::error::SpoolError;
use crate::format::frame::SettlementField;
use crate::format::layout::SETTINGS_FILE;
use crate::format::log_name::LogName;
use crate::format::scan::Walk;
use crate::lifecycle::rotation::Rotation;

/// How many waiting records are remembered at most.
pub(super) const WAITING_MAX: usize = 1 << 16;

/// How often the directories are looked at for new logs while others are being worked, or are
/// held by another process.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A spool that is being worked.
pub(crate) struct Consumer {
    pub(super) rotation: Arc<Rotation>,
    /// Held for as long as this lives.
    pub(super) worker_lock: WorkerLock,
    /// Of the settings which the spool was opened with: which file, and when it was written.
    pub(super) settings_identity: Option<(u64, u64)>,
    pub(super) settings_written: Option<Timestamp>,
    pub(super) logs: HashMap<LogName, ClaimedLog>,
    /// The claimed logs that are open.
    pub(super) open: OpenLogs,
    /// The log that is being read.
    pub(super) reading: Option<(LogName, Walk)>,
    /// The logs that are to be read again for records that are not remembered, and when.
    pub(super) rereads: BTreeSet<(Duration, LogName)>,
    /// The logs that hold records without an entry in memory, by place.
    pub(super) spilled: BTreeMap<u128, LogName>,
    pub(super) revisit: Option<Revisit>,
    pub(super) asked: Asked,
    pub(super) queue: VecDeque<Found>,
    /// Logs that another process holds, and since when that is known.
    pub(super) held: HashMap<Found, Duration>,
    /// Slots of such logs, and since when the later ones wait for them.
    pub(super) slots_held: HashMap<u16, Duration>,
    /// Logs whose records are all settled, and that could not leave processing/ yet.
    pub(super) finishing: HashMap<LogName, Finishing>,
    /// Outcomes that could not be written yet, and when that is tried again.
    pub(super) owed: Vec<Out>,
    pub(super) owed_at: Duration,
    pub(super) troubles: Troubles,
    /// The run is over.
    pub(super) ending: bool,
    /// Since when this process has had too few descriptors to go on.
    pub(super) short_since: Option<Duration>,
    pub(super) out: HashMap<Ticket, Out>,
    pub(super) waiting: BinaryHeap<Reverse<WaitingRecord>>,
    pub(super) tickets: u64,
    pub(super) looked: Option<Duration>,
    pub(super) watcher: Option<ChangeWatcher>,
}

/// A log in processing/ of which something is not settled.
pub(super) struct ClaimedLog {
    /// Its file's, for when it is opened again.
    pub(super) identity: (u64, u64),
    pub(super) salt: u64,
    pub(super) len: u64,
    /// The frames of records that are given out or wait.
    pub(super) outstanding: HashSet<u64>,
    /// The frames of which something could not be written yet.
    pub(super) unwritten: HashSet<u64>,
    /// Something in it failed for good, so that it is kept.
    pub(super) failed: bool,
    /// That some of it is unreadable was reported.
    pub(super) damaged: bool,
    /// When the log must be read again for records that are not remembered.
    pub(super) again: Option<Duration>,
    /// Records that are pending, were given out, and have no entry in memory.
    pub(super) unremembered: u64,
    /// The frames between which those are that were spilled.
    pub(super) spilled: (u64, u64),
    /// How far it has been read: what begins before was given out.
    pub(super) read_to: u64,
    /// What is not due comes out when it is read again, since an operator asked.
    pub(super) hurried: bool,
}

/// A record that is given out, or whose outcome could not be written yet.
#[derive(Clone, Copy)]
pub(super) struct Out {
    pub(super) log: LogName,
    pub(super) at: u64,
    pub(super) settlement: SettlementField,
    /// What was there before an attempt was begun, if one was since it was given out.
    pub(super) before: Option<SettlementField>,
}

/// A record that waits until it is due.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WaitingRecord {
    pub(super) due: Duration,
    pub(super) log: LogName,
    pub(super) at: u64,
    /// It is not due by what is on disk: an operator asked.
    pub(super) early: bool,
}

/// A log that could not leave processing/ yet.
#[derive(Clone, Copy)]
pub(super) struct Finishing {
    pub(super) identity: (u64, u64),
    /// Something in it failed for good, so that it is kept.
    pub(super) failed: bool,
    pub(super) since: Duration,
    /// When it is tried again.
    pub(super) again: Duration,
}

/// The frames between which those are that were spilled, of a log without any.
pub(super) const NONE_SPILLED: (u64, u64) = (u64::MAX, 0);

/// The walk over the log that was read last, kept since most reads go on where the last one ended.
pub(super) struct Revisit {
    pub(super) log: LogName,
    pub(super) walk: Walk,
    /// The frame that it read last.
    pub(super) last: u64,
}

impl Revisit {
    pub(super) fn is_of(&self, log: LogName) -> bool {
        self.log == log
    }
}

impl Consumer {
    /// Takes the spool for its one worker.
    pub(super) fn new(rotation: Arc<Rotation>) -> Result<Self, SpoolError> {
        let files = rotation.files();
        let worker_lock = WorkerLock::take(files)?;
        let settings_identity = files.fs.stat(SETTINGS_FILE).ok().map(|stat| stat.identity);
        let settings_written = files.fs.modified(SETTINGS_FILE).ok();
        Ok(Self {
            rotation,
            worker_lock,
            settings_identity,
            settings_written,
            logs: HashMap::new(),
            open: OpenLogs::default(),
            reading: None,
            rereads: BTreeSet::new(),
            spilled: BTreeMap::new(),
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
            watcher: None,
        })
    }

    /// Whether a lack of descriptors is waited out: only while something is in flight are they
    /// given back for sure.
    pub(super) fn waits_for_descriptors(&self, now: Duration) -> bool {
        !self.out.is_empty() || self.short_since.is_none_or(|since| now < since + PATIENCE)
    }

    pub(super) fn give_out(
        &mut self,
        out: Out,
        payload: Vec<u8>,
        wait: Duration,
        early: bool,
    ) -> Claim {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.out.insert(ticket, out);
        let mut claim = Claim::new(ticket, payload, out.log.position(out.at));
        claim.attempts = out.settlement.resumed().attempts.into();
        claim.interrupted = out.settlement.interruptions().into();
        claim.visible_in = wait;
        claim.early = early && !wait.is_zero();
        claim
    }

    /// Has a log be read again.
    pub(super) fn again_at(&mut self, name: LogName, due: Duration) {
        let Some(log) = self.logs.get_mut(&name) else {
            return;
        };
        if let Some(earlier) = log.again.replace(due) {
            self.rereads.remove(&(earlier, name));
        }
        self.rereads.insert((due, name));
    }

    /// Takes in that a claimed log cannot be opened. A log that was taken away no longer belongs to
    /// this worker; if it comes back, it is claimed anew.
    pub(super) fn cannot_open(&mut self, name: LogName, error: SpoolError) {
        let now = self.rotation.files().clock.elapsed();
        if !matches!(error, SpoolError::Taken { .. }) {
            return self.troubles.note(Found::claimed(name), now, error);
        }
        self.troubles.note_lasting(Found::claimed(name), now, error);
        self.owed.retain(|out| out.log != name);
        self.waiting.retain(|Reverse(waiting)| waiting.log != name);
        self.forget(name);
    }

    /// Has nothing more to do with a log.
    pub(super) fn forget(&mut self, name: LogName) -> Option<ClaimedLog> {
        self.open.close(name);
        self.spilled.remove(&name.position(0));
        self.revisit.take_if(|revisit| revisit.is_of(name));
        let log = self.logs.remove(&name)?;
        if let Some(again) = log.again {
            self.rereads.remove(&(again, name));
        }
        Some(log)
    }
}
