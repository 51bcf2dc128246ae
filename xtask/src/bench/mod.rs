//! `cargo xtask bench`: ours beside the floor, in one run.
//!
//! Guarantees that floor and ours are measured on the same machine, in turns, so that
//! what disturbs one disturbs the other; ratios are taken round by round. Only ratios
//! carry over to another machine. Absent on purpose: a verdict; the table tells.

mod deliver;
mod mysql;
pub(crate) mod neighbours;
mod programs;
mod report;
mod store;
mod tcp;

use anyhow::Result;

use crate::{interrupt, packages};

/// What to measure.
#[derive(clap::Subcommand)]
pub(crate) enum Command {
    /// Storing: from one process, from many, and with a process for each request
    Store(store::Args),
    /// Delivering: beside libcurl in a bare loop
    Deliver(deliver::Args),
    /// Executing SQL statements: beside the bare client library in a loop
    Mysql(mysql::Args),
    /// Delivering to good destinations: alone, and beside dead, hanging, busy and moody ones
    Neighbours(neighbours::Args),
    /// Delivering lines over TCP: beside the standard library in a bare loop
    Tcp(tcp::Args),
}

/// Measures it.
pub(crate) fn run(command: &Command) -> Result<()> {
    packages::set_up(packages::For::Build)?;
    interrupt::watch()?;
    match command {
        Command::Store(args) => store::run(args),
        Command::Deliver(args) => deliver::run(args),
        Command::Mysql(args) => mysql::run(args),
        Command::Neighbours(args) => neighbours::run(args),
        Command::Tcp(args) => tcp::run(args),
    }
}
