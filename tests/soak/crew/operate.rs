//! An operator without the delivered binary: purges a state, retries what failed.
//!
//! What it prints begins like what the binary prints, so that one reader does for both.

use std::path::Path;

use clap::ValueEnum;
use slipstream_core::operator::{Act, Operator, Stage};
use slipstream_log::Spool;

use crate::Result;

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum State {
    Collecting,
    Ready,
    Processing,
    Failed,
}

pub(crate) fn purge(dir: &Path, state: State) -> Result<()> {
    let stage = match state {
        State::Collecting => Stage::Collecting,
        State::Ready => Stage::Ready,
        State::Processing => Stage::Processing,
        State::Failed => Stage::Failed,
    };
    let gone = Spool::open(dir)?.purge(stage)?;
    println!("{} {} requests in {} logs", stage.name(), gone.requests, gone.parts);
    Ok(())
}

pub(crate) fn retry(dir: &Path) -> Result<()> {
    let retried = Spool::open(dir)?.apply(Act::Retry, &mut |_| true)?;
    println!("{} requests in {} logs", retried.requests, retried.parts);
    Ok(())
}
