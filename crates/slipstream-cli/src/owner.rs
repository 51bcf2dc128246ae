//! Whose work it is: root never works on another user's spool as root.
//!
//! Guaranteed: when root names a spool that belongs to somebody else, this process becomes
//! that user for good (groups, group and user, in this order) before it looks into the
//! spool. Whatever stands in there then has no more power than its owner.
//!
//! Absent on purpose: starting the program anew. The owner may have no right to it, and
//! nothing was opened yet that it could inherit.

use std::ffi::CString;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::unistd::{self, Gid, Uid, User};

/// Becomes the spool's owner, if this is root and the owner is not. Call it before any thread
/// is started and any file opened.
pub(crate) fn become_owner(dir: &Path) -> Result<()> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    // What is not there, or no directory, is the spool's to refuse. If it is exchanged in
    // the meantime, the spool looks at the owner again.
    let Ok(there) = dir.symlink_metadata() else {
        return Ok(());
    };
    let uid = Uid::from_raw(there.uid());
    if !there.is_dir() || uid.is_root() {
        return Ok(());
    }
    let shown = dir.display();
    let account = User::from_uid(uid)
        .with_context(|| format!("cannot look up user {uid}, who owns {shown}"))?;
    let Some(account) = account else {
        bail!(
            "{shown} belongs to user {uid}, who has no account here; run `setpriv --reuid {uid} --regid {gid} --clear-groups slipstream --dir {shown} …`",
            gid = Gid::from_raw(there.gid())
        );
    };
    change_to(&account).with_context(|| {
        let name = &account.name;
        format!("cannot become {name}, who owns {shown}; run this as that user, as with `runuser -u {name} -- slipstream --dir {shown} …`")
    })
}

fn change_to(account: &User) -> Result<()> {
    let name = CString::new(account.name.as_bytes())?;
    unistd::initgroups(&name, account.gid)?;
    // Real, effective and saved ones: there is no way back.
    unistd::setresgid(account.gid, account.gid, account.gid)?;
    unistd::setresuid(account.uid, account.uid, account.uid)?;
    tracing::info!(user = account.name, "working as the spool's owner");
    Ok(())
}
