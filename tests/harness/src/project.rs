//! The project's directory, and the build of its programs.
//!
//! Paths of built programs come from cargo's own messages, so any target directory and
//! any cargo configuration works.

use std::env;
use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::hanging;

/// The workspace's root directory.
pub fn root() -> PathBuf {
    // Cargo sets it for `cargo xtask`; by hand, start it in the root.
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| OsString::from("."));
    let mut above = Path::new(&package).ancestors();
    above.find(|dir| dir.join("Cargo.lock").exists()).unwrap_or(Path::new(".")).to_owned()
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target")))
}

/// A cargo command that runs in the root.
pub fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root()).args(args);
    command
}

/// Runs a command and shows its output. A program that hangs is [ended](hanging).
pub fn run(command: &mut Command) -> Result<()> {
    let words = words(command);
    eprintln!("$ {words}");
    let mut child = command.spawn().with_context(|| format!("could not start '{words}'"))?;
    let status = hanging::wait(&mut child, hanging::LIMIT, &mut |line| eprintln!("{line}"))
        .with_context(|| format!("could not wait for '{words}'"))?;
    if !status.success() {
        bail!("'{words}' failed ({status}); its output above says why");
    }
    Ok(())
}

/// Runs a command and returns what it prints.
pub fn output(command: &mut Command) -> Result<String> {
    let words = words(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("could not start '{words}'"))?;
    if !output.status.success() {
        bail!("'{words}' failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("'{words}' printed no text"))
}

/// The command as one would type it.
fn words(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Builds by `cargo build` with these arguments; returns the path of the program `name`.
pub fn build(args: &[&str], name: &str) -> Result<PathBuf> {
    let mut command = cargo(&["build"]);
    command
        .args(args)
        // Cargo shows its progress on standard error as always, and reports on standard output what
        // it made.
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command.spawn().context("could not start cargo")?;
    let mut path = None;
    let messages = child.stdout.take().context("cargo has no output")?;
    for line in BufReader::new(messages).lines() {
        let line = line.context("could not read cargo's messages")?;
        let Ok(message) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        // A program's unit tests have its name, too.
        let is_program = message["target"]["name"] == name && message["profile"]["test"] == false;
        if is_program && let Some(executable) = message["executable"].as_str() {
            path = Some(PathBuf::from(executable));
        }
    }
    let status = child.wait().context("could not wait for cargo")?;
    if !status.success() {
        bail!("'cargo build {}' failed; its output above says why", args.join(" "));
    }
    path.with_context(|| format!("'cargo build {}' made no program '{name}'", args.join(" ")))
}

/// The delivered binary, in the profile that is delivered.
pub fn release_binary() -> Result<PathBuf> {
    build(&["--release", "-p", "slipstream-cli"], "slipstream")
}
