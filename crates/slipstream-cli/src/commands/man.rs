//! `slipstream man`: what people look commands up in.
//!
//! # Invariants
//! The pages say what `--help` says, for they are made from the same words.

use std::path::Path;
use std::{fs, io};

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::args::{Cli, ManArgs};
use crate::exit::Exit;
use crate::process::replace::replace;

pub(crate) fn run(args: &ManArgs) -> Result<Exit> {
    let cannot = || format!("cannot write manual pages to {}", args.to.display());
    fs::create_dir_all(&args.to).with_context(cannot)?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    write(&command, &args.to).with_context(cannot)?;
    Ok(Exit::Success)
}

/// Writes the pages of a command and of those beneath it.
fn write(command: &Command, to: &Path) -> io::Result<()> {
    for beneath in command.get_subcommands().filter(|it| !it.is_hide_set()) {
        write(beneath, to)?;
    }
    let page = Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    replace(&to.join(page.get_filename()), &text, None)
}
