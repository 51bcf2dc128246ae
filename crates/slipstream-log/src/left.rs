//! What a worker leaves for whoever comes after it: small files, each replaced as a whole.
//!
//! They are a comfort and no promise: a memory that is lost costs a few attempts that it would
//! have saved, a lost report an operator's look at it. So one that cannot be read is one that is
//! not there.

use std::io;

use crate::fs::{Open, Replace};
use crate::spool::{Shared, Spool};

/// What the next worker should know.
pub(crate) const MEMORY: &str = "worker.memory";
/// What the operator should know of the last run.
pub(crate) const LAST_RUN: &str = "worker.run";

/// The longest that is read, in bytes.
const LONGEST: u64 = 1 << 20;

impl Spool {
    /// What the last run, or the one that lasts, [reported](slipstream_core::Backlog::report).
    pub fn last_run(&self) -> Option<Vec<u8>> {
        self.shared().read_left(LAST_RUN)
    }
}

impl Shared {
    /// What was left in one of them, if anything.
    pub(crate) fn read_left(&self, name: &str) -> Option<Vec<u8>> {
        let file = self.fs.open(name, Open::Read).ok()?;
        let len = file.stat().ok().map(|stat| stat.len).filter(|len| *len <= LONGEST)?;
        let mut bytes = vec![0; len as usize];
        let read = file.read_at(&mut bytes, 0).ok()?;
        bytes.truncate(read);
        Some(bytes)
    }

    /// Leaves this in it; without anything to leave, removes it. Call it with the worker's lock.
    pub(crate) fn leave(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            let _ = self.fs.remove(name);
            return Ok(());
        }
        let path = format!("{name}.new-{:016x}", self.fs.random());
        let write = || {
            let file = self.fs.create(&path)?;
            file.append(bytes).map_err(|error| error.error)?;
            self.fs.rename(&path, name, Replace::Always)
        };
        write().inspect_err(|_| {
            let _ = self.fs.remove(&path);
        })
    }
}
