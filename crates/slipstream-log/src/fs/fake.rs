//! A file system in memory that fails on command, stops like a killed process, and loses what a
//! power loss may lose.
//!
//! What it models: a directory tree of one level, files with data, locks by open file, and for
//! each file and directory what has reached the disk for sure. Operations are counted, so that
//! a test can stop or fail at each one in turn.
//!
//! # Non-goals
//! Time, permissions, and two things at the same time.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use slipstream_core::Timestamp;

use super::Lock;

mod ops;

/// What goes wrong, and when. Operations count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing.
    Well,
    /// From this operation on, nothing happens any more, as if the process had been killed. If
    /// the operation is an append, this many quarters of its bytes are written.
    StopAt(u64, u8),
    /// This operation fails with this error; an append has written this many quarters.
    FailOnce(u64, i32, u8),
    /// All operations from this one on that could fail this way do.
    FailFrom(u64, i32),
    /// The disk is full: nothing gets longer. (A name can still be changed.)
    Full,
    /// Before this operation a worker starts, and clears away files that are being made.
    ClearAt(u64),
}

/// An error number for [`Plan`].
pub(crate) const ENOSPC: i32 = 28;
/// See [`ENOSPC`].
pub(crate) const EIO: i32 = 5;
/// See [`ENOSPC`].
pub(crate) const EINTR: i32 = 4;

/// A disk that outlives the processes that use it.
#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<World>>);

#[derive(Default)]
struct World {
    plan: Option<Plan>,
    ops: u64,
    /// An operation, what is in the path, and the error that it ends with, always.
    spoiled: Option<(&'static str, String, i32)>,
    /// How often it did.
    spoiled_ops: u64,
    /// What was done, to be shown when a test fails.
    trace: Vec<String>,
    names: BTreeMap<String, u64>,
    files: BTreeMap<u64, Data>,
    /// Changes to names since each directory was synced: what a power loss may undo.
    unsynced_names: Vec<NameChange>,
    next: u64,
    /// How many random numbers were drawn.
    drawn: u64,
    /// How often the power failed.
    boots: u64,
}

#[derive(Clone, Default)]
struct Data {
    bytes: Vec<u8>,
    /// What is on the disk for sure.
    synced: Vec<u8>,
    /// When it was written last, as a test has it.
    modified: Timestamp,
    /// The holders of the lock: open files by number.
    locks: BTreeMap<u64, Lock>,
}

#[derive(Clone)]
struct NameChange {
    path: String,
    before: Option<u64>,
}

/// What a power loss makes of bytes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    /// They had reached the disk all the same.
    Nothing,
    /// They are gone, the length too.
    Bytes,
    /// The length had reached the disk, the bytes had not.
    Zeroed,
}

impl Fake {
    /// An empty spool's directories.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("no test panics while it holds the world")
    }

    /// Begins to count operations anew, with a plan.
    pub(crate) fn plan(&self, plan: Plan) {
        let mut world = self.world();
        world.plan = Some(plan);
        world.ops = 0;
        world.trace.clear();
    }

    /// From now on an operation fails on whatever has this in its path.
    pub(crate) fn spoil(&self, what: &'static str, part: &str, errno: i32) {
        let mut world = self.world();
        world.spoiled = Some((what, part.to_owned(), errno));
        world.spoiled_ops = 0;
    }

    /// It fails no more. How often it did.
    pub(crate) fn mend(&self) -> u64 {
        let mut world = self.world();
        world.spoiled = None;
        world.spoiled_ops
    }

    /// How many operations were begun since the last plan.
    pub(crate) fn ops(&self) -> u64 {
        self.world().ops
    }

    /// The last operations.
    pub(crate) fn trace(&self) -> Vec<String> {
        self.world().trace.clone()
    }

    /// The process ended: its locks are gone, all that it wrote stays.
    pub(crate) fn restart(&self) {
        let mut world = self.world();
        world.plan = None;
        for file in world.files.values_mut() {
            file.locks.clear();
        }
    }

    /// The power failed. Of the names' changes since their directories were synced, the last
    /// `undone` are lost; of the files, what was not synced is lost as requested.
    pub(crate) fn power_loss(&self, undone: usize, lost: Lost) {
        self.restart();
        let mut world = self.world();
        world.boots += 1;
        for _ in 0..undone {
            let Some(NameChange { path, before }) = world.unsynced_names.pop() else {
                break;
            };
            match before {
                Some(inode) => world.names.insert(path, inode),
                None => world.names.remove(&path),
            };
        }
        world.unsynced_names.clear();
        for data in world.files.values_mut() {
            match lost {
                Lost::Nothing => {}
                Lost::Bytes => data.bytes = data.synced.clone(),
                Lost::Zeroed => {
                    let len = data.bytes.len();
                    data.bytes = data.synced.clone();
                    data.bytes.resize(len.max(data.synced.len()), 0);
                }
            }
            data.synced = data.bytes.clone();
        }
    }

    /// How many changes of names a power loss could undo now.
    pub(crate) fn unsynced_names(&self) -> usize {
        self.world().unsynced_names.len()
    }

    /// A copy of the disk as it is now.
    pub(crate) fn snapshot(&self) -> Self {
        let world = self.world();
        Self(Arc::new(Mutex::new(World {
            names: world.names.clone(),
            files: world.files.clone(),
            unsynced_names: world.unsynced_names.clone(),
            next: world.next,
            drawn: world.drawn,
            boots: world.boots,
            ..World::default()
        })))
    }

    /// The names of all files.
    pub(crate) fn names(&self) -> Vec<String> {
        self.world().names.keys().cloned().collect()
    }

    /// How many bytes the files in these directories take.
    pub(crate) fn bytes_in(&self, dirs: &[&str]) -> usize {
        let world = self.world();
        let inside = |name: &str| dirs.iter().any(|dir| name.split('/').next() == Some(dir));
        let files = world.names.iter().filter(|(name, _)| inside(name));
        files.map(|(_, inode)| world.files[inode].bytes.len()).sum()
    }

    /// Has a file written at this time.
    pub(crate) fn touch(&self, path: &str, time: Timestamp) {
        let mut world = self.world();
        let inode = world.names[path];
        world.file(inode).modified = time;
    }

    /// Changes the bytes of a file, unnoticed.
    pub(crate) fn damage(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut world = self.world();
        let inode = world.names[path];
        if let Some(data) = world.files.get_mut(&inode) {
            change(&mut data.bytes);
        }
    }
}

/// Whether an operation may fail with ENOSPC: operations that need new blocks.
fn needs_space(what: &str) -> bool {
    matches!(what, "create" | "append" | "rename" | "sync" | "sync_dir")
}

impl World {
    /// Counts an operation. The error that it must end with, and for an append how many quarters
    /// of its bytes are written all the same.
    fn begin(&mut self, what: &'static str, path: &str) -> Result<(), (io::Error, u8)> {
        self.ops += 1;
        let op = self.ops;
        assert!(
            op < 1_000_000,
            "there is no end of operations: {:#?}",
            self.trace.split_off(self.trace.len() - 50)
        );
        self.trace.push(format!("{op} {what} {path}"));
        let raw = io::Error::from_raw_os_error;
        if let Some((of, part, errno)) = &self.spoiled
            && *of == what
            && path.contains(&**part)
        {
            self.spoiled_ops += 1;
            return Err((raw(*errno), 0));
        }
        if self.plan == Some(Plan::ClearAt(op)) {
            let made = self.names.keys().filter(|name| name.contains(".new-")).cloned();
            for name in made.collect::<Vec<_>>() {
                self.set_name(&name, None);
            }
        }
        match self.plan {
            Some(Plan::StopAt(at, quarters)) if op >= at => {
                // Only the very operation that was interrupted can be half done.
                let quarters = if op == at { quarters } else { 0 };
                Err((io::Error::other("the process was killed"), quarters))
            }
            Some(Plan::FailOnce(at, errno, quarters)) if op == at => {
                if errno == ENOSPC && !needs_space(what) {
                    return Ok(());
                }
                Err((raw(errno), quarters))
            }
            Some(Plan::Full) if matches!(what, "create" | "append") => Err((raw(ENOSPC), 0)),
            Some(Plan::FailFrom(at, errno)) if op >= at => {
                if errno == ENOSPC && !needs_space(what) {
                    return Ok(());
                }
                Err((raw(errno), 0))
            }
            _ => Ok(()),
        }
    }

    fn set_name(&mut self, path: &str, to: Option<u64>) {
        let before = match to {
            Some(inode) => self.names.insert(path.to_owned(), inode),
            None => self.names.remove(path),
        };
        self.unsynced_names.push(NameChange { path: path.to_owned(), before });
    }

    fn file(&mut self, inode: u64) -> &mut Data {
        self.files.entry(inode).or_default()
    }
}
