//! Arguments of `status --check`.

use std::time::Duration;

use clap::Args;

use crate::term::units::{duration, lasting, number};

/// What these options stand under.
const HEALTH: &str = "Monitoring plugins";

#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Print one line, and exit, as a monitoring plugin does
    #[arg(long, help_heading = HEALTH, conflicts_with = "json")]
    pub(crate) check: bool,
    /// With --check: CRITICAL when something that no worker has taken yet is older
    #[arg(
        long,
        help_heading = HEALTH,
        value_name = "DURATION",
        value_parser = lasting,
        default_value = "5m",
        requires = "check"
    )]
    pub(crate) max_age: Duration,
    /// With --check: WARNING when more dead letters than this are there
    #[arg(
        long,
        help_heading = HEALTH,
        value_name = "N",
        value_parser = number(0..=u64::MAX),
        default_value_t = 0,
        requires = "check"
    )]
    pub(crate) max_failed: u64,
    /// With --check: WARNING when more requests than this wait
    #[arg(
        long,
        help_heading = HEALTH,
        value_name = "N",
        value_parser = number(0..=u64::MAX),
        requires = "check"
    )]
    pub(crate) max_pending: Option<u64>,
    /// With --check: WARNING when requests wait for a destination that has been down, paused or failing for
    /// longer
    #[arg(
        long,
        help_heading = HEALTH,
        value_name = "DURATION",
        value_parser = duration,
        default_value = "0s",
        requires = "check"
    )]
    pub(crate) max_down: Duration,
}
