//! Arguments of `retry-now`.

use clap::{ArgGroup, Args};

use crate::term::units::some;

const EXAMPLES: &str = "\
Examples:
  slipstream retry-now hooks.example.com
  slipstream retry-now https://hooks.example.com:443
  slipstream retry-now --all

What waits for its next attempt, for a pause that its destination asked for, or for one that
was down, is tried at once: by the worker that runs, within a second, or else by the next
one. One request goes first, and the others when it is answered. What failed for good stays
in failed/; `slipstream failed retry` brings it back. What was stored for a later time
(--delay, --at) still waits for it.

Exit codes: 0 it will be tried; 1 nothing waits for such a destination; 2 the spool could not be used.";

#[derive(Debug, Args)]
#[command(
    group(ArgGroup::new("which").required(true)),
    after_help = EXAMPLES,
    override_usage = "slipstream retry-now [OPTIONS] HOST...\n       slipstream retry-now [OPTIONS] --all"
)]
pub(crate) struct RetryNowArgs {
    /// The destinations: a host, HOST:PORT, or a URL
    #[arg(value_name = "HOST", group = "which", value_parser = some("a host, HOST:PORT or a URL"))]
    pub(crate) hosts: Vec<String>,
    /// All of them
    #[arg(long, group = "which")]
    pub(crate) all: bool,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}
