//! A worker that cron or systemd is to run, and the files that have it run.

use std::env;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::unistd::{Uid, User};

use crate::args::SetupArgs;
use crate::process::owner::Place;

/// What a file that runs a worker says it is for; the spool follows.
pub(super) const PURPOSE: &str = "Delivers what is stored in";

/// A worker that is to be run.
pub(super) struct Plan {
    pub(super) program: String,
    pub(super) dir: String,
    pub(super) user: String,
}

/// A file that runs it.
pub(super) struct Part {
    /// Where it goes, below the root.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Plan {
    pub(super) fn of(place: &Place, args: &SetupArgs) -> Result<Self> {
        let program = match &args.program {
            Some(program) if program.is_absolute() => program.clone(),
            Some(program) => {
                bail!(
                    "invalid value '{}' for '--program'; expected an absolute path, such as /usr/bin/slipstream",
                    program.display()
                )
            }
            None => env::current_exe().context("cannot tell where this program is")?,
        };
        let dir = std::path::absolute(place.path()).context("cannot tell where the spool is")?;
        let text = |path: &Path| {
            let text = path.to_str().filter(|text| !text.contains(char::is_control));
            let shown = path.display().to_string();
            let why = "has characters that neither cron nor systemd can be told";
            text.map(str::to_owned).with_context(|| format!("{shown} {why}; choose another path"))
        };
        let user = match &args.run_as {
            // A package makes its account when it is installed, an image has its own.
            Some(name) if args.program.is_some() || args.root.is_some() => name.clone(),
            Some(name) if User::from_name(name).ok().flatten().is_none() => {
                bail!("there is no user '{name}'; make the account first, or name another");
            }
            Some(name) => name.clone(),
            None => {
                // Others may not open what they ask about; what they print does no harm.
                let owner = match Uid::effective().is_root() {
                    true => place.owner()?,
                    false => dir.metadata().ok().map(|there| Uid::from_raw(there.uid())),
                };
                let uid = owner.unwrap_or_else(Uid::effective);
                let account = User::from_uid(uid).ok().flatten();
                account
                    .with_context(|| format!("user {uid} has no account; name one with --run-as"))?
                    .name
            }
        };
        Ok(Self { program: text(&program)?, dir: text(&dir)?, user })
    }
}
