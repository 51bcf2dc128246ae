//! Small files that one run leaves for the next, each replaced as a whole.
//!
//! Best effort: losing the memory costs a few attempts that it would have saved, losing the report an
//! operator's look at it. So a file that cannot be read is treated as missing.
//!
//! # Invariants
//! What a worker remembers is its own: in a shared spool a memory that another user wrote, or could have
//! written, is not read. It could pause a destination for all.

use std::io::{self, ErrorKind};

use crate::dir::files::SpoolFiles;
use crate::format::layout::LAST_RUN;
use crate::fs::{Open, Replace};

/// The longest that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// How often one is made anew that a worker's start took away.
const ATTEMPTS_MAX: usize = 10;

/// What was left in one of them, if anything.
pub(crate) fn read(files: &SpoolFiles, name: &str, how: Open) -> Option<Vec<u8>> {
    let file = files.fs.open(name, how).ok()?;
    let len = file.stat().ok().map(|stat| stat.len).filter(|len| *len <= LONGEST)?;
    let mut bytes = vec![0; len as usize];
    let read = file.read_at(&mut bytes, 0).ok()?;
    bytes.truncate(read);
    Some(bytes)
}

/// Leaves this in it; without anything to leave, removes it.
pub(crate) fn write(files: &SpoolFiles, name: &str, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        let _ = files.fs.remove(name);
        return Ok(());
    }
    for _ in 0..ATTEMPTS_MAX {
        match put(files, name, bytes) {
            // A worker that starts clears away what looks abandoned.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => return other,
        }
    }
    put(files, name, bytes)
}

fn put(files: &SpoolFiles, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = format!("{name}.new-{:016x}", files.fs.random());
    let made = || {
        // The report is for the whole group to read.
        let own = name != LAST_RUN;
        let file = if own { files.fs.create_own(&path)? } else { files.fs.create(&path)? };
        file.append(bytes).map_err(|error| error.error)?;
        files.fs.rename(&path, name, Replace::Always)
    };
    made().inspect_err(|_| {
        let _ = files.fs.remove(&path);
    })
}
