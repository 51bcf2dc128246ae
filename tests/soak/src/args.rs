//! Arguments of a soak. The doc comments here are the help texts.

use std::path::PathBuf;

use slipstream_soak::kinds::Kind;

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
    /// Now and then purge a state, any of the four; the mean time from one purge to the next
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) purge_ms: Option<u64>,
    /// Now and then retry all that failed; the mean time from one retry to the next
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) retry_ms: Option<u64>,
    /// A full slot refuses what is new, instead of overwriting
    #[arg(long, conflicts_with = "no_overwrite")]
    pub(super) reject: bool,
    /// Store as one user and work as another, in a spool that a group shares; only as root
    #[arg(long)]
    pub(super) shared: bool,
    /// Set the writers' clock back and forward
    #[arg(long)]
    pub(super) clock_steps: bool,
    /// What all programs store in a second; as much as they can unless given
    #[arg(long, value_name = "N")]
    pub(super) records_per_second: Option<u64>,
    /// Kinds of requests that take turns: http and tcp, whose receivers refuse some, and mysql, for a
    /// MariaDB that is killed now and then
    #[arg(long, value_delimiter = ',', default_value = "http")]
    pub(super) kinds: Vec<Kind>,
    /// The mean time from one kill of the MariaDB to the next
    #[arg(long, default_value_t = 5000, value_name = "MS")]
    pub(super) database_kill_ms: u64,
    /// No network: the worker only notes what it was given
    #[arg(long, conflicts_with = "kinds")]
    pub(super) engine_only: bool,
    /// Use the unoptimised build that the tests use
    #[arg(long)]
    pub(super) dev: bool,
    /// Where to make the directory that it happens in
    #[arg(long)]
    pub(super) dir: Option<PathBuf>,
}
