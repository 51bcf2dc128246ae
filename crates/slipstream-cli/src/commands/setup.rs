//! `slipstream setup`: has cron or systemd run the worker.
//!
//! # Invariants
//! - Nothing is written without `--install`, nothing is started at all, and what was written and
//!   what to run next is said.
//! - No other spool loses its worker by it.
//!
//! # Non-goals
//! Taking it away again. It is a file or two, and their names are said.

mod cron;
mod plan;
mod systemd;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;

use self::plan::{PURPOSE, Part, Plan};
use crate::args::{By, SetupArgs};
use crate::exit::Exit;
use crate::process::owner::Place;
use crate::process::replace::replace;
use crate::term::print;

pub(crate) fn run(place: &Place, args: &SetupArgs) -> Result<Exit> {
    let plan = Plan::of(place, args)?;
    let parts = match args.by {
        By::Cron => vec![cron::part(&plan, args)?],
        By::Systemd => systemd::parts(&plan, args)?,
    };
    if args.install {
        return install(&plan, args, &parts);
    }
    match args.by {
        By::Cron => print::out(&cron::line(&plan, args.every)?)?,
        By::Systemd => {
            for part in &parts {
                print::out(&format!("# {}\n{}\n", part.path.display(), part.text))?;
            }
        }
    }
    Ok(Exit::Success)
}

fn install(plan: &Plan, args: &SetupArgs, parts: &[Part]) -> Result<Exit> {
    if args.by == By::Cron && args.root.is_none() && !Uid::effective().is_root() {
        let line = cron::line(plan, args.every)?;
        bail!(
            "only root writes to /etc/cron.d; run `crontab -e` and add this line: {}",
            line.trim()
        );
    }
    let root = args.root.as_deref().unwrap_or(Path::new("/"));
    let below = |path: &Path| root.join(path.strip_prefix("/").unwrap_or(path));
    let mut hidden = Vec::new();
    for part in parts {
        let path = below(&part.path);
        refuse_other_spool(&path, &part.text)?;
        // What a package has would not be run any more either.
        if let (By::Systemd, Some(name)) = (args.by, path.file_name()) {
            let kind = if args.user { "user" } else { "system" };
            let packaged = below(&Path::new("/lib/systemd").join(kind).join(name));
            refuse_other_spool(&packaged, &part.text)?;
            if packaged.exists() {
                hidden.push((packaged, path));
            }
        }
    }
    if let (Some((packaged, _)), false) = (hidden.first(), args.follow) {
        bail!(
            "{} is there, from a package, and does the same; run `systemctl enable --now {}`, and change it with `systemctl edit {}.service`: units of the same names in /etc would hide the package's, and stay when it is purged",
            packaged.display(),
            systemd::units(args),
            args.name
        );
    }
    let mut said = String::new();
    for part in parts {
        let path = below(&part.path);
        write(&path, &part.text).with_context(|| {
            format!("cannot write {}; run this as root, or with --user", path.display())
        })?;
        said.push_str(&format!("wrote {}\n", path.display()));
    }
    if !Path::new(&plan.dir).is_dir() {
        said.push_str(&format!("next: slipstream --dir {} init    (as {})\n", plan.dir, plan.user));
    }
    if args.by == By::Systemd {
        said.push_str(&systemd::next(args));
    }
    for (packaged, path) in hidden {
        let (packaged, path) = (packaged.display(), path.display());
        said.push_str(&format!(
            "note: {path} hides {packaged}, and stays when the package is purged; `rm {path} && systemctl daemon-reload` undoes it\n"
        ));
    }
    print::out(&said)?;
    Ok(Exit::Success)
}

/// Refuses when the file is there and says that it runs the worker of another spool.
fn refuse_other_spool(path: &Path, text: &str) -> Result<()> {
    let purpose = |text: &str| {
        let line = text.lines().find(|line| line.contains(PURPOSE))?;
        Some(line.trim_start_matches("# ").trim_start_matches("Description=").to_owned())
    };
    let there = fs::read_to_string(path).ok().and_then(|text| purpose(&text));
    match there {
        Some(there) if Some(&there) != purpose(text).as_ref() => bail!(
            "{} is there for another spool ('{there}'); give this one's files another name with --name",
            path.display()
        ),
        _ => Ok(()),
    }
}

/// Writes it whole or not at all, in a directory that is made if it is not there.
fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    Ok(replace(path, text.as_bytes(), None)?)
}
