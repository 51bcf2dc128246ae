//! Arguments of `completions`.

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
