//! `cargo xtask ci`: what must hold besides the tests.
//!
//! Formatting, lints and documentation without a warning; library crates that stay as
//! lean as ARCHITECTURE.md says; packages that hold what they should.

use anyhow::{Result, bail};

use crate::project::{self, cargo};
use crate::suite::OWN_KIND;

/// Crates that programs embed to store requests: what they must never bring along.
const LEAN: [&str; 3] = ["slipstream-core", "slipstream-log", "slipstream-worker"];
const HEAVY: [&str; 5] = ["curl", "curl-sys", "openssl-sys", "clap", "tokio"];

/// Runs every check, and stops at the first that fails.
pub(crate) fn run() -> Result<()> {
    project::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    project::run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    // Built by the tests already, as a stranger's.
    let target = project::target().join("own-kind");
    project::run(&mut cargo(&["fmt", "--manifest-path", OWN_KIND, "--check"]))?;
    project::run(
        cargo(&["clippy", "--manifest-path", OWN_KIND, "--all-targets", "--", "-D", "warnings"])
            .env("CARGO_TARGET_DIR", target),
    )?;
    project::run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))?;
    for name in LEAN {
        lean(name)?;
    }
    package()?;
    eprintln!("all checks passed");
    Ok(())
}

/// Fails when a crate depends on something heavy, at whatever remove.
fn lean(name: &str) -> Result<()> {
    let tree = project::output(&mut cargo(&[
        "tree", "-e", "normal", "-p", name, "--prefix", "none", "--format", "{p}",
    ]))?;
    for dependency in tree.lines().filter_map(|line| line.split(' ').next()) {
        if HEAVY.contains(&dependency) {
            bail!(
                "{name} depends on {dependency}; 'cargo tree -e normal -p {name} -i {dependency}' \
                 shows how"
            );
        }
    }
    eprintln!("{name} is lean");
    Ok(())
}

/// Makes every crate's package. They depend on each other and are not published yet, so
/// cargo has to make them in one go; it does not build them again, the tests did.
fn package() -> Result<()> {
    project::run(&mut cargo(&[
        "package",
        "--workspace",
        "--exclude",
        "xtask",
        "--exclude",
        "slipstream-tests",
        "--allow-dirty",
        "--no-verify",
    ]))
}
