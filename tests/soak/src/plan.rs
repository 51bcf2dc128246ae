//! The plan of a soak, settled before it begins: what the options and the seed come to.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;
use slipstream_soak::chance::Chance;
use slipstream_soak::kinds::Kind;

use super::args::Args;
use super::place::Place;
use super::users::{Account, Users};

/// Where the programs are.
pub(super) struct Programs {
    /// The crew: what is started and killed.
    pub(super) crew: PathBuf,
    /// The delivered binary, unless there is no network.
    pub(super) slipstream: Option<PathBuf>,
    /// What runs a database, if there is to be one.
    pub(super) database: Option<PathBuf>,
}

/// What is settled.
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) writers: usize,
    pub(super) kill: Duration,
    pub(super) time: Duration,
    pub(super) records: u64,
    pub(super) enospc: bool,
    pub(super) drain_full: bool,
    disk_mib: Option<u64>,
    pub(super) clock_steps: bool,
    pub(super) purge: Option<Duration>,
    pub(super) retry: Option<Duration>,
    pub(super) reject: bool,
    pub(super) no_overwrite: bool,
    pub(super) users: Option<Users>,
    pub(super) slots: u16,
    pub(super) logs: u32,
    rotate_ms: u64,
    rate: Option<u64>,
    programs: Programs,
    pub(super) kinds: Vec<Kind>,
    /// A writer's arguments for where the requests go.
    to: Vec<String>,
}

impl Plan {
    /// Settles it.
    pub(super) fn new(
        args: &Args,
        seed: u64,
        programs: Programs,
        to: Vec<String>,
        users: Option<Users>,
    ) -> Self {
        let mut chance = Chance::new(seed, 0);
        let (slots, logs) = (2 + chance.below(7) as u16, 3 + chance.below(8) as u32);
        Self {
            seed,
            writers: args.writers as usize,
            kill: Duration::from_millis(args.kill_ms),
            time: Duration::from_secs_f64(args.minutes * 60.0),
            records: args.records.unwrap_or(u64::MAX),
            enospc: args.enospc,
            drain_full: args.drain_full,
            disk_mib: args.disk_mib,
            clock_steps: args.clock_steps,
            purge: args.purge_ms.map(Duration::from_millis),
            retry: args.retry_ms.map(Duration::from_millis),
            reject: args.reject,
            no_overwrite: args.no_overwrite,
            users,
            slots: args.slots.unwrap_or(slots),
            logs: match args.no_overwrite {
                true => 10_000,
                false => args.logs.unwrap_or(logs),
            },
            rotate_ms: args.rotate_ms,
            rate: args.records_per_second,
            programs,
            kinds: args.kinds.clone(),
            to,
        }
    }

    /// How long a worker takes new work, while others store.
    pub(super) fn run_for(&self) -> Duration {
        Duration::from_secs(3)
    }

    /// Whether there is no network.
    pub(super) fn is_engine_only(&self) -> bool {
        self.programs.slipstream.is_none()
    }

    /// How many requests a worker has in flight. Kinds whose requests go together need more, or there
    /// is nothing to put together.
    pub(super) fn concurrency(&self) -> u64 {
        if self.kinds == [Kind::Http] { 16 } else { 64 }
    }

    /// How often a request is tried, and how long it waits at first. A database needs some seconds to
    /// come back.
    fn patience(&self) -> [&'static str; 2] {
        match self.kinds.contains(&Kind::Mysql) {
            true => ["--attempts=5", "--backoff=200ms"],
            false => ["--attempts=3", "--backoff=10ms"],
        }
    }

    /// Bytes of the small disk. By default it only fills up because something else is on it: for
    /// each slot it takes as many logs as may be ready, failed, and a few that are worked.
    pub(super) fn disk(&self) -> Option<u64> {
        let logs = u64::from(self.slots) * u64::from(self.logs * 2 + 6);
        // It is a disk of memory, after all.
        let mib = self.disk_mib.unwrap_or((logs + 8).min(256));
        self.enospc.then_some(mib << 20)
    }

    /// Makes the spool.
    pub(super) fn make(&self, place: &Place) -> Command {
        let mut command = self.crew("make");
        command.arg(place.spool()).args([
            format!("--slots={}", self.slots),
            format!("--logs={}", self.logs),
            format!("--rotate-ms={}", self.rotate_ms),
        ]);
        if self.reject {
            command.arg("--reject");
        }
        if let Some(users) = self.users {
            command.arg(format!("--group={}", users.group));
        }
        self.by(self.writer(), command)
    }

    /// Stores.
    pub(super) fn write(&self, place: &Place, number: usize, life: u32) -> Result<Command> {
        let mut command = self.crew("write");
        for name in ["intents", "acks", "refused"] {
            let file = place.file(&format!("{name}-{number}"));
            give(self.writer(), &file)?;
            command.arg(format!("--{name}")).arg(file);
        }
        command.arg(place.spool()).args([
            format!("--life={life}"),
            format!("--seed={}", self.seed),
            format!("--threads={}", 1 + number % 2),
            // Some spread over all slots, some crowd into few.
            format!("--sources={}", 1 + number % 16),
        ]);
        if let Some(rate) = self.rate {
            command.arg(format!("--rate={}", (rate / self.writers as u64).max(1)));
        }
        if !self.is_engine_only() {
            command.args(self.kinds.iter().map(|kind| format!("--kinds={}", kind.word())));
            command.args(&self.to);
        }
        if self.clock_steps {
            command.arg("--offset").arg(place.file("offset"));
        }
        if self.enospc {
            command.arg("--may-be-full");
        }
        if self.reject {
            command.arg("--may-refuse");
        }
        Ok(self.by(self.writer(), command))
    }

    /// Delivers.
    pub(super) fn work(&self, place: &Place, run_for: Duration, seed: u64) -> Result<Command> {
        let millis = run_for.as_millis();
        let concurrency = format!("--concurrency={}", self.concurrency());
        let Some(mut command) = self.slipstream(place) else {
            let mut command = self.crew("work");
            let delivered = place.file("delivered");
            give(self.worker(), &delivered)?;
            command
                .arg(place.spool())
                .args([concurrency, format!("--seed={seed}"), format!("--max-ms={millis}")])
                .arg("--delivered")
                .arg(delivered);
            return Ok(self.by(self.worker(), command));
        };
        command
            .args(["work", "--quiet"])
            .args(self.patience())
            .args([concurrency, format!("--max-time={millis}ms")]);
        Ok(self.by(self.worker(), command))
    }

    /// Purges a state, as the writers' user or the worker's.
    pub(super) fn purge(&self, place: &Place, by_writer: bool, state: &str) -> Command {
        let command = match self.slipstream(place) {
            Some(mut command) => {
                command.args(["purge", "--yes", "--state", state]);
                command
            }
            None => {
                let mut command = self.crew("purge");
                command.arg(place.spool()).arg(state);
                command
            }
        };
        self.by(if by_writer { self.writer() } else { self.worker() }, command)
    }

    /// Retries all that failed, as the writers' user or the worker's.
    pub(super) fn retry(&self, place: &Place, by_writer: bool) -> Command {
        let command = match self.slipstream(place) {
            Some(mut command) => {
                command.args(["failed", "retry", "--all"]);
                command
            }
            None => {
                let mut command = self.crew("retry");
                command.arg(place.spool());
                command
            }
        };
        self.by(if by_writer { self.writer() } else { self.worker() }, command)
    }

    /// Has the next run try what waits for a destination, as an operator would.
    pub(super) fn retry_now(&self, place: &Place) -> Option<Command> {
        let mut command = self.slipstream(place)?;
        command.args(["retry-now", "--all"]);
        Some(self.by(self.worker(), command))
    }

    /// A command that prints what the spool holds.
    pub(super) fn left(&self, place: &Place) -> Command {
        let mut command = self.crew("left");
        command.arg(place.spool());
        self.by(self.worker(), command)
    }

    /// A command that prints what the spool holds, as an operator would ask.
    pub(super) fn status(&self, place: &Place) -> Option<Command> {
        let mut command = self.slipstream(place)?;
        command.args(["status", "--json"]);
        Some(self.by(self.worker(), command))
    }

    fn writer(&self) -> Option<Account> {
        self.users.map(|users| users.writer)
    }

    fn worker(&self) -> Option<Account> {
        self.users.map(|users| users.worker)
    }

    /// The same command, but as this user.
    fn by(&self, account: Option<Account>, command: Command) -> Command {
        let (Some(Account { uid, gid }), Some(users)) = (account, self.users) else {
            return command;
        };
        let mut other = self.crew("as");
        other
            .args([format!("--uid={uid}"), format!("--gid={gid}")])
            .arg(format!("--group={}", users.group))
            .arg(command.get_program())
            .args(command.get_args());
        other
    }

    fn slipstream(&self, place: &Place) -> Option<Command> {
        let mut command = new(self.programs.slipstream.as_ref()?);
        command.arg("--dir").arg(place.spool());
        Some(command)
    }

    fn crew(&self, name: &str) -> Command {
        let mut command = new(&self.programs.crew);
        command.arg(name);
        command
    }
}

/// Makes a file that its writer may write.
fn give(account: Option<Account>, path: &Path) -> Result<()> {
    account.map_or(Ok(()), |account| account.give(path))
}

fn new(program: &Path) -> Command {
    let mut command = Command::new(AsRef::<OsStr>::as_ref(program));
    command.stdin(Stdio::null());
    command
}
