//! Arguments of `work` for monitoring it.

use std::path::PathBuf;

use clap::Args;

/// What these options stand under.
const OPERATE: &str = "Monitoring";

#[derive(Debug, Args)]
pub(crate) struct OperateArgs {
    /// Write what the run did, and what the spool holds, to this file for Prometheus (node_exporter's
    /// textfile collector); with --follow while it runs, too, at most every 15 seconds. Where the file
    /// cannot be written, that is a line on standard error, and the run exits with 1
    #[arg(long, help_heading = OPERATE, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// GET URL/start when the run begins, and URL when all went well, or URL/1 or URL/2 by its exit
    /// code when not, as healthchecks.io has it. What takes longer than 10 seconds, or fails, is a
    /// line on standard error and no failure
    #[arg(long, help_heading = OPERATE, value_name = "URL", conflicts_with = "follow")]
    pub(crate) ping: Option<String>,
}
