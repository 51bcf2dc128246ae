//! `slipstream completions`: what shells look commands up in.
//!
//! # Invariants
//! It says what `--help` says, for it is made from the same words.

use anyhow::Result;
use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs};
use crate::exit::Exit;
use crate::term::print;

pub(crate) fn run(args: &CompletionsArgs) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "slipstream", &mut script);
    print::out(&String::from_utf8(script)?)?;
    Ok(Exit::Success)
}
