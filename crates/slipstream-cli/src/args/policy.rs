//! Arguments of `work` for the retry policy.

use std::time::Duration;

use clap::Args;
use slipstream_core::RetryPolicy;

use crate::term::units::{duration, lasting};

#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    /// How requests are tried: attempts=3,base=2s,factor=2,cap=10m,jitter=0.2 and, for hours or
    /// days, rounds=4,every=1d; also permanent=400+404, retry-after-cap=1h. What is not
    /// named stays as it is; --attempts and --backoff win
    #[arg(long, value_name = "POLICY", env = "SLIPSTREAM_RETRY", value_parser = policy)]
    pub(crate) retry: Option<RetryPolicy>,
    /// Expire requests that were stored longer ago than this, instead of trying them
    #[arg(long, value_name = "DURATION", value_parser = lasting)]
    pub(crate) max_age: Option<Duration>,
    /// Print when a request is tried, and deliver nothing
    #[arg(long)]
    pub(crate) explain: bool,
    /// With --explain: how often the worker runs
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = duration,
        default_value = "5m",
        requires = "explain"
    )]
    pub(crate) every: Duration,
    /// With --explain: print one line of JSON
    #[arg(long, requires = "explain")]
    pub(crate) json: bool,
}

fn policy(text: &str) -> Result<RetryPolicy, String> {
    RetryPolicy::default().amended(text).map_err(|error| error.to_string())
}
