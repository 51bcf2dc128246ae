//! What `failed` may be told.

use clap::{Args, Subcommand};
use slipstream_core::RecordId;

const EXAMPLES: &str = "\
Examples:
  slipstream failed list
  slipstream failed show 019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c
  slipstream failed retry --all
  slipstream failed retry 019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct FailedArgs {
    #[command(subcommand)]
    pub(crate) command: FailedCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FailedCommand {
    /// Show the requests that were given up
    List(ListArgs),
    /// Show one request, and why each of its attempts failed
    Show(ShowArgs),
    /// Give requests that were given up to the next worker
    Retry(RetryArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Print a line of JSON for each request
    #[arg(long)]
    pub(crate) json: bool,
}

const SHOW_EXAMPLES: &str = "\
Examples:
  slipstream failed show 019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c
  slipstream failed show --json ID | jq -r '.notes[] | [.at, .status, .reason] | @tsv'

For each attempt it tells the time, the reason, and the beginning of what the destination
answered. A request that waits for its next attempt is shown, too.

Exit codes: 0 shown; 1 there is no such request; 2 the spool could not be used.";

#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub(crate) struct ShowArgs {
    /// The request's id
    #[arg(value_name = "ID")]
    pub(crate) id: RecordId,
    /// Show its body, and values of headers and queries that may be secrets
    #[arg(long)]
    pub(crate) show_secrets: bool,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const RETRY_EXAMPLES: &str = "\
Examples:
  slipstream failed retry --all --dry-run
  slipstream failed retry --all && slipstream work
  slipstream failed retry 019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c

A retried request gets all its attempts again, and keeps its id. What failed in a log that a
running worker has is left alone until the worker has ended.

Exit codes: 0 all that was named is retried; 1 some was not there, or with a worker; 2 the spool could not be
used.";

#[derive(Debug, Args)]
#[command(
    after_help = RETRY_EXAMPLES,
    override_usage = "slipstream failed retry [OPTIONS] ID...\n       slipstream failed retry [OPTIONS] --all"
)]
pub(crate) struct RetryArgs {
    /// The requests' ids
    #[arg(required_unless_present = "all", value_name = "ID")]
    pub(crate) ids: Vec<RecordId>,
    /// Every request that was given up
    #[arg(long, conflicts_with = "ids")]
    pub(crate) all: bool,
    /// Only say what would be retried
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}
