//! A spool: the directory, opened and found safe, and what all parts of the engine do with
//! its files.
//!
//! **Lock rule.** To append to a log (or the ledger), share its lock; to rename,
//! cuts or removes it holds that lock alone. After getting a lock, look whether the path still
//! leads to the file that was locked: if not, another process was faster, and the step starts again.
//!
//! **Lock order.** The dedupe table, a collecting log, another log, the ledger. Within one process, a
//! slot's mutex comes behind the table and before all others. The worker's lock is taken first and held throughout.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use slipstream_core::{
    Backlog, BacklogError, Clock, Duplicate, Engine, Receipt, Record, Source, StoreError,
    SystemClock,
};

use crate::consume::backlog::{ASKED, SpoolBacklog};
use crate::consume::state_files::{LAST_RUN, MEMORY};
use crate::consume::worker_lock::WORKER_LOCK;
use crate::dir::create;
use crate::dir::spool_dir::SpoolDir;
use crate::error::SpoolError;
use crate::format::frame::Frames;
use crate::format::log_name::{LogName, Stage, collecting_name, parse_collecting};
use crate::format::settings::{SETTINGS_FILE, Settings, WRITE_MAX};
use crate::format::slot::slot_of;
use crate::fs::{File, Fs, Lock, Open};
use crate::lifecycle::ledger::{LEDGER, LedgerState};
use crate::lifecycle::retirement::Leaving;
use crate::operate::staleness::WARNED;
use crate::store::dedupe::DEDUPE;
use crate::store::writers::Writers;

/// The directory of logs that are on their way out.
pub(crate) const REMOVING: &str = "removing";
/// The files that stand in a spool beside its directories. While one is being made, it has more
/// behind its name.
pub(crate) const FILES: [&str; 8] =
    [SETTINGS_FILE, LEDGER, WORKER_LOCK, MEMORY, LAST_RUN, WARNED, DEDUPE, ASKED];
/// How often a step is begun anew because another process was faster. Each time, one
/// else's step went through, so this is only reached when something is wrong.
pub(crate) const TRIES: usize = 1000;
/// How long to wait for another's lock, which is held for milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A spool on local disk: the default engine.
///
/// Cheap to clone; safe to share between threads, and to use on both sides of a fork. Storing
/// threads of one process share the descriptor of their slot's log; a forked process opens its own.
#[derive(Clone)]
pub struct Spool {
    shared: Arc<Shared>,
    durable: bool,
}

/// What all handles on a spool share.
pub(crate) struct Shared {
    pub(crate) path: PathBuf,
    pub(crate) fs: Box<dyn Fs>,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) settings: Settings,
    pub(crate) writers: Writers,
    pub(crate) ledger: LedgerState,
}

impl Spool {
    /// Where the spool is unless told otherwise.
    pub const DEFAULT_DIR: &'static str = "/tmp/slipstream";

    /// Opens the spool in this directory, made with the default settings if it is not there.
    ///
    /// Root opens no spool of another user. A spool that another user shares at
    /// [`Spool::DEFAULT_DIR`] is refused as well, since any user may be the first to make one there:
    /// [`SpoolDir::named`] takes one that an operator named.
    ///
    /// # Errors
    /// When the directory is not safe to use, is no spool, or the file system refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SpoolError> {
        let path = path.as_ref();
        match Self::find(path)? {
            Some(spool) => Ok(spool),
            None => Self::create(path, &Settings::default()),
        }
    }

    /// Opens the spool in this directory, if there is one.
    ///
    /// # Errors
    /// As for [`Spool::open`].
    pub fn find(path: impl AsRef<Path>) -> Result<Option<Self>, SpoolError> {
        match SpoolDir::open(path)? {
            Some(dir) => dir.find(),
            None => Ok(None),
        }
    }

    /// Opens the spool in this directory, made with these settings if it is not there. One that
    /// is there keeps its own: see [`Spool::settings`].
    ///
    /// # Errors
    /// As for [`Spool::open`], and when the settings are impossible.
    pub fn create(path: impl AsRef<Path>, settings: &Settings) -> Result<Self, SpoolError> {
        SpoolDir::make(path, settings)?.create(settings)
    }

    pub(crate) fn found(path: &Path, found: create::Found) -> Self {
        Self::on(path, Box::new(found.disk), Box::new(SystemClock::new()), found.settings)
    }

    /// A spool on any file system and clock.
    pub(crate) fn on(
        path: &Path,
        fs: Box<dyn Fs>,
        clock: Box<dyn Clock>,
        settings: Settings,
    ) -> Self {
        let writers = Writers::new(std::process::id(), settings.slots.into());
        let ledger = LedgerState::default();
        let shared = Shared { path: path.to_owned(), fs, clock, settings, writers, ledger };
        Self { shared: Arc::new(shared), durable: false }
    }

    /// The same spool, but what is stored through this handle survives a power loss, and not
    /// only the end of the process, before it is acknowledged.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// The same spool by another clock. Only for a handle that was not used yet.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.clock = Box::new(clock);
        }
        self
    }

    /// What its writers and workers agree on.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Engine for Spool {
    fn store(&self, source: &Source, records: &[Record]) -> Result<Receipt, StoreError> {
        if records.iter().any(|record| record.options.dedupe.is_some()) {
            return self.store_once(source, records);
        }
        self.store_all(source, records.iter())
    }

    fn backlog(&self) -> Result<Box<dyn Backlog>, BacklogError> {
        Ok(Box::new(SpoolBacklog::open(Arc::clone(&self.shared))?))
    }
}

impl Spool {
    /// Stores records, each in its slot: that of its order key, or else of the source.
    fn store_all<'a>(
        &self,
        source: &Source,
        records: impl Iterator<Item = &'a Record>,
    ) -> Result<Receipt, StoreError> {
        let slots = self.shared.settings.slots;
        let own = slot_of(source, slots);
        let limit = self.shared.settings.record_max;
        let mut open: Vec<(u16, Frames)> = Vec::with_capacity(1);
        let mut writes = Vec::new();
        for record in records {
            let slot = match &record.options.order {
                Some(key) => slot_of(&Source::named(key), slots),
                None => own,
            };
            let at = open.iter().position(|(of, _)| *of == slot).unwrap_or_else(|| {
                open.push((slot, Frames::with_capacity(512)));
                open.len() - 1
            });
            let frames = &mut open[at].1;
            let length = frames.push(|bytes| record.encode_to(bytes)) as u64;
            if length > limit {
                return Err(StoreError::TooLarge { bytes: length, limit });
            }
            if frames.size() >= WRITE_MAX {
                writes.push(open.remove(at));
            }
        }
        writes.extend(open);
        // Sizes are known to be good before the first byte is written.
        let mut receipt = Receipt::default();
        for (slot, mut frames) in writes {
            receipt.overwritten.extend(self.shared.append(slot, &mut frames, self.durable)?);
        }
        Ok(receipt)
    }

    /// Stores those of the records that do not repeat what was stored a moment ago.
    fn store_once(&self, source: &Source, records: &[Record]) -> Result<Receipt, StoreError> {
        let shared = &*self.shared;
        let table = shared.dedupe_table()?;
        let _held = shared.lock_table(&table)?;
        let now = shared.clock.now();
        let (mut fresh, mut duplicates) = (Vec::new(), Vec::new());
        let mut keys = HashMap::new();
        for record in records {
            let earlier = match &record.options.dedupe {
                None => None,
                Some(dedupe) => match keys.get(&dedupe.key) {
                    Some(id) => Some(*id),
                    None => table.find(shared, dedupe, now)?,
                },
            };
            if let Some(of) = earlier {
                duplicates.push(Duplicate { id: record.id, of });
                continue;
            }
            if let Some(dedupe) = &record.options.dedupe {
                keys.insert(&dedupe.key, record.id);
            }
            fresh.push(record);
        }
        let receipt = self.store_all(source, fresh.iter().copied())?;
        for record in fresh {
            if let Some(dedupe) = &record.options.dedupe
                && let Err(error) = table.enter(shared, dedupe, record.id, now)
            {
                tracing::warn!(id = %record.id, %error, "a repeat of this request may be stored");
            }
        }
        Ok(Receipt { duplicates, ..receipt })
    }
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool")
            .field("path", &self.shared.path)
            .field("durable", &self.durable)
            .finish_non_exhaustive()
    }
}

/// How long the locks of many files are waited for, all together: what holds one for long may hold
/// others, too.
pub(crate) struct Patience(Duration);

impl Patience {
    /// As long as for a single lock.
    pub(crate) fn usual() -> Self {
        Self(PATIENCE)
    }

    /// So long.
    pub(crate) fn of(left: Duration) -> Self {
        Self(left)
    }

    /// Takes a file's lock alone, with what patience is left.
    pub(crate) fn lock<'a>(
        &mut self,
        shared: &Shared,
        file: &'a dyn File,
        path: &str,
    ) -> Result<Held<'a>, SpoolError> {
        let start = Instant::now();
        let held = shared.lock_for(file, Lock::Exclusive, path, self.0);
        self.0 = self.0.saturating_sub(start.elapsed());
        held
    }
}

/// A lock that is held until this is dropped.
pub(crate) struct Held<'a>(&'a dyn File);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}

impl Shared {
    /// An error about a file of this spool.
    pub(crate) fn io(&self, doing: &'static str, path: &str, source: io::Error) -> SpoolError {
        SpoolError::io(doing, self.path.join(path), source)
    }

    /// Takes a file's lock, patiently but not for ever.
    pub(crate) fn lock<'a>(
        &self,
        file: &'a dyn File,
        how: Lock,
        path: &str,
    ) -> Result<Held<'a>, SpoolError> {
        self.lock_for(file, how, path, PATIENCE)
    }

    /// Takes a file's lock, waiting a little longer than `patience` for it.
    pub(crate) fn lock_for<'a>(
        &self,
        file: &'a dyn File,
        how: Lock,
        path: &str,
        patience: Duration,
    ) -> Result<Held<'a>, SpoolError> {
        let mut since = None;
        for round in 0u32.. {
            match file.try_lock(how) {
                Ok(()) => return Ok(Held(file)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(self.io("lock", path, error)),
            }
            // Locks are held for microseconds: give way first, and only then begin to sleep.
            if round < 64 {
                std::thread::yield_now();
                continue;
            }
            let waited = since.get_or_insert_with(Instant::now).elapsed();
            if waited > patience {
                return Err(SpoolError::Locked { path: self.path.join(path), waited });
            }
            std::thread::sleep(Duration::from_micros(100).max(waited / 16));
        }
        unreachable!("the patience ends before the rounds do")
    }

    /// Takes a file's lock alone, if it is free.
    pub(crate) fn lock_if_free<'a>(
        &self,
        file: &'a dyn File,
        path: &str,
    ) -> Result<Option<Held<'a>>, SpoolError> {
        match file.try_lock(Lock::Exclusive) {
            Ok(()) => Ok(Some(Held(file))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(self.io("lock", path, error)),
        }
    }

    /// Whether a path leads to this open file.
    pub(crate) fn is_at(&self, file: &dyn File, path: &str) -> Result<bool, SpoolError> {
        let own = file.stat().map_err(|error| self.io("look at", path, error))?;
        match self.fs.stat(path) {
            Ok(stat) => Ok(stat.identity == own.identity),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.io("look at", path, error)),
        }
    }

    /// The names in one of the spool's directories.
    pub(crate) fn list(&self, dir: &str) -> Result<Vec<String>, SpoolError> {
        self.fs.list(dir).map_err(|error| match error.kind() {
            // A cleaner of /tmp takes empty ones.
            io::ErrorKind::NotFound => {
                SpoolError::Gone { spool: self.path.clone(), dir: dir.to_owned() }
            }
            _ => self.io("list", dir, error),
        })
    }

    /// The sealed logs of a stage, oldest first.
    pub(crate) fn logs_in(&self, stage: Stage) -> Result<Vec<LogName>, SpoolError> {
        let names = self.list(stage.dir())?;
        let mut logs: Vec<_> = names.iter().filter_map(|name| LogName::parse(name)).collect();
        logs.sort_unstable();
        Ok(logs)
    }

    /// The logs that are on their way out.
    pub(crate) fn logs_leaving(&self) -> Result<Vec<Leaving>, SpoolError> {
        let names = self.list(REMOVING)?;
        Ok(names.iter().filter_map(|name| Leaving::parse(name)).collect())
    }

    /// The names that the collecting logs would get if they were sealed, as far as their headers
    /// tell.
    pub(crate) fn collecting_names(&self) -> Result<HashSet<LogName>, SpoolError> {
        let mut names = HashSet::new();
        for name in self.list(Stage::Collecting.dir())? {
            let path = format!("{}/{name}", Stage::Collecting.dir());
            if let (Some(slot), Ok(file)) =
                (parse_collecting(&name), self.fs.open(&path, Open::Read))
                && let Ok(header) = self.read_header(&*file, &path)
            {
                names.extend(header.map(|header| LogName { slot, ..LogName::of(&header) }));
            }
        }
        Ok(names)
    }

    /// Every sealed log that is there, wherever it stands. A log that moves on while the
    /// directories are read one after the other is seen in the later one.
    pub(crate) fn logs_there(&self) -> Result<HashSet<LogName>, SpoolError> {
        let mut there = HashSet::new();
        // Twice: a retried log moves back, and may slip through the first look.
        for _ in 0..2 {
            for stage in [Stage::Ready, Stage::Processing, Stage::Failed] {
                there.extend(self.logs_in(stage)?);
            }
            there.extend(self.logs_leaving()?.into_iter().map(|leaving| leaving.log));
        }
        Ok(there)
    }
}

/// The path of the log that a slot is appending to.
pub(crate) fn collecting_path(slot: u16) -> String {
    format!("{}/{}", Stage::Collecting.dir(), collecting_name(slot))
}

/// The path of a sealed log at some stage.
pub(crate) fn log_path(stage: Stage, log: LogName) -> String {
    format!("{}/{log}", stage.dir())
}
