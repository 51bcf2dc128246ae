//! The `slipstream` command: reads its arguments, calls the libraries, says what happened.
//!
//! # Invariants
//! - 0 when all went well, 1 when something was not delivered, stored or accounted for, 2 when the
//!   command could not be carried out.
//! - An error is one line on standard error that begins with `slipstream: `.
//! - But `status --check` keeps to what monitoring plugins do.
//! - `store` starts no thread and touches nothing of libcurl or TLS itself: it is run once for each
//!   request.
//!
//! # Non-goals
//! Logic that a program which uses the libraries would miss.

mod args;
mod batch;
mod body;
mod check;
mod condition;
mod config;
mod cookies;
mod curl;
mod delivery_options;
mod doctor;
mod environment;
mod explain;
mod failed;
mod follow;
mod form;
mod glob;
mod headers;
mod health;
mod init;
mod inspect;
mod kinds;
mod late;
mod metrics;
mod netrc;
mod owner;
mod pages;
mod ping;
mod print;
mod progress;
mod purge;
mod replace;
#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;
mod request;
mod retry_now;
mod schemes;
mod sending;
mod setup;
mod shown;
mod signals;
mod status;
mod store;
mod totals;
mod trace;
mod units;
mod url;
mod usage;
mod work;

use std::mem::ManuallyDrop;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches};

use crate::args::{Cli, Command};
use crate::config::Config;
use crate::owner::Place;

/// How a command ended that could be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// All went well.
    Success,
    /// Something was not delivered, stored or accounted for.
    Incomplete,
    /// Some of it could not be carried out, and that was said.
    Error,
    /// With the exit code of a monitoring plugin.
    Code(u8),
}

/// The exit code of a command that could not be carried out.
const COULD_NOT: u8 = 2;

fn main() -> ExitCode {
    signals::fail_beyond_the_size_limit();
    let command = Cli::command();
    let ready = Config::read(&command).and_then(|config| {
        let command = config.apply(command);
        let plain = curl::plain(&command, std::env::args_os())?;
        Ok((config, command, plain))
    });
    let (config, command, plain) = match ready {
        Ok(ready) => ready,
        Err(_) if usage::helps() => return ExitCode::SUCCESS,
        Err(error) => {
            print::complain(&format!("{error:#}"));
            return ExitCode::from(COULD_NOT);
        }
    };
    // None is taken apart: it is a tenth of what a stored request costs, and this ends soon.
    let mut command = ManuallyDrop::new(command);
    let mut parsed = ManuallyDrop::new(Vec::new());
    for curl::CommandLine { words, given } in plain.lines() {
        let matches = usage::parse(&mut command, &words);
        match matches.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches, given))) {
            Ok(line) => parsed.push(line),
            Err(error) => return usage::explain(&error, &config),
        }
    }
    let (cli, matches, _) = &parsed[0];
    trace::start(cli.verbose, cli.log_format);
    if !plain.ignored.is_empty() {
        let ignored = plain.ignored.join(" ");
        tracing::info!("ignored, as it means nothing to a stored request: {ignored}");
    }
    let named =
        matches.value_source("dir") != Some(ValueSource::DefaultValue) || config.names_dir();
    let place = &Place::new(cli.dir.clone(), named);
    let ended = match &cli.command {
        Command::Store(_) => {
            let all = parsed.iter().filter_map(|(cli, _, given)| match &cli.command {
                Command::Store(args) => Some((&**args, &given[..])),
                _ => None,
            });
            store::run(place, &all.collect::<Vec<_>>())
        }
        Command::Work(args) => work::run(place, args),
        Command::Status(args) => status::run(place, args),
        Command::Init(args) => init::run(place, args),
        Command::Purge(args) => purge::run(place, args),
        Command::Failed(args) => failed::run(place, args),
        Command::RetryNow(args) => retry_now::run(place, args),
        Command::Check(args) => check::run(place, args),
        Command::Inspect(args) => inspect::run(args),
        Command::Doctor(args) => doctor::run(place, args),
        Command::Kinds(args) => kinds::run(args),
        Command::Config(args) => {
            let given = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
            let given = [("dir", given("dir")), ("log-format", given("log_format"))];
            let given = given.iter().filter(|(_, given)| *given).map(|(option, _)| *option);
            config::run(&config, &given.collect::<Vec<_>>(), place.path(), args)
        }
        Command::Setup(args) => setup::run(place, args),
        Command::Completions(args) => pages::completions(args),
        Command::Man(args) => pages::man(args),
    };
    if let Err(error) = &ended {
        print::complain(&format!("{error:#}"));
    }
    ExitCode::from(code(&ended))
}

/// The exit code of a command that ended so.
fn code(ended: &anyhow::Result<Exit>) -> u8 {
    match ended {
        Ok(Exit::Success) => 0,
        Ok(Exit::Incomplete) => 1,
        Ok(Exit::Error) | Err(_) => COULD_NOT,
        Ok(Exit::Code(code)) => *code,
    }
}
