//! Which commands meet faults, on which spools, and at which of their calls.

use std::io::Write;

use crate::place::Place;
use crate::promises;
use crate::strace::{self, Call, Fault, Injection};

/// Most broken promises that are reported for one scenario.
const TOLD: usize = 20;

/// A command on a prepared spool.
pub(crate) struct Scenario {
    /// What it is called in reports.
    pub(crate) name: &'static str,
    pub(crate) args: Vec<String>,
    /// Requests that it stores.
    pub(crate) stores: usize,
    /// Whether its success means that everything is delivered.
    pub(crate) delivers: bool,
    /// Requests that may come a second time.
    pub(crate) in_flight: usize,
    /// Prepared requests that it may remove, or that may be evicted for what it stores.
    pub(crate) may_go: usize,
    /// Whether its success means that what had failed for good is tried once more.
    pub(crate) retries: bool,
    /// Whether its success means that the spool's own check finds nothing; and if something
    /// keeps it from that, one more run of it must succeed.
    pub(crate) mends: bool,
}

impl Scenario {
    pub(crate) fn new(name: &'static str, args: &[&str]) -> Self {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Self {
            name,
            args,
            stores: 0,
            delivers: false,
            in_flight: 0,
            may_go: 0,
            retries: false,
            mends: false,
        }
    }

    /// Runs the command on the spool as it is, once for each fault, and holds what is left against
    /// the promises.
    pub(crate) fn try_all(&self, place: &Place) {
        place.keep();
        let command = place.command(&self.args);
        let calls = strace::calls(&command, &place.spool(), &place.log());
        place.receiver.take();
        assert!(!calls.is_empty(), "{}: it never touched the spool", self.name);
        let all: Vec<Injection> = (0..calls.len()).flat_map(|n| injections(&calls, n)).collect();
        let mut broken = Vec::new();
        let mut met = 0;
        for injection in &all {
            place.reset();
            let (ran, was_met) = strace::inject(&command, injection, &place.log());
            met += usize::from(was_met);
            let held = match ran {
                Some(ran) => promises::hold(place, self, injection, &ran),
                None => Err("it got stuck".to_owned()),
            };
            if let Err(why) = held {
                place.receiver.take();
                broken.push(format!("{injection}\n    {why}"));
            }
        }
        // Past the test harness, which shows nothing of tests that pass.
        let _ = writeln!(
            std::io::stderr(),
            "{}: {} faults at {} calls, {met} met",
            self.name,
            all.len(),
            calls.len()
        );
        assert!(
            broken.is_empty(),
            "{}: {} of {} faults broke a promise, such as\n{}",
            self.name,
            broken.len(),
            all.len(),
            broken[..broken.len().min(TOLD)].join("\n")
        );
        // A fault that is not met shows nothing. A few may not, where runs differ.
        let least = all.len() * 9 / 10;
        assert!(met >= least, "{}: only {met} of {} faults were met", self.name, all.len());
    }
}

/// What can go wrong at this one of the calls.
fn injections(calls: &[Call], n: usize) -> Vec<Injection> {
    let call = &calls[n];
    let makes = makes(call);
    let (errors, rarer): (&[&str], &[&str]) = match call.name.as_str() {
        "openat" | "openat2" if makes => {
            (&["ENOSPC", "EIO"], &["EDQUOT", "EROFS", "EACCES", "EMFILE", "ENOMEM"])
        }
        "open" | "openat" | "openat2" => (&["EIO"], &["EACCES", "EMFILE", "ENOMEM"]),
        "mkdir" | "mkdirat" => (&["ENOSPC", "EIO"], &["EDQUOT", "EROFS", "EACCES"]),
        "write" | "pwrite64" => (&["ENOSPC", "EIO"], &["EDQUOT", "EFBIG"]),
        "rename" | "renameat" | "renameat2" | "unlink" | "unlinkat" => {
            (&["ENOSPC", "EIO"], &["EDQUOT", "EROFS", "EACCES", "ENOMEM"])
        }
        "ftruncate" | "fallocate" => (&["ENOSPC", "EIO"], &["EROFS"]),
        "fdatasync" | "fsync" => (&["ENOSPC", "EIO"], &["EDQUOT"]),
        "read" | "pread64" | "getdents64" => (&["EIO"], &["ENOMEM"]),
        "statx" | "fstat" | "newfstatat" | "fstatfs" => (&["EIO"], &["ENOMEM", "EACCES"]),
        // Giving a lock back cannot fail.
        "flock" if !call.text.contains("LOCK_UN") => (&["ENOLCK"], &["EINTR"]),
        // A descriptor is closed even where close says that something went wrong.
        _ => (&[], &[]),
    };
    // Between two changes, it does not matter to the disk when a process is killed; what was sent
    // in the meantime, it does not know.
    let by_a_change = changes(call) || n == 0 || changes(&calls[n - 1]);
    let mut faults = Vec::new();
    if by_a_change || all_errors() {
        faults.push(Fault::Kill);
    }
    let rarer = if all_errors() { rarer } else { &[] };
    for error in errors.iter().chain(rarer) {
        faults.extend([Fault::Once(error), Fault::Onwards(error)]);
    }
    let interrupted =
        ["open", "openat", "openat2", "read", "pread64", "write", "pwrite64", "ftruncate"];
    if interrupted.contains(&call.name.as_str()) {
        // Not for ever: each needs a signal.
        faults.push(Fault::Row("EINTR", 50));
    }
    faults.into_iter().map(|fault| Injection { call: call.clone(), fault }).collect()
}

/// Whether a call makes a file if there is none.
fn makes(call: &Call) -> bool {
    call.text.contains("O_CREAT")
}

/// Whether a call changes what others see of the file system, its locks among it.
fn changes(call: &Call) -> bool {
    let name = call.name.as_str();
    let kinds =
        ["mkdir", "write", "flock", "rename", "unlink", "truncate", "sync", "fchmod", "falloc"];
    makes(call) || kinds.iter().any(|kind| name.contains(kind))
}

/// Whether faults are tried that are much like the faults that always are.
fn all_errors() -> bool {
    std::env::var("SLIPSTREAM_KILL_ALL").is_ok_and(|value| value != "0")
}
