//! `cargo xtask test`: the one test command.
//!
//! Everything is built in one profile and one selection of features, so that OpenSSL and libcurl
//! are compiled once.
//!
//! # Non-goals
//! A test runner of its own.

use std::env;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use slipstream_harness::interrupt::Running;
use slipstream_harness::{packages, project};

use crate::debian;

/// What is built, in one go: programs alone would get other features of the same dependencies.
const ALL: [&str; 2] = ["--workspace", "--all-targets"];

/// Names the binary that is tried.
const BINARY: &str = "SLIPSTREAM_TEST_BIN";

/// Which tests to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Passed on to the test programs, such as part of a test's name
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    filter: Vec<String>,
}

/// The crates that deliver only if they are asked to, and are not.
pub(crate) const STORING_ONLY: [&str; 11] = [
    "-p",
    "slipstream-http",
    "-p",
    "slipstream-mysql",
    "-p",
    "slipstream-spool",
    "-p",
    "slipstream-tcp",
    "--no-default-features",
    "--features",
    "slipstream-spool/http,slipstream-spool/mysql,slipstream-spool/tcp,slipstream-spool/tokio",
];

/// A crate outside the workspace.
pub(crate) const OWN_KIND: &str = "tests/own-kind/Cargo.toml";

/// Runs them.
pub(crate) fn run(args: &Args) -> Result<()> {
    packages::set_up(packages::For::Tests)?;
    let python = packages::python_packages(&project::target())?;
    let python = python.canonicalize().context("could not find Python's packages")?;
    // Before the build, which replaces this very file.
    let receiver = env::current_exe().context("could not find this program's own path")?;
    eprintln!("building; the first time this compiles OpenSSL and libcurl, a few minutes");
    let binary = project::build(&ALL, "slipstream")?;

    let mut all = project::cargo(&["test", ALL[0], ALL[1]]);
    let mut doc = project::cargo(&["test", "--workspace", "--doc"]);
    for test in [&mut all, &mut doc] {
        test.env(BINARY, &binary)
            // `$SLIPSTREAM_TEST_XTASK receiver` is the receiver.
            .env("SLIPSTREAM_TEST_XTASK", &receiver)
            .env("SLIPSTREAM_TEST_PYTHONPATH", &python);
        test.envs(packages::programs());
        if !args.filter.is_empty() {
            test.arg("--").args(&args.filter);
        }
    }
    project::run(&mut all)?;
    project::run(&mut doc)?;
    if !args.filter.is_empty() {
        return Ok(());
    }
    // Built by the tests above already. Both wait most of the time, so they run beside what is compiled.
    let start = |name, args: &[&str]| {
        let program = project::build(&ALL, name)?;
        Running::start(Command::new(program).args(args).env(BINARY, &binary))
    };
    eprintln!("20 destinations, of which 4 are bad: every request is to be accounted for");
    let mut neighbours = start("bench", &["neighbours", "--rounds", "1", "--count", "50"])?;
    let mut soak = start("soak", &["--short"])?;
    storing_only()?;
    own_kind()?;
    for (name, running) in [("bench neighbours", &mut neighbours), ("soak --short", &mut soak)] {
        let ended = running.wait_unless_hanging()?;
        ensure!(ended.success(), "'{name}' failed; its output above says why");
    }
    debian::short(&binary)
}

/// The crates as a program has them that only stores: without what delivers, and with what the workspace
/// does not build by default.
fn storing_only() -> Result<()> {
    project::run(project::cargo(&["test"]).args(STORING_ONLY))
}

/// A crate outside the workspace, with a kind of its own: it gets what the library crates give it, and
/// none of the workspace's features.
fn own_kind() -> Result<()> {
    let target = project::target().join("own-kind");
    let mut test = project::cargo(&["test", "--locked", "--manifest-path", OWN_KIND]);
    project::run(test.env("CARGO_TARGET_DIR", target))
}
