//! One worker a spool at a time: a lock that ends with the process that holds it.
//!
//! Its process id is in the file, to be named in messages. Best effort: the lock decides.
//!
//! A process that is forked off inherits the lock's descriptor. It neither gives the lock back nor
//! works on; and the worker gives it back itself, since closing would leave it to such a process.

use std::io::ErrorKind;
use std::time::Duration;

use slipstream_core::operator::Holder;

use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::layout::{LAST_RUN, WORKER_LOCK};
use crate::fs::{File, Lock, Open};

/// What has the worker's lock, if anything. Takes it for a moment if it is free.
pub(crate) fn holder(files: &SpoolFiles) -> Result<Option<Holder>, SpoolError> {
    let file = match files.fs.open(WORKER_LOCK, Open::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(files.io("open", WORKER_LOCK, error)),
    };
    match file.try_lock(Lock::Shared) {
        Ok(()) => {
            file.unlock();
            Ok(None)
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            Ok(Some(Holder::new(holder_pid(files, &*file), silent(files))))
        }
        Err(error) => Err(files.io("lock", WORKER_LOCK, error)),
    }
}

/// The worker's lock, held until this is dropped by the process that took it.
pub(crate) struct WorkerLock {
    file: Box<dyn File>,
    taken_by: u32,
}

impl WorkerLock {
    /// Makes the file, unless it is there.
    pub(crate) fn make(files: &SpoolFiles) -> Result<(), SpoolError> {
        match files.fs.create(WORKER_LOCK) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(files.io("make", WORKER_LOCK, error))
            }
            _ => Ok(()),
        }
    }

    /// Takes the lock.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] when a worker runs.
    pub(crate) fn take(files: &SpoolFiles) -> Result<Self, SpoolError> {
        let failed = |doing| move |error| files.io(doing, WORKER_LOCK, error);
        let file = match files.fs.open(WORKER_LOCK, Open::Update) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Self::make(files)?;
                files.fs.open(WORKER_LOCK, Open::Update).map_err(failed("open"))?
            }
            other => other.map_err(failed("open"))?,
        };
        // A process that only asks whether a worker runs holds it for a moment, too.
        for _ in 0..200 {
            match file.try_lock(Lock::Exclusive) {
                Ok(()) => {
                    let taken_by = std::process::id();
                    let text = taken_by.to_string();
                    let written = file.truncate(0).and_then(|()| file.write_at(text.as_bytes(), 0));
                    // Best effort: only a message needs it.
                    if let Err(error) = written {
                        tracing::debug!(%error, "cannot leave a process id in the worker's lock");
                    }
                    return Ok(Self { file, taken_by });
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
                Err(error) => return Err(failed("lock")(error)),
            }
        }
        Err(SpoolError::Busy { holder: holder_pid(files, &*file) })
    }
    /// Fails in a process that was forked off the process that took it.
    pub(crate) fn check(&self) -> Result<(), SpoolError> {
        match self.taken_by {
            pid if pid == std::process::id() => Ok(()),
            opened_by => Err(SpoolError::Forked { opened_by }),
        }
    }

    /// Which file it is.
    pub(crate) fn identity(&self) -> Option<(u64, u64)> {
        self.file.stat().ok().map(|stat| stat.identity)
    }

    /// Takes the process id out of the file.
    pub(crate) fn clear(&self) {
        let _ = self.file.truncate(0);
    }
}

impl Drop for WorkerLock {
    fn drop(&mut self) {
        if self.check().is_ok() {
            self.file.unlock();
        }
    }
}

fn read_pid(file: &dyn File) -> Option<u32> {
    let mut bytes = [0; 16];
    let read = file.read_at(&mut bytes, 0).ok()?;
    std::str::from_utf8(&bytes[..read]).ok()?.trim().parse().ok()
}

/// The process that has the worker's lock. The file may name an earlier one.
fn holder_pid(files: &SpoolFiles, file: &dyn File) -> Option<u32> {
    files.fs.lock_holder(WORKER_LOCK).or_else(|| read_pid(file))
}

/// For how long no worker has begun or reported.
fn silent(files: &SpoolFiles) -> Duration {
    let times = [WORKER_LOCK, LAST_RUN].map(|file| files.fs.modified(file).unwrap_or_default());
    files.clock.now().since(times[0].max(times[1]))
}
