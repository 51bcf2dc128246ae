//! The built binary on a spool in a temporary directory.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The `slipstream` binary, and a spool.
#[derive(Debug)]
pub struct Program {
    binary: PathBuf,
    dir: tempfile::TempDir,
}

impl Program {
    /// The binary that `cargo xtask test` built, on a spool that is not there yet.
    ///
    /// # Panics
    /// When it is not built.
    #[allow(clippy::new_without_default, reason = "it finds things, and may fail")]
    pub fn new() -> Self {
        let binary =
            std::env::var_os("SLIPSTREAM_TEST_BIN").map_or_else(beside_the_test, PathBuf::from);
        assert!(binary.exists(), "{} is not built; run `cargo xtask test`", binary.display());
        Self { binary, dir: tempfile::tempdir().expect("a temporary directory") }
    }

    /// A command, not yet run.
    pub fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .args(args)
            .env("SLIPSTREAM_DIR", self.dir.path().join("spool"))
            .env("SLIPSTREAM_CONFIG", "")
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Output {
        self.command(args).output().expect("the binary runs")
    }

    /// Runs it, and it must succeed.
    ///
    /// # Panics
    /// When it does not.
    pub fn well<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("output is text")
    }

    /// One of the sums that `status` shows; they must agree.
    ///
    /// # Panics
    /// When they do not.
    pub fn total(&self, name: &str) -> u64 {
        let status: Value = serde_json::from_str(&self.well(["status", "--json"])).expect("JSON");
        assert_eq!(status["balanced"], true, "{status}");
        status["totals"][name].as_u64().expect("a number")
    }

    /// A file of the test's own.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).expect("the file is written");
        path
    }
}

/// Where cargo puts the binary when a test is run by hand.
fn beside_the_test() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let target = test.ancestors().nth(2).expect("tests are built in target/PROFILE/deps");
    target.join("slipstream")
}
