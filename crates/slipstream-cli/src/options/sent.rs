//! The options of an HTTP request whose value on the command line is the value that is stored, or
//! the file that holds it: each is a row of [`slipstream_http::OPTIONS`].

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use slipstream_http::{OPTIONS, OptionRow, OptionValue, Options, ValueShape};

use super::{Given, Group, Row, Table, Takes, spelt, text};
use crate::curl::body;
use crate::term::units::{number, seconds};

/// The same, and what it goes with.
fn together(row: Row) -> Row {
    match row.long() {
        "abstract-unix-socket" => row.conflicts(&["unix-socket"]),
        "key" | "pass" => row.requires("cert"),
        _ => row,
    }
}

/// What is given of them, in the table's order.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    given: Vec<(&'static OptionRow, Vec<OsString>)>,
}

/// The rows that a command line spells, each with how.
fn said() -> impl Iterator<Item = (&'static OptionRow, &'static str, &'static str)> {
    OPTIONS.iter().filter_map(|row| row.said.map(|(spelt, help)| (row, spelt, help)))
}

fn takes(row: &OptionRow) -> Takes {
    match row.value {
        ValueShape::Flag => Takes::Flag,
        ValueShape::Pem => Takes::File,
        ValueShape::Time => Takes::Checked(|text| seconds(text).map(drop)),
        ValueShape::Number => Takes::Checked(|text| number(0..=u32::MAX)(text).map(drop)),
        _ => Takes::Text,
    }
}

impl Table for Sent {
    fn rows() -> Vec<Row> {
        let row = |(row, spelt, help): (&'static OptionRow, _, _)| {
            let made = Group::Sending(row.topic).row(spelt, help).key(row.name);
            together(made.taking(takes(row), row.value == ValueShape::List))
        };
        said().map(row).collect()
    }

    fn read(given: &dyn Given) -> Self {
        let values = |(row, spec, _)| Some((row, given.values(spelt(spec).1)?));
        Self { given: said().filter_map(values).collect() }
    }
}

impl Sent {
    /// The last value of the option of this name.
    fn last(&self, name: &str) -> Option<&OsString> {
        debug_assert!(said().any(|(row, ..)| row.name == name), "{name}");
        self.given.iter().find(|(row, _)| row.name == name)?.1.last()
    }

    /// Whether the option of this name is given.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        debug_assert!(said().any(|(row, ..)| row.name == name), "{name}");
        self.given.iter().any(|(row, _)| row.name == name)
    }

    /// The file that this option names.
    pub(crate) fn file(&self, name: &str) -> Option<PathBuf> {
        self.last(name).map(PathBuf::from)
    }

    /// The time that this option says; zero is curl's default, as if nothing was said.
    pub(crate) fn time(&self, name: &str) -> Option<Duration> {
        let time = self.last(name).and_then(|value| seconds(&text(value)).ok());
        time.filter(|time| !time.is_zero())
    }

    /// The options with what is given. Files are read now.
    pub(crate) fn set(&self, mut options: Options) -> Result<Options> {
        for (row, values) in &self.given {
            if let ("cert", Some(word)) = (row.name, values.last()) {
                let (path, passphrase) = certificate(word);
                options = options.cert(body::file(path, "certificate's")?);
                if let Some(passphrase) = passphrase {
                    options = options.key_password(passphrase);
                }
                continue;
            }
            for value in value(row, values)? {
                options = options.set(row, value)?;
            }
        }
        Ok(options)
    }
}

/// The file of `FILE[:PASSPHRASE]`, and the passphrase. A path with a colon is meant if there is such a
/// file.
fn certificate(word: &OsStr) -> (&Path, Option<String>) {
    let (whole, bytes) = (Path::new(word), word.as_bytes());
    let cut = bytes.iter().rposition(|byte| *byte == b':').filter(|_| !whole.exists());
    let Some(at) = cut else { return (whole, None) };
    let passphrase = String::from_utf8_lossy(&bytes[at + 1..]).into_owned();
    (Path::new(OsStr::from_bytes(&bytes[..at])), Some(passphrase))
}

/// The values that are stored, of words that were accepted: zero is curl's default.
fn value(row: &OptionRow, words: &[OsString]) -> Result<Vec<OptionValue>> {
    let last = words.last();
    Ok(match row.value {
        ValueShape::Flag => vec![OptionValue::Flag(true)],
        ValueShape::Pem => {
            let read = |word| body::file(Path::new(word), whose(row)).map(OptionValue::Pem);
            last.map(read).transpose()?.into_iter().collect()
        }
        ValueShape::Time => {
            let time = last.and_then(|word| seconds(&text(word)).ok());
            time.filter(|time| !time.is_zero()).map(OptionValue::Time).into_iter().collect()
        }
        ValueShape::Number => {
            let number = last.and_then(|word| text(word).parse().ok());
            number.filter(|number| *number != 0).map(OptionValue::Number).into_iter().collect()
        }
        ValueShape::List => words.iter().map(|word| OptionValue::Text(text(word))).collect(),
        _ => last.map(|word| OptionValue::Text(text(word))).into_iter().collect(),
    })
}

/// What a file is called when it cannot be read.
fn whose(row: &OptionRow) -> &'static str {
    match row.name {
        "cacert" => "certificates'",
        "key" => "key's",
        name => name,
    }
}
