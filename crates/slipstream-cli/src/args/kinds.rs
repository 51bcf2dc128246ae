//! Arguments of `kinds`.

use clap::Args;

const KINDS_EXAMPLES: &str = "\
A request's kind is told by its URL's scheme. What is stored of another kind, by a program that
defines one, fails untried in this worker, with that reason; `slipstream failed retry --kind
KIND` brings it back once a worker can do it.";

#[derive(Debug, Args)]
#[command(after_help = KINDS_EXAMPLES)]
pub(crate) struct KindsArgs {
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}
