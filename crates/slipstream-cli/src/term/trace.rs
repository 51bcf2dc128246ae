//! Traces: whether they are written, which, and how.
//!
//! # Invariants
//! - None unless asked for.
//! - Setting that up costs more than storing a request.
//!
//! # Non-goals
//! Files. Standard error goes to cron's mail or the journal.

use std::io;

use clap::ValueEnum;
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

/// What selects them in detail.
const FILTER: &str = "SLIPSTREAM_LOG";

/// The span that an attempt is.
const ATTEMPT: &str = "attempt";

/// How traces are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A line for people
    Text,
    /// A line of JSON, with the attempt that it belongs to
    Json,
}

/// Writes traces to standard error, if they are asked for.
pub(crate) fn start(verbose: u8, format: Format) {
    if verbose == 0 && std::env::var_os(FILTER).is_none() {
        return;
    }
    let level = match verbose {
        0 | 1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| level.into());
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(false);
    let _ = match format {
        Format::Text => registry().with(lines.with_filter(filter)).try_init(),
        Format::Json => {
            // People read an attempt's fields in the line itself; programs find them in one place,
            // whichever level is asked for.
            let attempts = filter_fn(|it| it.is_span() && it.name() == ATTEMPT);
            let filter = FilterExt::or(filter, attempts);
            registry().with(lines.json().with_span_list(false).with_filter(filter)).try_init()
        }
    };
}
