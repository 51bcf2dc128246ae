//! The users of a spool that a group shares: one stores, another works, and only the group is
//! common to both. They are taken from the users that every system has, and are identified by
//! number.

use std::fs::File;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::User;

/// Users without rights, of whom most systems have more than three.
const UNPRIVILEGED: [&str; 7] = ["nobody", "daemon", "www-data", "mail", "bin", "games", "news"];

/// A user and their own group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// The user of each role.
#[derive(Debug, Clone, Copy)]
pub(super) struct Users {
    pub(super) writer: Account,
    pub(super) worker: Account,
    /// The group that both are in besides their own.
    pub(super) group: u32,
}

impl Users {
    /// Finds them.
    pub(super) fn find() -> Result<Self> {
        ensure!(
            rustix::process::geteuid().is_root(),
            "--shared starts programs as other users, which only root may; run it as root, or leave it out"
        );
        let mut found: Vec<Account> = Vec::new();
        for name in UNPRIVILEGED {
            let user = User::from_name(name).with_context(|| format!("cannot look up {name}"))?;
            let account =
                user.map(|user| Account { uid: user.uid.as_raw(), gid: user.gid.as_raw() });
            let other = |new: &Account| {
                new.uid != 0
                    && new.gid != 0
                    && found.iter().all(|old| old.uid != new.uid && old.gid != new.gid)
            };
            found.extend(account.filter(other));
        }
        let [writer, worker, third, ..] = found[..] else {
            bail!(
                "--shared needs three users with groups of their own, of {}; add one, or leave it out",
                UNPRIVILEGED.join(", ")
            );
        };
        Ok(Self { writer, worker, group: third.gid })
    }
}

impl Account {
    /// Makes a file that this user may write, unless it is there.
    pub(super) fn give(self, path: &Path) -> Result<()> {
        let made = File::options().append(true).create(true).open(path);
        let made = made.with_context(|| format!("could not make {}", path.display()))?;
        std::os::unix::fs::fchown(&made, Some(self.uid), Some(self.gid))
            .with_context(|| format!("could not give {} away", path.display()))
    }

    /// Gives this user a directory that others may pass.
    pub(super) fn give_dir(self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
            .and_then(|()| pass(path))
            .with_context(|| format!("could not give {} away", path.display()))
    }
}

/// Lets others pass through a directory, not look into it.
pub(super) fn pass(path: &Path) -> std::io::Result<()> {
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o711))
}
