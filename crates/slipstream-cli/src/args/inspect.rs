//! Arguments of `inspect`.

use std::path::PathBuf;

use clap::Args;

const INSPECT_EXAMPLES: &str = "\
Examples:
  slipstream inspect /tmp/slipstream/failed/*.log
  slipstream inspect s003.log | jq -c 'select(.state == \"failed\") | [.id, .body.url]'

A record is a line of JSON: log, offset, state, attempts, due, id, kind, to, stored, terms (if
it has any), body.
Bytes that are no record are a line, too: log, offset, length, \"damage\":true.

Exit codes: 0 all of it could be read; 1 there is damage; 2 a file could not be read, or is
no log.";

#[derive(Debug, Args)]
#[command(after_help = INSPECT_EXAMPLES)]
pub(crate) struct InspectArgs {
    /// Log files, in a spool or copied elsewhere
    #[arg(required = true, value_name = "LOG")]
    pub(crate) logs: Vec<PathBuf>,
    /// Show bodies, and values of headers and queries that may be secrets
    #[arg(long)]
    pub(crate) show_secrets: bool,
}
