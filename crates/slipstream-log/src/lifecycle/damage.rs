//! Unreadable bytes of a log, set aside in failed/NAME.damaged.
//!
//! # Invariants
//! - The copy is whole or not there. Each stretch follows a line that says where it was.
//! - Copies are bounded: at most twice as many bytes as are read of the log, and as many files as a
//!   slot may have logs.

use std::ops::Range;

use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::layout::{DAMAGED, damage_path};
use crate::format::log_name::{LogName, Stage};
use crate::format::scan::{Item, is_zeros};
use crate::fs::File;

/// How much of it is kept in memory while the disk is full.
const KEPT_MAX: usize = 1 << 20;

/// Zeros in blocks of this many bytes are not copied: a file may have terabytes of them that take
/// no room.
const BLOCK: usize = 4096;

/// Takes bytes that are set aside.
type Put<'a> = dyn FnMut(&[u8]) -> Result<(), SpoolError> + 'a;

/// The unreadable bytes of a log.
pub(crate) struct Damage<'a> {
    pub(crate) files: &'a SpoolFiles,
    pub(crate) file: &'a dyn File,
    pub(crate) path: &'a str,
    pub(crate) log: LogName,
}

impl Damage<'_> {
    /// Copies them to failed/NAME.damaged.
    pub(crate) fn set_aside(&self) -> Result<(), SpoolError> {
        write_aside(self.files, self.log, |put| self.each(put))
    }

    /// The same bytes, from the beginning as many as may be kept in memory.
    pub(crate) fn read(&self) -> Result<Vec<u8>, SpoolError> {
        let mut kept = Vec::new();
        self.each(&mut |bytes| {
            let room = KEPT_MAX - kept.len();
            kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
            Ok(())
        })?;
        Ok(kept)
    }

    /// How long the file is that holds all of them.
    pub(crate) fn aside_len(&self) -> Result<u64, SpoolError> {
        let mut len = 0;
        self.each(&mut |bytes| {
            len += bytes.len() as u64;
            Ok(())
        })?;
        Ok(len)
    }

    /// Shows them as they are to be set aside: at most twice as many bytes as are read of the log.
    fn each(&self, put: &mut Put<'_>) -> Result<(), SpoolError> {
        let Self { files, file, path, log } = *self;
        let mut walk = files.walk(file, path, Some(log))?;
        let (end, room) = (walk.end(), 2 * walk.end());
        let mut aside = Aside { files, file, path, put, room };
        loop {
            let item = walk.next(file).map_err(|error| files.io("read", path, error))?;
            let Some(item) = item else {
                return Ok(());
            };
            let Item::Damage(range) = item else {
                continue;
            };
            let read = range.start.min(end)..range.end.min(end);
            if !aside.stretch(read)? {
                return (aside.put)(b"-- no more is kept --\n");
            }
            if range.end > end {
                aside.line(&format!(
                    "-- {} bytes from {end} on are not kept --\n",
                    range.end - end
                ))?;
            }
        }
    }
}

/// Sets bytes aside that were [read](Damage::read) before.
pub(crate) fn set_aside(files: &SpoolFiles, log: LogName, bytes: &[u8]) -> Result<(), SpoolError> {
    write_aside(files, log, |put| put(bytes))
}

/// Writes a log's failed/NAME.damaged, whole or not at all.
fn write_aside(
    files: &SpoolFiles,
    log: LogName,
    write: impl FnOnce(&mut Put<'_>) -> Result<(), SpoolError>,
) -> Result<(), SpoolError> {
    let aside = damage_path(log);
    let failed = |error| files.io("set aside damage in", &aside, error);
    let _ = files.fs.remove(&aside);
    make_room(files, log.slot)?;
    let copy = files.fs.create(&aside).map_err(failed)?;
    let written = write(&mut |bytes| copy.append(bytes).map_err(|error| failed(error.error)));
    if written.is_err() {
        let _ = files.fs.remove(&aside);
    }
    written
}

/// Keeps what was set aside for a slot within the same bound as its logs.
fn make_room(files: &SpoolFiles, slot: u16) -> Result<(), SpoolError> {
    let names = files.list(Stage::Failed.name())?;
    let mut aside: Vec<_> = names
        .iter()
        .filter_map(|name| LogName::parse(name.strip_suffix(DAMAGED)?))
        .filter(|log| log.slot == slot)
        .collect();
    aside.sort_unstable();
    let keep = files.settings.logs.saturating_sub(1) as usize;
    for log in aside.iter().take(aside.len().saturating_sub(keep)) {
        let path = damage_path(*log);
        files.fs.remove(&path).map_err(|error| files.io("remove", &path, error))?;
    }
    Ok(())
}

/// Writes what is unreadable of a log: each stretch after a line that says where it was.
struct Aside<'a> {
    files: &'a SpoolFiles,
    file: &'a dyn File,
    path: &'a str,
    put: &'a mut Put<'a>,
    /// How many more bytes may be written.
    room: u64,
}

impl Aside<'_> {
    /// Writes these bytes; false when there is no room for all of them.
    fn stretch(&mut self, range: Range<u64>) -> Result<bool, SpoolError> {
        let mut at = range.start;
        while at < range.end {
            let zeros = self.run(at..range.end, is_zeros)?;
            if zeros - at >= BLOCK as u64 {
                if !self.line(&format!("-- {} zeros from {at} on --\n", zeros - at))? {
                    return Ok(false);
                }
                at = zeros;
                continue;
            }
            let end = self.run(at..range.end, |chunk| chunk.len() < BLOCK || !is_zeros(chunk))?;
            let heading = format!("-- {} bytes from {at} on --\n", end - at);
            if self.room < heading.len() as u64 + (end - at) + 1 {
                return Ok(false);
            }
            self.line(&heading)?;
            self.copy(at..end)?;
            self.line("\n")?;
            at = end;
        }
        Ok(true)
    }

    fn line(&mut self, text: &str) -> Result<bool, SpoolError> {
        let Some(room) = self.room.checked_sub(text.len() as u64) else {
            return Ok(false);
        };
        self.room = room;
        (self.put)(text.as_bytes())?;
        Ok(true)
    }

    fn copy(&mut self, range: Range<u64>) -> Result<(), SpoolError> {
        self.room -= range.end - range.start;
        let mut buffer = vec![0; 16 * BLOCK];
        let mut at = range.start;
        while at < range.end {
            let len = self.fill(&mut buffer, at, range.end)?;
            (self.put)(&buffer[..len])?;
            at += len as u64;
        }
        Ok(())
    }

    /// How far the blocks go that are like this.
    fn run(&self, range: Range<u64>, like: impl Fn(&[u8]) -> bool) -> Result<u64, SpoolError> {
        let mut buffer = vec![0; 16 * BLOCK];
        let mut at = range.start;
        while at < range.end {
            let len = self.fill(&mut buffer, at, range.end)?;
            for chunk in buffer[..len].chunks(BLOCK) {
                if !like(chunk) {
                    return Ok(at);
                }
                at += chunk.len() as u64;
            }
        }
        Ok(at)
    }

    /// Reads as many bytes as the buffer holds. What was cut off meanwhile is read as zeros.
    fn fill(&self, buffer: &mut [u8], at: u64, end: u64) -> Result<usize, SpoolError> {
        let len = (end - at).min(buffer.len() as u64) as usize;
        let read = self.file.read_at(&mut buffer[..len], at);
        let read = read.map_err(|error| self.files.io("read", self.path, error))?;
        buffer[read..len].fill(0);
        Ok(len)
    }
}
