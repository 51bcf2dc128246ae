//! The project's own commands: `cargo xtask NAME`.
//!
//! # Invariants
//! A machine with Rust and nothing else gets from a fresh clone to a running demo, a test run or a
//! benchmark by one command each.
//!
//! # Non-goals
//! Any crate whose build needs more than Rust, since this is what installs it.

mod api;
mod ci;
mod circles;
mod debian;
mod demo;
mod suite;
mod tools;
mod words;

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use slipstream_harness::{exit, packages, project, receiver};

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
    /// Write the public items of the library crates into docs/api (takes a nightly compiler)
    Api,
    /// Look for files of a crate that import each other in a circle
    Circles,
    /// Run curl's own tests of plain HTTP through `store` and `work`
    #[command(disable_help_flag = true)]
    CurlSuite(Words),
    /// Store 1,000 requests, deliver them to a small receiver, show what happened
    Demo(demo::Args),
    /// Make the Debian package, in target/deb
    Deb(debian::Args),
    /// Take HTTP requests on loopback, count them, answer them
    Receiver(receiver::Args),
    /// Kill writers and worker again and again, then match every request one by one
    #[command(disable_help_flag = true)]
    Soak(Words),
    /// Measure ours beside the floor, in one run
    #[command(disable_help_flag = true)]
    Bench(Words),
}

/// What a program of its own is told.
#[derive(clap::Args)]
struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

fn main() -> ExitCode {
    exit(match Cli::parse().command {
        Command::Setup => packages::set_up(packages::For::Tests),
        Command::Test(args) => suite::run(&args),
        Command::Ci => ci::run(),
        Command::Api => api::run(),
        Command::Circles => circles::check(),
        Command::CurlSuite(args) => start("slipstream-curl-suite", "curl-suite", false, &args),
        Command::Demo(args) => demo::run(&args),
        Command::Deb(args) => debian::run(&args),
        Command::Receiver(args) => receiver::run(&args),
        Command::Soak(args) => start("slipstream-soak", "soak", false, &args),
        Command::Bench(args) => start("slipstream-benches", "bench", true, &args),
    })
}

/// Builds a program of a crate of its own, and becomes it.
fn start(package: &str, name: &str, release: bool, args: &Words) -> Result<()> {
    packages::set_up(packages::For::Build)?;
    let profile: &[&str] = if release { &["--release"] } else { &[] };
    let program = project::build(&[profile, &["-p", package, "--bin", name]].concat(), name)?;
    let error = std::process::Command::new(&program).args(&args.words).exec();
    Err(error).with_context(|| format!("could not start {}", program.display()))
}
