//! A command line of curl's, made into a command line that `store` parses.
//!
//! # Invariants
//! - What only shapes curl's own output is left out, and named for a trace.
//! - What cannot be honoured is refused by its name, with what to do instead.
//! - `-K FILE` is what the file says, in its place.
//! - Variables are filled in.
//! - `--next` begins another command line.
//! - What remains has each option by its long name, its value behind an `=`.
//!
//! # Non-goals
//! `~/.curlrc`. What is stored shall not depend on who stores it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use anyhow::{Result, bail};
use clap::Command;

use super::config_file;
use super::known::{Deed, Known, Name, Options};
use super::variables::Variables;
use crate::curl::body;
use crate::options::curls::{OF_THE_COMMAND, OUTPUT, PEM};

/// How the place of what is wrong in a config file begins.
const IN_FILE: &str = "in the config file ";

/// How deep config files may name others.
const DEPTH: usize = 16;

/// A command line, or several that it expanded to, for the parser.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    /// What all of them begin with.
    words: Vec<OsString>,
    /// Options of the command in there, by their long names.
    given: Vec<String>,
    /// The words between `--next` and `--next`.
    parts: Vec<Part>,
    /// Options that were left out.
    pub(crate) ignored: Vec<String>,
}

/// What one of them says of its own.
#[derive(Debug, Default)]
struct Part {
    words: Vec<OsString>,
    given: Vec<String>,
    has_url: bool,
}

/// A command line for the parser.
#[derive(Debug)]
pub(crate) struct CommandLine {
    pub(crate) words: Vec<OsString>,
    /// Options of `store` in them, by their long names.
    pub(crate) given: Vec<String>,
}

impl Plain {
    /// The command lines, of which there is always one.
    pub(crate) fn lines(&self) -> Vec<CommandLine> {
        let none = [Part::default()];
        let parts = if self.parts.is_empty() { &none[..] } else { &self.parts };
        let line = |part: &Part| CommandLine {
            words: [&self.words[..], &part.words].concat(),
            given: [&self.given[..], &part.given].concat(),
        };
        parts.iter().map(line).collect()
    }
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
            plain.parts.push(Part::default());
            let variables = Variables::default();
            let mut reader = Reader { options: Options { cli, store }, plain, variables, depth: 0 };
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

struct Reader<'a> {
    options: Options<'a>,
    plain: Plain,
    variables: Variables,
    depth: usize,
}

type Words<'w> = &'w mut dyn Iterator<Item = OsString>;

impl Reader<'_> {
    fn read(&mut self, words: Words<'_>) -> Result<()> {
        while let Some(word) = words.next() {
            if word == "--" {
                let part = self.part();
                part.has_url = true;
                part.words.push(word);
                part.words.extend(words);
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
                self.url(word);
                Ok(())
            }
        }
    }

    /// What is said now.
    fn part(&mut self) -> &mut Part {
        self.plain.parts.last_mut().expect("there is one from the beginning")
    }

    fn url(&mut self, url: OsString) {
        let part = self.part();
        part.has_url = true;
        part.words.push(url);
    }

    /// An option of the parser's.
    fn option(&mut self, long: &str, word: OsString) {
        let is_given = self.options.store.get_arguments().any(|arg| arg.get_long() == Some(long));
        let is_given = is_given && !OUTPUT.contains(&long);
        let (words, given) = match OF_THE_COMMAND.contains(&long) {
            true => (&mut self.plain.words, &mut self.plain.given),
            false => {
                let part = self.plain.parts.last_mut().expect("there is one from the beginning");
                (&mut part.words, &mut part.given)
            }
        };
        words.push(word);
        if is_given {
            given.push(long.to_owned());
        }
    }

    fn long(
        &mut self,
        name: &str,
        value: Option<OsString>,
        word: OsString,
        words: Words<'_>,
    ) -> Result<()> {
        if let Some(known) = self.options.known(Name::Long(name)) {
            let value = if known.takes_value { value.or_else(|| words.next()) } else { value };
            return self.act(known, value);
        }
        if let Some(known) =
            name.strip_prefix("expand-").and_then(|it| self.options.known(Name::Long(it)))
            && known.takes_value
        {
            let value = value.or_else(|| words.next());
            let value = value.map(|value| self.variables.expand(&value)).transpose()?;
            return self.act(known, value);
        }
        let opposite =
            name.strip_prefix("no-").and_then(|name| self.options.known(Name::Long(name)));
        match opposite.filter(|known| !known.takes_value) {
            Some(Known { long, deed: Deed::Ignore, .. }) => self.ignore(long),
            Some(known) => {
                let undone = format!("--{}", known.long);
                for (said, given) in [
                    (&mut self.plain.words, &mut self.plain.given),
                    self.plain
                        .parts
                        .last_mut()
                        .map(|it| (&mut it.words, &mut it.given))
                        .expect("there is one"),
                ] {
                    said.retain(|word| *word != *undone);
                    given.retain(|given| *given != known.long);
                }
            }
            None => match self.options.abbreviated(name) {
                Some(whole) => return self.long(&whole, value, word, words),
                // The parser says what is wrong with it.
                None => self.part().words.push(word),
            },
        }
        Ok(())
    }

    fn short(&mut self, letters: &[u8], words: Words<'_>) -> Result<()> {
        for (at, letter) in letters.iter().enumerate() {
            let Some(known) = self.options.known(Name::Short(char::from(*letter))) else {
                let rest = [b"-", &letters[at..]].concat();
                self.part().words.push(OsString::from_vec(rest));
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
            (Deed::IsUrl, Some(file)) if file.as_bytes().starts_with(b"@") => {
                let content = body::content(&file.as_bytes()[1..])?;
                let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
                for url in lines.filter(|line| !matches!(line, [] | [b'#', ..])) {
                    self.url(OsStr::from_bytes(url).to_owned());
                }
            }
            (Deed::IsUrl, Some(url)) if !url.as_bytes().starts_with(b"-") => self.url(url),
            (Deed::IsUrl, _) => bail!("'--url' has no url behind it; write one"),
            (Deed::IsProxy(scheme), value) => {
                let mut word = OsString::from(format!("--proxy={scheme}"));
                word.push(value.unwrap_or_default());
                self.option("proxy", word);
            }
            (Deed::ReadConfig, file) => self.config(&file.unwrap_or_default())?,
            (Deed::SetVariable, said) => self.variables.set(&said.unwrap_or_default())?,
            (Deed::BeginAnother, _) if self.part().has_url => {
                self.plain.parts.push(Part::default())
            }
            // curl's files may begin with it.
            (Deed::BeginAnother, _) if self.depth > 0 => {}
            (Deed::BeginAnother, _) => bail!("'--next' has no url before it; write one"),
            (Deed::Pass, value) => {
                let mut word = OsString::from(format!("--{long}"));
                if let Some(value) = value {
                    word.push("=");
                    word.push(value);
                }
                self.option(&long, word);
                if OUTPUT.contains(&&*long) {
                    self.ignore(long);
                }
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
        for line in config_file::lines(&content) {
            let place = || format!("{IN_FILE}'{shown}', line {}", line.number);
            if line.is_cut {
                bail!(
                    "{}: text stands behind the value, and would be left out; put all of it between quotation marks",
                    place()
                );
            }
            let mut value = line.value.into_iter();
            // Of files that name each other, naming the wrong file is enough.
            self.word(line.option, &mut value).map_err(|error| {
                let is_placed = error.to_string().starts_with(IN_FILE);
                if is_placed { error } else { error.context(place()) }
            })?;
            if value.next().is_some() {
                bail!("{}: the option takes no value; leave it out", place());
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
