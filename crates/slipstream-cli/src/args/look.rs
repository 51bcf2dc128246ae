//! What `status`, `check`, `inspect` and `doctor` may be told.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::term::units::{lasting, number};

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

const CHECK_EXAMPLES: &str = "\
Examples:
  slipstream check
  slipstream check --repair     while no worker runs

A check alone changes nothing. A repair finishes what ended processes left, counts what was
not counted, and copies unreadable bytes to DIR/failed; it loses no readable request.

Exit codes: 0 nothing is wrong, or everything was mended; 1 something is; 2 the spool could
not be checked.";

#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub(crate) struct CheckArgs {
    /// Mend what can be mended
    #[arg(long)]
    pub(crate) repair: bool,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const INSPECT_EXAMPLES: &str = "\
Examples:
  slipstream inspect /tmp/slipstream/failed/*.log
  slipstream inspect s003.log | jq -c 'select(.state == \"failed\") | [.id, .body.url]'

A record is a line of JSON: log, offset, state, attempts, due, id, kind, to, stored, terms (if
it has any), body.
Bytes that are no record are a line, too: log, offset, length, \"damage\":true.

Exit codes: 0 all of it could be read; 1 there is damage; 2 a file could not be read, or is
no log.";

#[derive(Debug, Args)]
#[command(after_help = INSPECT_EXAMPLES)]
pub(crate) struct InspectArgs {
    /// Log files, in a spool or copied elsewhere
    #[arg(required = true, value_name = "LOG")]
    pub(crate) logs: Vec<PathBuf>,
    /// Show bodies, and values of headers and queries that may be secrets
    #[arg(long)]
    pub(crate) show_secrets: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}
