//! What a soak does, settled before it begins: options, and what follows from the seed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::chance::Chance;
use super::place::Place;

/// How many requests a worker has in flight.
pub(super) const CONCURRENCY: u64 = 16;

/// How to soak.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// How long programs store
    #[arg(long, default_value_t = 1.0)]
    pub(super) minutes: f64,
    /// End when so many requests are stored, if that is earlier
    #[arg(long, value_name = "N")]
    pub(super) records: Option<u64>,
    /// What is decided by chance follows from this; any unless given
    #[arg(long)]
    pub(super) seed: Option<u64>,
    /// Programs that store at once
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(super) writers: u64,
    /// How long a slot uses one log
    #[arg(long, default_value_t = 200, value_name = "MS")]
    pub(super) rotate_ms: u64,
    /// The mean time from one kill to the next
    #[arg(long, default_value_t = 100, value_name = "MS")]
    pub(super) kill_ms: u64,
    /// Slots [default: by the seed, 2 to 8]
    #[arg(long)]
    pub(super) slots: Option<u16>,
    /// Logs that a slot may have waiting [default: by the seed, 3 to 10]
    #[arg(long, conflicts_with = "no_overwrite")]
    pub(super) logs: Option<u32>,
    /// Let as many logs wait as there may be, so that nothing has to give way
    #[arg(long)]
    pub(super) no_overwrite: bool,
    /// Let the disk (a small one, mounted for this) run full now and then; only as root
    #[arg(long)]
    pub(super) enospc: bool,
    /// That disk's size; below what the spool may take, it fills up by the spool alone
    /// [default: more than that]
    #[arg(long, requires = "enospc", value_name = "MIB")]
    pub(super) disk_mib: Option<u64>,
    /// Keep that disk full for the worker's last run: it must empty the spool all the same
    #[arg(long, requires = "enospc")]
    pub(super) drain_full: bool,
    /// Set the writers' clock back and forward
    #[arg(long)]
    pub(super) clock_steps: bool,
    /// What all programs store in a second; as much as they can unless given
    #[arg(long, value_name = "N")]
    pub(super) records_per_second: Option<u64>,
    /// No network: the worker only notes what it was given
    #[arg(long)]
    pub(super) engine_only: bool,
    /// Use the unoptimised build that the tests use
    #[arg(long)]
    pub(super) dev: bool,
    /// Where to make the directory that it happens in
    #[arg(long)]
    pub(super) dir: Option<PathBuf>,
}

/// Where the programs are.
pub(super) struct Programs {
    /// examples/soak
    pub(super) soak: PathBuf,
    /// The delivered binary, unless there is no network.
    pub(super) slipstream: Option<PathBuf>,
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
    pub(super) slots: u16,
    pub(super) logs: u32,
    rotate_ms: u64,
    rate: Option<u64>,
    programs: Programs,
    pub(super) url: Option<String>,
}

impl Plan {
    /// Settles it.
    pub(super) fn new(args: &Args, seed: u64, programs: Programs, url: Option<String>) -> Self {
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
            slots: args.slots.unwrap_or(slots),
            logs: match args.no_overwrite {
                true => 10_000,
                false => args.logs.unwrap_or(logs),
            },
            rotate_ms: args.rotate_ms,
            rate: args.records_per_second,
            programs,
            url,
        }
    }

    /// How long a worker takes new work, while others store.
    pub(super) fn run_for(&self) -> Duration {
        Duration::from_secs(3)
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
        let mut command = self.soak("make");
        command.arg(place.spool()).args([
            format!("--slots={}", self.slots),
            format!("--logs={}", self.logs),
            format!("--rotate-ms={}", self.rotate_ms),
        ]);
        command
    }

    /// Stores.
    pub(super) fn write(&self, place: &Place, number: usize, life: u32) -> Command {
        let mut command = self.soak("write");
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
        if let Some(url) = &self.url {
            command.arg(format!("--url={url}"));
        }
        if self.clock_steps {
            command.arg("--offset").arg(place.file("offset"));
        }
        if self.enospc {
            command.arg("--may-be-full");
        }
        command
    }

    /// Delivers.
    pub(super) fn work(&self, place: &Place, run_for: Duration, seed: u64) -> Command {
        let millis = run_for.as_millis();
        let concurrency = format!("--concurrency={CONCURRENCY}");
        let Some(slipstream) = &self.programs.slipstream else {
            let mut command = self.soak("work");
            command
                .arg(place.spool())
                .args([concurrency, format!("--seed={seed}"), format!("--max-ms={millis}")])
                .arg("--delivered")
                .arg(place.file("delivered"));
            return command;
        };
        let mut command = new(slipstream);
        command
            .arg("--dir")
            .arg(place.spool())
            .args(["work", "--quiet", "--attempts=3", "--backoff=10ms"])
            .args([concurrency, format!("--max-time={millis}ms")]);
        command
    }

    /// Tells what the spool holds.
    pub(super) fn left(&self, place: &Place) -> Command {
        let mut command = self.soak("left");
        command.arg(place.spool());
        command
    }

    /// Tells what the spool holds, as an operator would ask.
    pub(super) fn status(&self, place: &Place) -> Option<Command> {
        let mut command = new(self.programs.slipstream.as_ref()?);
        command.arg("--dir").arg(place.spool()).args(["status", "--json"]);
        Some(command)
    }

    fn soak(&self, name: &str) -> Command {
        let mut command = new(&self.programs.soak);
        command.arg(name);
        command
    }
}

fn new(program: &Path) -> Command {
    let mut command = Command::new(AsRef::<OsStr>::as_ref(program));
    command.stdin(Stdio::null());
    command
}
