//! What `failed` may be told.

use clap::{Args, Subcommand};
use slipstream_core::RecordId;

const EXAMPLES: &str = "\
Examples:
  slipstream failed list
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
    /// Give requests that were given up to the next worker
    Retry(RetryArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Print a line of JSON for each request
    #[arg(long)]
    pub(crate) json: bool,
}

const RETRY_EXAMPLES: &str = "\
Examples:
  slipstream failed retry --all --dry-run
  slipstream failed retry --all && slipstream work
  slipstream failed retry 019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c

A retried request gets all its attempts again, and keeps its id.

Exit codes: 0 all that was named is retried; 1 some was not there; 2 the spool could not be
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
