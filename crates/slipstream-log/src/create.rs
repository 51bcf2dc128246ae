//! Finds a spool, or makes one, and refuses every directory that is not safe to use.
//!
//! A spool in /tmp stands among directories of strangers. So nothing is made or touched
//! before the directory is known to be a directory, ours, and closed to others; and
//! everything after goes through the descriptor that was looked at.
//!
//! Making one is a row of steps each of which may find itself done already, by another
//! process or before a crash; the settings come last, and the first to write them wins.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{self, AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::error::SpoolError;
use crate::fs::disk::{Access, Disk};
use crate::fs::{Fs, Open, Replace};
use crate::name::Stage;
use crate::settings::{SETTINGS_FILE, Settings};
use crate::spool::{FILES, REMOVING};

/// A spool that is there, and safe.
pub(crate) struct Found {
    pub(crate) disk: Disk,
    pub(crate) settings: Settings,
}

/// The longest settings file that is read.
const SETTINGS_MAX: u64 = 64 * 1024;

/// The spool in this directory, if there is a directory and it holds one.
pub(crate) fn find(path: &Path) -> Result<Option<Found>, SpoolError> {
    let root = match open_dir(path) {
        Ok(root) => root,
        Err(SpoolError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let owner = Owner::of(path, &root)?;
    let settings = match read_settings(path, &root, owner)? {
        Some(settings) => settings,
        None if !holds_logs(path, &root)? => return Ok(None),
        // Whoever was making the spool may have finished in between, and stored something: logs
        // come after the settings, so they are there now or they are gone.
        None => read_settings(path, &root, owner)?.ok_or_else(|| settings_gone(path))?,
    };
    let access = owner.access(path, settings.group)?;
    if !settings.network_fs {
        refuse_network_fs(path, &root)?;
    }
    Ok(Some(Found { disk: Disk::new(root, access), settings }))
}

/// The spool in this directory, made if it is not there.
pub(crate) fn create(path: &Path, settings: &Settings) -> Result<Found, SpoolError> {
    let bad = |why| SpoolError::Settings { path: path.to_owned(), why };
    settings.check().map_err(bad)?;
    match fs::mkdir(path, Mode::from_raw_mode(0o700)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(failed("make the directory", path, error)),
    }
    let root = open_dir(path)?;
    let owner = Owner::of(path, &root)?;
    if read_settings(path, &root, owner)?.is_none() {
        refuse_network_fs_unless(settings.network_fs, path, &root)?;
        refuse_foreign_contents(path, &root)?;
        make_dirs(path, &root, settings)?;
        write_settings(path, &root, owner, settings)?;
    } else if let Some(theirs) = read_settings(path, &root, owner)? {
        // A cleaner of /tmp may have taken empty ones away.
        make_dirs(path, &root, &theirs)?;
    }
    drop(root);
    find(path)?.ok_or_else(|| SpoolError::Unsafe {
        path: path.to_owned(),
        why: "vanished while it was being made; is another program removing it?".to_owned(),
    })
}

/// Who owns the directory, and who may enter it.
#[derive(Clone, Copy)]
struct Owner {
    uid: u32,
    gid: u32,
    mode: u32,
}

impl Owner {
    fn of(path: &Path, root: &OwnedFd) -> Result<Self, SpoolError> {
        let stat = fs::fstat(root).map_err(|error| failed("look at", path, error))?;
        let owner = Self { uid: stat.st_uid, gid: stat.st_gid, mode: stat.st_mode & 0o7777 };
        let refuse = |why: String| Err(SpoolError::Unsafe { path: path.to_owned(), why });
        let us = rustix::process::geteuid().as_raw();
        let spool = fs::statat(root, SETTINGS_FILE, AtFlags::SYMLINK_NOFOLLOW).is_ok();
        if owner.mode & 0o077 != 0 && !spool && !shared_mode(owner.mode) {
            return refuse(format!(
                "is no spool, and open to others (mode {:04o}); name a directory of its own, such as {}",
                owner.mode,
                path.join("slipstream").display()
            ));
        }
        if owner.mode & 0o007 != 0 {
            return refuse(format!(
                "is open to every user (mode {:04o}); run `chmod o= {}` if it is yours, or use another directory",
                owner.mode,
                path.display()
            ));
        }
        let shared = shared_mode(owner.mode);
        if owner.mode & 0o070 != 0 && !shared {
            return refuse(format!(
                "is open to its group but not set up to be shared (mode {:04o}); run `chmod g= {dir}` to keep it yours, or `slipstream --dir {dir} init --group GROUP` on a new directory to share it",
                owner.mode,
                dir = path.display()
            ));
        }
        if owner.uid != us && !shared {
            return refuse(format!(
                "belongs to user {} and this is user {us}; run as that user, or use a directory of your own (--dir, SLIPSTREAM_DIR)",
                owner.uid
            ));
        }
        Ok(owner)
    }

    /// Who may use the files, if that is what the settings say, too.
    fn access(self, path: &Path, group: Option<u32>) -> Result<Access, SpoolError> {
        let refuse = |why: String| Err(SpoolError::Unsafe { path: path.to_owned(), why });
        match group {
            None if self.mode & 0o070 != 0 => refuse(format!(
                "is open to its group (mode {:04o}) but its settings do not say it is shared; run `chmod g= {}`",
                self.mode,
                path.display()
            )),
            None => Ok(Access::Owner(self.uid)),
            Some(gid) if gid != self.gid || self.mode & 0o070 != 0o070 => refuse(format!(
                "is shared with group {gid} by its settings, but is of group {} with mode {:04o}; run `chgrp {gid} {dir} && chmod 2770 {dir}`",
                self.gid,
                self.mode,
                dir = path.display()
            )),
            Some(gid) => Ok(Access::Group(gid)),
        }
    }
}

/// Whether a directory's mode is one that a group shares.
fn shared_mode(mode: u32) -> bool {
    mode & 0o070 == 0o070 && mode & 0o2000 != 0
}

fn open_dir(path: &Path) -> Result<OwnedFd, SpoolError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    fs::open(path, flags, Mode::empty()).map_err(|error| match error {
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
    let us = rustix::process::geteuid().as_raw();
    format!(
        "belongs to user {} and this is user {us}; run as that user, or use a directory of your own (--dir, SLIPSTREAM_DIR)",
        stat.st_uid
    )
}

fn not_in_group(gid: u32) -> String {
    let us = rustix::process::geteuid().as_raw();
    format!(
        "shared with group {gid}, which user {us} is not in; add that user to it (`getent group {gid}` tells its name) and restart what runs as that user, or use another directory (--dir, SLIPSTREAM_DIR)"
    )
}

fn read_settings(
    path: &Path,
    root: &OwnedFd,
    owner: Owner,
) -> Result<Option<Settings>, SpoolError> {
    let file = path.join(SETTINGS_FILE);
    let io = |doing, source| SpoolError::Io { doing, path: file.clone(), source };
    // Until the settings are read, the directory's own mode tells who may have written them.
    let access =
        if owner.mode & 0o070 != 0 { Access::Group(owner.gid) } else { Access::Owner(owner.uid) };
    let again =
        fs::openat(root, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| failed("open", path, error))?;
    let opened = match Disk::new(again, access).open(SETTINGS_FILE, Open::Read) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io("open", error)),
    };
    let len = opened.stat().map_err(|error| io("look at", error))?.len;
    let mut bytes = vec![0; len.min(SETTINGS_MAX) as usize];
    opened.read_at(&mut bytes, 0).map_err(|error| io("read", error))?;
    let settings: Settings = serde_json::from_slice(&bytes).map_err(|error| SpoolError::Settings {
        path: file.clone(),
        why: format!("it cannot be read ({error}); restore it from a backup, or write it anew as docs/format.md says"),
    })?;
    settings.check().map_err(|why| SpoolError::Settings { path: file, why })?;
    Ok(Some(settings))
}

/// Whether there is a log at any stage.
fn holds_logs(path: &Path, root: &OwnedFd) -> Result<bool, SpoolError> {
    for stage in Stage::ALL {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(dir) = fs::openat(root, stage.dir(), flags, Mode::empty()) else {
            continue;
        };
        let entries = fs::Dir::read_from(&dir).map_err(|error| failed("list", path, error))?;
        let mut names =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        if names.any(|name| name.starts_with('s') && name.ends_with(".log")) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Logs without settings are a spool that lost them, and not to be passed over in silence.
fn settings_gone(path: &Path) -> SpoolError {
    let defaults = serde_json::to_string(&Settings::default()).expect("settings are JSON");
    SpoolError::Settings {
        path: path.join(SETTINGS_FILE),
        why: format!(
            "it is gone, and the spool holds logs; write it anew, with the number of slots that it had: {defaults}"
        ),
    }
}

/// A directory with things in it that are not a spool's is somebody's, and stays as it is.
fn refuse_foreign_contents(path: &Path, root: &OwnedFd) -> Result<(), SpoolError> {
    let dir = fs::Dir::read_from(root).map_err(|error| failed("list", path, error))?;
    for entry in dir {
        let entry = entry.map_err(|error| failed("list", path, error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = matches!(name.as_str(), "." | ".." | REMOVING)
            || Stage::ALL.iter().any(|stage| stage.dir() == name)
            || FILES.iter().any(|file| name.starts_with(file));
        if !ours {
            return Err(SpoolError::Unsafe {
                path: path.to_owned(),
                why: format!(
                    "is no spool and holds other things ('{name}'); give a new or empty directory"
                ),
            });
        }
    }
    Ok(())
}

/// Makes the directories that are not there.
fn make_dirs(path: &Path, root: &OwnedFd, settings: &Settings) -> Result<(), SpoolError> {
    let mode = if settings.group.is_some() { 0o2770 } else { 0o700 };
    let permit = |dir: &Path, fd: &OwnedFd| {
        if let Some(gid) = settings.group {
            let group = rustix::fs::Gid::from_raw(gid);
            fs::fchown(fd, None, Some(group)).map_err(|error| match error {
                Errno::PERM => SpoolError::Unsafe {
                    path: path.to_owned(),
                    why: format!("is to be {}", not_in_group(gid)),
                },
                error => failed("give to its group", dir, error),
            })?;
        }
        // Whatever the umask took away.
        fs::fchmod(fd, Mode::from_raw_mode(mode))
            .map_err(|error| failed("set the mode of", dir, error))
    };
    let dirs = Stage::ALL.iter().map(|stage| stage.dir()).chain([REMOVING]);
    for name in dirs {
        let dir = path.join(name);
        let made = match fs::mkdirat(root, name, Mode::from_raw_mode(0o700)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(error) => return Err(failed("make the directory", &dir, error)),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = fs::openat(root, name, flags, Mode::empty())
            .map_err(|error| failed("open", &dir, error))?;
        match permit(&dir, &fd) {
            // Another user of the group made it, and set its mode.
            Err(_) if !made => {}
            other => other?,
        }
    }
    match permit(path, root) {
        Err(_)
            if rustix::process::geteuid().as_raw()
                != fs::fstat(root).map_or(0, |stat| stat.st_uid) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// Writes the settings, unless somebody else's came first.
fn write_settings(
    path: &Path,
    root: &OwnedFd,
    owner: Owner,
    settings: &Settings,
) -> Result<(), SpoolError> {
    let access = settings.group.map_or(Access::Owner(owner.uid), Access::Group);
    let again =
        fs::openat(root, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|error| failed("open", path, error))?;
    let disk = Disk::new(again, access);
    let temporary = format!("{SETTINGS_FILE}.new-{:016x}", disk.random());
    let io = |doing, source| SpoolError::io(doing, path.join(SETTINGS_FILE), source);
    let text = serde_json::to_string_pretty(settings).expect("settings are JSON");
    let written = disk.create(&temporary).and_then(|file| {
        file.append(text.as_bytes()).map_err(|error| error.error)?;
        file.sync()
    });
    if let Err(error) = written {
        let _ = disk.remove(&temporary);
        return Err(io("write", error));
    }
    match disk.rename(&temporary, SETTINGS_FILE, Replace::Never) {
        Ok(()) => {}
        Err(error) => {
            let _ = disk.remove(&temporary);
            // Somebody else's settings came first, and hold; perhaps a worker has even begun, and
            // cleared this file away.
            if !matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) {
                return Err(io("write", error));
            }
        }
    }
    disk.sync_dir(".").map_err(|error| io("sync", error))
}

fn refuse_network_fs_unless(allowed: bool, path: &Path, root: &OwnedFd) -> Result<(), SpoolError> {
    if allowed { Ok(()) } else { refuse_network_fs(path, root) }
}

/// By the numbers of linux/magic.h and the file systems' own sources.
fn refuse_network_fs(path: &Path, root: &OwnedFd) -> Result<(), SpoolError> {
    let kind = fs::fstatfs(root).map_err(|error| failed("look at", path, error))?.f_type;
    let name = match kind as u32 {
        0x6969 => "NFS",
        0x517B => "SMB",
        0xFF53_4D42 => "CIFS",
        0xFE53_4D42 => "SMB2",
        0x0102_1997 => "9P",
        0x5346_414F | 0x6B41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x00C3_6400 => "Ceph",
        0x0BD0_0BD0 => "Lustre",
        0x4750_4653 => "GPFS",
        0x6573_5546 => "FUSE",
        0x7461_636F => "OCFS2",
        0x0116_1970 => "GFS2",
        _ => return Ok(()),
    };
    Err(SpoolError::Unsafe {
        path: path.to_owned(),
        why: format!(
            "is on a network file system ({name}), where locks and renames may not hold; use a local disk, or make the spool with `init --network-fs` if you know that they do"
        ),
    })
}

fn failed(doing: &'static str, path: &Path, error: Errno) -> SpoolError {
    SpoolError::io(doing, path.to_owned(), error.into())
}
