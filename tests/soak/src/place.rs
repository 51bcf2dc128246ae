//! The place of a soak: a private directory, on a small disk of its own if it is to run full.
//!
//! # Invariants
//! What was mounted is unmounted, however the soak ends.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use slipstream_soak::chance::Chance;

use super::users::{self, Account};

/// The directory, removed at the end unless kept.
pub(super) struct Place {
    /// None once it is kept.
    made: Option<tempfile::TempDir>,
    root: PathBuf,
    mounted: bool,
}

impl Place {
    /// Makes it within `dir`.
    pub(super) fn make(dir: Option<&Path>) -> Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("slipstream-soak-");
        let made = match dir {
            Some(dir) => builder.tempdir_in(dir),
            None => builder.tempdir(),
        };
        let made = made.context("could not make a temporary directory")?;
        let place = Self { root: made.path().to_owned(), made: Some(made), mounted: false };
        fs::DirBuilder::new()
            .mode(0o700)
            .create(place.disk())
            .context("could not make a directory")?;
        Ok(place)
    }

    /// Puts the spool on a disk of its own, of so many bytes.
    pub(super) fn mount(&mut self, bytes: u64) -> Result<()> {
        ensure!(
            rustix::process::geteuid().is_root(),
            "--enospc mounts a small disk, which only root may; run it as root, or leave it out"
        );
        let options = CString::new(format!("size={bytes},mode=0700"))?;
        mount("tmpfs", self.disk(), "tmpfs", MountFlags::empty(), options.as_c_str())
            .context("could not mount a small tmpfs")?;
        self.mounted = true;
        Ok(())
    }

    /// Lets a user make the spool, and others reach it and the files that are theirs.
    pub(super) fn give(&self, account: Account) -> Result<()> {
        users::pass(&self.root).context("could not let others into a directory")?;
        account.give_dir(&self.disk())
    }

    fn disk(&self) -> PathBuf {
        self.root.join("disk")
    }

    /// The spool's directory.
    pub(super) fn spool(&self) -> PathBuf {
        self.disk().join("spool")
    }

    /// A file beside it, never on the small disk.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Takes the rest of the small disk, if there is one.
    pub(super) fn filler(&self) -> Option<Filler> {
        self.mounted.then(|| Filler {
            path: self.disk().join("filler"),
            file: None,
            next: Instant::now() + Duration::from_millis(500),
            times: 0,
        })
    }

    /// Keeps it all, to look into what went wrong; returns where.
    pub(super) fn keep(&mut self) -> Result<PathBuf> {
        if self.mounted {
            let copied = Command::new("cp")
                .arg("-a")
                .arg(self.spool())
                .arg(self.file("spool"))
                .status()
                .context("could not start cp")?;
            if !copied.success() {
                bail!("could not copy the spool from its small disk ({copied})");
            }
        }
        if let Some(made) = self.made.take() {
            let _ = made.keep();
        }
        Ok(self.root.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.mounted
            && let Err(error) = unmount(self.disk(), UnmountFlags::DETACH)
        {
            let disk = self.disk();
            eprintln!("could not unmount {}: {error}; run 'umount' on it", disk.display());
        }
    }
}

/// A file that takes all the room there is, and gives it back, at random times.
pub(super) struct Filler {
    path: PathBuf,
    file: Option<File>,
    next: Instant,
    /// How often the disk was full.
    pub(super) times: u64,
}

impl Filler {
    /// Does what is due.
    pub(super) fn step(&mut self, chance: &mut Chance) -> Result<()> {
        if Instant::now() < self.next {
            return Ok(());
        }
        let wait = if self.file.is_some() && !chance.one_in(4) {
            self.empty()?;
            chance.about(Duration::from_millis(700))
        } else {
            // One time in four what became free meanwhile is taken as well.
            self.fill()?;
            chance.about(Duration::from_millis(250))
        };
        self.next = Instant::now() + wait;
        Ok(())
    }

    /// Takes all the room there is.
    pub(super) fn fill(&mut self) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                self.file.insert(File::create(&self.path).context("could not make the filler")?)
            }
        };
        for size in [64 << 10, 4 << 10] {
            let block = vec![0; size];
            while file.write_all(&block).is_ok() {}
        }
        self.times += 1;
        Ok(())
    }

    /// Gives all of it back.
    pub(super) fn empty(&mut self) -> Result<()> {
        self.file = None;
        if self.path.exists() {
            fs::remove_file(&self.path).context("could not remove the filler")?;
        }
        Ok(())
    }
}
