//! `cargo xtask deb`: the Debian package, and a trial of it.
//!
//! # Invariants
//! - The trial is made on a copy of this machine that goes away with it, under a systemd of its
//!   own.
//! - Nothing is installed here.
//! - Where no copy can be made, for want of rights, that is said, and the package is only unpacked
//!   and run.
//!
//! # Non-goals
//! What is in the package. crates/slipstream-cli/Cargo.toml says that, and cargo-deb reads it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use slipstream_harness::interrupt::{self, Running};
use slipstream_harness::packages;
use slipstream_harness::project::{self, target};
use slipstream_harness::receiver::Receiver;

use crate::tools::Tool;

/// What makes the package: without xz's library, which would need headers, and gzip does. Without
/// optimisation: building it takes longer than what it does.
const CARGO_DEB: Tool = Tool { name: "cargo-deb", version: "3.8.0", options: &["--debug"] };

/// The copy of this machine.
const MACHINE: &str = include_str!("debian/machine.sh");

/// What the trial does in it.
const TRIAL: &str = include_str!("debian/trial.sh");

/// How many requests the trial stores.
const STORED: usize = 17;

/// Longer than a trial takes.
const LONG: &str = "600";

/// What to make.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install it on a copy of this machine, use it and remove it, too
    #[arg(long)]
    trial: bool,
    /// Package this program, quickly, instead of building one
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
}

/// Makes the package that is delivered.
pub(crate) fn run(args: &Args) -> Result<()> {
    let package = match &args.binary {
        Some(binary) => make(binary, true)?,
        None => {
            packages::set_up(packages::For::Build)?;
            make(&project::release_binary()?, false)?
        }
    };
    println!("{}", package.display());
    if args.trial { trial(&package) } else { Ok(()) }
}

/// The same of a binary that was built for tests, tried.
pub(crate) fn short(binary: &Path) -> Result<()> {
    trial(&make(binary, true)?)
}

/// Makes a package of this binary; quickly, or small.
fn make(binary: &Path, quickly: bool) -> Result<PathBuf> {
    let cargo_deb = CARGO_DEB.path()?;
    // cargo-deb looks for what is built below target/release, wherever that is.
    let stage = target().join("deb");
    let beside = stage.join("release/package");
    drop(fs::remove_dir_all(&stage));
    fs::create_dir_all(beside.join("man")).context("could not make a directory for the package")?;
    fs::copy(binary, stage.join("release/slipstream")).context("could not copy the binary")?;
    let stage = stage.canonicalize().context("could not find the package's directory")?;
    let tell = |words: &[&str]| {
        let mut command = Command::new(binary);
        project::output(command.args(words).env("SLIPSTREAM_CONFIG", ""))
    };
    tell(&["man", &beside.join("man").to_string_lossy()])?;
    // As Debian's policy wants them.
    let pages = fs::read_dir(beside.join("man")).context("there are no pages")?;
    let pages: Vec<_> = pages.map(|page| Ok(page?.path())).collect::<Result<_>>()?;
    project::output(Command::new("gzip").arg("-9n").args(pages))?;
    for shell in ["bash", "zsh", "fish"] {
        let script = tell(&["completions", shell])?;
        let path = beside.join(format!("slipstream.{shell}"));
        fs::write(&path, script).with_context(|| format!("could not write {}", path.display()))?;
    }
    let mut command = Command::new(cargo_deb);
    command.args(["deb", "-p", "slipstream-cli", "--no-build", "--output"]).arg(&stage);
    if quickly {
        command.arg("--fast");
    }
    let told =
        project::output(command.current_dir(project::root()).env("CARGO_TARGET_DIR", &stage))?;
    let path = told.lines().last().map(PathBuf::from);
    path.filter(|path| path.exists()).context("cargo-deb did not say where the package is")
}

/// Uses the package as its users would.
fn trial(package: &Path) -> Result<()> {
    let scratch = tempfile::tempdir().context("could not make a temporary directory")?;
    let (copy, shared) = (scratch.path().join("copy"), scratch.path().join("shared"));
    for dir in [&copy, &shared] {
        fs::create_dir(dir).context("could not make a directory")?;
    }
    if !may_copy(&copy) {
        eprintln!(
            "the package is unpacked and run, and not installed: that takes root, and the right to mount"
        );
        return unpack(package, scratch.path());
    }
    let receiver = Receiver::start_keeping()?;
    fs::copy(package, shared.join("package.deb")).context("could not copy the package")?;
    for (name, text) in [("trial.sh", TRIAL), ("url", &receiver.url("/package"))] {
        fs::write(shared.join(name), text).context("could not write the trial")?;
    }
    eprintln!("installing {} on a copy of this machine", package.display());
    interrupt::watch()?;
    let status = Running::start(machine(&copy).arg(&shared))?.wait()?;
    if !status.success() {
        eprintln!("{}", fs::read_to_string(shared.join("said")).unwrap_or_default());
        bail!(
            "the package does not do what it should ({status}); the last line above is what failed"
        );
    }
    let arrived = receiver.counts().kept().len();
    ensure!(arrived == STORED, "the trial stored {STORED} requests, and {arrived} arrived");
    eprintln!("it was installed, used and removed as it should be");
    Ok(())
}

/// A machine in this directory, whose process 1 ends with it.
fn machine(copy: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--foreground", "--signal=KILL", LONG, "unshare", "--kill-child", "--fork"]);
    command.args(["--pid", "--mount", "--cgroup", "--uts", "--ipc"]);
    command.args(["sh", "-c", MACHINE, "machine"]).arg(copy);
    command.stdin(Stdio::null());
    command
}

fn may_copy(copy: &Path) -> bool {
    let mut command = machine(copy);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    rustix::process::geteuid().is_root() && command.status().is_ok_and(|status| status.success())
}

fn unpack(package: &Path, into: &Path) -> Result<()> {
    let root = into.join("root");
    project::output(Command::new("dpkg-deb").arg("-x").arg(package).arg(&root))?;
    let version = project::output(Command::new(root.join("usr/bin/slipstream")).arg("--version"))?;
    ensure!(version.starts_with("slipstream "), "the program in the package says '{version}'");
    for path in ["etc/slipstream.toml", "usr/lib/systemd/system/slipstream.timer"] {
        ensure!(root.join(path).exists(), "the package has no {path}");
    }
    Ok(())
}
