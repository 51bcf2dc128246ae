//! Search for a spool in a directory, and creation of one there; refuses what is not safe to use.
//!
//! A spool in /tmp is among directories of other users. So nothing is made or touched before the
//! directory is known to be a directory, ours, and closed to others ([`SpoolDir::judge`]); and
//! everything after goes through the descriptor that was judged.
//!
//! Making one is a row of steps each of which may find itself done already, by another
//! process or before a crash; the settings come last, and the first to write them wins.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{self, Mode, OFlags};
use rustix::io::Errno;

use crate::dir::spool_dir::{Owner, SpoolDir, check, failed, not_in_group};
use crate::error::SpoolError;
use crate::format::layout::{FILES, REMOVING, SETTINGS_FILE};
use crate::format::log_name::Stage;
use crate::format::settings::Settings;
use crate::fs::disk::{Access, Disk};
use crate::fs::{Fs, Open, Replace};

/// A spool that is there, and safe.
pub(crate) struct Found {
    pub(crate) disk: Disk,
    pub(crate) settings: Settings,
}

/// The longest settings file that is read.
const SETTINGS_MAX: u64 = 64 * 1024;

/// The spool in this directory, if it holds one.
pub(crate) fn find(dir: &SpoolDir) -> Result<Option<Found>, SpoolError> {
    let (path, root) = (dir.path(), dir.root());
    let owner = dir.judge()?;
    let settings = match read_settings(dir, owner)? {
        Some(settings) => settings,
        None if !holds_logs(path, root)? => return Ok(None),
        // The process that was making the spool may have finished in between, and stored something: logs
        // come after the settings, so they are there now or they are gone.
        None => read_settings(dir, owner)?.ok_or_else(|| settings_gone(path))?,
    };
    let access = dir.access(owner, settings.group)?;
    if !settings.network_fs {
        refuse_network_fs(path, root)?;
    }
    Ok(Some(Found { disk: Disk::new(dir.root_again()?, access), settings }))
}

/// The spool in this directory, made if it holds none.
pub(crate) fn create(dir: &SpoolDir, settings: &Settings) -> Result<Found, SpoolError> {
    let (path, root) = (dir.path(), dir.root());
    check(path, settings)?;
    let owner = dir.judge()?;
    match read_settings(dir, owner)? {
        None => {
            refuse_network_fs_unless(settings.network_fs, path, root)?;
            refuse_foreign_contents(path, root)?;
            make_dirs(path, root, settings)?;
            write_settings(dir, owner, settings)?;
        }
        // A cleaner of /tmp may have taken empty ones away.
        Some(theirs) => make_dirs(path, root, &theirs)?,
    }
    find(dir)?.ok_or_else(|| SpoolError::Unsafe {
        path: path.to_owned(),
        why: "vanished while it was being made; is another program removing it?".to_owned(),
    })
}

fn read_settings(dir: &SpoolDir, owner: Owner) -> Result<Option<Settings>, SpoolError> {
    let file = dir.path().join(SETTINGS_FILE);
    let io = |doing, source| SpoolError::Io { doing, path: file.clone(), source };
    // Until the settings are read, the directory's own mode shows which users may have written
    // them.
    let disk = Disk::new(dir.root_again()?, owner.access());
    let opened = match disk.open(SETTINGS_FILE, Open::Read) {
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
        let Ok(dir) = fs::openat(root, stage.name(), flags, Mode::empty()) else {
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

/// Logs without settings are a spool that lost them, and not to be skipped in silence.
fn settings_gone(path: &Path) -> SpoolError {
    let defaults = serde_json::to_string(&Settings::default()).expect("settings are JSON");
    SpoolError::Settings {
        path: path.join(SETTINGS_FILE),
        why: format!(
            "it is gone, and the spool holds logs; write it anew, with the number of slots that it had: {defaults}"
        ),
    }
}

/// A directory with things in it that are not a spool's belongs to something else, and stays as it is.
fn refuse_foreign_contents(path: &Path, root: &OwnedFd) -> Result<(), SpoolError> {
    let dir = fs::Dir::read_from(root).map_err(|error| failed("list", path, error))?;
    for entry in dir {
        let entry = entry.map_err(|error| failed("list", path, error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = matches!(name.as_str(), "." | ".." | REMOVING)
            || Stage::ALL.iter().any(|stage| stage.name() == name)
            || FILES.iter().any(|file| name.starts_with(file));
        if !ours {
            return Err(SpoolError::Unsafe {
                path: path.to_owned(),
                why: format!(
                    "is not a spool, and has other things in it ('{name}'); name a new or empty directory"
                ),
            });
        }
    }
    Ok(())
}

/// Makes the directories that are not there.
fn make_dirs(path: &Path, root: &OwnedFd, settings: &Settings) -> Result<(), SpoolError> {
    let us = rustix::process::geteuid().as_raw();
    let dirs = Stage::ALL.iter().map(|stage| stage.name()).chain([REMOVING]);
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
        // Another user of the group may have made it, and set its mode.
        if made || fs::fstat(&fd).is_ok_and(|stat| stat.st_uid == us) {
            permit(path, &dir, &fd, settings.group)?;
        }
    }
    if fs::fstat(root).is_ok_and(|stat| stat.st_uid != us) {
        return Ok(());
    }
    permit(path, path, root, settings.group)
}

/// Gives a directory of the spool the group and the mode that it should have, unless it has.
fn permit(spool: &Path, dir: &Path, fd: &OwnedFd, group: Option<u32>) -> Result<(), SpoolError> {
    let wanted = if group.is_some() { 0o2770 } else { 0o700 };
    let is_right = || {
        let stat = fs::fstat(fd).map_err(|error| failed("look at", dir, error))?;
        let of_group = group.is_none_or(|gid| stat.st_gid == gid);
        Ok(of_group && stat.st_mode & 0o7777 == wanted)
    };
    if is_right()? {
        return Ok(());
    }
    let no_member = |gid| SpoolError::Unsafe {
        path: spool.to_owned(),
        why: format!("is to be {}", not_in_group(gid)),
    };
    if let Some(gid) = group {
        let given = fs::fchown(fd, None, Some(rustix::fs::Gid::from_raw(gid)));
        given.map_err(|error| match error {
            Errno::PERM => no_member(gid),
            error => failed("give to its group", dir, error),
        })?;
    }
    // Whatever the umask took away.
    fs::fchmod(fd, Mode::from_raw_mode(wanted))
        .map_err(|error| failed("set the mode of", dir, error))?;
    match group {
        // To a user outside the group, the kernel gives no setgid bit, and no error.
        Some(gid) if !is_right()? => Err(no_member(gid)),
        _ => Ok(()),
    }
}

/// Writes the settings, unless another process's came first.
fn write_settings(dir: &SpoolDir, owner: Owner, settings: &Settings) -> Result<(), SpoolError> {
    let access = settings.group.map_or(Access::Owner(owner.uid), Access::Group);
    let disk = Disk::new(dir.root_again()?, access);
    let path = dir.path();
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
            // Another process's settings came first, and hold; perhaps a worker has even begun, and
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
