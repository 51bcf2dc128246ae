//! Directories and names beneath a spool's own descriptor.
//!
//! # Invariants
//! - A path is a bare name, or one directory of the spool and a bare name. The directory is opened from the
//!   spool's descriptor without following a link, and judged by its own descriptor; then the name is used
//!   from that descriptor. So no call resolves more than one name, and no exchange of a directory leads
//!   a call out of the spool.
//! - The same holds without openat2(2): a bare name needs none of its protection but that against
//!   mount points, which for directories the device number gives, too.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, TryLockError};

use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags};
use rustix::io::Errno;

use crate::format::log_name::Stage;

/// The users that may use a spool's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The user whose spool it is: files are 0600 and that user's.
    Owner(u32),
    /// Everyone in the spool's group: files are 0660 and the group's, whichever member made them.
    Group(u32),
}

/// The spool's own directory.
#[derive(Debug)]
pub(super) struct Root {
    fd: OwnedFd,
    access: Access,
    /// The file system that it is on.
    device: (u32, u32),
    /// collecting/, once it was needed: a program that stores looks there again and again.
    collecting: Mutex<Option<Arc<Dir>>>,
}

/// A directory of the spool that was open and as it should be.
#[derive(Debug)]
pub(super) struct Dir {
    fd: OwnedFd,
    inode: u64,
}

/// Where a name is looked up.
pub(super) enum Parent<'a> {
    Root(BorrowedFd<'a>),
    Dir(OwnedFd),
    Kept(Arc<Dir>),
}

impl AsFd for Parent<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Root(fd) => *fd,
            Self::Dir(fd) => fd.as_fd(),
            Self::Kept(dir) => dir.fd.as_fd(),
        }
    }
}

const JUDGED: StatxFlags = StatxFlags::TYPE
    .union(StatxFlags::MODE)
    .union(StatxFlags::UID)
    .union(StatxFlags::GID)
    .union(StatxFlags::NLINK)
    .union(StatxFlags::INO);

impl Root {
    pub(super) fn new(fd: OwnedFd, access: Access) -> Self {
        // What cannot be looked at has no device, and nothing beneath it is on the same one.
        let device = judged(fd.as_fd()).map_or((u32::MAX, u32::MAX), |stat| device(&stat));
        Self { fd, access, device, collecting: Mutex::new(None) }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(super) fn access(&self) -> Access {
        self.access
    }

    /// The directory that a path's last name is in, and that name.
    pub(super) fn parent<'p>(&self, path: &'p str) -> io::Result<(Parent<'_>, &'p str)> {
        let (parent, name) = match path.split_once('/') {
            None => (Parent::Root(self.fd()), path),
            Some((dir, name)) if dir == Stage::Collecting.name() => {
                (Parent::Kept(self.collecting()?), name)
            }
            Some((dir, name)) => (Parent::Dir(self.open_dir(dir, OFlags::PATH)?.fd), name),
        };
        Ok((parent, bare(name)?))
    }

    /// Opens one of the spool's directories, or with `.` the spool itself, to list and sync it.
    pub(super) fn dir(&self, name: &str) -> io::Result<OwnedFd> {
        match name {
            "." => Ok(retry(|| fs::openat(&self.fd, ".", DIR | OFlags::RDONLY, Mode::empty()))?),
            name => Ok(self.open_dir(name, OFlags::RDONLY)?.fd),
        }
    }

    /// Opens a name in a directory. Never blocks, whatever is there.
    pub(super) fn open(&self, path: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        let (parent, name) = self.parent(path)?;
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        Ok(open_name(parent.as_fd(), name, flags, mode)?)
    }

    /// Whether a file may be used: a plain one of the spool, under no second name.
    pub(super) fn judge_file(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let stat = judged(fd)?;
        refuse(if kind(&stat) != FileType::RegularFile {
            Some("not a regular file; move it out of the spool")
        } else if stat.stx_nlink > 1 {
            Some("it has another name elsewhere (a hard link); remove that")
        } else {
            match self.access {
                Access::Owner(uid) if stat.stx_uid != uid => {
                    Some("it belongs to another user; see who put it there, and move it away")
                }
                Access::Group(gid) if stat.stx_gid != gid => {
                    Some("it does not belong to the spool's group; chgrp it, or move it away")
                }
                // Else a member could have the worker copy it into files that the group may read.
                Access::Group(_) if stat.stx_mode & 0o060 != 0o060 => Some(
                    "its group may not read and write it; run `chmod 0660` on it, or move it away",
                ),
                _ => None,
            }
        })
    }

    /// Whether a file is this user's, and no other may write it: what a member of the group put
    /// there is refused. It may have lost its name meanwhile, since it was replaced or cleared away.
    pub(super) fn judge_own(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let (stat, us) = (judged(fd)?, rustix::process::geteuid().as_raw());
        let own = kind(&stat) == FileType::RegularFile
            && stat.stx_nlink <= 1
            && stat.stx_uid == us
            && stat.stx_mode & 0o022 == 0;
        refuse((!own).then_some("another user may have written it; remove it"))
    }

    fn open_dir(&self, name: &str, access: OFlags) -> io::Result<Dir> {
        let opened = open_name(self.fd(), bare(name)?, DIR | access, Mode::empty());
        let fd = opened.map_err(|error| match error {
            Errno::NOTDIR | Errno::LOOP => no_directory(),
            Errno::XDEV => io::Error::new(io::ErrorKind::InvalidInput, MOUNTED),
            error => error.into(),
        })?;
        let stat = judged(fd.as_fd())?;
        self.judge_dir(&stat)?;
        Ok(Dir { fd, inode: stat.stx_ino })
    }

    /// Whether a directory is one of the spool's.
    fn judge_dir(&self, stat: &Statx) -> io::Result<()> {
        if kind(stat) != FileType::Directory {
            return Err(no_directory());
        }
        let foreign = match self.access {
            Access::Owner(uid) => stat.stx_uid != uid,
            Access::Group(gid) => stat.stx_gid != gid,
        };
        refuse(if device(stat) != self.device {
            Some(MOUNTED)
        } else if foreign {
            Some(
                "it is a directory of another user or group; see who put it there, and move it away",
            )
        } else if stat.stx_mode & 0o002 != 0 {
            Some("every user may write to it; run `chmod o= ` on it if it is yours")
        } else {
            None
        })
    }

    /// collecting/, opened anew if another directory has come in its place. That is one look at the
    /// name each time, where opening it takes three calls.
    fn collecting(&self) -> io::Result<Arc<Dir>> {
        let name = Stage::Collecting.name();
        let mut kept = match self.collecting.try_lock() {
            Ok(kept) => kept,
            Err(TryLockError::Poisoned(kept)) => kept.into_inner(),
            // Not waited for: in a process that was forked off, the thread that has it may not exist.
            Err(TryLockError::WouldBlock) => {
                return Ok(Arc::new(self.open_dir(name, OFlags::PATH)?));
            }
        };
        if let Some(dir) = &*kept {
            let there = retry(|| fs::statx(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW, JUDGED))?;
            self.judge_dir(&there)?;
            if there.stx_ino == dir.inode {
                return Ok(Arc::clone(dir));
            }
        }
        let dir = Arc::new(self.open_dir(name, OFlags::PATH)?);
        *kept = Some(Arc::clone(&dir));
        Ok(dir)
    }
}

const MOUNTED: &str = "it is on another file system than the spool; unmount that";

#[cfg(test)]
thread_local! {
    /// Whether this thread's kernel has no openat2.
    pub(super) static OLD_KERNEL: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

const DIR: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a bare name. Kernels before 5.6, and sandboxes without openat2, have openat: for one name
/// with O_NOFOLLOW it does the same, but for mount points.
fn open_name(dir: BorrowedFd<'_>, name: &str, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    // Not BENEATH: a bare name leads nowhere else, and a log that is renamed out of the directory while
    // it is looked up would be refused (EXDEV).
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    #[cfg(test)]
    if OLD_KERNEL.get() {
        return retry(|| fs::openat(dir, name, flags, mode));
    }
    match retry(|| fs::openat2(dir, name, flags, mode, resolve)) {
        Err(Errno::NOSYS | Errno::PERM) => retry(|| fs::openat(dir, name, flags, mode)),
        other => other,
    }
}

/// The name, if it is one and no way to elsewhere.
fn bare(name: &str) -> io::Result<&str> {
    let is_bare = !matches!(name, "" | "." | "..") && !name.contains(['/', '\0']);
    if is_bare {
        return Ok(name);
    }
    let why = format!("invalid name {name:?}; expected a file name without '/'");
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// Calls again when a signal got in the way, but not for ever.
pub(super) fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    for _ in 0..100 {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::INTR)
}

fn judged(fd: BorrowedFd<'_>) -> io::Result<Statx> {
    Ok(retry(|| fs::statx(fd, "", AtFlags::EMPTY_PATH, JUDGED))?)
}

fn kind(stat: &Statx) -> FileType {
    FileType::from_raw_mode(stat.stx_mode.into())
}

fn device(stat: &Statx) -> (u32, u32) {
    (stat.stx_dev_major, stat.stx_dev_minor)
}

fn no_directory() -> io::Error {
    let why = "it is a symbolic link or no directory; see who put it there, and move it away";
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

fn refuse(why: Option<&'static str>) -> io::Result<()> {
    why.map_or(Ok(()), |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why)))
}
