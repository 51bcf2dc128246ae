//! Arguments of `failed`.

use std::time::Duration;

use clap::{ArgGroup, Args, Subcommand};
use slipstream_core::RecordId;

use crate::term::units::{duration, number};

const EXAMPLES: &str = "\
Examples:
  slipstream failed list
  slipstream failed list --host example.com --status 503
  slipstream failed show 019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c
  slipstream failed retry --all
  slipstream failed drop --status 410 --older-than 7d --dry-run";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct FailedArgs {
    #[command(subcommand)]
    pub(crate) command: FailedCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FailedCommand {
    /// Show the requests that failed for good
    List(ListArgs),
    /// Show one request, and why each of its attempts failed
    Show(ShowArgs),
    /// Give requests that failed for good to the next worker
    #[command(
        after_help = RETRY_EXAMPLES,
        override_usage = "slipstream failed retry [OPTIONS] ID...\n       slipstream failed retry [OPTIONS] FILTER...\n       slipstream failed retry [OPTIONS] --all"
    )]
    Retry(ChoiceArgs),
    /// Remove requests that failed for good
    #[command(
        after_help = DROP_EXAMPLES,
        override_usage = "slipstream failed drop [OPTIONS] ID...\n       slipstream failed drop [OPTIONS] FILTER...\n       slipstream failed drop [OPTIONS] --all"
    )]
    Drop(ChoiceArgs),
}

/// What these options stand under.
const FILTER: &str = "Which requests; all that is said must hold";

#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct FilterArgs {
    /// Only those to this host, or HOST:PORT
    #[arg(long, help_heading = FILTER, value_name = "HOST", group = "which")]
    pub(crate) host: Option<String>,
    /// Only those of this kind
    #[arg(long, help_heading = FILTER, value_name = "KIND", group = "which")]
    pub(crate) kind: Option<String>,
    /// Only those whose last answer had this status, whatever became of them after it
    #[arg(
        long,
        help_heading = FILTER,
        value_name = "N",
        value_parser = number(1..=u16::MAX),
        group = "which"
    )]
    pub(crate) status: Option<u16>,
    /// Only those stored longer ago than this
    #[arg(
        long,
        help_heading = FILTER,
        value_name = "DURATION",
        value_parser = duration,
        group = "which"
    )]
    pub(crate) older_than: Option<Duration>,
    /// Only those whose last attempt, or why none was made after it, has this text in it, in any
    /// case: as `failed show` has it, such as 'not tried'
    #[arg(long, help_heading = FILTER, value_name = "TEXT", group = "which")]
    pub(crate) error: Option<String>,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").multiple(true)))]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
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
  slipstream failed retry --host api.example.com --status 503
  slipstream failed retry 019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c

A retried request gets all its attempts again, and keeps its id. What failed in a log that a
running worker has is left alone until the worker has ended. One that fails again is not retried a
second time by the same command.

Exit codes: 0 all that was named is retried; 1 some was not there, or with a worker; 2 the spool
could not be used.";

const DROP_EXAMPLES: &str = "\
Examples:
  slipstream failed drop --host gone.example.com --dry-run
  slipstream failed drop --error 'cannot resolve' --older-than 1d
  slipstream failed drop 019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c

A dropped request counts as purged, and cannot be had back. What failed in a log that a running
worker has is left alone until the worker has ended.

Exit codes: 0 all that was named is dropped; 1 some was not there, or with a worker; 2 the spool
could not be used.";

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).multiple(true)))]
pub(crate) struct ChoiceArgs {
    /// The requests' ids
    #[arg(value_name = "ID", group = "which", conflicts_with = "all")]
    pub(crate) ids: Vec<RecordId>,
    /// Every request that failed for good
    #[arg(long, group = "which")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}
