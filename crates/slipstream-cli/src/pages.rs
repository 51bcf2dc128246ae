//! `slipstream completions` and `slipstream man`: what shells and people look commands up in.
//!
//! Guaranteed: they say what `--help` says, for they are made from the same words.

use std::fs;

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::{Ended, print};

pub(crate) fn completions(args: &CompletionsArgs) -> Result<Ended> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "slipstream", &mut script);
    print::out(&String::from_utf8(script)?)?;
    Ok(Ended::Well)
}

pub(crate) fn man(args: &ManArgs) -> Result<Ended> {
    let cannot = || format!("cannot write manual pages to {}", args.to.display());
    fs::create_dir_all(&args.to).with_context(cannot)?;
    clap_mangen::generate_to(Cli::command(), &args.to).with_context(cannot)?;
    Ok(Ended::Well)
}
