//! The builder of a spool: the settings to make it with, its clock, and whether an operator named
//! it.

use std::path::Path;
use std::sync::Arc;

use slipstream_core::{Clock, SystemClock};

use super::Spool;
use crate::consume::worker_lock::WorkerLock;
use crate::dir::create;
use crate::dir::files::SpoolFiles;
use crate::dir::spool_dir::SpoolDir;
use crate::error::SpoolError;
use crate::format::settings::Settings;

/// Opens spools. Made by [`Spool::builder`].
///
/// ```
/// use slipstream_log::{Settings, Spool};
///
/// # let home = tempfile::tempdir()?;
/// # let path = home.path().join("spool");
/// let few = Settings { slots: 4, ..Settings::default() };
/// let spool = Spool::builder().settings(few).durable().open(path)?;
/// assert_eq!(spool.settings().slots, 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
#[must_use]
pub struct SpoolBuilder {
    settings: Settings,
    clock: Option<Arc<dyn Clock>>,
    named: bool,
    durable: bool,
}

impl SpoolBuilder {
    /// What a spool is made with. An existing spool keeps its own: see [`Spool::settings`].
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The clock that the spool uses, instead of the system's: for tests.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// An operator named the path, by an option, the environment or a settings file. Then a shared spool of
    /// another user is used at [`Spool::DEFAULT_DIR`], too.
    pub fn named(mut self) -> Self {
        self.named = true;
        self
    }

    /// What is stored survives a power loss before it is acknowledged: see [`Spool::durable`].
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Opens the spool in this directory, made if it is not there.
    ///
    /// # Errors
    /// As for [`Spool::open`], and when one is to be made and the settings are impossible.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Spool, SpoolError> {
        let path = path.as_ref();
        let there = self.dir(path)?;
        if let Some(spool) = there.map(|dir| self.find_in(&dir)).transpose()?.flatten() {
            return Ok(spool);
        }
        let dir = SpoolDir::make(path, &self.settings)?;
        self.create_in(&if self.named { dir.named() } else { dir })
    }

    /// Opens the spool in this directory, if there is one.
    ///
    /// # Errors
    /// As for [`Spool::open`].
    pub fn find(self, path: impl AsRef<Path>) -> Result<Option<Spool>, SpoolError> {
        match self.dir(path.as_ref())? {
            Some(dir) => self.find_in(&dir),
            None => Ok(None),
        }
    }

    fn dir(&self, path: &Path) -> Result<Option<SpoolDir>, SpoolError> {
        let dir = SpoolDir::open(path)?;
        Ok(dir.map(|dir| if self.named { dir.named() } else { dir }))
    }

    fn find_in(&self, dir: &SpoolDir) -> Result<Option<Spool>, SpoolError> {
        Ok(create::find(dir)?.map(|found| self.spool(dir, found)))
    }

    fn create_in(&self, dir: &SpoolDir) -> Result<Spool, SpoolError> {
        let spool = self.spool(dir, create::create(dir, &self.settings)?);
        // Made now, so that a full disk keeps no worker from running.
        spool.rotation.ledger().make()?;
        WorkerLock::make(spool.files())?;
        Ok(spool)
    }

    fn spool(&self, dir: &SpoolDir, found: create::Found) -> Spool {
        let create::Found { disk, settings } = found;
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock::new()));
        let path = dir.path().to_owned();
        let files = SpoolFiles { path, fs: Arc::new(disk), clock, settings };
        Spool { durable: self.durable, ..Spool::of(files) }
    }
}

impl std::fmt::Debug for SpoolBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpoolBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Spool {
    /// Opens the spool in this directory, made with the default settings if it is not there.
    ///
    /// Root opens no spool of another user. A spool that another user shares at
    /// [`Spool::DEFAULT_DIR`] is refused as well, since any user may be the first to make one
    /// there: [`SpoolBuilder::named`] takes a spool that an operator named.
    ///
    /// # Errors
    /// When the directory is not safe to use, is no spool, or the file system refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SpoolError> {
        Self::builder().open(path)
    }

    /// Opens the spool in this directory, if there is one.
    ///
    /// # Errors
    /// As for [`Spool::open`].
    pub fn find(path: impl AsRef<Path>) -> Result<Option<Self>, SpoolError> {
        Self::builder().find(path)
    }

    /// Opens a spool in another way than [`Spool::open`]: with settings to make it with, or by another clock.
    pub fn builder() -> SpoolBuilder {
        SpoolBuilder::default()
    }
}

impl SpoolDir {
    /// The spool in it, if it holds one.
    ///
    /// # Errors
    /// When the directory is not safe to use, or the file system refuses.
    pub fn find(&self) -> Result<Option<Spool>, SpoolError> {
        Spool::builder().find_in(self)
    }

    /// The spool in it, made with these settings if it holds none. An existing spool keeps its own.
    ///
    /// # Errors
    /// As for [`SpoolDir::find`], and when the settings are impossible.
    pub fn create(&self, settings: &Settings) -> Result<Spool, SpoolError> {
        Spool::builder().settings(settings.clone()).create_in(self)
    }
}
