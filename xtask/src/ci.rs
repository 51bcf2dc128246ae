//! `cargo xtask ci`: what must hold besides the tests.
//!
//! Formatting, lints and documentation without a warning; words that must not come back; library crates that stay as
//! lean as ARCHITECTURE.md says; dependencies that deny.toml allows; packages that hold what they
//! should.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};
use slipstream_harness::project::{self, cargo};

use crate::circles;
use crate::suite::{OWN_KIND, STORING_ONLY};
use crate::tools::Tool;
use crate::words;

/// What reads deny.toml. Without optimisation: it is built once and runs for a second.
const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2", options: &["--debug"] };

/// How long fetching the database of advisories may take, in seconds.
const FETCH: &str = "120";

/// Names a checkout of curl.
const CURL_CHECKOUT: &str = "SLIPSTREAM_CURL_CHECKOUT";

/// How many of its tests must be the same: of 621, in curl's commit of August 2026, with curl 7.88 beside.
const SAME_AS_CURL: usize = 584;

/// Crates that programs embed to store requests: what they must never bring along.
const LEAN: [&str; 4] =
    ["slipstream-core", "slipstream-log", "slipstream-spool", "slipstream-worker"];
const HEAVY: [&str; 5] = ["curl", "curl-sys", "openssl-sys", "clap", "tokio"];

/// Runs every check, and stops at the first that fails.
pub(crate) fn run() -> Result<()> {
    project::run(&mut cargo(&["fmt", "--all", "--check"]))?;
    words::check()?;
    circles::check()?;
    project::run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let mut storing_only = cargo(&["clippy", "--all-targets"]);
    project::run(storing_only.args(STORING_ONLY).args(["--", "-D", "warnings"]))?;
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
    deny()?;
    curl()?;
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

/// Holds `store` and `work` against curl's own tests, where a checkout of curl is named.
fn curl() -> Result<()> {
    match std::env::var_os(CURL_CHECKOUT) {
        Some(dir) => {
            let program = project::build(&["--workspace", "--all-targets"], "curl-suite")?;
            let least = SAME_AS_CURL.to_string();
            project::run(Command::new(program).arg(dir).args(["--least", &least]))
        }
        None => {
            eprintln!("curl's own tests were NOT run: {CURL_CHECKOUT} names no checkout of curl");
            Ok(())
        }
    }
}

/// Fails when a dependency comes from elsewhere, has a licence or is a crate that deny.toml does not
/// allow, or is known to be vulnerable. The last takes a database from GitHub; where that cannot be
/// had, it says so and checks the rest.
fn deny() -> Result<()> {
    let program = CARGO_DENY.path()?;
    let check = |what: &[&str]| {
        let mut command = Command::new(&program);
        command.current_dir(project::root()).args(["--locked", "--log-level", "error"]);
        project::run(command.args(what))
    };
    check(&["check", "licenses", "bans", "sources"])?;
    if can_fetch(&program) {
        return check(&["--offline", "check", "advisories"]);
    }
    eprintln!(
        "warning: the database of advisories (https://github.com/rustsec/advisory-db) cannot be \
         reached: whether a dependency is known to be vulnerable was NOT checked; run 'cargo xtask \
         ci' where it can"
    );
    Ok(())
}

fn can_fetch(cargo_deny: &Path) -> bool {
    let mut fetch = Command::new("timeout");
    fetch.arg(FETCH).arg(cargo_deny).args(["--log-level", "off", "fetch", "db"]);
    fetch.current_dir(project::root()).stdin(Stdio::null()).stdout(Stdio::null());
    fetch.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
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
        "--exclude",
        "slipstream-harness",
        "--exclude",
        "slipstream-soak",
        "--exclude",
        "slipstream-curl-suite",
        "--exclude",
        "slipstream-benches",
        "--allow-dirty",
        "--no-verify",
    ]))
}
