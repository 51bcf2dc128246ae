//! What is said about a command line that cannot be understood: one line, like every other
//! error, and where to read on.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::args::Cli;
use crate::config::Config;
use crate::{COULD_NOT, print};

/// Shows the help that was asked for, which whoever has to mend a config file may need; false if
/// something else was.
pub(crate) fn helps() -> bool {
    let asked = Cli::command().try_get_matches_from(std::env::args_os()).err();
    let asked = asked
        .filter(|asked| matches!(asked.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion));
    asked.is_some_and(|asked| asked.print().is_ok())
}

/// Shows the help that was asked for, or says what is wrong.
pub(crate) fn explain(error: &clap::Error, config: &Config) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Help that nobody reads to its end is no error.
            let _ = error.print();
            return ExitCode::SUCCESS;
        }
        // With SLIPSTREAM_DIR set, clap does not see that nothing was said.
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = write!(io::stderr(), "{}", given().render_help());
        }
        _ => {
            let given = given();
            let command = given.get_bin_name().unwrap_or("slipstream");
            print::complain(&one_line(error, config, command));
        }
    }
    ExitCode::from(COULD_NOT)
}

/// What is wrong, in which file if it is in one, and whose help to read. clap says what is wrong in a
/// first paragraph, then gives tips and usage.
pub(crate) fn one_line(error: &clap::Error, config: &Config, command: &str) -> String {
    let file = config.blamed(error).map(|file| format!("in the config file {}: ", file.display()));
    let file = file.unwrap_or_default();
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<_> = first.split_whitespace().collect();
    let line = words.join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    let tip = tip.map(|tip| format!("; {tip}")).unwrap_or_default();
    format!("{file}{line}{tip}; see `{command} --help`")
}

/// The command that was given, as far as there is one.
fn given() -> clap::Command {
    let mut given = Cli::command();
    given.build();
    for word in std::env::args_os().skip(1) {
        if let Some(found) = given.find_subcommand(&word) {
            given = found.clone();
        }
    }
    given
}
