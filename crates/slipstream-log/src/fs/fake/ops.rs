//! The operations of the file system in memory.

use std::io;
use std::path::Path;
use std::sync::MutexGuard;

use slipstream_core::Timestamp;

use super::{Data, Fake, World};
use crate::fs::{AppendError, File, Fs, Lock, Open, ReadFile, Replace, Stat, Watch};

fn plain<T>(result: Result<T, (io::Error, u8)>) -> io::Result<T> {
    result.map_err(|(error, _)| error)
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Fs for Fake {
    fn open(&self, path: &str, how: Open) -> io::Result<Box<dyn File>> {
        let mut world = self.world();
        plain(world.begin("open", path))?;
        let inode = *world.names.get(path).ok_or_else(not_found)?;
        world.next += 1;
        Ok(Box::new(Handle {
            fake: self.clone(),
            inode,
            number: world.next,
            how,
            path: path.to_owned(),
        }))
    }

    fn create_own(&self, path: &str) -> io::Result<Box<dyn File>> {
        self.create(path)
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn File>> {
        let mut world = self.world();
        plain(world.begin("create", path))?;
        if world.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        world.next += 2;
        let (inode, number) = (world.next - 1, world.next);
        world.files.insert(inode, Data::default());
        world.set_name(path, Some(inode));
        Ok(Box::new(Handle {
            fake: self.clone(),
            inode,
            number,
            how: Open::Append,
            path: path.to_owned(),
        }))
    }

    fn rename(&self, from: &str, to: &str, replace: Replace) -> io::Result<()> {
        let mut world = self.world();
        plain(world.begin("rename", &format!("{from} -> {to}")))?;
        let inode = *world.names.get(from).ok_or_else(not_found)?;
        if replace == Replace::Never && world.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        world.set_name(to, Some(inode));
        world.set_name(from, None);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut world = self.world();
        plain(world.begin("remove", path))?;
        if !world.names.contains_key(path) {
            return Err(not_found());
        }
        world.set_name(path, None);
        Ok(())
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut world = self.world();
        plain(world.begin("list", dir))?;
        let prefix = format!("{dir}/");
        let inside = |name: &String| match dir {
            "." => (!name.contains('/')).then(|| name.clone()),
            _ => name.strip_prefix(&prefix).map(str::to_owned),
        };
        Ok(world.names.keys().filter_map(inside).collect())
    }

    fn stat(&self, path: &str) -> io::Result<Stat> {
        let mut world = self.world();
        plain(world.begin("stat", path))?;
        let inode = *world.names.get(path).ok_or_else(not_found)?;
        let len = world.file(inode).bytes.len() as u64;
        Ok(Stat { identity: (0, inode), len })
    }

    fn modified(&self, path: &str) -> io::Result<Timestamp> {
        let mut world = self.world();
        plain(world.begin("modified", path))?;
        let inode = *world.names.get(path).ok_or_else(not_found)?;
        Ok(world.file(inode).modified)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut world = self.world();
        plain(world.begin("sync_dir", dir))?;
        // A journal keeps the order: what came before is on the disk, too.
        let prefix = format!("{dir}/");
        let last = world.unsynced_names.iter().rposition(|change| change.path.starts_with(&prefix));
        if let Some(last) = last {
            world.unsynced_names.drain(..=last);
        }
        Ok(())
    }

    fn is_at(&self, _: &Path) -> bool {
        true
    }

    fn boot(&self) -> u64 {
        self.world().boots
    }

    /// No test waits here.
    fn watch(&self, _: &Path, _: &[&str], _: Box<dyn Fn() + Send>) -> io::Result<Box<dyn Watch>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn random(&self) -> u64 {
        let mut world = self.world();
        world.drawn += 1;
        // Spread over all bits, never the same twice, the same in every run.
        world.drawn.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

struct Handle {
    fake: Fake,
    inode: u64,
    number: u64,
    how: Open,
    path: String,
}

impl Handle {
    fn begin(&self, what: &'static str) -> Result<MutexGuard<'_, World>, (io::Error, u8)> {
        let mut world = self.fake.world();
        world.begin(what, &self.path)?;
        Ok(world)
    }
}

impl ReadFile for Handle {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<usize> {
        let mut world = plain(self.begin("read"))?;
        let file = &world.file(self.inode).bytes;
        let from = file.get(at as usize..).unwrap_or_default();
        let len = from.len().min(bytes.len());
        bytes[..len].copy_from_slice(&from[..len]);
        Ok(len)
    }

    fn stat(&self) -> io::Result<Stat> {
        let mut world = plain(self.begin("fstat"))?;
        let len = world.file(self.inode).bytes.len() as u64;
        Ok(Stat { identity: (0, self.inode), len })
    }
}

impl File for Handle {
    fn append(&self, bytes: &[u8]) -> Result<(), AppendError> {
        assert_eq!(self.how, Open::Append, "{} is not open to append", self.path);
        match self.begin("append") {
            Ok(mut world) => {
                world.file(self.inode).bytes.extend_from_slice(bytes);
                Ok(())
            }
            Err((error, quarters)) => {
                let mut world = self.fake.world();
                let file = &mut world.file(self.inode).bytes;
                let start = file.len() as u64;
                file.extend_from_slice(&bytes[..bytes.len() * usize::from(quarters) / 4]);
                let end = file.len() as u64;
                Err(AppendError { error, partial: (quarters > 0).then_some((start, end)) })
            }
        }
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        assert_eq!(self.how, Open::Update, "{} is not open to overwrite", self.path);
        let mut world = plain(self.begin("write"))?;
        let file = &mut world.file(self.inode).bytes;
        let end = at as usize + bytes.len();
        file.resize(file.len().max(end), 0);
        file[at as usize..end].copy_from_slice(bytes);
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut world = plain(self.begin("truncate"))?;
        world.file(self.inode).bytes.truncate(len as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = plain(self.begin("sync"))?;
        let file = world.file(self.inode);
        file.synced = file.bytes.clone();
        Ok(())
    }

    fn try_lock(&self, how: Lock) -> io::Result<()> {
        let mut world = plain(self.begin("lock"))?;
        let number = self.number;
        let locks = &mut world.file(self.inode).locks;
        let in_the_way = |(holder, held): (&u64, &Lock)| {
            *holder != number && (how == Lock::Exclusive || *held == Lock::Exclusive)
        };
        if locks.iter().any(in_the_way) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        locks.insert(number, how);
        Ok(())
    }

    fn unlock(&self) {
        let number = self.number;
        self.fake.world().file(self.inode).locks.remove(&number);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.unlock();
    }
}
