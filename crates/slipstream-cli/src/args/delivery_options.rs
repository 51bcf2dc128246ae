//! With which options `store` stores: when a request may be sent, how often it is tried, after which
//! others, and when it is a repeat.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;
use slipstream_core::{RetryPolicy, Timestamp};

use crate::term::units::{duration, lasting, moment, number};

/// What these options stand under.
const WHEN: &str = "When and how often";

#[derive(Debug, Args)]
pub(crate) struct DeliveryOptionsArgs {
    /// Send it in this long, and not before
    #[arg(long, help_heading = WHEN, value_name = "DURATION", value_parser = duration)]
    pub(crate) delay: Option<Duration>,
    /// Send it at this time, and not before: 2026-12-24T18:00:00+01:00, or @ and seconds
    /// since 1970
    #[arg(
        long,
        help_heading = WHEN,
        value_name = "TIME",
        value_parser = moment,
        conflicts_with = "delay"
    )]
    pub(crate) at: Option<Timestamp>,
    /// Expire it when this long has passed without success: counted from now, even if it is
    /// delayed
    #[arg(long, help_heading = WHEN, value_name = "DURATION", value_parser = lasting)]
    pub(crate) ttl: Option<Duration>,
    /// Store it only if none with the same key was stored a moment ago
    #[arg(long, help_heading = WHEN, value_name = "KEY")]
    pub(crate) dedupe: Option<String>,
    /// How long such a moment lasts [default: 5m]
    #[arg(long, help_heading = WHEN, value_name = "DURATION", value_parser = lasting)]
    pub(crate) dedupe_window: Option<Duration>,
    /// Deliver requests with the same key one after another, in the order stored
    #[arg(long, help_heading = WHEN, value_name = "KEY")]
    pub(crate) order_key: Option<String>,
    /// How this one is tried, where that differs from the worker's own: such as
    /// attempts=5,base=10s,rounds=4,every=1d; or, as with curl, a number of attempts after the
    /// first. `slipstream work --retry POLICY --explain` shows
    /// what follows
    #[arg(long, help_heading = WHEN, value_name = "POLICY", value_parser = policy)]
    pub(crate) retry: Option<String>,
    /// Wait this long between attempts, each time the same, as with curl
    #[arg(long, help_heading = WHEN, value_name = "SECONDS", value_parser = duration)]
    pub(crate) retry_delay: Option<Duration>,
    /// Make no attempt that the waits would put later than this behind the first one
    #[arg(long, help_heading = WHEN, value_name = "SECONDS", value_parser = duration)]
    pub(crate) retry_max_time: Option<Duration>,
    /// Short for --retry attempts=N
    #[arg(
        long,
        help_heading = WHEN,
        value_name = "N",
        value_parser = number(NonZeroU32::MIN..=NonZeroU32::MAX)
    )]
    pub(crate) attempts: Option<NonZeroU32>,
}

/// The text of a policy, if it is one.
fn policy(text: &str) -> Result<String, String> {
    // curl counts the attempts after the first.
    let text = match text.parse::<u32>() {
        Ok(more) => format!("attempts={}", more.saturating_add(1)),
        Err(_) => text.to_owned(),
    };
    RetryPolicy::default().amended(&text).map_err(|error| error.to_string())?;
    Ok(text)
}
