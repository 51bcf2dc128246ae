//! A spool's directory: opened once, and judged by its descriptor.
//!
//! # Invariants
//! - The directory is opened without following a symbolic link. Owner, group and mode are read from
//!   the open descriptor, and the spool is used through it: an exchange of the path between two
//!   steps has no effect.
//! - Root uses no spool of another user. A process of root becomes that user first, between
//!   [`SpoolDir::open`] and [`SpoolDir::find`]; the judgement is made by the user that it is then.
//! - A shared spool of another user at the default place is used only if it was named: any user may have
//!   been the first to make one there.
//!
//! # Non-goals
//! Becoming another user. That is the program's: it changes the whole process.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::dir::accounts;
use crate::error::SpoolError;
use crate::format::layout::{DEFAULT_DIR, SETTINGS_FILE};
use crate::format::settings::Settings;
use crate::fs::disk::Access;

/// A directory that holds a spool, or is to hold one.
///
/// ```
/// # use slipstream_log::{Settings, SpoolDir};
/// # let home = tempfile::tempdir()?;
/// # let path = home.path().join("spool");
/// let settings = Settings::default();
/// let dir = SpoolDir::make(&path, &settings)?;
/// println!("user {} owns {}", dir.owner()?, dir.path().display());
/// let spool = dir.create(&settings)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SpoolDir {
    path: PathBuf,
    root: OwnedFd,
    named: bool,
}

impl SpoolDir {
    /// Opens the directory, if there is one. Nothing in it is looked at yet.
    ///
    /// # Errors
    /// When it is a symbolic link or no directory, or may not be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Option<Self>, SpoolError> {
        let path = path.as_ref();
        match open_dir(path) {
            Ok(root) => Ok(Some(Self { path: path.to_owned(), root, named: false })),
            Err(SpoolError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens the directory, made if there is none: for this user alone, until
    /// [`SpoolDir::create`] makes a spool with these settings in it.
    ///
    /// # Errors
    /// As for [`SpoolDir::open`], and when it cannot be made or the settings are impossible.
    pub fn make(path: impl AsRef<Path>, settings: &Settings) -> Result<Self, SpoolError> {
        let path = path.as_ref();
        check(path, settings)?;
        match fs::mkdir(path, Mode::from_raw_mode(0o700)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed("make the directory", path, error)),
        }
        Ok(Self { path: path.to_owned(), root: open_dir(path)?, named: false })
    }

    /// The same directory, which an operator named: by an option, the environment or a settings
    /// file. Then a shared spool of another user is used at [`Spool::DEFAULT_DIR`](crate::Spool::DEFAULT_DIR), too.
    #[must_use]
    pub fn named(mut self) -> Self {
        self.named = true;
        self
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The user that owns it.
    ///
    /// # Errors
    /// The file system's.
    pub fn owner(&self) -> Result<u32, SpoolError> {
        Ok(self.stat()?.st_uid)
    }

    /// The group that it belongs to.
    ///
    /// # Errors
    /// The file system's.
    pub fn group(&self) -> Result<u32, SpoolError> {
        Ok(self.stat()?.st_gid)
    }

    pub(crate) fn root(&self) -> &OwnedFd {
        &self.root
    }

    /// Another descriptor of the same directory.
    pub(crate) fn root_again(&self) -> Result<OwnedFd, SpoolError> {
        let cloned = self.root.as_fd().try_clone_to_owned();
        cloned.map_err(|error| SpoolError::io("open", self.path.clone(), error))
    }

    fn stat(&self) -> Result<fs::Stat, SpoolError> {
        fs::fstat(&self.root).map_err(|error| failed("look at", &self.path, error))
    }

    /// Whether this user may use what is in it.
    pub(crate) fn judge(&self) -> Result<Owner, SpoolError> {
        let stat = self.stat()?;
        let owner = Owner { uid: stat.st_uid, gid: stat.st_gid, mode: stat.st_mode & 0o7777 };
        let us = rustix::process::geteuid().as_raw();
        if us == 0 && owner.uid != us {
            return self.refuse(roots(owner));
        }
        let spool = fs::statat(&self.root, SETTINGS_FILE, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        self.judge_mode(owner, spool)?;
        if owner.uid != us && !owner.is_shared() {
            return self.refuse(anothers(owner.uid, us));
        }
        if owner.uid != us && !self.named && self.is_default() {
            let dir = self.path.display();
            return self.refuse(format!(
                "is shared by user {} and was not named, and any user could have made it; if it is the right one, name it (--dir {dir}, SLIPSTREAM_DIR={dir}, `dir` in a settings file), else use a directory of your own",
                accounts::user(owner.uid)
            ));
        }
        Ok(owner)
    }

    fn judge_mode(&self, owner: Owner, spool: bool) -> Result<(), SpoolError> {
        let (mode, dir) = (owner.mode, self.path.display());
        if mode & 0o077 != 0 && !spool && !owner.is_shared() {
            return self.refuse(format!(
                "is not a spool, and is open to others (mode {mode:04o}); name a directory of its own, such as {}",
                self.path.join("slipstream").display()
            ));
        }
        if mode & 0o007 != 0 {
            return self.refuse(format!(
                "is open to every user (mode {mode:04o}); run `chmod o= {dir}` if it is yours, or use another directory"
            ));
        }
        if mode & 0o070 != 0 && !owner.is_shared() {
            return self.refuse(format!(
                "is open to its group but not set up to be shared (mode {mode:04o}); run `chmod g= {dir}` to keep it yours, or `slipstream --dir {dir} init --group GROUP` on a new directory to share it"
            ));
        }
        Ok(())
    }

    /// The users that may use the files, if that is what the settings say, too.
    pub(crate) fn access(&self, owner: Owner, group: Option<u32>) -> Result<Access, SpoolError> {
        let (mode, dir) = (owner.mode, self.path.display());
        match group {
            None if mode & 0o070 != 0 => self.refuse(format!(
                "is open to its group (mode {mode:04o}) but its settings do not say it is shared; run `chmod g= {dir}`"
            )),
            None => Ok(Access::Owner(owner.uid)),
            Some(gid) if gid != owner.gid || mode & 0o070 != 0o070 => self.refuse(format!(
                "is shared with group {} by its settings, but is of group {} with mode {mode:04o}; run `chgrp {gid} {dir} && chmod 2770 {dir}`",
                accounts::group(gid),
                accounts::group(owner.gid)
            )),
            Some(gid) => Ok(Access::Group(gid)),
        }
    }

    /// Whether it is at the default place, however that was spelt.
    fn is_default(&self) -> bool {
        let default = Path::new(DEFAULT_DIR);
        let there = || fs::stat(default).ok().zip(fs::fstat(&self.root).ok());
        self.path == default
            || there().is_some_and(|(there, own)| {
                (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino)
            })
    }

    fn refuse<T>(&self, why: String) -> Result<T, SpoolError> {
        Err(SpoolError::Unsafe { path: self.path.clone(), why })
    }
}

/// Whether there can be a spool with these settings.
pub(crate) fn check(path: &Path, settings: &Settings) -> Result<(), SpoolError> {
    settings.check().map_err(|why| SpoolError::Settings { path: path.to_owned(), why })
}

/// The owner of the directory, and the users that may enter it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    mode: u32,
}

impl Owner {
    /// The users that may have made the files, as far as the directory's mode shows.
    pub(crate) fn access(self) -> Access {
        if self.mode & 0o070 != 0 { Access::Group(self.gid) } else { Access::Owner(self.uid) }
    }

    fn is_shared(self) -> bool {
        shared_mode(self.mode)
    }
}

/// Whether a directory's mode shares it with a group.
fn shared_mode(mode: u32) -> bool {
    mode & 0o070 == 0o070 && mode & 0o2000 != 0
}

fn open_dir(path: &Path) -> Result<OwnedFd, SpoolError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // Without a slash at its end, behind which a link would be followed all the same.
    let bare: PathBuf = path.components().collect();
    fs::open(&bare, flags, Mode::empty()).map_err(|error| match error {
        Errno::LOOP | Errno::NOTDIR => SpoolError::Unsafe {
            path: path.to_owned(),
            why: "is a file or a symbolic link; name the directory itself".to_owned(),
        },
        Errno::ACCESS => match fs::stat(path) {
            Ok(stat) => SpoolError::Unsafe { path: path.to_owned(), why: not_ours(&stat) },
            // It cannot even be looked for.
            Err(_) => failed("open", path, error),
        },
        error => failed("open", path, error),
    })
}

/// Why a directory cannot be entered that others can.
fn not_ours(stat: &fs::Stat) -> String {
    if shared_mode(stat.st_mode) {
        return format!("is {}", not_in_group(stat.st_gid));
    }
    anothers(stat.st_uid, rustix::process::geteuid().as_raw())
}

fn anothers(uid: u32, us: u32) -> String {
    let (owner, us) = (accounts::user(uid), accounts::user(us));
    format!(
        "belongs to user {owner} and this is user {us}; run as that user, or use a directory of your own (--dir, SLIPSTREAM_DIR)"
    )
}

fn roots(owner: Owner) -> String {
    let Owner { uid, gid, .. } = owner;
    let run = match accounts::user_name(uid) {
        Some(name) => format!("runuser -u {name} -- …"),
        None => format!("setpriv --reuid {uid} --regid {gid} --clear-groups …"),
    };
    let owner = accounts::user(uid);
    format!(
        "belongs to user {owner}, and root puts nothing into another user's spool; run as that user (`{run}`), or use a directory of your own (--dir, SLIPSTREAM_DIR)"
    )
}

pub(crate) fn not_in_group(gid: u32) -> String {
    let us = rustix::process::geteuid().as_raw();
    let to_do = match (accounts::user_name(us), accounts::group_name(gid)) {
        (Some(user), Some(group)) => format!("run `usermod -aG {group} {user}` as root"),
        _ => "add that user to it".to_owned(),
    };
    let (group, us) = (accounts::group(gid), accounts::user(us));
    format!(
        "shared with group {group}, which user {us} is not in; {to_do} and restart what runs as that user, or use another directory (--dir, SLIPSTREAM_DIR)"
    )
}

pub(crate) fn failed(doing: &'static str, path: &Path, error: Errno) -> SpoolError {
    SpoolError::io(doing, path.to_owned(), error.into())
}
