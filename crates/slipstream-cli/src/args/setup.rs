//! Arguments of `setup`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::term::units::lasting;

const EXAMPLES: &str = "\
Examples:
  slipstream setup cron
  slipstream --dir /var/spool/slipstream setup systemd --install --run-as www-data
  slipstream --dir /srv/hooks setup cron --install --name hooks
  slipstream setup systemd --user --install
  slipstream setup systemd --follow       a service that stays, in place of a timer

Without --install nothing is written: the line or the units are printed. With it, they go to
/etc/cron.d or /etc/systemd/system, or with --user to ~/.config/systemd/user; nothing is started,
and what to run next is said. A file that is there already is replaced, unless it is for another
spool. Where a package has units of the same name, none are written but a service that stays.

Exit codes: 0 printed or written; 2 it could not be.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SetupArgs {
    /// What runs the worker
    pub(crate) by: By,
    /// Write the files; without this they are printed
    #[arg(long)]
    pub(crate) install: bool,
    /// For systemd: units of one's own, not of the machine
    #[arg(long, conflicts_with = "run_as")]
    pub(crate) user: bool,
    /// Whom the worker runs as [default: the spool's owner, or who runs this]
    #[arg(long, value_name = "USER")]
    pub(crate) run_as: Option<String>,
    /// How often the worker runs: for cron, minutes up to an hour, or hours up to a day
    #[arg(long, value_name = "DURATION", value_parser = lasting, default_value = "1m")]
    pub(crate) every: Duration,
    /// What the files are called: each spool that is worked needs one of its own
    #[arg(long, default_value = "slipstream", value_parser = file_name)]
    pub(crate) name: String,
    /// For systemd: a service that stays (`work --follow`) and no timer
    #[arg(long, conflicts_with = "every")]
    pub(crate) follow: bool,
    /// With --install: write below this directory, as into an image
    #[arg(long, value_name = "DIR", requires = "install", conflicts_with = "user")]
    pub(crate) root: Option<PathBuf>,
    /// Where the program will be, for a package or an image [default: where this one is]
    #[arg(long, value_name = "PATH")]
    pub(crate) program: Option<PathBuf>,
}

/// What runs the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// A line for cron
    Cron,
    /// A service for systemd, with a timer, and a path unit that starts it when something is stored
    Systemd,
}

/// A name that is one to cron and to systemd: cron passes over files with a dot in theirs.
fn file_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match !text.is_empty() && text.chars().all(fits) {
        true => Ok(text.to_owned()),
        false => Err("expected letters, digits, - and _".to_owned()),
    }
}
