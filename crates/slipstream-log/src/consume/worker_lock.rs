//! One worker a spool at a time: a lock that ends with the process that holds it.
//!
//! Its process id is in the file, to be named in messages. Best effort: the lock decides.
//!
//! A process that is forked off inherits the lock's descriptor. It neither gives the lock back nor
//! works on; and the worker gives it back itself, since closing would leave it to such a process.

use std::io::ErrorKind;
use std::time::Duration;

use crate::consume::backlog::{NOTES, notes_path};
use crate::consume::state_files::LAST_RUN;
use crate::error::SpoolError;
use crate::format::log_name::{LogName, Stage};
use crate::fs::{File, Lock, Open};
use crate::spool::{FILES, Shared};

/// The file that a worker holds locked while it runs.
pub(crate) const WORKER_LOCK: &str = "worker.lock";

/// For how long a worker that works tells nothing at most, with much to spare: it reports once a
/// minute.
pub const WORKER_SILENCE: Duration = Duration::from_secs(5 * 60);

/// What has the worker's lock: a worker, or a process that keeps workers away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its process id, if it is known.
    pub pid: Option<u32>,
    /// For how long no worker has begun or [reported](slipstream_core::Backlog::report).
    pub silent: Duration,
}

impl Holder {
    /// Whether it hangs, is stopped, or is not a worker.
    pub fn hangs(&self) -> bool {
        self.silent > WORKER_SILENCE
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

/// The worker's lock, held until this is dropped by the process that took it.
pub(crate) struct WorkerLock {
    file: Box<dyn File>,
    taken_by: u32,
}

impl WorkerLock {
    /// Fails in a process that was forked off the one that took it.
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

pub(crate) fn take_worker_lock(shared: &Shared) -> Result<WorkerLock, SpoolError> {
    let failed = |doing| move |error| shared.io(doing, WORKER_LOCK, error);
    let file = match shared.fs.open(WORKER_LOCK, Open::Update) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            make_worker_lock(shared)?;
            shared.fs.open(WORKER_LOCK, Open::Update).map_err(failed("open"))?
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
                return Ok(WorkerLock { file, taken_by });
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => return Err(failed("lock")(error)),
        }
    }
    Err(SpoolError::Busy { holder: shared.holder(&*file) })
}

fn read_pid(file: &dyn File) -> Option<u32> {
    let mut bytes = [0; 16];
    let read = file.read_at(&mut bytes, 0).ok()?;
    std::str::from_utf8(&bytes[..read]).ok()?.trim().parse().ok()
}

impl Shared {
    /// What has the worker's lock, if anything. Takes it for a moment if it is free.
    pub(crate) fn worker(&self) -> Result<Option<Holder>, SpoolError> {
        let file = match self.fs.open(WORKER_LOCK, Open::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.io("open", WORKER_LOCK, error)),
        };
        match file.try_lock(Lock::Shared) {
            Ok(()) => {
                file.unlock();
                Ok(None)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                Ok(Some(Holder { pid: self.holder(&*file), silent: self.silent() }))
            }
            Err(error) => Err(self.io("lock", WORKER_LOCK, error)),
        }
    }

    /// The process that has the worker's lock. The file may tell of an earlier one.
    fn holder(&self, file: &dyn File) -> Option<u32> {
        self.fs.lock_holder(WORKER_LOCK).or_else(|| read_pid(file))
    }

    /// For how long no worker has begun or reported.
    fn silent(&self) -> Duration {
        let times = [WORKER_LOCK, LAST_RUN].map(|file| self.fs.modified(file).unwrap_or_default());
        self.clock.now().since(times[0].max(times[1]))
    }

    /// Removes files that were being made when their maker ended. One that is being made right
    /// now is made again.
    pub(crate) fn clear_abandoned(&self) -> Result<(), SpoolError> {
        for path in self.abandoned()? {
            let _ = self.fs.remove(&path);
        }
        self.clear_notes()
    }

    /// Removes the notes of logs that are gone.
    fn clear_notes(&self) -> Result<(), SpoolError> {
        let names = self.list(Stage::Failed.dir())?;
        let notes = names.iter().filter_map(|name| LogName::parse(name.strip_suffix(NOTES)?));
        let notes: Vec<_> = notes.collect();
        if notes.is_empty() {
            return Ok(());
        }
        let there = self.logs_there()?;
        for log in notes.into_iter().filter(|log| !there.contains(log)) {
            let _ = self.fs.remove(&notes_path(log));
        }
        Ok(())
    }

    /// The paths of those files.
    pub(crate) fn abandoned(&self) -> Result<Vec<String>, SpoolError> {
        let collecting = self.list(Stage::Collecting.dir())?.into_iter();
        let mut paths: Vec<_> = collecting
            .filter(|name| name.contains(".log.new-"))
            .map(|name| format!("{}/{name}", Stage::Collecting.dir()))
            .collect();
        paths.extend(self.list(".")?.into_iter().filter(|name| {
            FILES.iter().any(|file| name.starts_with(file)) && name.contains(".new-")
        }));
        Ok(paths)
    }
}
