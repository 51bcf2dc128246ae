//! Staleness: whether no worker has finished for too long, reported to one of all processes that
//! store.
//!
//! # Invariants
//! - While workers finish in time, asking costs one look at the time of one file.
//! - A run that lasts counts for as long as it reports.
//! - A run that hangs, and a lock that no worker holds, do not.
//! - What is overdue is reported once in each such time, however many processes ask.
//! - A clock that was set back makes it neither silent for ever nor noisy: a time that is yet to
//!   come counts from when it was noticed first.
//!
//! # Non-goals
//! An error. What is stored is stored, whatever cannot be found out here.

use std::io::{self, ErrorKind};
use std::time::Duration;

use slipstream_core::Timestamp;
use slipstream_core::operator::Overdue;

use crate::consume::worker_lock::holder;
use crate::dir::files::SpoolFiles;
use crate::format::layout::{LAST_RUN, SETTINGS_FILE, WARNED};
use crate::fs::{File, Open};

/// What was noticed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Noticed {
    /// The time of the last run then.
    last: Timestamp,
    /// When it was noticed, or reported last.
    at: Timestamp,
}

/// Whether no worker has finished for longer than `after`, and none that reports is running.
pub(crate) fn overdue(files: &SpoolFiles, after: Duration) -> Option<Overdue> {
    look(files, after).unwrap_or_else(|error| {
        tracing::debug!(%error, "cannot tell whether a worker has finished lately");
        None
    })
}

/// Looks whether it is so, and notes that this was reported.
fn look(files: &SpoolFiles, after: Duration) -> io::Result<Option<Overdue>> {
    let now = files.clock.now();
    let (last, worked) = match files.fs.modified(LAST_RUN) {
        Ok(last) => (last, true),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            (files.fs.modified(SETTINGS_FILE)?, false)
        }
        Err(error) => return Err(error),
    };
    // A little ahead is as good as now: clocks are corrected.
    let ahead = last.since(now) > after;
    if !ahead && now.since(last) <= after {
        return Ok(None);
    }
    let file = open_warned(files)?;
    // If it is held, another process is just receiving the report.
    let Some(_held) = files.lock_if_free(&*file, WARNED).map_err(io::Error::other)? else {
        return Ok(None);
    };
    // Without a note, or with one from the future, or of another run, what is ahead is noticed now.
    let noticed = Noticed::read(&*file)?.filter(|it| it.at <= now && (!ahead || it.last == last));
    let waited = noticed.map(|it| now.since(it.at));
    let told = match waited {
        Some(waited) => waited > after,
        None => !ahead,
    };
    if waited.is_some() && !told {
        return Ok(None);
    }
    let worker = if told { holder(files).map_err(io::Error::other)? } else { None };
    if worker.is_some_and(|worker| !worker.hangs()) {
        return Ok(None);
    }
    Noticed { last, at: now }.write(&*file)?;
    Ok(told.then(|| {
        let since = (!ahead).then_some(last);
        tracing::warn!(?since, "no worker has finished for longer than {after:?}");
        Overdue::new(since, worked, worker)
    }))
}

fn open_warned(files: &SpoolFiles) -> io::Result<Box<dyn File>> {
    match files.fs.open(WARNED, Open::Update) {
        Err(error) if error.kind() == ErrorKind::NotFound => match files.fs.create(WARNED) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => files.fs.open(WARNED, Open::Update),
        },
        other => other,
    }
}

impl Noticed {
    fn read(file: &dyn File) -> io::Result<Option<Self>> {
        let mut bytes = [0; 64];
        let read = file.read_at(&mut bytes, 0)?;
        let text = std::str::from_utf8(&bytes[..read]).unwrap_or_default();
        let mut times =
            text.split_whitespace().map(|word| word.parse().map(Timestamp::from_millis));
        Ok(match (times.next(), times.next()) {
            (Some(Ok(last)), Some(Ok(at))) => Some(Self { last, at }),
            _ => None,
        })
    }

    fn write(self, file: &dyn File) -> io::Result<()> {
        file.truncate(0)?;
        file.write_at(format!("{} {}\n", self.last.as_millis(), self.at.as_millis()).as_bytes(), 0)
    }
}

#[cfg(test)]
mod tests;
