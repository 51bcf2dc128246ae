//! Arguments of `status`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::health::HealthArgs;
use crate::term::units::{lasting, number};

const STATUS_EXAMPLES: &str = "\
Examples:
  slipstream status
  slipstream status --watch
  slipstream status --json | jq .totals
  slipstream status --check --max-age 10m --max-pending 10000

With --check, CRITICAL is what loses requests or tells that none are delivered: something was
stored longer than --max-age ago and no worker has taken it, or the counters do not add up. WARNING
is what you should look at: requests failed for good, too many wait, a log is soon overwritten,
or the last run broke off. UNKNOWN: there is no spool, or it cannot be read. What waits for a
retry or a time of its own is not too old.

Exit codes: 0 the counters add up; 1 they do not; 2 the spool could not be read. With --check: 0 OK;
1 WARNING; 2 CRITICAL; 3 UNKNOWN.";

#[derive(Debug, Args)]
#[command(after_help = STATUS_EXAMPLES)]
pub(crate) struct StatusArgs {
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    #[command(flatten)]
    pub(crate) health: HealthArgs,
}

/// How `status` is shown.
#[derive(Debug, Args)]
pub(crate) struct PictureArgs {
    /// Colours: on a terminal unless NO_COLOR is set, always, or never
    #[arg(long, value_name = "WHEN", hide_possible_values = true, default_value = "auto")]
    pub(crate) color: Color,
    /// How many destinations, and how many slots, have a line of their own
    #[arg(long, value_name = "N", value_parser = number(0..=usize::MAX), default_value_t = 10)]
    pub(crate) top: usize,
    /// Look at every request, however long it takes; else who they go to is looked up for a second
    #[arg(long)]
    pub(crate) all: bool,
    /// Stay, and show it again and again, with what is stored and delivered meanwhile; q ends it
    #[arg(long, conflicts_with_all = ["json", "check"])]
    pub(crate) watch: bool,
    /// How often it is shown again; less often where looking takes long
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = lasting,
        default_value = "1s",
        requires = "watch"
    )]
    pub(crate) interval: Duration,
}

/// When output has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    Auto,
    /// Wherever it goes
    Always,
    /// Never
    Never,
}
