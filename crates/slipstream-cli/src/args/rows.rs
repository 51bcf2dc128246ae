//! The tables of options as the parser's arguments, and what was parsed as what is given.

use std::ffi::OsString;

use clap::builder::{PossibleValue, ValueParser};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

use crate::options::http::HttpArgs;
use crate::options::mysql::MysqlArgs;
use crate::options::tcp::TcpArgs;
use crate::options::{Given, Row, Table, Takes};

fn arg(row: &Row) -> Arg {
    let (short, long, value) = row.names();
    let mut arg = Arg::new(long).long(long).hide(row.is_hidden).help_heading(row.group.heading());
    if !row.help.is_empty() {
        arg = arg.help(row.help);
    }
    if let Some(letter) = short {
        arg = arg.short(letter);
    }
    if let Some(alias) = row.alias {
        arg = arg.visible_alias(alias);
    }
    if let Some(other) = row.overrides {
        arg = arg.overrides_with(other);
    }
    if let Some(other) = row.requires {
        arg = arg.requires(other);
    }
    let arg = arg.conflicts_with_all(row.conflicts);
    let parser = match row.takes {
        Takes::Flag => return arg.action(ArgAction::SetTrue),
        Takes::Text => value_parser!(String),
        Takes::Bytes => value_parser!(OsString),
        Takes::File => value_parser!(std::path::PathBuf),
        Takes::Checked(check) => {
            ValueParser::new(move |text: &str| check(text).map(|()| text.to_owned()))
        }
        Takes::Words(words) => words
            .iter()
            .map(|(word, help)| PossibleValue::new(*word).help(*help))
            .collect::<Vec<_>>()
            .into(),
    };
    let is_bare = matches!(row.takes, Takes::Words([(_, ""), ..]));
    let action = if row.is_many { ArgAction::Append } else { ArgAction::Set };
    arg.action(action)
        .value_parser(parser)
        .value_name(value.unwrap_or("VALUE"))
        .hide_possible_values(is_bare)
}

/// What the parser found.
struct Parsed<'a>(&'a ArgMatches);

impl Given for Parsed<'_> {
    fn values(&self, long: &str) -> Option<Vec<OsString>> {
        match self.0.value_source(long)? {
            ValueSource::DefaultValue => None,
            _ => Some(self.0.get_raw(long)?.map(OsString::from).collect()),
        }
    }

    fn ordered(&self, longs: &[&str]) -> Vec<(usize, OsString)> {
        let mut found = Vec::new();
        for (at, long) in longs.iter().enumerate() {
            let places = self.0.indices_of(long).into_iter().flatten();
            let values = self.0.get_raw(long).into_iter().flatten();
            found.extend(places.zip(values).map(|(place, value)| (place, (at, value.to_owned()))));
        }
        found.sort_by_key(|(place, _)| *place);
        found.into_iter().map(|(_, piece)| piece).collect()
    }
}

macro_rules! parsed {
    ($($table:ty),*) => {$(
        impl Args for $table {
            fn augment_args(command: Command) -> Command {
                command.args(Self::rows().iter().map(arg))
            }

            fn augment_args_for_update(command: Command) -> Command {
                Self::augment_args(command)
            }
        }

        impl FromArgMatches for $table {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                Ok(Self::read(&Parsed(matches)))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                *self = Self::from_arg_matches(matches)?;
                Ok(())
            }
        }
    )*};
}

parsed! { HttpArgs, TcpArgs, MysqlArgs }
