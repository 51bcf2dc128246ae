//! Runs the binary on a spool in a temporary directory.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use slipstream_core::Timestamp;
use slipstream_log::frame::{Frames, LOG_HEADER, LogHeader};
use slipstream_log::name::LogName;

pub(crate) struct Spool {
    // Removed when this is dropped.
    dir: tempfile::TempDir,
}

/// What a run did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Spool {
    /// A place for a spool, which is not there yet.
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// The same below this directory.
    pub(crate) fn below(dir: &str) -> Self {
        Self { dir: tempfile::tempdir_in(dir).unwrap() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("spool")
    }

    /// A place for other files of the test.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        // Where one asks for its time, two that are made alike are alike.
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_498_937);
        File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        path
    }

    /// The logs at a stage.
    pub(crate) fn logs(&self, stage: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path().join(stage)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension() == Some(OsStr::new("log"))).collect()
    }

    /// The command, not yet run.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipstream"));
        for name in crate::proxies::VARIABLES {
            command.env_remove(name);
        }
        command
            .args(args)
            .env("SLIPSTREAM_DIR", self.path())
            .env_remove("SLIPSTREAM_LOG")
            .env_remove("no_proxy")
            .env_remove("NO_PROXY")
            .env_remove("SLIPSTREAM_LOG_FORMAT")
            .env_remove("SLIPSTREAM_RETRY")
            .env_remove("SLIPSTREAM_WARN_AFTER")
            .env_remove("NO_COLOR")
            .env_remove("COLUMNS")
            // This machine's own is no part of a test.
            .env("SLIPSTREAM_CONFIG", "")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Ran {
        self.tell(self.command(args).output().unwrap())
    }

    /// The same with something to read.
    pub(crate) fn run_with(&self, args: &[&str], input: &[u8]) -> Ran {
        self.feed(self.command(args), input)
    }

    /// Runs a command of `command`'s with something to read.
    pub(crate) fn feed(&self, mut command: Command, input: &[u8]) -> Ran {
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that has failed already does not read it.
        let _ = child.stdin.take().unwrap().write_all(input);
        self.tell(child.wait_with_output().unwrap())
    }

    /// Runs what must succeed and say nothing.
    pub(crate) fn quietly<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) {
        assert_eq!(self.run(args), ran(0, "", ""));
    }

    /// The status as JSON.
    pub(crate) fn status(&self) -> serde_json::Value {
        let ran = self.run(["status", "--json"]);
        serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{ran:?}"))
    }

    /// Stored, pending, failed and delivered requests.
    pub(crate) fn sums(&self) -> [u64; 4] {
        let status = self.status();
        assert_eq!(status["balanced"], true, "{status}");
        ["stored", "pending", "failed", "delivered"]
            .map(|name| status["totals"][name].as_u64().unwrap())
    }

    /// What a run printed, its changing parts named.
    pub(crate) fn tell(&self, output: Output) -> Ran {
        let text = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).unwrap();
            text.replace(self.path().to_str().unwrap(), "SPOOL")
                .replace(self.dir.path().to_str().unwrap(), "HERE")
        };
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// The name and the bytes of a log that holds one record with this payload, whatever it is.
pub(crate) fn log_of(payload: &[u8]) -> (String, Vec<u8>) {
    log_of_slot(3, Timestamp::from_millis(1_795_498_937_482), payload)
}

/// The same in this slot, begun at this time.
pub(crate) fn log_of_slot(slot: u16, time: Timestamp, payload: &[u8]) -> (String, Vec<u8>) {
    let header = LogHeader { slot, salt: 7, opened: time, stamp: time };
    let mut frames = Frames::with_capacity(64);
    frames.push(|bytes| bytes.extend_from_slice(payload));
    frames.seal(header.salt);
    let bytes = [&header.encode()[..], frames.bytes_at(LOG_HEADER)].concat();
    (LogName::of(&header).to_string(), bytes)
}

pub(crate) fn ran(code: i32, out: &str, err: &str) -> Ran {
    Ran { code: Some(code), out: out.to_owned(), err: err.to_owned() }
}

/// Asserts a refusal: nothing printed but one line that holds these words, exit 2.
#[track_caller]
pub(crate) fn assert_refused(ran: &Ran, words: &str) {
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{ran:?}");
    assert!(ran.err.starts_with("slipstream: "), "{ran:?}");
    assert_eq!(ran.err.matches('\n').count(), 1, "{ran:?}");
    assert!(ran.err.ends_with('\n') && ran.err.contains(words), "{ran:?}");
}
