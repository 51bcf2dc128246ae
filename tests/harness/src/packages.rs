//! The packages that a Debian machine must have besides Rust, and their installation.
//!
//! # Invariants
//! - Nothing is touched when all is there (which takes milliseconds).
//! - Only root installs.
//! - No service is started by it.
//! - On other distributions what is missing is printed, and by which names Debian has it.

use std::env;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What the machine is to be used for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum For {
    /// Building, which compiles OpenSSL and libcurl from source.
    Build,
    /// Building and testing.
    Tests,
}

/// Packages that are missing, and that we may not install.
#[derive(Debug)]
pub struct Missing(Vec<&'static str>);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.join(" ");
        write!(
            f,
            "this machine lacks {names}; run this, then try again:\n\
             sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends {names}'"
        )
    }
}

impl std::error::Error for Missing {}

/// A Debian package, what it is needed for, and how to see that its content is there.
type Package = (&'static str, For, fn() -> bool);

const PACKAGES: [Package; 18] = [
    ("gcc", For::Build, || find("cc").is_some()),
    ("libc6-dev", For::Build, || Path::new("/usr/include/stdlib.h").exists()),
    ("make", For::Build, || find("make").is_some()),
    // Debian's base system has a perl without most of its modules; OpenSSL's Configure
    // needs some of those.
    ("perl", For::Build, perl_has_its_modules),
    ("nginx", For::Tests, || find("nginx").is_some()),
    ("tinyproxy-bin", For::Tests, || find("tinyproxy").is_some()),
    ("mariadb-server", For::Tests, || find("mariadbd").is_some()),
    ("openssl", For::Tests, || find("openssl").is_some()),
    ("strace", For::Tests, || find("strace").is_some()),
    ("python3", For::Tests, || find("python3").is_some()),
    ("python3-pip", For::Tests, python_has_pip),
    ("curl", For::Tests, || find("curl").is_some()),
    ("beanstalkd", For::Tests, || find("beanstalkd").is_some()),
    ("redis-server", For::Tests, || find("redis-server").is_some()),
    ("rsyslog", For::Tests, || find("rsyslogd").is_some()),
    ("rsyslog-gnutls", For::Tests, rsyslog_has_tls),
    ("socat", For::Tests, || find("socat").is_some()),
    ("systemd", For::Tests, || Path::new("/lib/systemd/systemd").exists()),
];

/// Programs that tests start: by variable, by name.
const PROGRAMS: [(&str, &str); 13] = [
    ("SLIPSTREAM_TEST_NGINX", "nginx"),
    ("SLIPSTREAM_TEST_TINYPROXY", "tinyproxy"),
    ("SLIPSTREAM_TEST_MARIADB", "mariadb"),
    ("SLIPSTREAM_TEST_MARIADBD", "mariadbd"),
    ("SLIPSTREAM_TEST_MARIADB_INSTALL", "mariadb-install-db"),
    ("SLIPSTREAM_TEST_OPENSSL", "openssl"),
    ("SLIPSTREAM_TEST_STRACE", "strace"),
    ("SLIPSTREAM_TEST_PYTHON", "python3"),
    ("SLIPSTREAM_TEST_CURL", "curl"),
    ("SLIPSTREAM_TEST_BEANSTALKD", "beanstalkd"),
    ("SLIPSTREAM_TEST_REDIS", "redis-server"),
    ("SLIPSTREAM_TEST_RSYSLOG", "rsyslogd"),
    ("SLIPSTREAM_TEST_SOCAT", "socat"),
];

/// The environment that shows tests where these programs are: found once, here.
pub fn programs() -> impl Iterator<Item = (&'static str, PathBuf)> {
    PROGRAMS.into_iter().filter_map(|(variable, name)| Some((variable, find(name)?)))
}

/// Installs what is missing, or says how.
pub fn set_up(purpose: For) -> Result<()> {
    let missing = missing(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    if find("apt-get").is_none() || !rustix::process::geteuid().is_root() {
        return Err(Missing(missing).into());
    }
    eprintln!("installing {} by apt-get", missing.join(" "));
    install(&missing)?;
    let still = self::missing(purpose);
    if !still.is_empty() {
        bail!(
            "apt-get installed {}, but it is still not found in PATH; add its directory there",
            still.join(" ")
        );
    }
    Ok(())
}

/// The path of a program, by its name.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Daemons live in sbin, which is not in every user's PATH.
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|file| {
            fs::metadata(file)
                .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        })
}

fn missing(purpose: For) -> Vec<&'static str> {
    PACKAGES
        .iter()
        .filter(|(_, used_for, present)| *used_for <= purpose && !present())
        .map(|(name, ..)| *name)
        .collect()
}

fn perl_has_its_modules() -> bool {
    find("perl").is_some_and(|perl| {
        Command::new(perl)
            .args(["-MFindBin", "-MIPC::Cmd", "-MFile::Compare", "-e1"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

fn python_has_pip() -> bool {
    find("python3").is_some_and(|python| {
        Command::new(python)
            .args(["-m", "pip", "--version"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

/// Its modules are in a directory of the machine's kind.
fn rsyslog_has_tls() -> bool {
    let kinds = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    kinds.map(|kind| kind.path().join("rsyslog/lmnsd_gtls.so")).any(|module| module.exists())
}

/// The Python package that signatures are held against, in a directory of its own.
pub fn python_packages(target: &Path) -> Result<PathBuf> {
    const PACKAGE: &str = "standardwebhooks==1.1.0";
    let directory = target.join("python");
    if directory.join("standardwebhooks").is_dir() {
        return Ok(directory);
    }
    let python = find("python3").context("there is no python3")?;
    eprintln!("installing {PACKAGE} by pip, into {}", directory.display());
    // Without a root's warnings, and without anything that it does not need.
    let words = ["-m", "pip", "install", "--quiet", "--no-deps", "--root-user-action=ignore"];
    let mut pip = Command::new(python);
    pip.args(words).arg("--target").arg(&directory).arg(PACKAGE).stdin(Stdio::null());
    let status = pip.status().context("could not start pip")?;
    if !status.success() {
        bail!("'pip install {PACKAGE}' failed ({status}); its output above says why");
    }
    Ok(directory)
}

fn install(names: &[&str]) -> Result<()> {
    // A package with a daemon starts it through one of these two programs. Stand-ins
    // that do nothing, found first, keep it from starting; unlike a policy-rc.d, they
    // cannot stay behind and keep the machine's own services from starting later.
    let quiet = tempfile::tempdir().context("could not make a temporary directory")?;
    for name in ["invoke-rc.d", "deb-systemd-invoke"] {
        let file = quiet.path().join(name);
        fs::write(&file, "#!/bin/sh\nexit 0\n")
            .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o755)))
            .with_context(|| format!("could not write {}", file.display()))?;
    }
    let path = format!(
        "{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        quiet.path().display()
    );
    apt_get(&["update"], &path)?;
    let mut args = vec!["install", "-y", "--no-install-recommends"];
    args.extend(names);
    apt_get(&args, &path)
}

/// How long to wait for another apt or dpkg. A machine that has just booted installs its unattended
/// upgrades first.
const LOCK_PATIENCE: Duration = Duration::from_secs(900);
/// How often to try again meanwhile.
const LOCK_POLL: Duration = Duration::from_secs(5);

/// Runs apt-get, again and again while another one holds one of its locks. `DPkg::Lock::Timeout`
/// waits for one of the three locks only.
fn apt_get(args: &[&str], path: &str) -> Result<()> {
    let words = args.join(" ");
    let deadline = Instant::now() + LOCK_PATIENCE;
    let mut said = false;
    loop {
        let mut apt = Command::new("apt-get");
        apt.args(["-q", "-o", &format!("DPkg::Path={path}")]).args(args);
        apt.env("PATH", path).env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
        let mut apt = apt
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("could not start apt-get")?;
        let errors = apt.stderr.take().context("apt-get has no standard error")?;
        let held = held_lock(BufReader::new(errors));
        let status = apt.wait().context("could not wait for apt-get")?;
        match held {
            _ if status.success() => return Ok(()),
            Some(lock) if Instant::now() < deadline => {
                if !std::mem::replace(&mut said, true) {
                    let most = LOCK_PATIENCE.as_secs() / 60;
                    eprintln!("waiting up to {most} minutes for another apt or dpkg: {lock}");
                }
                std::thread::sleep(LOCK_POLL);
            }
            _ => bail!("'apt-get {words}' failed ({status}); its output above says why"),
        }
    }
}

/// Passes on what apt-get complains of, but for a lock that another process holds, which it returns.
fn held_lock(errors: impl BufRead) -> Option<String> {
    let mut held = None;
    for line in errors.lines().map_while(Result::ok) {
        match line.contains("Could not get lock") {
            true => held = Some(line),
            false if held.is_none() => eprintln!("{line}"),
            // What follows says the same once more.
            false => {}
        }
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_another_apt_holds_is_told_from_other_failures() {
        let lists = "W: odd\nE: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt)\n\
                     E: Unable to lock directory /var/lib/apt/lists/\n";
        let held = held_lock(lists.as_bytes());
        assert!(held.is_some_and(|line| line.contains("process 7")));
        assert_eq!(held_lock(&b"E: Unable to locate package nothing\n"[..]), None);
    }
}
