//! Every command under small resource limits: it does its work, or says what kept it from that.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::Spool;

/// A user that no other program runs as, since processes are limited by user, and root by none.
const STRANGER: u32 = 3_999_999_123;

/// Commands that between them open, write, append, rename, remove and start whatever any does.
const COMMANDS: [&[&str]; 10] = [
    &["store", "http://127.0.0.1:9/"],
    &["store", "--durable", "--dedupe=a", "http://127.0.0.1:9/"],
    &["work", "--quiet", "--attempts=1", "--max-time=5s"],
    &["status", "--json"],
    &["status", "--check"],
    &["doctor"],
    &["check", "--repair"],
    &["failed", "list"],
    &["failed", "retry", "--all"],
    &["purge", "--yes"],
];

struct Bench {
    spool: Spool,
    /// A copy that any user may run.
    program: PathBuf,
    user: Option<u32>,
}

impl Bench {
    fn new() -> Self {
        let spool = Spool::new();
        let program =
            spool.file("slipstream", std::fs::read(env!("CARGO_BIN_EXE_slipstream")).unwrap());
        for path in [&program, program.parent().unwrap()] {
            std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
        }
        Self { spool, program, user: None }
    }

    /// The same as a user who has no other processes.
    fn stranger() -> Self {
        let bench = Self { user: Some(STRANGER), ..Self::new() };
        chown(bench.program.parent().unwrap(), Some(STRANGER), Some(STRANGER)).unwrap();
        bench
    }

    fn path(&self) -> PathBuf {
        self.spool.path()
    }

    /// The command as the bench's user, by way of `before`.
    fn command(&self, before: &[&str], args: &[&str]) -> Command {
        let user = self.user.map(|user| {
            let ids = [format!("--reuid={user}"), format!("--regid={user}")];
            ["setpriv", "--clear-groups"].map(str::to_owned).into_iter().chain(ids)
        });
        let mut words: Vec<_> = user.into_iter().flatten().collect();
        words.extend(before.iter().map(|word| (*word).to_owned()));
        words.push(self.program.to_str().unwrap().to_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(args);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("SLIPSTREAM_CONFIG", "").env("SLIPSTREAM_DIR", self.path());
        command.current_dir("/").stdin(Stdio::null());
        command
    }

    /// Runs every command under the limit, and checks how it ended and what the spool holds then.
    fn try_all(&self, limit: &str) {
        for args in COMMANDS {
            // Something to work on, and something failed.
            self.well(&["store", "http://127.0.0.1:9/"]);
            let output = self.command(&["prlimit", limit, "--"], args).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned()
                + &String::from_utf8_lossy(&output.stdout);
            let told = || format!("{limit} {args:?}: {:?}\n{said}", output.status);
            assert_eq!(output.status.signal(), None, "{}", told());
            let code = output.status.code().unwrap();
            if code == 127 && said.contains("error while loading shared libraries") {
                continue;
            }
            let plugin = args.contains(&"--check");
            assert!(code <= 2 || (code == 3 && plugin), "{}", told());
            assert!(!said.contains("panicked"), "{}", told());
            assert!(code != 2 || !said.trim().is_empty(), "{}", told());
            let status = self.well(&["status", "--json"]);
            assert!(status.contains(r#""balanced":true"#), "{}\n{status}", told());
        }
    }

    fn well(&self, args: &[&str]) -> String {
        let output = self.command(&["env"], args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn is_root() -> bool {
    Path::new("/proc/self").metadata().unwrap().uid() == 0
}

#[test]
fn a_command_with_few_descriptors_works_or_says_so() {
    let bench = Bench::new();
    for descriptors in 0..=16 {
        bench.try_all(&format!("--nofile={descriptors}"));
    }
}

#[test]
fn a_command_that_may_write_little_to_a_file_works_or_says_so() {
    let bench = Bench::new();
    for bytes in [0, 1, 100, 144, 150, 250, 1_000, 5_000, 100_000] {
        bench.try_all(&format!("--fsize={bytes}"));
    }
}

#[test]
fn a_command_that_may_start_no_thread_works_or_says_so() {
    if !is_root() {
        return;
    }
    let bench = Bench::stranger();
    for processes in [0, 1, 2] {
        bench.try_all(&format!("--nproc={processes}"));
    }
}

#[test]
fn a_command_within_other_small_limits_works_or_says_so() {
    let bench = Bench::new();
    for limit in
        ["--sigpending=0", "--memlock=0", "--msgqueue=0", "--rttime=0", "--core=0", "--locks=0"]
    {
        bench.try_all(limit);
    }
}
