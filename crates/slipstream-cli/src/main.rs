//! The `slipstream` command: reads its arguments, calls the libraries, says what happened.
//!
//! Guaranteed: 0 when all went well, 1 when something was not delivered, stored or accounted
//! for, 2 when the command could not be carried out; an error is one line on standard
//! error that begins with `slipstream: `. `store` starts no thread and touches nothing of
//! libcurl or TLS itself: it is run once for each request.
//!
//! Absent on purpose: logic that a program which uses the libraries would miss.

mod args;
mod batch;
mod body;
mod check;
mod failed;
mod headers;
mod init;
mod inspect;
mod late;
mod owner;
mod print;
mod progress;
mod purge;
mod shown;
mod signals;
mod status;
mod store;
mod totals;
mod units;
mod usage;
mod work;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};

/// How a command ended that could be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// All went well.
    Well,
    /// Something was not delivered, stored or accounted for.
    Short,
    /// Some of it could not be carried out, and that was said.
    CouldNot,
}

/// The exit code of a command that could not be carried out.
const COULD_NOT: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage::explain(&error),
    };
    trace(cli.verbose);
    let dir = &cli.dir;
    let ended = match &cli.command {
        Command::Store(args) => store::run(dir, args),
        Command::Work(args) => work::run(dir, args),
        Command::Status(args) => status::run(dir, args),
        Command::Init(args) => init::run(dir, args),
        Command::Purge(args) => purge::run(dir, args),
        Command::Failed(args) => failed::run(dir, args),
        Command::Check(args) => check::run(dir, args),
        Command::Inspect(args) => inspect::run(args),
    };
    match ended {
        Ok(Ended::Well) => ExitCode::SUCCESS,
        Ok(Ended::Short) => ExitCode::from(1),
        Ok(Ended::CouldNot) => ExitCode::from(COULD_NOT),
        Err(error) => {
            print::complain(&format!("{error:#}"));
            ExitCode::from(COULD_NOT)
        }
    }
}

/// Writes traces to standard error if they are asked for. Setting that up costs more than
/// storing a request, so nothing of it happens otherwise.
fn trace(verbose: u8) {
    const FILTER: &str = "SLIPSTREAM_LOG";
    if verbose == 0 && std::env::var_os(FILTER).is_none() {
        return;
    }
    let level = match verbose {
        0 | 1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter =
        tracing_subscriber::EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| level.into());
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .try_init();
}
