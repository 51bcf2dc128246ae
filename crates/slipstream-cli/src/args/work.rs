//! Arguments of `work`.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use clap::Args;

use super::delivery::DeliveryArgs;
use super::operate::OperateArgs;
use super::policy::PolicyArgs;
use crate::term::units::{duration, number};

const WORK_EXAMPLES: &str = "\
Examples:
  slipstream work
  slipstream work --max-time 50s --quiet     from cron, every minute
  slipstream work --attempts 5 --backoff 500ms
  slipstream work --retry attempts=5,base=10s,rounds=4,every=6h --explain
  slipstream work --follow                   as a service

With --follow it stays, delivers what is stored as it comes, and ends in good order on SIGTERM
or SIGINT. It says nothing but what it gives up, at most one line a minute for a destination,
and what failed does not show in the exit code.

One worker at a time has a spool; a second one says so and exits with 0. What is not
delivered after its last attempt is kept in DIR/failed.

Exit codes: 0 nothing failed; 1 something did, or the metrics could not be written; 2 the spool
could not be worked.";

#[derive(Debug, Args)]
#[command(after_help = WORK_EXAMPLES)]
pub(crate) struct WorkArgs {
    /// Attempts that a request gets [default: 3]
    #[arg(long, value_name = "N", value_parser = number(NonZeroU32::MIN..=NonZeroU32::MAX))]
    pub(crate) attempts: Option<NonZeroU32>,
    /// The wait after a first failed attempt; it doubles after each one [default: 2s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) backoff: Option<Duration>,
    /// Requests in flight at once [default: 100]
    #[arg(long, value_name = "N", value_parser = number(NonZeroUsize::MIN..=CONNECTIONS))]
    pub(crate) concurrency: Option<NonZeroUsize>,
    /// How long to begin attempts for [default: 8m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) max_time: Option<Duration>,
    /// How long to wait for what is due later, when nothing is in flight; what is due after that is left
    /// to the next run [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "follow")]
    pub(crate) max_idle: Option<Duration>,
    /// How long to wait, on SIGTERM or SIGINT, for what is in flight; what has no answer by then is tried
    /// again by the next run [default: 8s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) stop_timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) delivery: DeliveryArgs,
    #[command(flatten)]
    pub(crate) operate: OperateArgs,
    /// Stay, and deliver what is stored as it comes
    #[arg(long, conflicts_with = "max_time")]
    pub(crate) follow: bool,
    /// Say nothing, but for one line when requests failed or time ran out
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Most connections that can be asked for. How many there are is up to the limit of descriptors.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
