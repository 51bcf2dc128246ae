//! Arguments of `init`.

use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use slipstream_log::OnFull;

use crate::term::units::{duration, number, size, some};

const INIT_EXAMPLES: &str = "\
Examples:
  slipstream init
  slipstream --dir /var/spool/slipstream init --slots 32 --rotate 5m
  slipstream --dir /var/spool/slipstream init --group www-data    shared by a group

Storing makes a spool with the defaults, or with what [init] of a config file says (see
`slipstream config`), so this is only for other settings. They are fixed when a spool is made.
Durations are 500ms, 60s, 5m, or a number of seconds; sizes are bytes, or 64KiB, 8MiB, 1GiB.";

#[derive(Debug, Args)]
#[command(after_help = INIT_EXAMPLES)]
pub(crate) struct InitArgs {
    /// Logs that are appended to side by side [default: 16]
    #[arg(long, value_name = "N", value_parser = number(1..=999_u16))]
    pub(crate) slots: Option<u16>,
    /// How long a slot uses one log [default: 1m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) rotate: Option<Duration>,
    /// Logs that may wait in a slot, and failed ones that are kept [default: 10]
    #[arg(long, value_name = "N", value_parser = number(1..=10_000_u32))]
    pub(crate) logs: Option<u32>,
    /// What to do when a slot is full [default: overwrite]
    #[arg(long, value_name = "POLICY")]
    pub(crate) on_full: Option<Full>,
    /// The largest request [default: 8MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) record_max: Option<ByteSize>,
    /// The largest log [default: 64MiB]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) log_max: Option<ByteSize>,
    /// Share the spool with this group (name or number)
    #[arg(long, value_parser = some("a group's name or number"))]
    pub(crate) group: Option<String>,
    /// Allow a network file system, where locks may not hold
    #[arg(long)]
    pub(crate) network_fs: bool,
}

/// What to do when a slot is full.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Full {
    /// The slot's oldest log is overwritten
    Overwrite,
    /// New requests are refused
    Reject,
}

impl From<Full> for OnFull {
    fn from(full: Full) -> Self {
        match full {
            Full::Overwrite => Self::Overwrite,
            Full::Reject => Self::Reject,
        }
    }
}
