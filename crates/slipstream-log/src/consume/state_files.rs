//! Small files that one run leaves for the next, each replaced as a whole.
//!
//! Best effort: losing the memory costs a few attempts that it would have saved, losing the report an
//! operator's look at it. So a file that cannot be read is treated as missing.
//!
//! # Invariants
//! What a worker remembers is its own: in a shared spool a memory that another user wrote, or could have
//! written, is not read. It could pause a destination for all.

use std::io::{self, ErrorKind};

use crate::fs::{Open, Replace};
use crate::spool::{Shared, Spool};

/// What the next worker should know.
pub(crate) const MEMORY: &str = "worker.memory";
/// What the operator should know of the last run.
pub(crate) const LAST_RUN: &str = "worker.run";

/// The longest that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// How often one is made anew that a worker's start took away.
const ATTEMPTS_MAX: usize = 10;

impl Spool {
    /// What the last run, or the one that lasts, [reported](slipstream_core::Backlog::report).
    pub fn last_run(&self) -> Option<Vec<u8>> {
        self.shared().read_left(LAST_RUN, Open::Read)
    }
}

impl Shared {
    /// What was left in one of them, if anything.
    pub(crate) fn read_left(&self, name: &str, how: Open) -> Option<Vec<u8>> {
        let file = self.fs.open(name, how).ok()?;
        let len = file.stat().ok().map(|stat| stat.len).filter(|len| *len <= LONGEST)?;
        let mut bytes = vec![0; len as usize];
        let read = file.read_at(&mut bytes, 0).ok()?;
        bytes.truncate(read);
        Some(bytes)
    }

    /// Leaves this in it; without anything to leave, removes it.
    pub(crate) fn leave(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            let _ = self.fs.remove(name);
            return Ok(());
        }
        for _ in 0..ATTEMPTS_MAX {
            match self.put(name, bytes) {
                // A worker that starts clears away what looks abandoned.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => return other,
            }
        }
        self.put(name, bytes)
    }

    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = format!("{name}.new-{:016x}", self.fs.random());
        let write = || {
            // The report is for the whole group to read.
            let own = name != LAST_RUN;
            let file = if own { self.fs.create_own(&path)? } else { self.fs.create(&path)? };
            file.append(bytes).map_err(|error| error.error)?;
            self.fs.rename(&path, name, Replace::Always)
        };
        write().inspect_err(|_| {
            let _ = self.fs.remove(&path);
        })
    }
}
