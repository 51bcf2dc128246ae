//! An end for programs that hang: what each of their threads waits for is printed, then they are killed.
//!
//! A test that waits for ever would else end with whatever runs the tests, which cannot say where it hung.
//!
//! # Non-goals
//! A time limit for one test. The test programs of cargo run their tests in threads, which cannot be ended.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The longest that a program may run which cargo starts, or which is started itself. The slowest takes
/// four minutes on two cores.
pub const LIMIT: Duration = Duration::from_secs(20 * 60);

/// How often the programs are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often it is seen whether the command has ended.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// Waits for the end of a command. What it runs for longer than `limit` is described to `tell` and killed.
/// Cargo itself may take longer: it ends when what it runs does.
pub fn wait(
    child: &mut Child,
    limit: Duration,
    tell: &mut dyn FnMut(&str),
) -> io::Result<ExitStatus> {
    let mut looked = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if looked.elapsed() >= LOOK_EVERY.min(limit) {
            looked = Instant::now();
            end_if_hanging(child.id(), limit, tell);
        }
        thread::sleep(POLL_EVERY);
    }
}

fn end_if_hanging(command: u32, limit: Duration, tell: &mut dyn FnMut(&str)) {
    let all = Process::all();
    let tree = tree(command, &all);
    let hangs = |process: &&Process| process.name != "cargo" && process.age > limit;
    let Some(hanging) = tree.iter().copied().find(hangs) else { return };
    let below = self::tree(hanging.pid, &all);
    tell(&format!("{} (process {}) runs for more than {limit:?}:", hanging.name, hanging.pid));
    for process in &below {
        for thread in process.threads() {
            tell(&thread);
        }
    }
    for process in below {
        if let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) {
            // It fails when the process has ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// A process and all that it started, and they in turn: each behind the process that started it.
fn tree(root: u32, all: &[Process]) -> Vec<&Process> {
    let mut tree: Vec<_> = all.iter().filter(|process| process.pid == root).collect();
    let mut at = 0;
    while at < tree.len() {
        let parent = tree[at].pid;
        tree.extend(all.iter().filter(|process| process.parent == parent));
        at += 1;
    }
    tree
}

struct Process {
    pid: u32,
    parent: u32,
    name: String,
    age: Duration,
}

impl Process {
    /// Every process that can be seen.
    fn all() -> Vec<Self> {
        let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
        let uptime = uptime.split(' ').next().and_then(|s| s.parse().ok()).unwrap_or_default();
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid| Self::read(pid, uptime)).collect()
    }

    fn read(pid: u32, uptime: f64) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name is in parentheses, and may have any in it.
        let (before, after) = stat.rsplit_once(')')?;
        let name = before.split_once('(')?.1.to_owned();
        let fields: Vec<&str> = after.split_whitespace().collect();
        // See proc_pid_stat(5): the parent is field 4, the start, in ticks since boot, field 22.
        let parent = fields.get(1)?.parse().ok()?;
        let start: f64 = fields.get(19)?.parse().ok()?;
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        let age = Duration::try_from_secs_f64(uptime - start / ticks).unwrap_or_default();
        Some(Self { pid, parent, name, age })
    }

    /// A line for each thread: its name, which for a test is the test's, and what it waits for.
    fn threads(&self) -> Vec<String> {
        let tasks = format!("/proc/{}/task", self.pid);
        let entries = fs::read_dir(tasks).into_iter().flatten().flatten();
        entries.map(|entry| thread_line(self.pid, &entry.path())).collect()
    }
}

fn thread_line(pid: u32, task: &Path) -> String {
    let read = |name| fs::read_to_string(task.join(name)).unwrap_or_default().trim().to_owned();
    let (name, wait, call) = (read("comm"), read("wchan"), read("syscall"));
    // The system call's number is first, then its arguments: a file descriptor mostly.
    let mut words = call.split(' ');
    let number = words.next().unwrap_or_default();
    let first = words.next().and_then(|word| word.strip_prefix("0x"));
    let first = first.and_then(|word| u32::from_str_radix(word, 16).ok());
    let target = first.and_then(|fd| fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok());
    let target = target.map(|target| format!(", {}", target.display())).unwrap_or_default();
    format!("  {pid} {name}: in {wait}, system call {number}{target}")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn watched(script: &str, limit: Duration) -> (ExitStatus, Vec<String>) {
        let mut child = Command::new("sh").args(["-c", script]).spawn().unwrap();
        let mut told = Vec::new();
        let status = wait(&mut child, limit, &mut |line| told.push(line.to_owned())).unwrap();
        (status, told)
    }

    #[test]
    fn a_program_that_hangs_is_described_and_killed_with_what_it_started() {
        let (status, told) = watched("sleep 600; true", Duration::from_millis(200));
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "{told:?}");
        assert!(told[0].starts_with("sh (process "), "{told:?}");
        assert!(told.iter().any(|line| line.contains(" sleep: in ")), "{told:?}");
    }

    #[test]
    fn a_program_that_ends_in_time_is_left_alone() {
        let (status, told) = watched("exit 3", LIMIT);
        assert_eq!((status.code(), told), (Some(3), Vec::new()));
    }
}
