//! Runs the binary under strace: to see which calls it makes, and to have one of them go wrong.
//!
//! strace counts the calls of each name for each thread, from the start of the process. It kills
//! before the call that was named is carried out. Its filter in the kernel (`--seccomp-bpf`) is
//! not used: some versions lose the signal then.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// Calls that see or change the file system, or a descriptor on it. `?` since not every
/// architecture has each of them.
const CALLS: &str = "?open,?openat,?openat2,?mkdir,?mkdirat,?read,?pread64,?write,?pwrite64,?flock,\
    ?rename,?renameat,?renameat2,?unlink,?unlinkat,?ftruncate,?fdatasync,?fsync,?fchmod,?fallocate,\
    ?statx,?fstat,?fstatfs,?newfstatat,?getdents64,?close";

/// After this long a run is stuck, however slow the machine.
const STUCK: Duration = Duration::from_secs(60);

/// A call that a process made.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// 1 for the process's first call of this name.
    pub(crate) nth: usize,
    /// How strace shows it.
    pub(crate) text: String,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Kill,
    /// This call fails.
    Once(&'static str),
    /// This call and all later ones of its name fail.
    Onwards(&'static str),
    /// So many of them in a row fail.
    Row(&'static str, usize),
}

/// A fault at a call.
#[derive(Debug, Clone)]
pub(crate) struct Injection {
    pub(crate) call: Call,
    pub(crate) fault: Fault,
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { name, nth, text } = &self.call;
        write!(f, "{:?} at {name} number {nth}, {text}", self.fault)
    }
}

impl Injection {
    fn expression(&self) -> String {
        let Call { name, nth, .. } = &self.call;
        match self.fault {
            Fault::Kill => format!("inject={name}:signal=SIGKILL:when={nth}"),
            Fault::Once(error) => format!("inject={name}:error={error}:when={nth}"),
            Fault::Onwards(error) => format!("inject={name}:error={error}:when={nth}+"),
            Fault::Row(error, many) => {
                format!("inject={name}:error={error}:when={nth}..{}", nth + many - 1)
            }
        }
    }
}

/// The calls that a command makes from the first on that names `place`.
pub(crate) fn calls(command: &Command, place: &Path, log: &Path) -> Vec<Call> {
    let options = ["-y".into(), "-e".into(), format!("trace={CALLS}")];
    let ran = finish(strace(command, log, &options)).expect("a run without a fault ends");
    assert!(ran.status.code().is_some_and(|code| code < 2), "{ran:?}");
    let text = std::fs::read_to_string(log).unwrap();
    let place = place.to_str().unwrap();
    let main = text.split(' ').next().unwrap();
    let mut calls: Vec<Call> = Vec::new();
    let mut begun = false;
    let mut counts = std::collections::HashMap::new();
    for line in text.lines() {
        // Other threads have calls of their own, and counts of their own.
        let Some(line) = line.strip_prefix(main).map(str::trim_start) else {
            continue;
        };
        // The second half of a call that another thread came in between of has no bracket here.
        let Some((name, _)) = line.split_once('(') else {
            continue;
        };
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            continue;
        }
        let nth = counts.entry(name.to_owned()).or_insert(0);
        *nth += 1;
        begun |= line.contains(place);
        if begun {
            calls.push(Call { name: name.to_owned(), nth: *nth, text: line.to_owned() });
        }
    }
    calls
}

/// Runs a command that meets the fault, and returns whether it did. No output if it got stuck.
pub(crate) fn inject(command: &Command, fault: &Injection, log: &Path) -> (Option<Output>, bool) {
    let options =
        ["-e".into(), format!("trace={}", fault.call.name), "-e".into(), fault.expression()];
    let ran = finish(strace(command, log, &options));
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let met = match fault.fault {
        Fault::Kill => text.contains("+++ killed by SIGKILL +++"),
        _ => text.contains("(INJECTED)"),
    };
    (ran, met)
}

/// The command as strace runs it.
fn strace(command: &Command, log: &Path, options: &[String]) -> Child {
    let program =
        std::env::var_os("SLIPSTREAM_TEST_STRACE").unwrap_or_else(|| OsString::from("strace"));
    let mut strace = Command::new(&program);
    // It may be ended by a signal, and then ends the process, too.
    strace.args(["-f", "-I", "2"]).args(options).arg("-o").arg(log).arg("--");
    strace.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => strace.env(name, value),
            None => strace.env_remove(name),
        };
    }
    strace.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    strace.spawn().unwrap_or_else(|error| {
        panic!("cannot start {}: {error}; `cargo xtask setup` installs it", program.display())
    })
}

/// Waits for its end, but not for ever.
fn finish(child: Child) -> Option<Output> {
    let pid = child.id().to_string();
    let (send, ended) = mpsc::channel();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    if let Ok(ended) = ended.recv_timeout(STUCK) {
        return Some(ended.unwrap());
    }
    // strace hands it on. The thread waits still, so the number is not reused.
    let _ = Command::new("kill").args(["-s", "TERM", &pid]).status();
    None
}

/// Whether processes can be traced here at all.
pub(crate) fn assert_possible(log: &Path) {
    let options = ["-e".into(), "trace=none".into()];
    let ran = finish(strace(&Command::new("true"), log, &options)).expect("`true` ends");
    assert!(
        ran.status.success(),
        "strace cannot trace a process here ({}): {}; in a container, allow it with `--cap-add SYS_PTRACE` or another seccomp profile",
        ran.status,
        String::from_utf8_lossy(&ran.stderr).trim(),
    );
}
