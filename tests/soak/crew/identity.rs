//! Becoming another user for good: groups, group and user, in this order, then the program.
//!
//! Here rather than in `cargo xtask soak`, since std cannot give a child further groups.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use crate::Result;

#[derive(clap::Args)]
pub(crate) struct Identity {
    #[arg(long)]
    uid: u32,
    #[arg(long)]
    gid: u32,
    /// A further group
    #[arg(long)]
    group: u32,
}

pub(crate) fn become_and_run(who: &Identity, program: &Path, args: &[OsString]) -> Result<()> {
    // Opened before: the user may have no right to the directory that it is in.
    let opened = File::open(program)?;
    let (uid, gid) = (Uid::from_raw(who.uid), Gid::from_raw(who.gid));
    setgroups(&[Gid::from_raw(who.group)])?;
    setresgid(gid, gid, gid)?;
    setresuid(uid, uid, uid)?;
    let path = format!("/proc/self/fd/{}", opened.as_raw_fd());
    Err(Command::new(path).arg0(program).args(args).exec().into())
}
