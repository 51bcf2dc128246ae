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
mod commands;
mod config;
mod curl;
mod exit;
mod health;
mod kinds;
mod options;
mod process;
#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;
mod term;

use std::mem::ManuallyDrop;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches};

use crate::args::{Cli, Command, usage};
use crate::config::Config;
use crate::curl::command_line::{self, CommandLine};
use crate::process::owner::Place;
use crate::process::signals;
use crate::term::{print, trace};

fn main() -> ExitCode {
    signals::fail_beyond_the_size_limit();
    let command = Cli::command();
    let ready = Config::read(&command).and_then(|config| {
        let command = config.apply(command);
        let plain = command_line::plain(&command, std::env::args_os())?;
        Ok((config, command, plain))
    });
    let (config, command, plain) = match ready {
        Ok(ready) => ready,
        Err(_) if usage::helps() => return ExitCode::SUCCESS,
        Err(error) => {
            print::complain(&format!("{error:#}"));
            return exit::could_not();
        }
    };
    // None is taken apart: it is a tenth of what a stored request costs, and this ends soon.
    let mut command = ManuallyDrop::new(command);
    let mut parsed = ManuallyDrop::new(Vec::new());
    for CommandLine { words, given } in plain.lines() {
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
            commands::store::run(place, &all.collect::<Vec<_>>())
        }
        Command::Work(args) => commands::work::run(place, args),
        Command::Status(args) => commands::status::run(place, args),
        Command::Init(args) => commands::init::run(place, args),
        Command::Purge(args) => commands::purge::run(place, args),
        Command::Failed(args) => commands::failed::run(place, args),
        Command::RetryNow(args) => commands::retry_now::run(place, args),
        Command::Check(args) => commands::check::run(place, args),
        Command::Inspect(args) => commands::inspect::run(args),
        Command::Doctor(args) => commands::doctor::run(place, args),
        Command::Kinds(args) => commands::kinds::run(args),
        Command::Config(args) => {
            let given = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
            let given = [("dir", given("dir")), ("log-format", given("log_format"))];
            let given = given.iter().filter(|(_, given)| *given).map(|(option, _)| *option);
            commands::config::run(&config, &given.collect::<Vec<_>>(), place.path(), args)
        }
        Command::Setup(args) => commands::setup::run(place, args),
        Command::Completions(args) => commands::completions::run(args),
        Command::Man(args) => commands::man::run(args),
    };
    if let Err(error) = &ended {
        print::complain(&format!("{error:#}"));
    }
    ExitCode::from(exit::code(&ended))
}
