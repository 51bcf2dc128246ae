//! Arguments of `purge`.

use clap::{Args, ValueEnum};
use slipstream_core::operator::Stage;

const PURGE_EXAMPLES: &str = "\
Examples:
  slipstream purge                       show what would be removed
  slipstream purge --state failed --yes  remove the dead letters";

#[derive(Debug, Args)]
#[command(after_help = PURGE_EXAMPLES)]
pub(crate) struct PurgeArgs {
    /// Remove only what is in this state. Repeatable; every state unless given
    #[arg(long = "state", value_name = "STATE")]
    pub(crate) states: Vec<State>,
    /// Do it; without this nothing is removed
    #[arg(long)]
    pub(crate) yes: bool,
}

/// A log's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    /// Being appended to
    Collecting,
    /// Waiting for the worker
    Ready,
    /// Claimed by a worker
    Processing,
    /// Given up
    Failed,
}

impl From<State> for Stage {
    fn from(state: State) -> Self {
        match state {
            State::Collecting => Self::Collecting,
            State::Ready => Self::Ready,
            State::Processing => Self::Processing,
            State::Failed => Self::Failed,
        }
    }
}
