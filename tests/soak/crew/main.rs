//! The programs that `cargo xtask soak` starts, and kills: a writer, a worker that needs no
//! network, an operator who purges and retries, and a program that prints what a spool still holds.
//!
//! They link the engine. Each dies with the process that
//! started it.

mod identity;
mod left;
mod operate;
mod requests;
mod work;
mod write;

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use rustix::process::{Signal, set_parent_process_death_signal};
use signal_hook::consts::SIGTERM;
use slipstream_log::{OnFull, Settings, Spool};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
enum Command {
    /// Make a spool
    Make {
        dir: PathBuf,
        #[arg(long)]
        slots: u16,
        #[arg(long)]
        logs: u32,
        #[arg(long)]
        rotate_ms: u64,
        /// Refuse new requests when a slot is full
        #[arg(long)]
        reject: bool,
        /// The group that shares it
        #[arg(long)]
        group: Option<u32>,
    },
    /// Store until told to end
    Write(write::Args),
    /// Deliver to a file until nothing is left, told to end, or out of time
    Work(work::Args),
    /// Print each record that a spool holds, then its accounts
    Left { dir: PathBuf },
    /// Remove all requests in a state, and print how many
    Purge { dir: PathBuf, state: operate::State },
    /// Make all failed requests pending again, and print how many
    Retry { dir: PathBuf },
    /// Become a user, and then a program
    As {
        #[command(flatten)]
        who: identity::Identity,
        program: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                text += &format!(": {cause}");
                source = cause.source();
            }
            eprintln!("{text}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    match command {
        Command::Make { dir, slots, logs, rotate_ms, reject, group } => {
            let settings = Settings {
                slots,
                logs,
                rotate_ms,
                on_full: if reject { OnFull::Reject } else { OnFull::Overwrite },
                group,
                // Small, so that logs also change for their size.
                record_max: 512 << 10,
                log_max: 1 << 20,
                ..Settings::default()
            };
            Spool::builder().settings(settings).open(dir)?;
            Ok(())
        }
        Command::Write(args) => write::run(&args),
        Command::Work(args) => work::run(&args),
        Command::Left { dir } => left::run(&dir),
        Command::Purge { dir, state } => operate::purge(&dir, state),
        Command::Retry { dir } => operate::retry(&dir),
        Command::As { who, program, args } => identity::become_and_run(&who, &program, &args),
    }
}

/// Raised by SIGTERM.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    let flag = Arc::default();
    signal_hook::flag::register(SIGTERM, Arc::clone(&flag))?;
    Ok(flag)
}
