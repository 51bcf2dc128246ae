//! The options of a request, as a command line spells them: one table for each kind, as plain data
//! from which follow the parser's arguments, the values that are read, and the lists of names.
//!
//! # Invariants
//! - Nothing here needs the parser, so that a program without one can read the same tables.
//! - An option whose value is the value that is stored is a row of its kind's crate alone
//!   ([`slipstream_http::OPTIONS`]); here stand those that stand for something else.

pub(crate) mod curls;
pub(crate) mod http;
pub(crate) mod mysql;
pub(crate) mod pieces;
pub(crate) mod sent;
pub(crate) mod tcp;

use std::ffi::OsString;
use std::path::PathBuf;

use slipstream_http::Topic;

/// An option of the command line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// Its letter, its name, its value: `-X --request METHOD`.
    pub(crate) spelt: &'static str,
    pub(crate) help: &'static str,
    pub(crate) group: Group,
    pub(crate) takes: Takes,
    /// Whether it may be given several times.
    pub(crate) is_many: bool,
    /// The key of a batch's line that it stands for; empty for what has none.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the reference, which a test writes"))]
    pub(crate) key: &'static str,
    /// Another name.
    pub(crate) alias: Option<&'static str>,
    /// Those that it cannot be used with.
    pub(crate) conflicts: &'static [&'static str],
    /// The one that it takes back.
    pub(crate) overrides: Option<&'static str>,
    /// The one that it needs.
    pub(crate) requires: Option<&'static str>,
    pub(crate) is_hidden: bool,
}

/// What an option takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Takes {
    Flag,
    Text,
    /// Text that need not be UTF-8.
    Bytes,
    File,
    /// A text that this accepts, or says what was expected.
    Checked(fn(&str) -> Result<(), String>),
    /// One of these words, each with what it means, or nothing to have help leave them out.
    Words(&'static [(&'static str, &'static str)]),
}

/// Where help lists an option, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    Request,
    Body,
    Sending(Topic),
    Stream,
    Statement,
}

impl Group {
    /// What it stands under.
    pub(crate) fn heading(self) -> Option<&'static str> {
        match self {
            Self::Request | Self::Body => None,
            Self::Sending(_) => Some("How it is sent (as curl's)"),
            Self::Stream => Some("For tcp://, tls:// and unix://"),
            Self::Statement => Some("For mysql://"),
        }
    }

    const fn row(self, spelt: &'static str, help: &'static str) -> Row {
        Row {
            spelt,
            help,
            group: self,
            takes: Takes::Flag,
            is_many: false,
            key: "",
            alias: None,
            conflicts: &[],
            overrides: None,
            requires: None,
            is_hidden: false,
        }
    }
}

impl Row {
    /// Its letter, its name, its value's name.
    pub(crate) fn names(&self) -> (Option<char>, &'static str, Option<&'static str>) {
        spelt(self.spelt)
    }

    /// Its name.
    pub(crate) fn long(&self) -> &'static str {
        self.names().1
    }

    const fn key(self, key: &'static str) -> Self {
        Self { key, ..self }
    }

    const fn alias(self, alias: &'static str) -> Self {
        Self { alias: Some(alias), ..self }
    }

    const fn conflicts(self, conflicts: &'static [&'static str]) -> Self {
        Self { conflicts, ..self }
    }

    const fn overrides(self, other: &'static str) -> Self {
        Self { overrides: Some(other), ..self }
    }

    const fn requires(self, other: &'static str) -> Self {
        Self { requires: Some(other), ..self }
    }

    const fn words(self, words: &'static [(&'static str, &'static str)]) -> Self {
        Self { takes: Takes::Words(words), ..self }
    }

    const fn hidden(self) -> Self {
        Self { is_hidden: true, ..self }
    }

    /// What its type says, but for words of its own.
    const fn read_as(self, takes: Takes, is_many: bool) -> Self {
        match self.takes {
            Takes::Words(_) => Self { is_many, ..self },
            _ => self.taking(takes, is_many),
        }
    }

    const fn taking(self, takes: Takes, is_many: bool) -> Self {
        Self { takes, is_many, ..self }
    }
}

/// An option as a table spells it: its letter, its name, its value's name if it takes one.
pub(crate) fn spelt(spec: &str) -> (Option<char>, &str, Option<&str>) {
    let (short, rest) = match spec.split_once(" --") {
        Some((short, rest)) => (short.chars().nth(1), rest),
        None => (None, spec.trim_start_matches("--")),
    };
    match rest.split_once(' ') {
        Some((long, value)) => (short, long, Some(value)),
        None => (short, rest, None),
    }
}

/// What a command line gives: words that the rows' [`Takes`] accept.
pub(crate) trait Given {
    /// The values of an option in their order, none for a flag; nothing if it is not given.
    fn values(&self, long: &str) -> Option<Vec<OsString>>;

    /// The values of these options in their order, each with its option's place among them.
    fn ordered(&self, longs: &[&str]) -> Vec<(usize, OsString)>;
}

/// The options of a kind.
pub(crate) trait Table: Sized {
    /// All rows, in the order of help.
    fn rows() -> Vec<Row>;

    /// What is given of them.
    fn read(given: &dyn Given) -> Self;
}

/// A type that an option is read as.
trait Value {
    const TAKES: Takes;
    const IS_MANY: bool = false;

    /// From values that were accepted.
    fn of(values: Option<Vec<OsString>>) -> Self;
}

impl Value for bool {
    const TAKES: Takes = Takes::Flag;

    fn of(values: Option<Vec<OsString>>) -> Self {
        values.is_some()
    }
}

/// Types of one value and of several, from what is on the command line.
macro_rules! values {
    ($($of:ty, $takes:expr, $read:expr;)*) => {$(
        impl Value for Option<$of> {
            const TAKES: Takes = $takes;

            fn of(values: Option<Vec<OsString>>) -> Self {
                Vec::<$of>::of(values).pop()
            }
        }

        impl Value for Vec<$of> {
            const TAKES: Takes = $takes;
            const IS_MANY: bool = true;

            fn of(values: Option<Vec<OsString>>) -> Self {
                let read: fn(OsString) -> Option<$of> = $read;
                values.into_iter().flatten().filter_map(read).collect()
            }
        }
    )*};
}

values! {
    String, Takes::Text, |word| Some(text(&word));
    OsString, Takes::Bytes, Some;
    PathBuf, Takes::File, |word| Some(word.into());
}

fn text(word: &std::ffi::OsStr) -> String {
    word.to_string_lossy().into_owned()
}

/// Types that are parsed.
macro_rules! parsed {
    ($($of:ty, $parse:expr;)*) => {
        $crate::options::values! {$(
            $of,
            Takes::Checked(|text| {
                let parse: fn(&str) -> Result<$of, String> = $parse;
                parse(text).map(drop)
            }),
            |word| {
                let parse: fn(&str) -> Result<$of, String> = $parse;
                parse(&$crate::options::text(&word)).ok()
            };
        )*}
    };
}

/// Declares the options of a kind: for each what it is read as, and its row. Tables of their own
/// stand before them, and behind them.
macro_rules! options {
    (
        $(#[$doc:meta])*
        $name:ident after { $($table:ident: $of:ty),* } before { $($last:ident: $last_of:ty),* }
        $($field:ident: $ty:ty = $row:expr;)*
    ) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $(pub(crate) $table: $of,)*
            $(pub(crate) $field: $ty,)*
            $(pub(crate) $last: $last_of,)*
        }

        impl $name {
            pub(crate) const ROWS: &[Row] =
                &[$($row.read_as(<$ty as Value>::TAKES, <$ty as Value>::IS_MANY)),*];
        }

        impl Table for $name {
            fn rows() -> Vec<Row> {
                let mut rows: Vec<Row> = Vec::new();
                $(rows.extend(<$of as Table>::rows());)*
                rows.extend(Self::ROWS);
                $(rows.extend(<$last_of as Table>::rows());)*
                rows.sort_by_key(|row| row.group);
                rows
            }

            fn read(given: &dyn Given) -> Self {
                Self {
                    $($table: Table::read(given),)*
                    $($field: Value::of(given.values($row.long())),)*
                    $($last: Table::read(given),)*
                }
            }
        }
    };
}

use {options, parsed, values};

#[cfg(test)]
mod tests;
