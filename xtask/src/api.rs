//! The public items of the library crates, as docs/api keeps them: a change of them is a difference to read.
//!
//! # Non-goals
//! A part of `cargo xtask ci`: it takes a nightly compiler, and minutes.

use std::fs;

use anyhow::{Context, Result};
use slipstream_harness::project::{self, cargo};

use crate::tools::Tool;

/// What lists them, from rustdoc's JSON.
const CARGO_PUBLIC_API: Tool =
    Tool { name: "cargo-public-api", version: "0.52.0", options: &["--debug"] };

/// The crates that programs use.
const LIBRARIES: [&str; 7] = [
    "slipstream-core",
    "slipstream-http",
    "slipstream-log",
    "slipstream-mysql",
    "slipstream-spool",
    "slipstream-tcp",
    "slipstream-worker",
];

/// Writes the list of each crate, with all its features.
pub(crate) fn run() -> Result<()> {
    let program = CARGO_PUBLIC_API.path()?;
    let home = project::root().join("docs/api");
    fs::create_dir_all(&home).context("could not make docs/api")?;
    for name in LIBRARIES {
        // What is derived, or holds for any type, would be most of it.
        let words = ["public-api", "-p", name, "--all-features", "-sss"];
        let mut list = cargo(&words);
        list.env("PATH", path_with(&program)?);
        let items = project::output(&mut list)?;
        let path = home.join(format!("{name}.txt"));
        fs::write(&path, items).with_context(|| format!("could not write {}", path.display()))?;
        eprintln!("wrote {}", path.display());
    }
    Ok(())
}

/// The system's PATH with the directory of a program in front, where cargo finds it.
fn path_with(program: &std::path::Path) -> Result<std::ffi::OsString> {
    let own = program.parent().context("a program is in a directory")?.to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(own).chain(std::env::split_paths(&others));
    std::env::join_paths(all).context("could not put a PATH together")
}
