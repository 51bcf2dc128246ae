//! The programs that `cargo xtask soak` starts, and kills: a writer, a worker that needs no
//! network, and one that tells what a spool still holds.
//!
//! They link the engine, so that `cargo xtask` itself need not. Each dies with whoever
//! started it.

// A few functions of these two are for the other side.
#[allow(dead_code)]
#[path = "../../src/soak/chance.rs"]
mod chance;
#[allow(dead_code)]
#[path = "../../src/soak/ids.rs"]
mod ids;

mod left;
mod work;
mod write;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use rustix::process::{Signal, set_parent_process_death_signal};
use signal_hook::consts::SIGTERM;
use slipstream_log::{Settings, Spool};

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
    },
    /// Store until told to end
    Write(write::Args),
    /// Deliver to a file until nothing is left, told to end, or out of time
    Work(work::Args),
    /// Print each record that a spool holds, then its accounts
    Left { dir: PathBuf },
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
        Command::Make { dir, slots, logs, rotate_ms } => {
            let settings = Settings {
                slots,
                logs,
                rotate_ms,
                // Small, so that logs also change for their size.
                record_max: 512 << 10,
                log_max: 1 << 20,
                ..Settings::default()
            };
            Spool::create(dir, &settings)?;
            Ok(())
        }
        Command::Write(args) => write::run(&args),
        Command::Work(args) => work::run(&args),
        Command::Left { dir } => left::run(&dir),
    }
}

/// Raised by SIGTERM.
fn stop_flag() -> Result<Arc<AtomicBool>> {
    let flag = Arc::default();
    signal_hook::flag::register(SIGTERM, Arc::clone(&flag))?;
    Ok(flag)
}
