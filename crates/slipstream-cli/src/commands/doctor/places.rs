//! A spool's surroundings: its rights, its file system, and processes with another spool at its
//! path.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, Uid, User, access};
use slipstream_core::operator::Stage;
use slipstream_log::Spool;

use super::finding::Finding;
use crate::term::units::{count, spell_bytes};

/// Least room, in bytes and in hundredths of the disk.
const LEAST_BYTES: u64 = 100 << 20;
const LEAST_PART: u64 = 5;

/// Most processes that are named.
const NAMED: usize = 3;

/// Processes that have another spool at the same path, since their /tmp, or their root, is another.
/// Only root sees those of all users.
pub(super) fn others(dir: &Path) -> Result<Vec<Finding>> {
    let dir = std::path::absolute(dir).context("cannot tell where the spool is")?;
    let identity = |path: &Path| path.metadata().ok().map(|it| (it.dev(), it.ino()));
    let ours = identity(&dir);
    let own_mounts = fs::read_link("/proc/self/ns/mnt").ok();
    // One process for each set of mounts is enough.
    let mut elsewhere = BTreeMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let process = entry.path();
        let pid = entry.file_name().to_string_lossy().parse::<u32>();
        let (Ok(pid), Ok(mounts)) = (pid, fs::read_link(process.join("ns/mnt"))) else {
            continue;
        };
        let below = dir.strip_prefix("/").unwrap_or(&dir);
        let theirs = identity(&process.join("root").join(below));
        if Some(&mounts) == own_mounts.as_ref() || theirs.is_none() || theirs == ours {
            continue;
        }
        let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
        let name = format!("{} (process {pid})", name.trim());
        elsewhere.entry(mounts).or_insert(name);
    }
    if elsewhere.is_empty() {
        return Ok(Vec::new());
    }
    let named: Vec<_> = elsewhere.values().take(NAMED).map(String::as_str).collect();
    let more = if elsewhere.len() > NAMED { " and others" } else { "" };
    Ok(vec![Finding::warning(
        format!("at {} another spool is seen by {}{more}", dir.display(), named.join(", ")),
        "they are in a container, or systemd gave them a /tmp of their own (PrivateTmp): what is stored there is not what is worked here",
        "use a directory outside /tmp that all of them see, such as /var/spool/slipstream, with --dir or SLIPSTREAM_DIR",
    )])
}

/// What is wrong with the place of a spool that can be opened.
pub(super) fn of(spool: &Spool) -> Result<Vec<Finding>> {
    let path = spool.path();
    let shown = path.display();
    let mut findings = Vec::new();
    let dirs = Stage::ALL.map(|stage| path.join(stage.name()));
    let closed = dirs.iter().map(|dir| &**dir).chain([path]).find_map(|dir| {
        let refused = access(dir, AccessFlags::W_OK | AccessFlags::X_OK).err()?;
        // That one is gone is another finding.
        (refused != Errno::ENOENT).then_some((dir, refused))
    });
    if let Some((closed, refused)) = closed {
        let me = User::from_uid(Uid::effective()).ok().flatten();
        let me = me.map_or_else(|| Uid::effective().to_string(), |user| user.name);
        let me = format!("user {me}");
        findings.push(unwritable(&me, closed, refused, path));
    }
    if statfs(path).is_ok_and(|it| it.filesystem_type() == TMPFS_MAGIC) {
        findings.push(Finding::warning(
            format!("{shown} is in memory (tmpfs)"),
            "what is stored there is lost when the machine restarts",
            "use a directory on a disk, such as /var/spool/slipstream, if the requests matter",
        ));
    }
    if spool.settings().network_fs {
        findings.push(Finding::warning(
            format!("{shown} was made for a network file system"),
            "locks and renames may not hold there, and requests may be lost or go out twice",
            "use a local disk, unless you know that they do",
        ));
    }
    let disk = statvfs(path).with_context(|| format!("cannot look at the disk of {shown}"))?;
    let unit = disk.fragment_size();
    let (room, all) = (disk.blocks_available() * unit, disk.blocks() * unit);
    findings.extend(full(room, all).map(|what| {
        Finding::warning(
            format!("the disk of {shown} is nearly full: {what}"),
            "when it is, nothing can be stored; the worker can still deliver what is there",
            "free some space, or move the spool to another disk",
        )
    }));
    findings.extend(strangers(spool)?);
    Ok(findings)
}

/// A part of the spool that this user cannot write to.
fn unwritable(me: &str, part: &Path, refused: Errno, spool: &Path) -> Finding {
    let what = format!("{me} cannot write to {}", part.display());
    if refused == Errno::EROFS {
        let what = format!("{what}: the file system is read-only here");
        let why = "a service that systemd lets write nowhere else (ProtectSystem=strict), or a container, has to be given the spool";
        let to_do = format!("ReadWritePaths={} in the service's unit", spool.display());
        return Finding::critical(what, why, to_do);
    }
    Finding::critical(
        what,
        "every process that stores or works must run as the spool's owner, or in its group",
        "run this as the owner, or share a spool with a group: `slipstream init --group`",
    )
}

/// How little room there is, if it is too little.
fn full(room: u64, all: u64) -> Option<String> {
    let least = LEAST_BYTES.min(all / 2);
    let few = room < least || room < all / 100 * LEAST_PART && room < 20 * LEAST_BYTES;
    few.then(|| format!("{} of {} are left", spell_bytes(room), spell_bytes(all)))
}

/// Files that the worker cannot open, since another user made them.
fn strangers(spool: &Spool) -> Result<Option<Finding>> {
    let path = spool.path();
    let home = path.metadata().with_context(|| format!("cannot look at {}", path.display()))?;
    let shared = spool.settings().group;
    let dirs = Stage::ALL.iter().map(|stage| path.join(stage.name())).chain([path.to_owned()]);
    let mut found = Vec::new();
    for entry in dirs.filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten() {
        let Ok(there) = entry.metadata() else { continue };
        let ours = match shared {
            Some(group) => there.gid() == group,
            None => there.uid() == home.uid(),
        };
        if !ours {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found.first().map(|first| {
        let all = count(found.len() as u64, "file");
        Finding::critical(
            format!("{all} of another user or group, such as {}", first.display()),
            "they are not opened, so what is in them is not delivered",
            match shared {
                Some(group) => format!("as root: chgrp -R {group} {}", path.display()),
                None => format!("as root: chown -R {} {}", home.uid(), path.display()),
            },
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_may_only_read_the_spool_is_told_apart_from_a_stranger() {
        let told = |errno| {
            unwritable("www-data", Path::new("/s/ready"), errno, Path::new("/s")).to_do.to_string()
        };
        assert_eq!(told(Errno::EROFS), "ReadWritePaths=/s in the service's unit");
        assert!(told(Errno::EACCES).contains("init --group"));
    }

    #[test]
    fn a_disk_is_nearly_full_by_its_size_and_never_with_gigabytes_left() {
        const GIB: u64 = 1 << 30;
        assert_eq!(full(10 << 20, GIB).as_deref(), Some("10.0 MiB of 1.0 GiB are left"));
        assert!(full(GIB, 100 * GIB).is_some());
        assert!(full(6 * GIB, 100 * GIB).is_none());
        assert!(full(10 * GIB, 1_000 * GIB).is_none());
        assert!(full(200 << 20, GIB).is_none());
        assert!(full(60 << 20, 64 << 20).is_none());
    }
}
