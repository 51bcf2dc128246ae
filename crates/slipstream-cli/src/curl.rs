//! A command line of curl's, made into one that `store` parses.
//!
//! Guaranteed: what only shapes curl's own output is left out, and named for a trace; what cannot
//! be honoured is refused by its name, with what to do instead; `-K FILE` is what the file says, in
//! its place. What remains has each option by its long name, its value behind an `=`.
//!
//! Absent on purpose: `~/.curlrc`. What is stored shall not depend on who stores it.

mod config;
mod options;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use anyhow::{Context, Result, bail};
use clap::Command;

use self::options::{IGNORED, PEM, PROXIES, REFUSED};
use crate::body;

/// How deep config files may name others.
const DEPTH: usize = 16;

/// A command line for the parser.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    pub(crate) words: Vec<OsString>,
    /// Options that were left out.
    pub(crate) ignored: Vec<String>,
    /// Options of `store` that stand there, by their long names.
    pub(crate) given: Vec<String>,
}

/// Makes this command line plain, if it is one of `store`'s.
///
/// # Errors
/// When an option cannot be honoured, or a config file cannot be read.
pub(crate) fn plain(cli: &Command, given: impl IntoIterator<Item = OsString>) -> Result<Plain> {
    let mut given = given.into_iter();
    let mut plain = Plain { words: given.next().into_iter().collect(), ..Plain::default() };
    let Some(store) = cli.find_subcommand("store") else { return Ok(plain) };
    while let Some(word) = given.next() {
        let name = word.to_str().and_then(|word| word.strip_prefix("--"));
        let has_value = cli.get_arguments().any(|arg| {
            arg.get_long().is_some() && arg.get_long() == name && arg.get_action().takes_values()
        });
        let (is_option, is_store) = (word.as_bytes().starts_with(b"-"), word == "store");
        plain.words.push(word);
        if is_store {
            let mut reader = Reader { cli, store, plain, depth: 0 };
            reader.read(&mut given)?;
            return Ok(reader.plain);
        }
        if !is_option {
            break;
        }
        if has_value {
            plain.words.extend(given.next());
        }
    }
    plain.words.extend(given);
    Ok(plain)
}

/// An option by what it was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name<'n> {
    Long(&'n str),
    Short(char),
}

/// What is to be done with an option.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Pass,
    Ignore,
    Refuse(&'static str),
    IsUrl,
    IsProxy(&'static str),
    ReadConfig,
}

/// An option that is known.
struct Known {
    long: String,
    takes_value: bool,
    deed: Deed,
}

struct Reader<'a> {
    cli: &'a Command,
    store: &'a Command,
    plain: Plain,
    depth: usize,
}

type Words<'w> = &'w mut dyn Iterator<Item = OsString>;

impl Reader<'_> {
    fn read(&mut self, words: Words<'_>) -> Result<()> {
        while let Some(word) = words.next() {
            if word == "--" {
                self.plain.words.push(word);
                self.plain.words.extend(words);
                return Ok(());
            }
            self.word(word, words)?;
        }
        Ok(())
    }

    fn word(&mut self, word: OsString, words: Words<'_>) -> Result<()> {
        match word.as_bytes() {
            [b'-', b'-', rest @ ..] => {
                let cut = rest.iter().position(|byte| *byte == b'=');
                let (name, value) = match cut {
                    Some(at) => (&rest[..at], Some(OsStr::from_bytes(&rest[at + 1..]).to_owned())),
                    None => (rest, None),
                };
                let name = String::from_utf8_lossy(name).into_owned();
                self.long(&name, value, word, words)
            }
            [b'-', letters @ ..] if !letters.is_empty() => self.short(letters, words),
            _ => {
                self.plain.words.push(word);
                Ok(())
            }
        }
    }

    fn long(
        &mut self,
        name: &str,
        value: Option<OsString>,
        word: OsString,
        words: Words<'_>,
    ) -> Result<()> {
        if let Some(known) = self.known(Name::Long(name)) {
            let value = if known.takes_value { value.or_else(|| words.next()) } else { value };
            return self.act(known, value);
        }
        let opposite = name.strip_prefix("no-").and_then(|name| self.known(Name::Long(name)));
        match opposite.filter(|known| !known.takes_value) {
            Some(Known { long, deed: Deed::Ignore, .. }) => self.ignore(long),
            Some(known) => {
                let undone = format!("--{}", known.long);
                self.plain.words.retain(|word| *word != *undone);
                self.plain.given.retain(|given| *given != known.long);
            }
            // The parser says what is wrong with it.
            None => self.plain.words.push(word),
        }
        Ok(())
    }

    fn short(&mut self, letters: &[u8], words: Words<'_>) -> Result<()> {
        for (at, letter) in letters.iter().enumerate() {
            let Some(known) = self.known(Name::Short(char::from(*letter))) else {
                let rest = [b"-", &letters[at..]].concat();
                self.plain.words.push(OsString::from_vec(rest));
                return Ok(());
            };
            if !known.takes_value {
                self.act(known, None)?;
                continue;
            }
            let value = match &letters[at + 1..] {
                [] => words.next(),
                rest => Some(OsStr::from_bytes(rest).to_owned()),
            };
            return self.act(known, value);
        }
        Ok(())
    }

    fn act(&mut self, known: Known, value: Option<OsString>) -> Result<()> {
        let Known { long, takes_value, deed } = known;
        if takes_value && value.is_none() {
            bail!("'--{long}' has no value; write one behind it, or see `slipstream store --help`");
        }
        match (deed, value) {
            (Deed::Ignore, _) => self.ignore(long),
            (Deed::Refuse(_), Some(value))
                if PEM.contains(&&*long) && value.eq_ignore_ascii_case("pem") =>
            {
                self.ignore(long);
            }
            (Deed::Refuse(advice), _) => bail!("'--{long}' cannot be stored: {advice}"),
            (Deed::IsUrl, Some(url)) if !url.as_bytes().starts_with(b"-") => {
                self.plain.words.push(url);
            }
            (Deed::IsUrl, _) => bail!("'--url' has no url behind it; write one"),
            (Deed::IsProxy(scheme), value) => {
                self.plain.given.push("proxy".to_owned());
                let mut word = OsString::from(format!("--proxy={scheme}"));
                word.push(value.unwrap_or_default());
                self.plain.words.push(word);
            }
            (Deed::ReadConfig, file) => self.config(&file.unwrap_or_default())?,
            (Deed::Pass, value) => {
                if self.store.get_arguments().any(|arg| arg.get_long() == Some(&*long)) {
                    self.plain.given.push(long.clone());
                }
                let mut word = OsString::from(format!("--{long}"));
                if let Some(value) = value {
                    word.push("=");
                    word.push(value);
                }
                self.plain.words.push(word);
            }
        }
        Ok(())
    }

    fn ignore(&mut self, long: String) {
        let option = format!("--{long}");
        if !self.plain.ignored.contains(&option) {
            self.plain.ignored.push(option);
        }
    }

    fn config(&mut self, file: &OsStr) -> Result<()> {
        let shown = file.to_string_lossy().into_owned();
        if self.depth == DEPTH {
            bail!("the config file '{shown}' is named by {DEPTH} others; leave its name out there");
        }
        self.depth += 1;
        let content = match file.as_bytes() {
            b"-" => body::content(b"-")?,
            _ => body::file(file.as_ref(), "config")?,
        };
        for line in config::lines(&content) {
            let place = || format!("in the config file '{shown}', line {}", line.number);
            if line.is_cut {
                bail!(
                    "{}: text stands behind the value, and would be left out; put all of it between quotation marks",
                    place()
                );
            }
            let mut value = line.value.into_iter();
            self.word(line.option, &mut value).with_context(place)?;
            if value.next().is_some() {
                bail!("{}: the option takes no value; leave it out", place());
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn known(&self, name: Name<'_>) -> Option<Known> {
        let everywhere = self.cli.get_arguments().filter(|arg| arg.is_global_set());
        let parsed = self.store.get_arguments().chain(everywhere).find(|arg| match name {
            Name::Long(long) => {
                arg.get_long() == Some(long)
                    || arg.get_all_aliases().is_some_and(|all| all.contains(&long))
            }
            Name::Short(short) => arg.get_short() == Some(short),
        });
        if let Some(arg) = parsed {
            let takes_value = arg.get_action().takes_values();
            let long = arg.get_long()?.to_owned();
            return Some(Known { long, takes_value, deed: Deed::Pass });
        }
        let other = |spec: &str, deed| {
            let (short, long, takes_value) = spelt(spec);
            let found = match name {
                Name::Long(name) => name == long,
                Name::Short(name) => short == Some(name),
            };
            found.then(|| Known { long: long.to_owned(), takes_value, deed })
        };
        let proxies = PROXIES
            .iter()
            .filter_map(|(long, scheme)| other(&format!("--{long} HOST"), Deed::IsProxy(scheme)));
        let refused = REFUSED
            .iter()
            .flat_map(|(advice, specs)| specs.iter().map(move |spec| (*advice, *spec)));
        other("--url URL", Deed::IsUrl)
            .or_else(|| other("-K --config FILE", Deed::ReadConfig))
            .or_else(|| IGNORED.iter().find_map(|spec| other(spec, Deed::Ignore)))
            .or_else(|| { proxies }.next())
            .or_else(|| { refused }.find_map(|(advice, spec)| other(spec, Deed::Refuse(advice))))
    }
}

/// An option as a table spells it: its letter, its name, whether it takes a value.
fn spelt(spec: &str) -> (Option<char>, &str, bool) {
    let (short, rest) = match spec.split_once(" --") {
        Some((short, rest)) => (short.chars().nth(1), rest),
        None => (None, spec.trim_start_matches("--")),
    };
    match rest.split_once(' ') {
        Some((long, _)) => (short, long, true),
        None => (short, rest, false),
    }
}

#[cfg(test)]
mod tests;
