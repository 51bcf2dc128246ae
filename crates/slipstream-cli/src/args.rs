//! What the command line may say. The doc comments here are the help texts.
//!
//! # Non-goals
//! What a value means beyond its own form; that is its command's.

mod config;
mod curl;
mod delivery;
mod delivery_options;
mod failed;
mod health;
mod http;
mod init;
mod kinds;
mod look;
mod mysql;
mod operate;
mod pages;
mod policy;
mod retry_now;
mod setup;
mod tcp;
pub(crate) mod usage;

use std::ffi::OsString;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use slipstream_log::{Spool, Stage};

pub(crate) use self::config::ConfigArgs;
pub(crate) use self::curl::CurlArgs;
pub(crate) use self::delivery::DeliveryArgs;
pub(crate) use self::delivery_options::DeliveryOptionsArgs;
pub(crate) use self::failed::{
    ChoiceArgs, FailedArgs, FailedCommand, FilterArgs, ListArgs, ShowArgs,
};
pub(crate) use self::health::HealthArgs;
pub(crate) use self::http::{HttpArgs, Piece};
pub(crate) use self::init::InitArgs;
pub(crate) use self::kinds::KindsArgs;
pub(crate) use self::look::{CheckArgs, Color, DoctorArgs, InspectArgs, PictureArgs};
pub(crate) use self::mysql::{MysqlArgs, Sql};
pub(crate) use self::operate::OperateArgs;
pub(crate) use self::pages::{CompletionsArgs, ManArgs};
pub(crate) use self::policy::PolicyArgs;
pub(crate) use self::retry_now::RetryNowArgs;
pub(crate) use self::setup::{By, SetupArgs};
pub(crate) use self::tcp::TcpArgs;
use crate::term::trace::Format;
use crate::term::units::{duration, number};

/// Store requests now, deliver them later
///
/// `store` appends a request to a spool on local disk and returns at once. `work`, run from
/// cron or a timer, delivers what has been stored and exits. Nothing runs in between.
#[derive(Debug, Parser)]
#[command(name = "slipstream", version, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// The spool's directory
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        value_name = "DIR",
        env = "SLIPSTREAM_DIR",
        default_value = Spool::DEFAULT_DIR
    )]
    pub(crate) dir: PathBuf,
    /// Write traces to standard error; twice for more. SLIPSTREAM_LOG selects which
    #[arg(short, long, global = true, help_heading = GLOBAL, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// How traces are written: text, or json
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        value_name = "FORMAT",
        env = "SLIPSTREAM_LOG_FORMAT",
        hide_possible_values = true,
        default_value = "text"
    )]
    pub(crate) log_format: Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the options that every command takes stand under.
const GLOBAL: &str = "Everywhere";

const EXAMPLES: &str = "\
Examples:
  slipstream store -d 'order=17' https://example.com/orders
  slipstream work
  slipstream status

Have cron or systemd run the worker every minute:
  slipstream setup cron --install
  slipstream setup systemd --install

Exit codes: 0 all went well; 1 something was not delivered, stored or accounted for;
2 the command could not be carried out.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Store a request, or a file of them
    Store(Box<StoreArgs>),
    /// Deliver everything that is stored, then exit
    Work(Box<WorkArgs>),
    /// Show what is stored, and what became of the rest
    Status(StatusArgs),
    /// Make a spool with settings of its own
    Init(InitArgs),
    /// Remove stored requests without delivering them
    Purge(PurgeArgs),
    /// List, retry and drop the requests that failed for good
    Failed(FailedArgs),
    /// Have what waits for a destination tried now
    RetryNow(RetryNowArgs),
    /// Verify every log and the accounts, and mend them
    Check(CheckArgs),
    /// Print the records of log files as JSON lines
    Inspect(InspectArgs),
    /// Find what keeps requests from going out
    ///
    /// Looks at the spool's rights, its disk, its clock and its worker, and at processes whose
    /// /tmp is another; root sees those of all users. For each finding it says what is so, why it
    /// matters and what to do. Nothing is changed.
    ///
    /// Exit codes: 0 nothing was found; 1 something was; 2 it could not be looked.
    #[command(verbatim_doc_comment)]
    Doctor(DoctorArgs),
    /// Show what kinds of requests this program can deliver
    Kinds(KindsArgs),
    /// Show every setting, and where its value comes from
    Config(ConfigArgs),
    /// Have cron or systemd run the worker
    Setup(SetupArgs),
    /// Print a script that completes command lines in a shell
    Completions(CompletionsArgs),
    /// Write manual pages
    Man(ManArgs),
}

const STORE_EXAMPLES: &str = "\
Examples:
  slipstream store https://example.com/ping
  slipstream store -d 'order=17' -d 'sum=9.95' https://example.com/orders
  slipstream store --json '{\"order\":17}' -H 'x-key: s3cret' https://example.com/orders
  slipstream store -X PUT --json @report.json https://example.com/report
  slipstream store -F name=me -F photo=@me.jpg -u me:s3cret https://example.com/photos
  slipstream store -X DELETE 'https://example.com/orders/[17-19]'
  slipstream store --delay 10m --ttl 1h https://example.com/reminder
  slipstream store --at 2026-12-24T18:00:00+01:00 https://example.com/greeting
  slipstream store --dedupe order-17 -d 'order=17' https://example.com/orders
  slipstream store --order-key customer-3 -d 'paid=1' https://example.com/accounts
  slipstream store --retry rounds=4,every=1d https://example.com/webhook
  slipstream store --batch requests.ndjson
  make-requests | slipstream store --batch -

-K FILE reads options from a file, as curl does; ~/.curlrc is not read. What only shapes curl's own
output (-s, -o, -w and the like) is ignored, and named under -v; what cannot be honoured is refused.

A batch has one request a line, as JSON; only \"url\" must be there:
  {\"url\":\"https://example.com/\",\"method\":\"PUT\",\"headers\":{\"x-foo\":\"bar\"},\"body\":\"text\"}
  {\"url\":\"https://example.com/\",\"json\":{\"order\":17}}
  {\"url\":\"https://example.com/\",\"delay\":\"10m\",\"order_key\":\"customer-3\"}
\"delay\", \"at\", \"ttl\", \"dedupe\", \"dedupe_window\", \"order_key\" and \"retry\" mean what the options
mean; the options hold for the lines that do not say otherwise.
What has been read is stored before more is read, so a slow writer's lines do not wait.

A repeat (--dedupe) is not stored, and that is no error; --print-id prints the earlier id then.

Exit codes: 0 stored; 1 some lines of the batch were not; 2 nothing was, or the batch broke off.";

/// The options mean what they mean to curl.
#[derive(Debug, Args)]
#[command(
    after_help = STORE_EXAMPLES,
    args_override_self = true,
    override_usage = "slipstream store [OPTIONS] URL...\n       slipstream store [OPTIONS] --batch FILE"
)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    #[command(flatten)]
    pub(crate) tcp: TcpArgs,
    #[command(flatten)]
    pub(crate) mysql: MysqlArgs,
    #[command(flatten)]
    pub(crate) options: DeliveryOptionsArgs,
    /// Return only when the request would survive a power loss
    #[arg(long)]
    pub(crate) durable: bool,
    /// Whose request it is: a source's requests stay together, in order. The parent
    /// process unless given
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<OsString>,
    /// Print the id of each request that was stored
    #[arg(long)]
    pub(crate) print_id: bool,
    /// Say so when no worker has finished for longer, once in that time for all who store; 0 never
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = duration,
        env = "SLIPSTREAM_WARN_AFTER",
        hide_env_values = true,
        default_value = "1h"
    )]
    pub(crate) warn_after: Duration,
    /// Store each line of this file; - for standard input
    #[arg(long, value_name = "FILE|-", conflicts_with = "url")]
    pub(crate) batch: Option<PathBuf>,
    /// Where the request goes: http or https, or what `slipstream kinds` lists; --url URL is the
    /// same. Several are several requests, as are {a,b}, [1-3] and [a-z] in one of http
    #[arg(required_unless_present = "batch", value_name = "URL")]
    pub(crate) url: Vec<OsString>,
}

const WORK_EXAMPLES: &str = "\
Examples:
  slipstream work
  slipstream work --max-time 50s --quiet     from cron, every minute
  slipstream work --attempts 5 --backoff 500ms
  slipstream work --retry attempts=5,base=10s,rounds=4,every=6h --explain
  slipstream work --follow                   as a service

With --follow it stays, delivers what is stored as it comes, and ends in good order on SIGTERM
or SIGINT. It says nothing but what it gives up, at most one line a minute for a destination,
and what failed does not show in the exit code.

One worker at a time has a spool; a second one says so and exits with 0. What is not
delivered after its last attempt is kept in DIR/failed.

Exit codes: 0 nothing failed; 1 something did, or the metrics could not be written; 2 the spool
could not be worked.";

#[derive(Debug, Args)]
#[command(after_help = WORK_EXAMPLES)]
pub(crate) struct WorkArgs {
    /// Attempts that a request gets [default: 3]
    #[arg(long, value_name = "N", value_parser = number(NonZeroU32::MIN..=NonZeroU32::MAX))]
    pub(crate) attempts: Option<NonZeroU32>,
    /// The wait after a first failed attempt; it doubles after each one [default: 2s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) backoff: Option<Duration>,
    /// Requests in flight at once [default: 100]
    #[arg(long, value_name = "N", value_parser = number(NonZeroUsize::MIN..=CONNECTIONS))]
    pub(crate) concurrency: Option<NonZeroUsize>,
    /// How long to begin attempts for [default: 8m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) max_time: Option<Duration>,
    /// How long to wait for what is due later, when nothing is in flight; what is due after that is left
    /// to the next run [default: 10s]
    #[arg(long, value_name = "DURATION", value_parser = duration, conflicts_with = "follow")]
    pub(crate) max_idle: Option<Duration>,
    /// How long to wait, on SIGTERM or SIGINT, for what is in flight; what has no answer by then is tried
    /// again by the next run [default: 8s]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) stop_timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) delivery: DeliveryArgs,
    #[command(flatten)]
    pub(crate) operate: OperateArgs,
    /// Stay, and deliver what is stored as it comes
    #[arg(long, conflicts_with = "max_time")]
    pub(crate) follow: bool,
    /// Say nothing, but for one line when requests failed or time ran out
    #[arg(short, long)]
    pub(crate) quiet: bool,
}

/// Most connections that can be asked for. How many there are is up to the limit of descriptors.
const CONNECTIONS: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

const STATUS_EXAMPLES: &str = "\
Examples:
  slipstream status
  slipstream status --watch
  slipstream status --json | jq .totals
  slipstream status --check --max-age 10m --max-pending 10000

With --check, CRITICAL is what loses requests or tells that none are delivered: something was
stored longer than --max-age ago and no worker has taken it, or the counters do not add up. WARNING
is what you should look at: requests failed for good, too many wait, a log is soon overwritten,
or the last run broke off. UNKNOWN: there is no spool, or it cannot be read. What waits for a
retry or a time of its own is not too old.

Exit codes: 0 the counters add up; 1 they do not; 2 the spool could not be read. With --check: 0 OK;
1 WARNING; 2 CRITICAL; 3 UNKNOWN.";

#[derive(Debug, Args)]
#[command(after_help = STATUS_EXAMPLES)]
pub(crate) struct StatusArgs {
    /// Print one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) picture: PictureArgs,
    #[command(flatten)]
    pub(crate) health: HealthArgs,
}

const PURGE_EXAMPLES: &str = "\
Examples:
  slipstream purge                       show what would be removed
  slipstream purge --state failed --yes  remove the dead letters";

#[derive(Debug, Args)]
#[command(after_help = PURGE_EXAMPLES)]
pub(crate) struct PurgeArgs {
    /// Remove only what is in this state. Repeatable; every state unless given
    #[arg(long = "state", value_name = "STATE")]
    pub(crate) states: Vec<State>,
    /// Do it; without this nothing is removed
    #[arg(long)]
    pub(crate) yes: bool,
}

/// A log's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    /// Being appended to
    Collecting,
    /// Waiting for the worker
    Ready,
    /// Claimed by a worker
    Processing,
    /// Given up
    Failed,
}

impl From<State> for Stage {
    fn from(state: State) -> Self {
        match state {
            State::Collecting => Self::Collecting,
            State::Ready => Self::Ready,
            State::Processing => Self::Processing,
            State::Failed => Self::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_does_not_contradict_itself() {
        super::Cli::command().debug_assert();
    }
}
