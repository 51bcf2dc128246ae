//! What `completions` and `man` may be told.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  slipstream completions bash > /usr/share/bash-completion/completions/slipstream
  slipstream completions zsh > ~/.zfunc/_slipstream
  slipstream completions fish > ~/.config/fish/completions/slipstream.fish";

#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

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
