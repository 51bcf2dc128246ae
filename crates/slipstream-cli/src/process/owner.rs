//! The spool's directory as the command line names it, and whose work is done in it.
//!
//! # Invariants
//! - A command opens the directory once; owner and spool are those of that descriptor.
//! - Root works in another user's spool only if it was named, and as that user: this process
//!   becomes that user for good (groups, group and user, in this order) before it looks into the
//!   spool. Whatever is in there then has no more power than its owner.
//! - A command that does not call [`Place::become_owner`] is refused by the library there. `store` does not:
//!   what root stores, secrets included, would be that user's to read.
//!
//! # Non-goals
//! Starting the program anew: the owner may have no right to it, and nothing was opened yet that it could
//! inherit.

use std::cell::OnceCell;
use std::ffi::CString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::unistd::{self, Gid, Uid, User};
use slipstream_log::{Settings, Spool, SpoolDir};

/// Where the spool is, and its directory once that was opened.
pub(crate) struct Place {
    path: PathBuf,
    named: bool,
    opened: OnceCell<SpoolDir>,
}

impl Place {
    /// `named` is true if an option, the environment or a settings file said so.
    pub(crate) fn new(path: PathBuf, named: bool) -> Self {
        Self { path, named, opened: OnceCell::new() }
    }

    /// The directory's path, to be shown.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory, if there is one.
    fn dir(&self) -> Result<Option<&SpoolDir>> {
        if self.opened.get().is_none()
            && let Some(dir) = SpoolDir::open(&self.path)?
        {
            self.keep(dir);
        }
        Ok(self.opened.get())
    }

    fn keep(&self, dir: SpoolDir) -> &SpoolDir {
        self.opened.get_or_init(|| if self.named { dir.named() } else { dir })
    }

    /// The spool, if there is one.
    pub(crate) fn find(&self) -> Result<Option<Spool>> {
        match self.dir()? {
            Some(dir) => Ok(dir.find()?),
            None => Ok(None),
        }
    }

    /// The same place, to be opened again. For a command that stays.
    pub(crate) fn anew(&self) -> Self {
        Self::new(self.path.clone(), self.named)
    }

    /// The spool that the path leads to by now, if there is one.
    pub(crate) fn find_anew(&self) -> Result<Option<Spool>> {
        self.anew().find()
    }

    /// The spool, made with these settings if there is none. A directory that was removed is made
    /// again.
    pub(crate) fn create(&self, settings: &Settings) -> Result<Spool> {
        let dir = match self.dir()? {
            Some(dir) => dir,
            None => self.keep(SpoolDir::make(&self.path, settings)?),
        };
        Ok(dir.create(settings)?)
    }

    /// The user that owns the directory, if there is one and this process may work for that user.
    pub(crate) fn owner(&self) -> Result<Option<Uid>> {
        let Some(dir) = self.dir()? else { return Ok(None) };
        let (owner, shown) = (Uid::from_raw(dir.owner()?), self.path.display());
        if Uid::effective().is_root() && !owner.is_root() && !self.named {
            let owner = match User::from_uid(owner) {
                Ok(Some(account)) => format!("{} ({owner})", account.name),
                _ => owner.to_string(),
            };
            bail!(
                "{shown} belongs to user {owner} and was not named, and any user could have made it; if it is the right one, name it (--dir {shown}, SLIPSTREAM_DIR={shown}, `dir` in a settings file), else use a directory of your own"
            );
        }
        Ok(Some(owner))
    }

    /// Becomes the spool's owner, if this is root and the owner is not. Call it before any thread
    /// is started.
    pub(crate) fn become_owner(&self) -> Result<()> {
        // What cannot be opened is the command's to report. If a spool comes in its place, the
        // library refuses it to root.
        if !Uid::effective().is_root() || self.dir().is_err() {
            return Ok(());
        }
        let Some(uid) = self.owner()?.filter(|owner| !owner.is_root()) else {
            return Ok(());
        };
        let shown = self.path.display();
        let account = User::from_uid(uid)
            .with_context(|| format!("cannot look up user {uid}, who owns {shown}"))?;
        let Some(account) = account else {
            let gid = self.dir()?.map_or(Ok(0), SpoolDir::group)?;
            bail!(
                "{shown} belongs to user {uid}, who has no account here; run `setpriv --reuid {uid} --regid {gid} --clear-groups slipstream --dir {shown} …`"
            );
        };
        change_to(&account).with_context(|| {
            let name = &account.name;
            format!("cannot become {name}, who owns {shown}; run this as that user, as with `runuser -u {name} -- slipstream --dir {shown} …`")
        })
    }
}

fn change_to(account: &User) -> Result<()> {
    let name = CString::new(account.name.as_bytes())?;
    unistd::initgroups(&name, account.gid)?;
    // Real, effective and saved ones: there is no way back.
    unistd::setresgid(account.gid, account.gid, account.gid)?;
    unistd::setresuid(account.uid, account.uid, account.uid)?;
    // Unless a container's securebits kept a capability: then this is root still.
    if unistd::setresuid(Uid::from_raw(0), Uid::from_raw(0), Uid::from_raw(0)).is_ok()
        || unistd::setresgid(Gid::from_raw(0), Gid::from_raw(0), Gid::from_raw(0)).is_ok()
    {
        bail!("this process keeps root's capabilities all the same");
    }
    tracing::info!(user = account.name, "working as the spool's owner");
    Ok(())
}
