//! A spool's directory on a real disk.
//!
//! Every path is resolved from the spool's own descriptor, beneath it and through no
//! symbolic link, so nobody can send a write elsewhere. All descriptors close on exec.

use std::fs::File as StdFile;
use std::io::{self, Seek};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::OnceLock;

use rustix::fs::{
    self, AtFlags, FileType, FlockOperation, Mode, OFlags, RawDir, RenameFlags, ResolveFlags,
    StatxFlags,
};
use rustix::io::Errno;
use rustix::path::Arg;
use rustix::rand::GetRandomFlags;
use slipstream_core::Timestamp;

use super::watch::DirWatch;
use super::{AppendError, File, Fs, Lock, Open, Replace, Stat, Watch};
use crate::name::Stage;

/// Who may use a spool's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The user whose spool it is: files are 0600 and his.
    Owner(u32),
    /// Everyone in the spool's group: files are 0660 and the group's, whoever made them.
    Group(u32),
}

/// The directory behind a descriptor.
#[derive(Debug)]
pub struct Disk {
    root: OwnedFd,
    access: Access,
    /// collecting/, once it was needed: every store looks there, and a path of one step is
    /// found in two thirds of the time.
    collecting: OnceLock<OwnedFd>,
}

impl Disk {
    /// The directory that `root` is open on. Whether it is safe is for the caller to see.
    pub fn new(root: OwnedFd, access: Access) -> Self {
        Self { root, access, collecting: OnceLock::new() }
    }

    fn open_beneath(&self, path: &str, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
        // Not to block: what is opened might be a pipe that nobody writes to.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let opened = retry(|| fs::openat2(&self.root, path, flags, mode, resolve));
        match opened {
            // Kernels before 5.6, and sandboxes that never heard of it.
            Err(Errno::NOSYS | Errno::PERM) => {
                Ok(retry(|| fs::openat(&self.root, path, flags, mode))?)
            }
            other => Ok(other?),
        }
    }

    fn collecting(&self) -> io::Result<&OwnedFd> {
        if let Some(dir) = self.collecting.get() {
            return Ok(dir);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let dir = self.open_beneath(Stage::Collecting.dir(), flags, Mode::empty())?;
        Ok(self.collecting.get_or_init(|| dir))
    }

    fn adopt(&self, fd: OwnedFd) -> io::Result<Box<dyn File>> {
        let wanted = StatxFlags::TYPE | StatxFlags::NLINK | StatxFlags::UID | StatxFlags::GID;
        let stat = retry(|| fs::statx(&fd, "", AtFlags::EMPTY_PATH, wanted))?;
        let kind = FileType::from_raw_mode(stat.stx_mode.into());
        let wrong = if kind != FileType::RegularFile {
            Some("it is no plain file; move it out of the spool")
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
                _ => None,
            }
        };
        match wrong {
            Some(why) => Err(io::Error::new(io::ErrorKind::InvalidInput, why)),
            None => Ok(Box::new(DiskFile(StdFile::from(fd)))),
        }
    }
}

impl Fs for Disk {
    fn open(&self, path: &str, how: Open) -> io::Result<Box<dyn File>> {
        let flags = match how {
            Open::Append => OFlags::RDWR | OFlags::APPEND,
            Open::Update => OFlags::RDWR,
            Open::Read => OFlags::RDONLY,
        };
        self.adopt(self.open_beneath(path, flags, Mode::empty())?)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn File>> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
        let mode = match self.access {
            Access::Owner(_) => Mode::from_raw_mode(0o600),
            Access::Group(_) => Mode::from_raw_mode(0o660),
        };
        let fd = self.open_beneath(path, flags, mode)?;
        if matches!(self.access, Access::Group(_)) {
            // Whatever the umask took away.
            fs::fchmod(&fd, mode)?;
        }
        self.adopt(fd)
    }

    fn rename(&self, from: &str, to: &str, replace: Replace) -> io::Result<()> {
        let flags = match replace {
            Replace::Never => RenameFlags::NOREPLACE,
            Replace::Always => RenameFlags::empty(),
        };
        Ok(retry(|| fs::renameat_with(&self.root, from, &self.root, to, flags))?)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        Ok(retry(|| fs::unlinkat(&self.root, path, AtFlags::empty()))?)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let fd = self.open_beneath(dir, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        let mut buffer = Vec::with_capacity(8192);
        let mut entries = RawDir::new(&fd, buffer.spare_capacity_mut());
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            // A name that is no UTF-8 is none of ours.
            if let Ok(name) = entry?.file_name().to_str()
                && !matches!(name, "." | "..")
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn stat(&self, path: &str) -> io::Result<Stat> {
        let (dir, name) = match path.strip_prefix("collecting/") {
            Some(name) => (self.collecting()?, name),
            None => (&self.root, path),
        };
        look(dir.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn modified(&self, path: &str) -> io::Result<Timestamp> {
        let stat =
            retry(|| fs::statx(&self.root, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::MTIME))?;
        let seconds = u64::try_from(stat.stx_mtime.tv_sec).unwrap_or_default();
        let millis = u64::from(stat.stx_mtime.tv_nsec / 1_000_000);
        Ok(Timestamp::from_millis(seconds.saturating_mul(1_000).saturating_add(millis)))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let fd = self.open_beneath(dir, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        Ok(fs::fsync(&fd)?)
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        // Eight bytes come whole once the system has started up.
        rustix::rand::getrandom(&mut bytes, GetRandomFlags::empty())
            .expect("the operating system gives random bytes");
        u64::from_le_bytes(bytes)
    }

    fn is_at(&self, path: &Path) -> bool {
        let there = look(rustix::fs::CWD, path, AtFlags::empty());
        let own = look(self.root.as_fd(), "", AtFlags::EMPTY_PATH);
        matches!((there, own), (Ok(there), Ok(own)) if there.identity == own.identity)
    }

    fn boot(&self) -> u64 {
        // Where it cannot be read, a power loss is taken for none.
        let id = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        seahash::hash(&id)
    }

    fn watch(&self, dirs: &[&str], wake: Box<dyn Fn() + Send>) -> io::Result<Box<dyn Watch>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let open = |dir: &&str| self.open_beneath(dir, flags, Mode::empty());
        let dirs = dirs.iter().map(open).collect::<io::Result<Vec<_>>>()?;
        Ok(Box::new(DirWatch::new(dirs, wake)?))
    }
}

/// A plain file of the spool.
#[derive(Debug)]
struct DiskFile(StdFile);

impl File for DiskFile {
    fn append(&self, bytes: &[u8]) -> Result<(), AppendError> {
        let whole = |error: Errno| AppendError { error: error.into(), partial: None };
        let written = retry(|| rustix::io::write(&self.0, bytes)).map_err(whole)?;
        if written == bytes.len() {
            return Ok(());
        }
        // The rest is not tried: somebody else's record may stand behind this piece by now.
        let words =
            format!("only {written} of {} bytes were written; is the disk full?", bytes.len());
        let end = (&self.0).stream_position().ok();
        Err(AppendError {
            error: io::Error::new(io::ErrorKind::WriteZero, words),
            partial: end.map(|end| (end.saturating_sub(written as u64), end)),
        })
    }

    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < bytes.len() {
            let place = at + filled as u64;
            match retry(|| rustix::io::pread(&self.0, &mut bytes[filled..], place))? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        let mut written = 0;
        while written < bytes.len() {
            let place = at + written as u64;
            match retry(|| rustix::io::pwrite(&self.0, &bytes[written..], place))? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                wrote => written += wrote,
            }
        }
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        Ok(retry(|| fs::ftruncate(&self.0, len))?)
    }

    fn stat(&self) -> io::Result<Stat> {
        look(self.0.as_fd(), "", AtFlags::EMPTY_PATH)
    }

    fn sync(&self) -> io::Result<()> {
        // Never tried again: a second call may report success for what the first one lost.
        Ok(fs::fdatasync(&self.0)?)
    }

    fn try_lock(&self, how: Lock) -> io::Result<()> {
        let mut lock = fd_lock::RwLock::new(self.0.as_fd());
        // The guard would give the lock back at once; whoever took it does that.
        match how {
            Lock::Shared => std::mem::forget(lock.try_read()?),
            Lock::Exclusive => std::mem::forget(lock.try_write()?),
        }
        Ok(())
    }

    fn unlock(&self) {
        // Fails only for what is no descriptor.
        let _ = fs::flock(self.0.as_fd(), FlockOperation::Unlock);
    }
}

/// Asks for what is needed and no more: where the file's times are asked for, the next write
/// has to change them on disk, which costs more than the write.
fn look(dir: BorrowedFd<'_>, name: impl Arg + Copy, flags: AtFlags) -> io::Result<Stat> {
    let wanted = StatxFlags::INO | StatxFlags::SIZE;
    let stat = retry(|| fs::statx(dir, name, flags, wanted))?;
    let device = (u64::from(stat.stx_dev_major) << 32) | u64::from(stat.stx_dev_minor);
    Ok(Stat { identity: (device, stat.stx_ino), len: stat.stx_size })
}

/// Calls again when a signal got in the way, but not for ever.
fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    for _ in 0..100 {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
    Err(Errno::INTR)
}
