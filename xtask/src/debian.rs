//! `cargo xtask deb`: the Debian package, and a trial of it.
//!
//! Guaranteed: the trial is made on a copy of this machine that goes away with it; nothing is
//! installed here. Where no copy can be made, for want of rights, that is said, and the package is
//! only unpacked and run.
//!
//! Absent on purpose: what is in the package. crates/slipstream-cli/Cargo.toml says that, and
//! cargo-deb reads it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::packages;
use crate::project::{self, cargo, target};
use crate::receiver::Receiver;

/// What makes the package.
const CARGO_DEB: &str = "cargo-deb@3.8.0";

/// What the trial does with it.
const TRIAL: &str = include_str!("debian/trial.sh");

/// Makes the copy: what is written goes to memory, and is gone when the last process is.
const COPY: &str = "\
set -e
mount -t tmpfs none \"$0\"
mkdir \"$0/upper\" \"$0/work\" \"$0/root\"
mount -t overlay none -o \"lowerdir=/,upperdir=$0/upper,workdir=$0/work\" \"$0/root\"
mount -t proc none \"$0/root/proc\"
mount --rbind /dev \"$0/root/dev\"
";

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
    let cargo_deb = cargo_deb()?;
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

/// cargo-deb, in a directory of the project's own.
fn cargo_deb() -> Result<PathBuf> {
    let root = target().join("tools");
    let program = root.join("bin/cargo-deb");
    if !program.exists() {
        // Without xz's library: it would need headers, and gzip does.
        let words =
            ["install", "--quiet", "--locked", "--no-default-features", CARGO_DEB, "--root"];
        eprintln!("installing {CARGO_DEB} into {}", root.display());
        project::run(cargo(&words).arg(&root).env_remove("CARGO_TARGET_DIR"))?;
    }
    program.canonicalize().context("could not find cargo-deb")
}

/// Uses the package as its users would.
fn trial(package: &Path) -> Result<()> {
    let scratch = tempfile::tempdir().context("could not make a temporary directory")?;
    let script = scratch.path().join("trial.sh");
    fs::write(&script, TRIAL).context("could not write the trial")?;
    let copy = scratch.path().join("copy");
    fs::create_dir(&copy).context("could not make a directory")?;
    let receiver = Receiver::start_keeping()?;
    if !may_copy(&copy) {
        eprintln!(
            "the package is unpacked and run, and not installed: that takes root, and the right to mount"
        );
        return unpack(package, scratch.path());
    }
    eprintln!("installing {} on a copy of this machine", package.display());
    let mut command = in_copy(&copy, "exec chroot \"$0/root\" sh \"$1\" \"$2\" \"$3\"");
    command.arg(script).arg(package).arg(receiver.url("/package")).stdin(Stdio::null());
    let output = command.output().context("could not start unshare")?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stdout));
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        bail!(
            "the package does not do what it should ({}); the last line above is what failed",
            output.status
        );
    }
    let arrived = receiver.counts().kept().len();
    ensure!(arrived == 1, "the installed program stored 1 request, and {arrived} arrived");
    eprintln!("it was installed, used and removed as it should be");
    Ok(())
}

fn in_copy(copy: &Path, then: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--fork", "--kill-child", "sh", "-c"]);
    command.arg(format!("{COPY}{then}")).arg(copy);
    command
}

fn may_copy(copy: &Path) -> bool {
    let mut command = in_copy(copy, "true");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
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
