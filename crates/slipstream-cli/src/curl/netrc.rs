//! User and password for a host, from a .netrc file, as curl reads it.
//!
//! The file is read when the request is stored, with the rights of the storing process: so no
//! request makes a worker look into a file of its own.
//!
//! # Invariants
//! - Words are separated by white space. A word in double quotes may hold white space, and
//!   escapes: `\n`, `\r`, `\t`, and any other character for itself.
//! - A line whose first character is `#` is a comment, also within quotes.
//! - `macdef` is ignored up to the next empty line.
//! - The first entry for the host, or `default`, that says a login or a password counts.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::curl::body;

/// What a file says.
pub(crate) struct Netrc {
    text: String,
    shown: String,
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<Netrc> {
    let content = body::file(path, ".netrc")?;
    let shown = path.display().to_string();
    let text = String::from_utf8(content)
        .with_context(|| format!("the .netrc file '{shown}' is not UTF-8"))?;
    Ok(Netrc { text, shown })
}

impl Netrc {
    /// User and password for this host, or the password of this user there, if the file has some.
    pub(crate) fn look_up(
        &self,
        host: &str,
        user: Option<&str>,
    ) -> Result<Option<(String, String)>> {
        self.find(|name| name.is_none_or(|name| name.eq_ignore_ascii_case(host)), user)
    }

    /// Whether the file says something of another host, if only by default.
    pub(crate) fn speaks_of_others(&self, host: &str) -> Result<bool> {
        let is_other =
            |name: Option<&str>| name.is_none_or(|name| !name.eq_ignore_ascii_case(host));
        Ok(self.find(is_other, None)?.is_some())
    }

    fn find(
        &self,
        is_meant: impl Fn(Option<&str>) -> bool,
        user: Option<&str>,
    ) -> Result<Option<(String, String)>> {
        find(&self.text, is_meant, user)
            .with_context(|| format!("cannot read the .netrc file '{}'", self.shown))
    }
}

/// The default path.
pub(crate) fn usual_path() -> Result<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    match (set("NETRC"), set("HOME")) {
        (Some(file), _) => Ok(file.into()),
        (None, Some(home)) => Ok(Path::new(&home).join(".netrc")),
        _ => bail!("HOME is not set, so there is no .netrc; name one with --netrc-file"),
    }
}

/// What the entry in hand says.
#[derive(Default)]
struct Entry {
    is_meant: bool,
    login: Option<String>,
    password: Option<String>,
}

impl Entry {
    fn found(self, user: Option<&str>) -> Option<(String, String)> {
        let said = self.is_meant && (self.login.is_some() || self.password.is_some());
        let fits = match (user, &self.login) {
            (None, _) => true,
            // An entry without a user is for all.
            (Some(user), login) => {
                self.password.is_some() && login.as_ref().is_none_or(|login| login == user)
            }
        };
        let login = user.map(str::to_owned).or(self.login).unwrap_or_default();
        (said && fits).then(|| (login, self.password.unwrap_or_default()))
    }
}

/// The first entry that is meant, by its host or as the default.
fn find(
    text: &str,
    is_meant: impl Fn(Option<&str>) -> bool,
    user: Option<&str>,
) -> Result<Option<(String, String)>> {
    let is_comment = |line: &&str| line.trim_start_matches([' ', '\t']).starts_with('#');
    let text: String = text.split_inclusive('\n').filter(|line| !is_comment(line)).collect();
    let mut words = Words { rest: &text };
    let mut entry = Entry::default();
    while let Some(word) = words.next()? {
        let keyword = if word.quoted { String::new() } else { word.text.to_ascii_lowercase() };
        if matches!(&*keyword, "machine" | "default" | "macdef")
            && let Some(found) = std::mem::take(&mut entry).found(user)
        {
            return Ok(Some(found));
        }
        match &*keyword {
            "machine" => {
                let name = words.next()?;
                entry.is_meant = name.is_some_and(|name| is_meant(Some(&name.text)));
            }
            "default" => entry.is_meant = is_meant(None),
            "macdef" => words.skip_macro(),
            "login" => entry.login = words.next()?.map(|word| word.text),
            "password" => entry.password = words.next()?.map(|word| word.text),
            "account" => drop(words.next()?),
            _ => {}
        }
    }
    Ok(entry.found(user))
}

struct Word {
    text: String,
    quoted: bool,
}

struct Words<'t> {
    rest: &'t str,
}

impl Words<'_> {
    fn next(&mut self) -> Result<Option<Word>> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        if let Some(inside) = self.rest.strip_prefix('"') {
            return self.quoted(inside).map(Some);
        }
        let end = self.rest.find([' ', '\t', '\r', '\n']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok((!word.is_empty()).then(|| Word { text: word.to_owned(), quoted: false }))
    }
}

impl<'t> Words<'t> {
    fn quoted(&mut self, inside: &'t str) -> Result<Word> {
        let (mut text, mut chars) = (String::new(), inside.chars());
        while let Some(letter) = chars.next() {
            match letter {
                '"' => {
                    self.rest = chars.as_str();
                    return Ok(Word { text, quoted: true });
                }
                '\\' => match chars.next() {
                    Some('n') => text.push('\n'),
                    Some('r') => text.push('\r'),
                    Some('t') => text.push('\t'),
                    other => text.extend(other),
                },
                _ => text.push(letter),
            }
        }
        bail!("a quotation mark is not closed; close it, or write \\\" for a mark that is meant")
    }

    /// Skips a macro: up to an empty line.
    fn skip_macro(&mut self) {
        let (mut at, mut lines) = (0, self.rest.split_inclusive('\n'));
        // The rest of the line with its name is not one of its lines.
        at += lines.next().map_or(0, str::len);
        for line in lines {
            at += line.len();
            if line.trim_end_matches(['\r', '\n']).is_empty() {
                break;
            }
        }
        self.rest = &self.rest[at..];
    }
}

#[cfg(test)]
#[path = "../../../../fuzz/targets/netrc.rs"]
mod any_text;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_any_text_is_read_or_its_quotation_mark_is_missed() {
        crate::replay::vary("netrc", any_text::check);
    }

    fn of(text: &str, host: &str, user: Option<&str>) -> Result<Option<(String, String)>> {
        Netrc { text: text.to_owned(), shown: String::new() }.look_up(host, user)
    }

    fn of_h(text: &str, user: Option<&str>) -> Result<Option<(String, String)>> {
        of(text, "h", user)
    }

    #[test]
    fn of_a_user_that_is_named_the_password_is_looked_up() {
        let text =
            "machine h\npassword w\nlogin a\nmachine h login b\nmachine h password x login b";
        for (user, expected) in [("a", Some("w")), ("b", Some("x")), ("c", None)] {
            let found = of_h(text, Some(user)).unwrap();
            assert_eq!(found, expected.map(|it| (user.to_owned(), it.to_owned())), "{user}");
        }
        let found = of_h("machine h password w", Some("c")).unwrap();
        assert_eq!(found, Some(("c".to_owned(), "w".to_owned())));
        let netrc = |text: &str| Netrc { text: text.to_owned(), shown: String::new() };
        assert!(!netrc(text).speaks_of_others("H").unwrap());
        assert!(netrc(text).speaks_of_others("i").unwrap());
        assert!(netrc("machine h login a\ndefault login b").speaks_of_others("h").unwrap());
    }

    fn pair(user: &str, password: &str) -> Option<(String, String)> {
        Some((user.to_owned(), password.to_owned()))
    }

    #[test]
    fn the_first_entry_for_a_host_counts_and_the_default_for_all_others() {
        let text = "# mine\nmachine a.example login me password s3cret\n\
                    machine b.example\n  login you\n  password \"x\"\ndefault login any password p\n";
        let found = |host| of(text, host, None).unwrap();
        assert_eq!(found("A.example"), pair("me", "s3cret"));
        assert_eq!(found("b.example"), pair("you", "x"));
        assert_eq!(found("c.example"), pair("any", "p"));
        assert_eq!(of("machine a login b", "c", None).unwrap(), None);
    }

    #[test]
    fn quotes_escapes_macros_and_comments_are_read_as_curl_reads_them() {
        let table = [
            ("machine h login me password \"super secret\"", pair("me", "super secret")),
            (r#"machine h login "a\"b" password "c\\d\te""#, pair("a\"b", "c\\d\te")),
            (r#"machine h login me password a"b"#, pair("me", "a\"b")),
            (r#"machine h login me password "" account x"#, pair("me", "")),
            (
                "macdef init\nmachine h login no password no\n\nmachine h login y password z",
                pair("y", "z"),
            ),
            ("macdef a\ncd /x\r\n\r\nmachine h login y password z", pair("y", "z")),
            ("machine h login y macdef a\nb\n\npassword z", pair("y", "")),
            ("machine h\nmachine h login second", pair("second", "")),
            ("machine h password only", pair("", "only")),
            ("MACHINE h LOGIN y PassWord z", pair("y", "z")),
            ("machine h login machine password login", pair("machine", "login")),
            ("machine h login y password #z", pair("y", "#z")),
            ("machine h login y # password no\npassword z", pair("y", "z")),
            ("machine h login y\n # password no\npassword z", pair("y", "z")),
            ("machine h login y port 7 password z", pair("y", "z")),
            ("default\nmachine h login y password z", pair("y", "z")),
            ("machine h login y password z password w", pair("y", "w")),
        ];
        for (text, expected) in table {
            assert_eq!(of_h(text, None).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_quotation_mark_that_is_not_closed_is_an_error() {
        assert!(of_h("machine h login \"y password z", None).is_err());
    }
}
