//! A prepared spool, and copies of it for one run each.
//!
//! It is in memory where that can be had: nothing here depends on a disk, and tens of thousands of
//! files are made and synced.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use slipstream_core::{Engine, Next, Record, Settlement};
use slipstream_log::Spool;
use slipstream_log::frame::{FRAME_HEADER, MARK, State};
use slipstream_log::fs::disk::{Access, Disk};
use slipstream_log::fs::{Fs, Open, ReadFile};
use slipstream_log::name::LogName;
use slipstream_log::walk::{Item, Limits, Walk};

use crate::receiver::{Got, Receiver};
use crate::strace::{self, Call, Fault, Injection};

/// How long a log is used in spools that rotate: so short that a prepared one is over when it is
/// used, long enough for a process under strace to append to the log that it has just made.
const ROTATE: u64 = 200;

/// How the worker is run: one request in flight, and no waiting.
pub(crate) const WORK: [&str; 6] =
    ["work", "--quiet", "--attempts=3", "--backoff=1ms", "--concurrency=1", "--max-time=1m"];

pub(crate) struct Place {
    dir: tempfile::TempDir,
    pub(crate) receiver: Receiver,
    /// What is known of the prepared spool.
    pub(crate) known: Known,
}

/// What has been acknowledged, and what has been received.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) ids: BTreeSet<String>,
    pub(crate) got: Vec<Got>,
    /// What was dead-lettered without an attempt.
    pub(crate) given_up: BTreeSet<String>,
    /// The frame that holds no record any more, if there is one.
    pub(crate) damaged: Vec<u8>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let memory = tempfile::tempdir_in("/dev/shm");
        let dir = memory.or_else(|_| tempfile::tempdir()).unwrap();
        let place = Self { dir, receiver: Receiver::new(), known: Known::default() };
        strace::assert_possible(&place.log());
        place
    }

    /// Where the spool is. A run changes it; [`Place::reset`] puts the prepared one there again.
    pub(crate) fn spool(&self) -> PathBuf {
        self.dir.path().join("spool")
    }

    fn prepared(&self) -> PathBuf {
        self.dir.path().join("prepared")
    }

    /// What strace writes.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.path().join("strace")
    }

    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The command, not yet run.
    pub(crate) fn command(&self, args: &[String]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipstream"));
        command
            .args(args)
            .env("SLIPSTREAM_DIR", self.spool())
            .env("SLIPSTREAM_CONFIG", "")
            .env_remove("SLIPSTREAM_LOG")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(&args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>())
            .output()
            .unwrap()
    }

    /// Runs what must succeed.
    pub(crate) fn succeed(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert!(ran.status.success(), "{args:?}: {ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Makes a spool of one slot that keeps its log until the year 2052.
    pub(crate) fn init(&self) {
        self.succeed(&["init", "--slots=1", "--rotate=10000d"]);
    }

    /// Makes a spool of one slot that rotates often.
    pub(crate) fn init_rotating(&self, logs: u32) {
        let (rotate, logs) = (format!("--rotate={ROTATE}ms"), format!("--logs={logs}"));
        self.succeed(&["init", "--slots=1", &rotate, &logs]);
        // What is stored now, one after the other, is to be in one log.
        self.pass_rotation();
    }

    /// Stores a request that will be answered with this status.
    pub(crate) fn store(&mut self, status: u16) -> String {
        let url = self.receiver.url(status);
        let id = self.succeed(&["store", "--print-id", "-d", "x", &url]).trim().to_owned();
        self.known.ids.insert(id.clone());
        id
    }

    /// Dead-letters all that waits, as a worker does for which a destination is down.
    pub(crate) fn give_up(&mut self) {
        let mut backlog = Spool::open(self.spool()).unwrap().backlog().unwrap();
        while let Next::Work(claim) = backlog.next().unwrap() {
            let id = Record::decode(&claim.payload).unwrap().id;
            self.known.given_up.insert(id.to_string());
            backlog.settle(claim.ticket, Settlement::Failed).unwrap();
        }
        backlog.close().unwrap();
    }

    /// Takes the entry of a directory's one log out of the ledger, as if the process that sealed it had been
    /// killed before it wrote that.
    pub(crate) fn forget_stored(&self, dir: &str) {
        let [log] = &self.names(dir)[..] else { panic!("one log in {dir}") };
        let path = self.spool().join("ledger");
        let ledger = fs::read_to_string(&path).unwrap();
        let kept: Vec<_> = ledger.lines().filter(|line| !line.contains(log.as_str())).collect();
        assert!(kept.len() < ledger.lines().count(), "{ledger}");
        fs::write(&path, kept.join("\n") + "\n").unwrap();
    }

    /// Flips a bit in the last record of a log in a directory.
    pub(crate) fn damage_last(&mut self, dir: &str) {
        let log = self.names(dir).swap_remove(0);
        let path = self.spool().join(dir).join(log);
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.windows(MARK.len()).rposition(|bytes| bytes == MARK).unwrap();
        bytes[last + FRAME_HEADER] ^= 1;
        fs::write(&path, &bytes).unwrap();
        self.known.damaged = bytes.split_off(last);
    }

    /// What killed processes leave: an entry that was cut short, and files under other names.
    pub(crate) fn leave_half_made(&self) {
        let ledger = self.spool().join("ledger");
        let mut text = fs::read(&ledger).unwrap();
        text.extend_from_slice(b"\n0badc0de {\"stored\":{\"lo");
        fs::write(&ledger, text).unwrap();
        for name in ["ledger.new-0", "settings.json.new-0", "collecting/s000.log.new-0"] {
            fs::write(self.spool().join(name), "").unwrap();
        }
    }

    /// Goes on when the current log's time is over. Only the clock shows that.
    pub(crate) fn pass_rotation(&self) {
        let period = || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            now.as_millis() / u128::from(ROTATE)
        };
        let begun = period();
        while period() == begun {
            std::thread::yield_now();
        }
    }

    /// Kills a worker at the first of its writes into a log at which `enough` says so.
    pub(crate) fn kill_worker(&mut self, enough: impl Fn(&Self, &[Got]) -> bool) {
        self.keep();
        for nth in 1.. {
            self.reset();
            let call = Call { name: "pwrite64".to_owned(), nth, text: String::new() };
            let injection = Injection { call, fault: Fault::Kill };
            let (_, met) =
                strace::inject(&self.command(&WORK.map(str::to_owned)), &injection, &self.log());
            assert!(met, "the worker ended, and it was never enough");
            let got = self.receiver.take();
            if enough(self, &got) {
                self.known.got.extend(got);
                return;
            }
        }
    }

    /// Takes the spool as it is, or its absence, for the prepared one.
    pub(crate) fn keep(&self) {
        let _ = fs::remove_dir_all(self.prepared());
        copy(&self.spool(), &self.prepared());
    }

    pub(crate) fn reset(&self) {
        let _ = fs::remove_dir_all(self.spool());
        copy(&self.prepared(), &self.spool());
    }

    /// The names in one of the spool's directories.
    pub(crate) fn names(&self, dir: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.spool().join(dir)) else {
            return Vec::new();
        };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// The ids of the records in the logs of a directory that were neither delivered nor expired.
    pub(crate) fn ids_in(&self, dir: &str) -> BTreeSet<String> {
        let Ok(root) = fs::File::open(self.spool()) else {
            return BTreeSet::new();
        };
        let owner = std::os::unix::fs::MetadataExt::uid(&root.metadata().unwrap());
        let disk = Disk::new(root.into(), Access::Owner(owner));
        let logs = self.names(dir).into_iter().filter_map(|name| LogName::parse(&name));
        logs.flat_map(|log| {
            let file = disk.open(&format!("{dir}/{log}"), Open::Read).unwrap();
            ids(&*file, log.salt)
        })
        .collect()
    }
}

fn ids(file: &dyn ReadFile, salt: u64) -> Vec<String> {
    let mut walk = Walk::new(salt, file.stat().unwrap().len, Limits::WIDEST);
    let mut ids = Vec::new();
    while let Some(item) = walk.next(file).unwrap() {
        let Item::Record { settlement, payload, .. } = item else {
            continue;
        };
        if matches!(settlement.state, State::Pending | State::Failed) {
            ids.push(Record::decode(payload).unwrap().id.to_string());
        }
    }
    ids
}

/// Copies a spool, if there is one.
fn copy(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else {
        return;
    };
    fs::DirBuilder::new().mode(0o700).create(to).unwrap();
    for entry in entries.map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            // With its mode.
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
