//! A spool on local disk: the public front of the file engine. It only delegates.
//!
//! The parts depend on each other in lock order: the [dedupe table](crate::store::dedupe), the
//! [`Appender`] (a slot's mutex), [`Rotation`] (its collecting log), [`Retirement`] (another log),
//! the [`Ledger`]. Each uses only the parts below it.

use std::path::Path;
use std::sync::Arc;

use slipstream_core::{Backlog, BacklogError, Engine, Receipt, Record, Source, StoreError};

use crate::consume::backlog;
use crate::dir::files::SpoolFiles;
use crate::format::layout::DEFAULT_DIR;
use crate::format::settings::Settings;
use crate::lifecycle::ledger::Ledger;
use crate::lifecycle::retirement::Retirement;
use crate::lifecycle::rotation::Rotation;
use crate::store::append::Appender;

pub(crate) mod builder;
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
    /// Where the spool is unless configured otherwise.
    pub const DEFAULT_DIR: &'static str = DEFAULT_DIR;

    /// A spool on any file system and clock.
    #[cfg(test)]
    pub(crate) fn on(
        path: &Path,
        fs: Box<dyn crate::fs::Fs>,
        clock: Box<dyn slipstream_core::Clock>,
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
