//! Arguments of `man`.

use std::path::PathBuf;

use clap::Args;

const MAN_EXAMPLES: &str = "\
Examples:
  slipstream man /usr/local/share/man/man1
  slipstream man man && man man/slipstream-failed-retry.1";

#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub(crate) struct ManArgs {
    /// The directory that they are written to
    #[arg(value_name = "DIR")]
    pub(crate) to: PathBuf,
}
