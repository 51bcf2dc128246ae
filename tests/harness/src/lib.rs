//! What the project's own commands share: what a machine must have, how programs are built, started and
//! stopped, and a receiver for them to send to.
//!
//! # Invariants
//! No dependency whose build needs more than Rust and a linker: `cargo xtask` uses this, and that installs
//! the rest.

pub mod hanging;
pub mod interrupt;
pub mod packages;
pub mod project;
pub mod receiver;

use std::process::ExitCode;

use anyhow::Result;

/// A command's exit code; what went wrong is said. 2 as everywhere in this project: it could not run,
/// rather than it failed.
pub fn exit(done: Result<()>) -> ExitCode {
    let Err(error) = done else { return ExitCode::SUCCESS };
    eprintln!("error: {error:#}");
    let missing = error.downcast_ref::<packages::Missing>().is_some();
    ExitCode::from(if missing { 2 } else { 1 })
}
