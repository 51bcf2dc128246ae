//! All file-system operations of the engine, in one small trait, so that tests can put every fault
//! and every crash behind it. [`disk::Disk`] is the real one.
//!
//! Paths are relative to the spool, as `ready/NAME`. What is opened is a plain file of the spool's,
//! or an error: never a link, a pipe, a device, or another user's.

use std::io;
use std::path::Path;

use slipstream_core::Timestamp;

mod beneath;
pub mod disk;
#[cfg(test)]
pub(crate) mod fake;
mod locks;
mod watch;

/// A directory of logs.
pub trait Fs: Send + Sync {
    /// Opens a file that is there.
    ///
    /// # Errors
    /// The file system's, `NotFound` among them; `InvalidInput` for what is not a plain file of the
    /// spool.
    fn open(&self, path: &str, how: Open) -> io::Result<Box<dyn File>>;

    /// Makes a file that is not there yet, opened as [`Open::Append`].
    ///
    /// # Errors
    /// The file system's; `AlreadyExists` when it is there.
    fn create(&self, path: &str) -> io::Result<Box<dyn File>>;

    /// Makes a file that is not there yet and that only this user may write, opened as
    /// [`Open::Append`].
    ///
    /// # Errors
    /// As for [`Fs::create`].
    fn create_own(&self, path: &str) -> io::Result<Box<dyn File>>;

    /// Renames within the spool, in one step.
    ///
    /// # Errors
    /// The file system's; `AlreadyExists` when there is something at `to` and it may not be
    /// replaced.
    fn rename(&self, from: &str, to: &str, replace: Replace) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// The file system's.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// The names in a directory, in no order, without `.` and `..`.
    ///
    /// # Errors
    /// The file system's.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// What is at a path now, without following a link.
    ///
    /// # Errors
    /// The file system's; `NotFound` when nothing does.
    fn stat(&self, path: &str) -> io::Result<Stat>;

    /// When a file was written last, by the machine's own clock. Not for logs: a write after this
    /// has to store its time, which costs more than the write.
    ///
    /// # Errors
    /// The file system's; `NotFound` when there is none.
    fn modified(&self, path: &str) -> io::Result<Timestamp>;

    /// The process that has a file's lock alone, where the system reports it.
    fn lock_holder(&self, path: &str) -> Option<u32> {
        let _ = path;
        None
    }

    /// Makes the entries of a directory survive a power loss.
    ///
    /// # Errors
    /// The file system's.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;

    /// A number that cannot be guessed.
    fn random(&self) -> u64;

    /// Whether this path still leads to the directory that was opened.
    fn is_at(&self, path: &Path) -> bool;

    /// A number that is another one each time the machine has started: what was not synced
    /// before may be gone.
    fn boot(&self) -> u64;

    /// Calls `wake` when something in these directories changes, or one of them or of the
    /// directories above `path` is moved or removed: once each time it is armed, until the watch is
    /// dropped.
    ///
    /// # Errors
    /// The file system's; `Unsupported` when it cannot report it.
    fn watch(
        &self,
        path: &Path,
        dirs: &[&str],
        wake: Box<dyn Fn() + Send>,
    ) -> io::Result<Box<dyn Watch>>;
}

/// Receives notice of changes.
pub trait Watch: Send + Sync {
    /// Waits for the next change from now on. A directory that is not there is not watched; that it
    /// is made again is a change of its parent directory.
    ///
    /// # Errors
    /// The file system's.
    fn arm(&self) -> io::Result<()>;
}

/// A file that is read.
pub trait ReadFile: Send + Sync {
    /// Reads from an offset until the buffer is full or the file ends.
    ///
    /// # Errors
    /// The file system's.
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize>;

    /// What this file is now.
    ///
    /// # Errors
    /// The file system's.
    fn stat(&self) -> io::Result<Stat>;
}

/// An open file.
pub trait File: ReadFile {
    /// Appends with one write, repeated only when a signal kept it from beginning.
    ///
    /// # Errors
    /// [`AppendError`] when not all of it was written.
    fn append(&self, bytes: &[u8]) -> Result<(), AppendError>;

    /// Overwrites all of `bytes` at an offset. Not for files opened to append.
    ///
    /// # Errors
    /// The file system's.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Cuts the file to a length.
    ///
    /// # Errors
    /// The file system's.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Makes the file's bytes survive a power loss.
    ///
    /// # Errors
    /// The file system's. What was written before may be lost from then on.
    fn sync(&self) -> io::Result<()>;

    /// Takes the file's lock for this descriptor if that is possible at once; turns one kind
    /// into the other, not in one step, if it has the lock already.
    ///
    /// # Errors
    /// The file system's; `WouldBlock` when another lock is in the way.
    fn try_lock(&self, how: Lock) -> io::Result<()>;

    /// Gives the lock back. Closing the file does, too.
    fn unlock(&self);
}

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// To append, and read.
    Append,
    /// To overwrite in place, and read.
    Update,
    /// To read.
    Read,
    /// To read, if it is this user's and no other may have written it.
    Own,
}

/// Whether a rename may replace what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// It fails if there is something.
    Never,
    /// It replaces it.
    Always,
}

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Together with other holders of a shared lock.
    Shared,
    /// Alone.
    Exclusive,
}

/// What a path or a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// The same for two names of one file, different for two files.
    pub identity: (u64, u64),
    /// Length in bytes.
    pub len: u64,
}

/// An append that did not go through.
#[derive(Debug)]
pub struct AppendError {
    /// Why.
    pub error: io::Error,
    /// If a part was written: where that part begins and ends.
    pub partial: Option<(u64, u64)>,
}
