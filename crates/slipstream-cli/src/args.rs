//! The command line's arguments. The doc comments here are the help texts.
//!
//! # Non-goals
//! What a value means beyond its own form; that is its command's.

mod check;
mod completions;
mod config;
mod delivery;
mod delivery_options;
mod doctor;
mod failed;
mod health;
mod init;
mod inspect;
mod kinds;
mod man;
mod operate;
mod policy;
mod purge;
mod retry_now;
mod rows;
mod setup;
mod status;
mod store;
pub(crate) mod usage;
mod work;

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand};
use slipstream_log::Spool;

pub(crate) use self::check::CheckArgs;
pub(crate) use self::completions::CompletionsArgs;
pub(crate) use self::config::ConfigArgs;
pub(crate) use self::delivery::DeliveryArgs;
pub(crate) use self::delivery_options::DeliveryOptionsArgs;
pub(crate) use self::doctor::DoctorArgs;
pub(crate) use self::failed::{
    ChoiceArgs, FailedArgs, FailedCommand, FilterArgs, ListArgs, ShowArgs,
};
pub(crate) use self::health::HealthArgs;
pub(crate) use self::init::InitArgs;
pub(crate) use self::inspect::InspectArgs;
pub(crate) use self::kinds::KindsArgs;
pub(crate) use self::man::ManArgs;
pub(crate) use self::policy::PolicyArgs;
pub(crate) use self::purge::PurgeArgs;
#[cfg(test)]
pub(crate) use self::purge::State as PurgeState;
pub(crate) use self::retry_now::RetryNowArgs;
pub(crate) use self::setup::{By, SetupArgs};
pub(crate) use self::status::{Color, PictureArgs, StatusArgs};
pub(crate) use self::store::StoreArgs;
pub(crate) use self::work::WorkArgs;
use crate::term::trace::Format;

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
        hide_env_values = true,
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
        hide_env_values = true,
        hide_possible_values = true,
        default_value = "text"
    )]
    pub(crate) log_format: Format,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the options that every command takes stand under.
const GLOBAL: &str = "Global options";

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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_does_not_contradict_itself() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn what_is_usual_is_what_the_library_has() {
        use clap::Parser;
        use slipstream_core::operator::Thresholds;

        use super::{Cli, Command};

        let usual = Thresholds::default();
        let Command::Status(status) = Cli::parse_from(["slipstream", "status"]).command else {
            panic!();
        };
        let health = status.health;
        assert_eq!((health.max_age, health.max_down), (usual.max_age, usual.max_down));
        assert_eq!((health.max_failed, health.max_pending), (usual.max_failed, usual.max_pending));
        let Command::Store(store) = Cli::parse_from(["slipstream", "store", "u"]).command else {
            panic!();
        };
        assert_eq!(store.warn_after, Thresholds::WARN_AFTER);
    }
}
