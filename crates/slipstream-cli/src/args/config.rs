//! Arguments of `config`.

use clap::Args;

const CONFIG_EXAMPLES: &str = "\
Examples:
  slipstream config
  slipstream config --sample | sudo tee /etc/slipstream.toml
  SLIPSTREAM_CONFIG=./test.toml slipstream config --json

Options win over the environment, the environment over files, and the user's own file over the
system's.
A file has the long names of options, those of a command under its name:

  dir = \"/var/spool/slipstream\"
  [work]
  concurrency = 50
  allow-host = [\"internal.example\"]

SLIPSTREAM_CONFIG names a file that is read instead of both; if it is empty, none is.

Exit codes: 0; 2 a file cannot be read, has an unknown key, or an invalid value.";

#[derive(Debug, Args)]
#[command(after_help = CONFIG_EXAMPLES)]
pub(crate) struct ConfigArgs {
    /// Print JSON
    #[arg(long, conflicts_with = "sample")]
    pub(crate) json: bool,
    /// Print a file that has every setting, commented out
    #[arg(long)]
    pub(crate) sample: bool,
    /// Show passwords and the like, too
    #[arg(long)]
    pub(crate) show_secrets: bool,
}
