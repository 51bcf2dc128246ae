//! Locks on a spool's files.
//!
//! # Invariants
//! - To append to a log (or the ledger), a process shares its lock. To rename, cut or remove it, the
//!   process holds that lock alone.
//! - After getting a lock, a process looks whether the path still leads to the file that it locked: if
//!   not, another process was faster, and the step starts again.
//! - Lock order: the dedupe table, a slot's mutex, a collecting log, another log, the ledger. The
//!   worker's lock is taken first and held throughout.

use std::io;
use std::time::{Duration, Instant};

use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::fs::{File, Lock};

/// How long to wait for another's lock, which is held for milliseconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

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
        files: &SpoolFiles,
        file: &'a dyn File,
        path: &str,
    ) -> Result<Held<'a>, SpoolError> {
        let start = Instant::now();
        let held = files.lock_for(file, Lock::Exclusive, path, self.0);
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

impl SpoolFiles {
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
            // Locks are held for microseconds: yield first, and only then begin to sleep.
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
}
