//! Arguments of `check`.

use clap::Args;

const CHECK_EXAMPLES: &str = "\
Examples:
  slipstream check
  slipstream check --repair     while no worker runs

A check alone changes nothing. A repair finishes what ended processes left, counts what was
not counted, and copies unreadable bytes to DIR/failed; it loses no readable request.

Exit codes: 0 nothing is wrong, or everything was mended; 1 something is; 2 the spool could
not be checked.";

#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub(crate) struct CheckArgs {
    /// Mend what can be mended
    #[arg(long)]
    pub(crate) repair: bool,
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}
