//! Messages about a command line that cannot be understood: one line, like every other error, and
//! where to read on.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, CommandFactory};

use crate::args::Cli;
use crate::config::Config;
use crate::exit::could_not;
use crate::term::print;

/// Shows the help that was asked for, which a user who has to mend a config file may need; false if
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
            // Help that is not read to its end is no error.
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
    could_not()
}

/// Parses a command line. A number below zero is a value where an option takes one, so that what refuses it
/// names the option.
pub(crate) fn parse(
    command: &mut clap::Command,
    words: &[OsString],
) -> Result<ArgMatches, clap::Error> {
    match command.try_get_matches_from_mut(words) {
        Err(error) if error.kind() == ErrorKind::UnknownArgument => {
            with_negative_values(command).try_get_matches_from_mut(words)
        }
        matches => matches,
    }
}

fn with_negative_values(command: &clap::Command) -> clap::Command {
    let command = command.clone().mut_args(|arg| {
        let is_value = arg.get_action().takes_values();
        arg.allow_negative_numbers(is_value)
    });
    let names: Vec<_> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    names.iter().fold(command, |command, name| {
        command.mut_subcommand(name, |sub| with_negative_values(&sub))
    })
}

/// What is wrong, in which file if it is in one, and whose help to read. clap says what is wrong in a
/// first paragraph, then gives tips and usage.
pub(crate) fn one_line(error: &clap::Error, config: &Config, command: &str) -> String {
    let file = config.blamed(error).map(|file| format!("in the config file {}: ", file.display()));
    let place = file.or_else(|| blamed_variable(error)).unwrap_or_default();
    let text = error.render().to_string();
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<_> = first.split_whitespace().collect();
    let line = words.join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    let line = invalid(error).unwrap_or_else(|| line.to_owned());
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    let tip = tip.map(|tip| format!("; {tip}")).unwrap_or_default();
    format!("{place}{line}{tip}; see `{command} --help`")
}

/// The environment's variable that has the value which an error is about.
fn blamed_variable(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(&**text),
        _ => None,
    };
    let arg = text(ContextKind::InvalidArg)?;
    let value = text(ContextKind::InvalidValue).unwrap_or_default();
    let long = arg.strip_prefix("--")?.split(' ').next();
    if std::env::args().any(|word| word.starts_with("--") && word[2..].split('=').next() == long) {
        return None;
    }
    let given = given();
    let arg = given.get_arguments().find(|arg| arg.get_long() == long)?;
    let variable = arg.get_env()?;
    let is_it = std::env::var_os(variable).is_some_and(|it| it == value);
    is_it.then(|| format!("in the environment variable {}: ", variable.to_string_lossy()))
}

/// What is wrong with a value, and what was expected, if its parser tells.
fn invalid(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let expected = match (error.get(ContextKind::ValidValue), error.source()) {
        (Some(ContextValue::Strings(valid)), _) => {
            let (last, others) = valid.split_last()?;
            match others {
                [] => last.clone(),
                others => format!("{} or {last}", others.join(", ")),
            }
        }
        (_, Some(source)) => {
            let source = source.to_string();
            source.split_once("expected ").map(|(_, expected)| expected.to_owned())?
        }
        _ => return None,
    };
    let (arg, value) = (text(ContextKind::InvalidArg)?, text(ContextKind::InvalidValue)?);
    Some(format!("invalid value '{value}' for '{arg}'; expected {expected}"))
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

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    /// What libraries say of a text that they cannot read.
    const BARE: [&str; 10] = [
        "invalid digit",
        "cannot parse",
        "float literal",
        "number too",
        "is not in ",
        "possible values",
        "missing field",
        "relative URL",
        "TOML parse error",
        "unexpected argument",
    ];

    const BAD: [&str; 7] = ["", "teapot", "-1", "99999999999999999999", "1e9", "\u{fc}", "0"];

    /// Every command that takes no further one, with the words that lead to it.
    fn commands(command: &clap::Command, words: &[String]) -> Vec<(Vec<String>, clap::Command)> {
        let words = [words, &[command.get_name().to_owned()]].concat();
        if !command.has_subcommands() {
            return vec![(words, command.clone())];
        }
        command.get_subcommands().flat_map(|sub| commands(sub, &words)).collect()
    }

    /// What is said of these words.
    fn said(words: &[String]) -> Option<String> {
        let words: Vec<_> = words.iter().map(OsString::from).collect();
        let matches = parse(&mut Cli::command(), &words);
        let cli = matches.and_then(|matches| Cli::from_arg_matches(&matches));
        Some(one_line(&cli.err()?, &Config::default(), "slipstream"))
    }

    #[test]
    fn a_value_that_cannot_be_read_is_refused_by_its_option_with_what_was_expected() {
        let (mut refused, mut wrong) = (0, Vec::new());
        for (words, command) in commands(&Cli::command(), &[]) {
            let options = command.get_arguments().filter(|arg| arg.get_action().takes_values());
            for arg in options {
                let name = match arg.get_long() {
                    Some(long) => format!("'--{long} "),
                    None => arg.get_value_names().unwrap()[0].to_string(),
                };
                for value in BAD {
                    // As in store, where each value follows its option.
                    let glued = arg.get_long().map(|long| format!("--{long}={value}"));
                    let apart = arg.get_long().map(|long| format!("--{long}"));
                    let mut given = vec![glued.into_iter().collect::<Vec<_>>()];
                    if words[1] != "store" {
                        given.push(apart.into_iter().chain([value.to_owned()]).collect());
                    }
                    for given in given {
                        let Some(said) = said(&[&words[..], &given].concat()) else { continue };
                        let lacks = said.contains("were not provided")
                            || said.contains("cannot be used with");
                        let names = said.contains(&name);
                        let helps = ["expected ", "write ", "is required"]
                            .iter()
                            .any(|word| said.contains(word));
                        let bare = BARE.iter().any(|words| said.contains(words));
                        refused += usize::from(names);
                        if bare || !(lacks || names && helps) {
                            wrong.push(format!("{words:?} {given:?}: {said}"));
                        }
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(refused > 300, "{refused}");
    }
}
