//! `cargo xtask bench`: ours beside the floor, in one run.
//!
//! # Invariants
//! - Floor and ours are measured on the same machine, in turns, so that what disturbs one disturbs
//!   the other; ratios are taken round by round.
//! - Only ratios carry over to another machine.
//!
//! # Non-goals
//! A verdict; the table shows it.

mod deliver;
mod mysql;
mod neighbours;
mod programs;
mod report;
mod scratch;
mod store;
mod tcp;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use slipstream_harness::{exit, interrupt, packages, receiver};

/// What to measure.
#[derive(Subcommand)]
enum Command {
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
    /// What is measured sends to
    #[command(hide = true)]
    Receiver(receiver::Args),
}

#[derive(Parser)]
#[command(name = "cargo xtask bench", about = "Measure ours beside the floor, in one run")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    exit(run(Cli::parse().command))
}

/// Measures it.
fn run(command: Command) -> Result<()> {
    packages::set_up(packages::For::Build)?;
    interrupt::watch()?;
    match &command {
        Command::Store(args) => store::run(args),
        Command::Deliver(args) => deliver::run(args),
        Command::Mysql(args) => mysql::run(args),
        Command::Neighbours(args) => neighbours::run(args),
        Command::Tcp(args) => tcp::run(args),
        Command::Receiver(args) => receiver::run(args),
    }
}
