//! A spool on local disk: the public front of the file engine. It only delegates.
//!
//! The parts stand on each other in the order in which they take locks: the
//! [dedupe table](crate::store::dedupe), the [`Appender`] (a slot's mutex), [`Rotation`] (its collecting
//! log), [`Retirement`] (another log), the [`Ledger`]. Each knows only those below it.

use std::path::Path;
use std::sync::Arc;

use slipstream_core::{
    Backlog, BacklogError, Clock, Engine, Receipt, Record, Source, StoreError, SystemClock,
};

use crate::consume::backlog;
use crate::consume::worker_lock::WorkerLock;
use crate::dir::create::{self, Found};
use crate::dir::files::SpoolFiles;
use crate::dir::spool_dir::SpoolDir;
use crate::error::SpoolError;
use crate::format::layout::DEFAULT_DIR;
use crate::format::settings::Settings;
use crate::fs::Fs;
use crate::lifecycle::ledger::Ledger;
use crate::lifecycle::retirement::Retirement;
use crate::lifecycle::rotation::Rotation;
use crate::store::append::Appender;

mod operator;

/// A spool on local disk: the default engine.
///
/// Cheap to clone; safe to share between threads, and to use on both sides of a fork. Storing
/// threads of one process share the descriptor of their slot's log; a forked process opens its own.
#[derive(Clone)]
pub struct Spool {
    appender: Arc<Appender>,
    rotation: Arc<Rotation>,
    durable: bool,
}

impl Spool {
    /// Where the spool is unless told otherwise.
    pub const DEFAULT_DIR: &'static str = DEFAULT_DIR;

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

    fn found(path: &Path, found: Found) -> Self {
        Self::on(path, Box::new(found.disk), Box::new(SystemClock::new()), found.settings)
    }

    /// A spool on any file system and clock.
    pub(crate) fn on(
        path: &Path,
        fs: Box<dyn Fs>,
        clock: Box<dyn Clock>,
        settings: Settings,
    ) -> Self {
        let (fs, clock) = (Arc::from(fs), Arc::from(clock));
        Self::of(SpoolFiles { path: path.to_owned(), fs, clock, settings })
    }

    fn of(files: SpoolFiles) -> Self {
        let rotation = Arc::new(Rotation::new(Retirement::new(Ledger::new(files))));
        let appender = Arc::new(Appender::new(Arc::clone(&rotation)));
        Self { appender, rotation, durable: false }
    }

    /// The same spool, but what is stored through this handle survives a power loss, and not
    /// only the end of the process, before it is acknowledged.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// The same spool by another clock, as if it had been opened anew: handles that were cloned before go
    /// by theirs.
    #[must_use]
    pub fn clock(self, clock: impl Clock + 'static) -> Self {
        let SpoolFiles { path, fs, settings, .. } = self.files();
        let (path, fs, settings) = (path.clone(), Arc::clone(fs), settings.clone());
        let files = SpoolFiles { path, fs, clock: Arc::new(clock), settings };
        Self { durable: self.durable, ..Self::of(files) }
    }

    /// What its writers and workers agree on.
    pub fn settings(&self) -> &Settings {
        &self.files().settings
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.files().path
    }

    fn files(&self) -> &SpoolFiles {
        self.rotation.files()
    }

    #[cfg(test)]
    pub(crate) fn rotation(&self) -> &Rotation {
        &self.rotation
    }
}

impl SpoolDir {
    /// The spool in it, if it holds one.
    ///
    /// # Errors
    /// When the directory is not safe to use, or the file system refuses.
    pub fn find(&self) -> Result<Option<Spool>, SpoolError> {
        Ok(create::find(self)?.map(|found| Spool::found(self.path(), found)))
    }

    /// The spool in it, made with these settings if it holds none. One that is there keeps its
    /// own.
    ///
    /// # Errors
    /// As for [`SpoolDir::find`], and when the settings are impossible.
    pub fn create(&self, settings: &Settings) -> Result<Spool, SpoolError> {
        let spool = Spool::found(self.path(), create::create(self, settings)?);
        // Made now, so that a full disk keeps no worker from running.
        spool.rotation.ledger().make()?;
        WorkerLock::make(spool.files())?;
        Ok(spool)
    }
}

impl Engine for Spool {
    fn store(&self, source: &Source, records: &[Record]) -> Result<Receipt, StoreError> {
        self.appender.store(source, records, self.durable)
    }

    fn backlog(&self) -> Result<Box<dyn Backlog>, BacklogError> {
        Ok(backlog::open(Arc::clone(&self.rotation))?)
    }
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool")
            .field("path", &self.path())
            .field("durable", &self.durable)
            .finish_non_exhaustive()
    }
}
