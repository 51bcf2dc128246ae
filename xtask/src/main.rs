//! The project's own commands: `cargo xtask NAME`.
//!
//! Guarantees that a machine with Rust and nothing else gets from a fresh clone to a
//! running demo, a test run or a benchmark by one command each. Absent on purpose: any
//! crate whose build needs more than Rust, since this is what installs it.

mod bench;
mod ci;
mod curl_suite;
mod debian;
mod demo;
mod interrupt;
mod packages;
mod project;
mod receiver;
mod soak;
mod suite;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Slipstream's own commands", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what building and testing need, if anything is missing
    Setup,
    /// Run every test, after setting up what they need
    Test(suite::Args),
    /// Check formatting, lints, documentation, dependencies and packaging
    Ci,
    /// Run curl's own tests of plain HTTP through `store` and `work`
    CurlSuite(curl_suite::Args),
    /// Store 1,000 requests, deliver them to a small receiver, show what happened
    Demo(demo::Args),
    /// Make the Debian package, in target/deb
    Deb(debian::Args),
    /// Take HTTP requests on loopback, count them, answer them
    Receiver(receiver::Args),
    /// Kill writers and worker again and again, then match every request one by one
    Soak(soak::Args),
    /// Measure ours beside the floor, in one run
    #[command(subcommand)]
    Bench(bench::Command),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Setup => packages::set_up(packages::For::Tests),
        Command::Test(args) => suite::run(&args),
        Command::Ci => ci::run(),
        Command::CurlSuite(args) => curl_suite::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Deb(args) => debian::run(&args),
        Command::Receiver(args) => receiver::run(args),
        Command::Soak(args) => soak::run(&args),
        Command::Bench(command) => bench::run(&command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            // 2 as everywhere in this project: it could not run, rather than it failed.
            let missing = error.downcast_ref::<packages::Missing>().is_some();
            ExitCode::from(if missing { 2 } else { 1 })
        }
    }
}
