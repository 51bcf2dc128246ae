//! Settings from files: what an option would say that is not given, nor in the environment.
//!
//! # Invariants
//! - What is in a file becomes the default of the option that it names, so it is read, checked and
//!   overridden as if there were no file.
//! - An unknown name is an error, and so is a file that is there and cannot be read:
//!   storing elsewhere than was meant would be worse.
//!
//! # Non-goals
//! What belongs to one request, and what only a person should ask for, such as removing things.
//! These are options alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::builder::ArgPredicate;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Command, Id};
use slipstream_log::{SettingsFile, settings_files};
use toml::{Table, Value};

/// The options that may be in a file: options of every command first, then by command.
pub(crate) const SETTINGS: [(&str, &[&str]); 5] = [
    ("", &["dir", "log-format"]),
    ("store", &["durable", "source", "ttl", "retry", "warn-after"]),
    (
        "work",
        &[
            "attempts",
            "backoff",
            "retry",
            "concurrency",
            "max-time",
            "max-idle",
            "stop-timeout",
            "max-age",
            "connect-timeout",
            "request-timeout",
            "deny-private",
            "allow-host",
            "allow-secret",
            "proxy",
            "metrics",
            "ping",
            "quiet",
        ],
    ),
    ("status", &["max-age", "max-failed", "max-pending", "max-down"]),
    (
        "init",
        &["slots", "rotate", "logs", "on-full", "record-max", "log-max", "group", "network-fs"],
    ),
];

/// The options among them that are flags.
const FLAGS: [(&str, &str); 4] =
    [("store", "durable"), ("work", "deny-private"), ("work", "quiet"), ("init", "network-fs")];

/// What the files say.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// Where it was looked, and whether there was a file.
    pub(crate) files: Vec<(PathBuf, bool)>,
    /// By command and option; the command is empty for what every command takes.
    pub(crate) settings: BTreeMap<(String, String), Setting>,
}

/// One setting as a file has it.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) words: Vec<String>,
    pub(crate) file: PathBuf,
}

impl Config {
    /// Reads the files that there are.
    ///
    /// # Errors
    /// When one cannot be read, or has an unknown key.
    pub(crate) fn read(cli: &Command) -> Result<Self> {
        let mut config = Self::default();
        for SettingsFile { path, text, .. } in settings_files()? {
            if let Some(text) = &text {
                let settings = settings(cli, text, &path);
                config.settings.extend(
                    settings.with_context(|| format!("in the config file {}", path.display()))?,
                );
            }
            config.files.push((path, text.is_some()));
        }
        Ok(config)
    }

    /// The command line with these settings as its defaults, and with `--no-FLAG` for each flag that
    /// they may set.
    pub(crate) fn apply(&self, command: Command) -> Command {
        let command = FLAGS.iter().fold(command, |command, (section, option)| {
            command.mut_subcommand(section, |command| with_opposite(command, option))
        });
        self.settings.iter().fold(command, |command, ((section, option), setting)| {
            let set = |command: Command| {
                let Some(id) = id_of(&command, option) else { return command };
                command.mut_arg(id, |arg| {
                    let arg = arg.default_values(setting.words.clone());
                    match (&**section, &**option) {
                        // They are short for parts of it, and a file's win over no option.
                        ("work", "attempts" | "backoff") => {
                            arg.default_value_if("retry", ArgPredicate::IsPresent, None::<&str>)
                        }
                        _ => arg,
                    }
                })
            };
            match &**section {
                "" => set(command),
                section => command.mut_subcommand(section, set),
            }
        })
    }

    /// Whether a file says where the spool is.
    pub(crate) fn names_dir(&self) -> bool {
        self.settings.contains_key(&(String::new(), "dir".to_owned()))
    }

    /// The file that has the value which an error is about.
    pub(crate) fn blamed(&self, error: &clap::Error) -> Option<&Path> {
        let text = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text),
            _ => None,
        };
        let (arg, value) = (text(ContextKind::InvalidArg)?, text(ContextKind::InvalidValue)?);
        let long = arg.strip_prefix("--")?.split([' ', '=']).next()?;
        let mut all = self.settings.iter().filter(|((_, option), _)| option == long);
        all.find(|(_, setting)| setting.words.contains(value)).map(|(_, setting)| &*setting.file)
    }
}

fn id_of(command: &Command, option: &str) -> Option<Id> {
    let found = command.get_arguments().find(|arg| arg.get_long() == Some(option));
    found.map(|arg| arg.get_id().clone())
}

/// The command with `--no-FLAG`, which undoes what a file says and what precedes it.
fn with_opposite(command: Command, flag: &str) -> Command {
    let Some(id) = id_of(&command, flag) else { return command };
    let undo = format!("no-{flag}");
    let opposite = Arg::new(undo.clone()).long(undo.clone()).action(ArgAction::SetTrue).hide(true);
    let command = command.arg(opposite.overrides_with(&id));
    command
        .mut_arg(id, |arg| arg.overrides_with(undo.clone()).default_value_if(undo, "true", "false"))
}

/// The option that a setting names.
pub(crate) fn argument<'c>(cli: &'c Command, section: &str, option: &str) -> &'c Arg {
    let command = match section {
        "" => Some(cli),
        section => cli.find_subcommand(section),
    };
    let mut all = command.into_iter().flat_map(Command::get_arguments);
    let found = all.find(|arg| arg.get_long() == Some(option));
    found.expect("a setting is an option, and a test says so")
}

fn settings(cli: &Command, text: &str, path: &Path) -> Result<Vec<((String, String), Setting)>> {
    let table: Table = text.parse().map_err(plain)?;
    let mut all = Vec::new();
    for (name, value) in table {
        match value {
            Value::Table(section) => {
                for (option, value) in section {
                    all.push(setting(cli, &name, option, value, path)?);
                }
            }
            value => all.push(setting(cli, "", name, value, path)?),
        }
    }
    Ok(all)
}

/// What is wrong with a file that is no TOML, on one line.
fn plain(error: toml::de::Error) -> anyhow::Error {
    let text = error.to_string();
    let place = text.lines().next().unwrap_or_default();
    let place = place.strip_prefix("TOML parse error at ").unwrap_or(place).to_owned();
    let message = match error.message().replace('\n', " ") {
        message if message.starts_with("invalid type: integer") => "invalid number".to_owned(),
        message => message,
    };
    anyhow::anyhow!(
        "invalid TOML at {place}: {message}; expected lines such as NAME = \"TEXT\" or NAME = 5 below [COMMAND]"
    )
}

fn setting(
    cli: &Command,
    section: &str,
    option: String,
    value: Value,
    path: &Path,
) -> Result<((String, String), Setting)> {
    let named = match section {
        "" => format!("'{option}'"),
        section => format!("'{option}' in [{section}]"),
    };
    let Some((_, known)) = SETTINGS.iter().find(|(name, _)| *name == section) else {
        let names: Vec<_> = SETTINGS.iter().skip(1).map(|(name, _)| format!("[{name}]")).collect();
        bail!("unknown section [{section}]; expected {}", names.join(", "));
    };
    if !known.contains(&&*option) {
        bail!("unknown key {named}; expected {}", known.join(", "));
    }
    let values = match value {
        Value::Array(values) => values,
        value => vec![value],
    };
    let words = values.iter().map(|value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        Value::Boolean(is) => Ok(is.to_string()),
        _ => bail!("{named} is neither a text nor a number, nor true or false; write one of these"),
    });
    let words = words.collect::<Result<Vec<_>>>()?;
    let arg = argument(cli, section, &option);
    let takes_many = matches!(arg.get_action(), ArgAction::Append);
    if words.len() != 1 && !takes_many {
        bail!("{named} takes one value, and here are {}; leave all but one out", words.len());
    }
    if matches!(arg.get_action(), ArgAction::SetTrue) && !matches!(&*words[0], "true" | "false") {
        bail!("{named} is true or false, without quotation marks, and nothing else");
    }
    if option == "dir" && !words[0].starts_with('/') {
        bail!(
            "{named} is not an absolute path, and a relative one would depend on where a command runs; write an absolute one"
        );
    }
    Ok(((section.to_owned(), option), Setting { words, file: path.to_owned() }))
}

#[cfg(test)]
mod tests;
