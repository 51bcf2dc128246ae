//! `slipstream config`: every setting, its value, and where that comes from.
//!
//! # Invariants
//! - What a command would use is what is shown, for both ask the same parser's words.
//! - What one would refuse is said.
//! - The JSON's fields are a promise: fields may join, none changes.

use std::env;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command, CommandFactory};
use serde::Serialize;
use slipstream_http::{Proxies, masked_url};

use crate::args::usage;
use crate::args::{Cli, ConfigArgs};
use crate::config::{Config, SETTINGS, argument};
use crate::exit::Exit;
use crate::term::print;

/// A setting with its value.
#[derive(Debug, Serialize)]
struct Shown {
    /// As in a file: `work.concurrency`.
    name: String,
    /// Null when nothing says what it is.
    value: Option<Shape>,
    from: Origin,
    /// The environment's variable, or the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
}

/// One value, or several for what may be given several times.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Shape {
    One(String),
    Many(Vec<String>),
}

/// The origin of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Origin {
    Option,
    Environment,
    File,
    Default,
}

#[derive(Serialize)]
struct Report {
    files: Vec<File>,
    settings: Vec<Shown>,
}

#[derive(Serialize)]
struct File {
    path: String,
    read: bool,
}

/// Prints them. `given` are the options of every command that the command line has.
pub(crate) fn run(config: &Config, given: &[&str], dir: &Path, args: &ConfigArgs) -> Result<Exit> {
    if args.sample {
        print::out(&sample())?;
        return Ok(Exit::Success);
    }
    let (cli, mut settings) = (Cli::command(), Vec::new());
    for (section, options) in SETTINGS {
        for option in options {
            let mut shown = config.shown(&cli, section, option, args.show_secrets);
            if section.is_empty() && given.contains(option) {
                // Of the two, the log's format has been seen by now.
                let value = (*option == "dir").then(|| Shape::One(dir.display().to_string()));
                shown = Shown {
                    value: value.or(shown.value),
                    from: Origin::Option,
                    place: None,
                    ..shown
                };
            }
            settings.push(shown);
        }
    }
    let files = config.files.iter();
    let files = files.map(|(path, read)| File { path: path.display().to_string(), read: *read });
    let report = Report { files: files.collect(), settings };
    print::out(&if args.json { print::json(&report)? } else { report.text() })?;
    let wrong = config.wrong();
    wrong.iter().for_each(|line| print::complain(line));
    Ok(if wrong.is_empty() { Exit::Success } else { Exit::Error })
}

impl Config {
    /// What commands would refuse of these settings: a line for each command that has any such.
    fn wrong(&self) -> Vec<String> {
        let sections = SETTINGS.iter().map(|(section, _)| *section).filter(|name| !name.is_empty());
        let refused = |section: &str| {
            let words = ["slipstream", section];
            let error = self.apply(Cli::command()).try_get_matches_from(words).err()?;
            // What to store is no setting.
            let is_value = error.kind() != ErrorKind::MissingRequiredArgument;
            is_value.then(|| usage::one_line(&error, self, &words.join(" ")))
        };
        sections.filter_map(refused).collect()
    }

    fn shown(&self, cli: &Command, section: &str, option: &str, secrets: bool) -> Shown {
        let arg = argument(cli, section, option);
        let variable = arg.get_env().map(|name| name.to_string_lossy().into_owned());
        let environment = variable.and_then(|name| {
            let value = env::var_os(&name)?.to_string_lossy().into_owned();
            Some((vec![value], Origin::Environment, Some(name)))
        });
        let file = || {
            let setting = self.settings.get(&(section.to_owned(), option.to_owned()))?;
            let place = setting.file.display().to_string();
            Some((setting.words.clone(), Origin::File, Some(place)))
        };
        let proxies = || (section, option) == ("work", "proxy");
        let proxies = || proxies().then(environment_proxies).flatten();
        let (words, from, place) = environment
            .or_else(file)
            .or_else(proxies)
            .unwrap_or_else(|| (usual(arg), Origin::Default, None));
        let masked = |word: String| match option {
            _ if secrets => word,
            // With it, a run that never was could be reported as well.
            "ping" => "***".to_owned(),
            _ if word.contains("://") => masked_url(&word),
            _ => word,
        };
        let mut words = words.into_iter().map(masked);
        let value = match arg.get_action() {
            ArgAction::Append => Some(Shape::Many(words.collect())),
            _ => words.next().map(Shape::One),
        };
        let name = match section {
            "" => option.to_owned(),
            section => format!("{section}.{option}"),
        };
        Shown { name, value, from, place }
    }
}

/// The proxies that requests go through where no setting names one. What is wrong with them is for
/// `work` to say.
fn environment_proxies() -> Option<(Vec<String>, Origin, Option<String>)> {
    let proxies = Proxies::of_environment(|name| env::var(name).ok()).ok()?;
    let (names, values): (Vec<_>, Vec<_>) = proxies.variables().unzip();
    let found = (vec![values.join(", ")], Origin::Environment, Some(names.join(", ")));
    (!names.is_empty()).then_some(found)
}

/// What an option is unless it is given.
fn usual(arg: &Arg) -> Vec<String> {
    let defaults = arg.get_default_values();
    if !defaults.is_empty() {
        return defaults.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    }
    if let ArgAction::SetTrue = arg.get_action() {
        return vec!["false".to_owned()];
    }
    // Where a library has the default, the help says it.
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let said = help.split_once("[default: ").and_then(|(_, rest)| rest.split_once(']'));
    said.map(|(word, _)| word.to_owned()).into_iter().collect()
}

impl Report {
    fn text(&self) -> String {
        let mut rows = vec![["setting".to_owned(), "value".to_owned(), "from".to_owned()]];
        for shown in &self.settings {
            let value = match &shown.value {
                None => "-".to_owned(),
                Some(Shape::One(value)) => print::one_line(value),
                Some(Shape::Many(all)) if all.is_empty() => "-".to_owned(),
                Some(Shape::Many(all)) => print::one_line(&all.join(", ")),
            };
            let from = match (shown.from, &shown.place) {
                (Origin::Option, _) => "the command line".to_owned(),
                (_, Some(place)) => print::one_line(place),
                (_, None) => "default".to_owned(),
            };
            rows.push([shown.name.clone(), value, from]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
        let (name, value) = (width(0).unwrap_or(0), width(1).unwrap_or(0).min(40));
        let mut text = String::new();
        for row in &rows {
            let _ = writeln!(text, "{:<name$}  {:<value$}  {}", row[0], row[1], row[2]);
        }
        text.push('\n');
        for File { path, read } in &self.files {
            let read = if *read { "read" } else { "not there" };
            let _ = writeln!(text, "{}: {read}", print::one_line(path));
        }
        if self.files.is_empty() {
            text.push_str("no file is read, since SLIPSTREAM_CONFIG is empty\n");
        }
        text
    }
}

/// A file with every setting, none of them in force.
fn sample() -> String {
    let cli = &Cli::command();
    let mut text = "\
# Slipstream's settings. Options win over the environment, the environment over this file, and
# ~/.config/slipstream.toml over /etc/slipstream.toml; --no-quiet and the like undo a flag.
# `slipstream config` shows what is in force.
"
    .to_owned();
    for (section, options) in SETTINGS {
        if !section.is_empty() {
            let _ = write!(text, "\n[{section}]\n");
        }
        for option in options {
            let arg = argument(cli, section, option);
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            let help = help.split(" [default: ").next().unwrap_or_default();
            for line in wrapped(&help.replace(". Repeatable", "")) {
                let _ = writeln!(text, "# {line}");
            }
            let value = match (arg.get_action(), usual(arg).first()) {
                (ArgAction::Append, _) => "[]".to_owned(),
                (ArgAction::SetTrue, Some(word)) => word.clone(),
                (_, Some(word)) if word.parse::<u64>().is_ok() => word.clone(),
                (_, word) => format!("{:?}", word.map_or("", |word| word)),
            };
            let _ = writeln!(text, "#{option} = {value}");
        }
    }
    text
}

/// At most 96 characters a line.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= 96 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
