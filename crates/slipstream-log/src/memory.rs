//! What a worker remembers for the next one: a small file that is replaced as a whole.
//!
//! It is a comfort and no promise: one that is lost or damaged costs a few attempts that the
//! memory would have saved, so nothing here is an error.

use crate::fs::{Open, Replace};
use crate::spool::Shared;

/// The file, within the spool.
pub(crate) const MEMORY: &str = "worker.memory";

/// Longest memory, in bytes.
const MEMORY_MAX: u64 = 1 << 20;

impl Shared {
    /// What the last worker remembered.
    pub(crate) fn read_memory(&self) -> Option<Vec<u8>> {
        let file = self.fs.open(MEMORY, Open::Read).ok()?;
        let len = file.stat().ok().map(|stat| stat.len).filter(|len| *len <= MEMORY_MAX)?;
        let mut bytes = vec![0; len as usize];
        let read = file.read_at(&mut bytes, 0).ok()?;
        bytes.truncate(read);
        Some(bytes)
    }

    /// Remembers this. Call it with the worker's lock.
    pub(crate) fn write_memory(&self, memory: &[u8]) {
        let path = format!("{MEMORY}.new-{:016x}", self.fs.random());
        let write = || {
            let file = self.fs.create(&path)?;
            file.append(memory).map_err(|error| error.error)?;
            self.fs.rename(&path, MEMORY, Replace::Always)
        };
        if memory.is_empty() {
            let _ = self.fs.remove(MEMORY);
        } else if let Err(error) = write() {
            tracing::warn!(%error, "the next run will not know what this one learnt");
            let _ = self.fs.remove(&path);
        }
    }
}
