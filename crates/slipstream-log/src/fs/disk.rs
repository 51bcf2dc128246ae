//! A spool's directory on a real disk.
//!
//! Every path is resolved from the spool's own descriptor (`fs::beneath`), so no call can be sent
//! elsewhere. All descriptors close on exec.

use std::fs::File as StdFile;
use std::io::{self, Seek};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{self, AtFlags, FlockOperation, Mode, OFlags, RawDir, RenameFlags, StatxFlags};
use rustix::io::Errno;
use rustix::path::Arg;
use rustix::rand::GetRandomFlags;
use slipstream_core::Timestamp;

pub use super::beneath::Access;
use super::beneath::{Root, retry};
use super::locks;
use super::watch::DirWatch;
use super::{AppendError, File, Fs, Lock, Open, ReadFile, Replace, Stat, Watch};

/// The directory behind a descriptor.
#[derive(Debug)]
pub struct Disk {
    root: Arc<Root>,
}

impl Disk {
    /// The directory that `root` is open on. Whether it is safe is for the caller to see.
    pub fn new(root: OwnedFd, access: Access) -> Self {
        Self { root: Arc::new(Root::new(root, access)) }
    }
}

impl Fs for Disk {
    fn open(&self, path: &str, how: Open) -> io::Result<Box<dyn File>> {
        let flags = match how {
            Open::Append => OFlags::RDWR | OFlags::APPEND,
            Open::Update => OFlags::RDWR,
            Open::Read | Open::Own => OFlags::RDONLY,
        };
        let fd = self.root.open(path, flags, Mode::empty())?;
        match how {
            Open::Own => self.root.judge_own(fd.as_fd())?,
            _ => self.root.judge_file(fd.as_fd())?,
        }
        Ok(Box::new(DiskFile(StdFile::from(fd))))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn File>> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
        let mode = match self.root.access() {
            Access::Owner(_) => Mode::from_raw_mode(0o600),
            Access::Group(_) => Mode::from_raw_mode(0o660),
        };
        let fd = self.root.open(path, flags, mode)?;
        if matches!(self.root.access(), Access::Group(_)) {
            // Whatever the umask took away.
            fs::fchmod(&fd, mode)?;
        }
        self.root.judge_file(fd.as_fd())?;
        Ok(Box::new(DiskFile(StdFile::from(fd))))
    }

    fn create_own(&self, path: &str) -> io::Result<Box<dyn File>> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::EXCL;
        let fd = self.root.open(path, flags, Mode::from_raw_mode(0o600))?;
        self.root.judge_own(fd.as_fd())?;
        Ok(Box::new(DiskFile(StdFile::from(fd))))
    }

    fn rename(&self, from: &str, to: &str, replace: Replace) -> io::Result<()> {
        let flags = match replace {
            Replace::Never => RenameFlags::NOREPLACE,
            Replace::Always => RenameFlags::empty(),
        };
        let ((old, from), (new, to)) = (self.root.parent(from)?, self.root.parent(to)?);
        Ok(retry(|| fs::renameat_with(old.as_fd(), from, new.as_fd(), to, flags))?)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let (dir, name) = self.root.parent(path)?;
        Ok(retry(|| fs::unlinkat(dir.as_fd(), name, AtFlags::empty()))?)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let fd = self.root.dir(dir)?;
        let mut buffer = Vec::with_capacity(8192);
        let mut entries = RawDir::new(&fd, buffer.spare_capacity_mut());
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            // A name that is not UTF-8 is not a name of the spool's.
            if let Ok(name) = entry?.file_name().to_str()
                && !matches!(name, "." | "..")
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn stat(&self, path: &str) -> io::Result<Stat> {
        let (dir, name) = self.root.parent(path)?;
        look(dir.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn modified(&self, path: &str) -> io::Result<Timestamp> {
        let (dir, name) = self.root.parent(path)?;
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let stat = retry(|| fs::statx(dir.as_fd(), name, flags, StatxFlags::MTIME))?;
        let seconds = u64::try_from(stat.stx_mtime.tv_sec).unwrap_or_default();
        let millis = u64::from(stat.stx_mtime.tv_nsec / 1_000_000);
        Ok(Timestamp::from_millis(seconds.saturating_mul(1_000).saturating_add(millis)))
    }

    fn lock_holder(&self, path: &str) -> Option<u32> {
        locks::holder(self.stat(path).ok()?.identity)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        Ok(fs::fsync(self.root.dir(dir)?)?)
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
        let own = look(self.root.fd(), "", AtFlags::EMPTY_PATH);
        matches!((there, own), (Ok(there), Ok(own)) if there.identity == own.identity)
    }

    fn boot(&self) -> u64 {
        // Where it cannot be read, a power loss goes unnoticed.
        let id = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        seahash::hash(&id)
    }

    fn watch(
        &self,
        path: &Path,
        dirs: &[&str],
        wake: Box<dyn Fn() + Send>,
    ) -> io::Result<Box<dyn Watch>> {
        Ok(Box::new(DirWatch::new(Arc::clone(&self.root), path, dirs, wake)?))
    }
}

/// A plain file of the spool.
#[derive(Debug)]
struct DiskFile(StdFile);

impl ReadFile for DiskFile {
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

    fn stat(&self) -> io::Result<Stat> {
        look(self.0.as_fd(), "", AtFlags::EMPTY_PATH)
    }
}

impl File for DiskFile {
    fn append(&self, bytes: &[u8]) -> Result<(), AppendError> {
        let whole = |error: Errno| AppendError { error: error.into(), partial: None };
        let written = retry(|| rustix::io::write(&self.0, bytes)).map_err(whole)?;
        if written == bytes.len() {
            return Ok(());
        }
        // The rest is not tried: another process's record may follow this piece by now.
        let words =
            format!("only {written} of {} bytes were written; is the disk full?", bytes.len());
        let end = (&self.0).stream_position().ok();
        Err(AppendError {
            error: io::Error::new(io::ErrorKind::WriteZero, words),
            partial: end.map(|end| (end.saturating_sub(written as u64), end)),
        })
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

    fn sync(&self) -> io::Result<()> {
        // Never tried again: a second call may report success for what the first one lost.
        Ok(fs::fdatasync(&self.0)?)
    }

    fn try_lock(&self, how: Lock) -> io::Result<()> {
        let mut lock = fd_lock::RwLock::new(self.0.as_fd());
        // The guard would release the lock at once; the code that took it does that.
        match how {
            Lock::Shared => std::mem::forget(lock.try_read()?),
            Lock::Exclusive => std::mem::forget(lock.try_write()?),
        }
        Ok(())
    }

    fn unlock(&self) {
        // Fails only for what is not a descriptor.
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

#[cfg(test)]
mod tests;
