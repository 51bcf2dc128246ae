//! One worker a spool at a time: a lock that ends with the process that holds it.
//!
//! Its process id stands in the file, for whoever comes second. It is a comfort: the lock decides.

use std::io::ErrorKind;

use crate::backlog::{NOTES, notes_path};
use crate::error::SpoolError;
use crate::fs::{File, Lock, Open};
use crate::name::{LogName, Stage};
use crate::spool::{FILES, Shared};

/// The file that a worker holds locked while it runs.
pub(crate) const WORKER_LOCK: &str = "worker.lock";

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
