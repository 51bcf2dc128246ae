//! Files outside the spool, replaced as a whole.
//!
//! # Invariants
//! - A reader of the file finds all of it, or what was there before.
//! - The directory is opened once; the new file is made in it under a bare name that did not exist, and renamed
//!   there. So a user who may write to that directory, or exchange it, cannot have another file
//!   written, removed or moved.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::fcntl::{OFlag, open, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

/// Puts the bytes in the file's place. Without a mode, the umask decides who may read them.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    let Some(name) = path.file_name() else {
        let why = "not the name of a file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    };
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let dir = open(parent.unwrap_or(Path::new(".")), flags, Mode::empty())?;
    // Neither cron, systemd nor Prometheus' collector reads a file with this ending.
    let mut fresh = OsString::from(name);
    fresh.push(".new");
    let remove = || unlinkat(&dir, &*fresh, UnlinkatFlags::NoRemoveDir);
    // An interrupted process left it, or it was put there.
    let _ = remove();
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let file = openat(&dir, &*fresh, flags | OFlag::O_NOFOLLOW, Mode::from_bits_truncate(0o644))?;
    let mut file = File::from(file);
    let permitted = match mode {
        Some(mode) => file.set_permissions(Permissions::from_mode(mode)),
        None => Ok(()),
    };
    let written = permitted
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| Ok(renameat(&dir, &*fresh, &dir, name)?));
    if written.is_err() {
        let _ = remove();
    }
    written
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_or_a_file_of_another_name_in_the_way_is_replaced_and_not_written_through() {
        let home = tempfile::tempdir().unwrap();
        let outside = home.path().join("outside");
        fs::write(&outside, "precious").unwrap();
        let file = home.path().join("file");
        let fresh = home.path().join("file.new");
        let link = || fs::hard_link(&outside, &fresh).unwrap();
        let in_the_way: [&dyn Fn(); 4] = [
            &|| symlink(&outside, &fresh).unwrap(),
            &|| symlink(&outside, &file).unwrap(),
            &link,
            &|| fs::write(&fresh, "old").unwrap(),
        ];
        for put in in_the_way {
            let _ = fs::remove_file(&file);
            put();
            replace(&file, b"text", Some(0o644)).unwrap();
            assert_eq!(fs::read_to_string(&outside).unwrap(), "precious");
            assert_eq!(fs::read_to_string(&file).unwrap(), "text");
            assert!(!fresh.exists() && file.symlink_metadata().unwrap().is_file());
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        }
        for path in ["/", "..", "/nowhere/at/all"] {
            assert!(replace(Path::new(path), b"", None).is_err(), "{path}");
        }
        fs::create_dir(&fresh).unwrap();
        assert!(replace(&file, b"other", None).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
    }
}
