//! Parts of a multipart form from the command line, by curl's rules: `NAME=CONTENT`, `NAME=@FILE`
//! for a part that is sent as a file, several behind commas for as many in one part, `NAME=<FILE`
//! for a part whose value is the file's content; behind it `;type=TYPE`, `;filename=NAME`,
//! `;headers=HEADER`.
//!
//! Files are read now: what is stored needs nothing of this machine.
//!
//! # Non-goals
//! `;encoder=`, which no server needs, and parts nested by hand (`NAME=(`).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use slipstream_http::Part;

use crate::curl::body;
use crate::options::pieces::Piece;

/// What a file is that nothing more is known of.
const OCTETS: &str = "application/octet-stream";

/// The parts that these options say. `escapes` has quotation marks in names behind backslashes, in
/// place of percent-encoding them.
pub(crate) fn parts(pieces: &[(Piece, OsString)], escapes: bool) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for (piece, text) in pieces {
        if *piece == Piece::FormString
            && let Some((name, content)) = plain(text)
        {
            parts.push(Part::new(name, content).with_backslashes(escapes));
            continue;
        }
        let text = text.to_str().context("a form's part is not UTF-8; put it into a file")?;
        let Some((name, content)) = text.split_once('=') else {
            bail!("a form's part has no '='; write NAME=CONTENT, NAME=@FILE or NAME=<FILE");
        };
        parts.push(part(name, content)?.with_backslashes(escapes));
    }
    Ok(parts)
}

/// Name and content of a part whose text is only text, and so may be any bytes.
fn plain(text: &OsStr) -> Option<(&str, &[u8])> {
    let at = text.as_bytes().iter().position(|byte| *byte == b'=')?;
    let (name, content) = text.as_bytes().split_at(at);
    Some((std::str::from_utf8(name).ok()?, &content[1..]))
}

fn part(name: &str, content: &str) -> Result<Part> {
    if let Some(files) = content.strip_prefix('@') {
        return match &described(files, Some(','))?[..] {
            [one] => file(name, one),
            many => {
                let files = many.iter().map(|one| file(name, one)).collect::<Result<Vec<_>>>()?;
                Ok(Part::files(name, files))
            }
        };
    }
    if content.starts_with('(') || (name.is_empty() && content == ")") {
        bail!(
            "parts of a form that are nested by hand cannot be stored; write --form-string for a value that begins with '('"
        );
    }
    let described = described(content.strip_prefix('<').unwrap_or(content), None)?;
    let [Described { content: text, more }] = &described[..] else {
        unreachable!("without a mark that ends a description there is one");
    };
    if content.starts_with('<') && more.filename.is_some() {
        bail!(
            "a form part of '<FILE' is a value and has no file name; write @FILE, or leave it out"
        );
    }
    let (content, file) = match content.starts_with('<') {
        true => (body::content(text.as_bytes())?, Some(text)),
        false => (text.clone().into_bytes(), None),
    };
    let by_name = match (&more.filename, file) {
        (Some(filename), _) => type_of(filename),
        // Text is what a value is anyway.
        (None, Some(path)) => type_of(path).filter(|kind| *kind != "text/plain"),
        (None, None) => None,
    };
    let mut part = Part::new(name, content);
    if let Some(kind) = more.kind.as_deref().or(by_name) {
        part = part.content_type(kind);
    }
    if let Some(filename) = &more.filename {
        part = part.filename(filename);
    }
    Ok(more.headers(part))
}

fn file(name: &str, described: &Described) -> Result<Part> {
    let Described { content: path, more } = described;
    let content = body::content(path.as_bytes())?;
    let base = Path::new(path).file_name().unwrap_or(OsStr::new("-"));
    let base = more.filename.clone().unwrap_or_else(|| base.to_string_lossy().into_owned());
    let by_name = type_of(&base).or_else(|| type_of(path)).unwrap_or(OCTETS);
    // Of what comes from standard input only a given name shows the type.
    let by_name = if path == "-" { type_of(&base) } else { Some(by_name) };
    let mut part = Part::new(name, content).filename(base);
    if let Some(kind) = more.kind.as_deref().or(by_name) {
        part = part.content_type(kind);
    }
    Ok(more.headers(part))
}

/// A part's content, or the file that it is in, and what is said of it.
#[derive(Debug, PartialEq, Eq)]
struct Described {
    content: String,
    more: Attributes,
}

/// What may follow a part's content.
#[derive(Debug, Default, PartialEq, Eq)]
struct Attributes {
    kind: Option<String>,
    filename: Option<String>,
    headers: Vec<(String, String)>,
}

/// Takes descriptions apart: content and attributes, several behind a `mark` if there is one.
fn described(text: &str, mark: Option<char>) -> Result<Vec<Described>> {
    let mut all = Vec::new();
    let mut words = Words { text, rest: text, mark };
    loop {
        let (content, mut more) = (words.next()?, Attributes::default());
        // Where a type begins whose end may still come.
        let mut kind = None;
        while words.take(';') {
            more.read(&mut words, &mut kind)?;
        }
        all.push(Described { content, more });
        if !mark.is_some_and(|mark| words.take(mark)) {
            return Ok(all);
        }
    }
}

impl Attributes {
    fn read(&mut self, words: &mut Words<'_>, kind: &mut Option<usize>) -> Result<()> {
        words.skip_blanks();
        // Behind a type, what follows is the type's own, up to the next other attribute:
        // text/plain;charset=utf-8.
        let begun = *kind;
        let known = ["filename=", "headers=", "encoder="].iter().find(|name| words.take_name(name));
        *kind = kind.filter(|_| known.is_none());
        match (known.copied(), begun) {
            (Some("filename="), _) => self.filename = Some(words.next()?),
            (Some("headers="), _) => self.header(words)?,
            (Some(_), _) => {
                bail!("a form part's encoder cannot be stored; leave ';encoder=' out")
            }
            (None, Some(start)) => self.kind = Some(words.plain_since(start)?),
            (None, None) if words.take_name("type=") => {
                words.skip_blanks();
                let start = words.at();
                *kind = Some(start);
                self.kind = Some(words.plain_since(start)?);
            }
            (None, None) if words.next_plain().is_empty() => {}
            // curl would leave it out, with a warning.
            (None, None) => bail!(
                "a form part's content ends at a semicolon; put it between quotation marks, as in 'a=\"b;c\"', or use --form-string"
            ),
        }
        Ok(())
    }

    fn header(&mut self, words: &mut Words<'_>) -> Result<()> {
        if words.rest.starts_with(['@', '<']) {
            bail!(
                "headers of a form part from a file cannot be stored; write each as ;headers=\"Name: value\""
            );
        }
        let header = words.next()?;
        let Some((name, value)) = header.split_once(':') else {
            bail!("a form part's header has no colon; write headers=\"Name: value\"");
        };
        self.headers.push((name.to_owned(), value.trim().to_owned()));
        Ok(())
    }

    fn headers(&self, part: Part) -> Part {
        self.headers.iter().fold(part, |part, (name, value)| part.header(name, value))
    }
}

/// The words of a part, as curl takes them apart: each ends at a semicolon, or at the mark.
struct Words<'t> {
    text: &'t str,
    rest: &'t str,
    mark: Option<char>,
}

impl<'t> Words<'t> {
    /// The next word. Quotes count only around the whole of it; within them a backslash precedes a
    /// quote or another backslash. Blanks around a word without quotes are not part of it.
    fn next(&mut self) -> Result<String> {
        self.skip_blanks();
        let Some(word) = self.rest.strip_prefix('"').and_then(|inside| self.quoted(inside)) else {
            return Ok(self.next_plain().to_owned());
        };
        if !self.next_plain().is_empty() {
            bail!(
                "a form part has text behind a closing quotation mark; write \\\" for a mark that is meant, or use --form-string"
            );
        }
        Ok(word)
    }

    /// Where the next word begins.
    fn at(&self) -> usize {
        self.text.len() - self.rest.len()
    }

    /// All from there up to the end of the next word, unchanged.
    fn plain_since(&mut self, start: usize) -> Result<String> {
        self.next_plain();
        let plain = &self.text[start..self.at()];
        if plain.contains(['"', '\t']) {
            bail!(
                "invalid type {plain:?} of a form part; expected one without quotation marks and tabs"
            );
        }
        Ok(plain.trim_end_matches(' ').to_owned())
    }

    /// The next word, with whatever quotes are in it.
    fn next_plain(&mut self) -> &'t str {
        let ends = |letter| letter == ';' || Some(letter) == self.mark;
        let (word, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        word.trim_matches(BLANKS)
    }

    /// A word in quotes, if they are closed.
    fn quoted(&mut self, inside: &'t str) -> Option<String> {
        let (mut word, mut letters) = (String::new(), inside.chars());
        while let Some(letter) = letters.next() {
            match letter {
                '"' => {
                    self.rest = letters.as_str();
                    return Some(word);
                }
                '\\' if letters.as_str().starts_with(['"', '\\']) => word.extend(letters.next()),
                _ => word.push(letter),
            }
        }
        None
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(BLANKS);
    }

    fn take(&mut self, mark: char) -> bool {
        self.rest.strip_prefix(mark).inspect(|rest| self.rest = rest).is_some()
    }

    /// Takes a name in any case.
    fn take_name(&mut self, name: &str) -> bool {
        let is_name = |begin: &str| begin.eq_ignore_ascii_case(name);
        let found = self.rest.get(..name.len()).is_some_and(is_name);
        if found {
            self.rest = &self.rest[name.len()..];
        }
        found
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

/// What curl takes a file for, by its name.
fn type_of(name: &str) -> Option<&'static str> {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
    Some(match end.as_deref() {
        Some("gif") => "image/gif",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("png") => "image/png",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain",
        Some("htm" | "html") => "text/html",
        Some("pdf") => "application/pdf",
        Some("xml") => "application/xml",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(kind: &str) -> Option<String> {
        Some(kind.to_owned())
    }

    #[test]
    fn a_part_s_content_and_what_stands_behind_it_is_read_as_curl_reads_it() {
        let none = Attributes::default;
        let table = [
            ("a", "a", none()),
            ("a;", "a", none()),
            (" a b\t", "a b", none()),
            ("\" a \"", " a ", none()),
            ("\"a;b\"", "a;b", none()),
            ("\"a;b\"  ;type=x/y", "a;b", Attributes { kind: kind("x/y"), ..none() }),
            ("\"a\\\"b\\\\\\n\"", "a\"b\\\\n", none()),
            // Quotes that do not begin the word, or are never closed, are text.
            (
                "size=15\";type=text/plain",
                "size=15\"",
                Attributes { kind: kind("text/plain"), ..none() },
            ),
            ("\"open;type=text/x", "\"open", Attributes { kind: kind("text/x"), ..none() }),
            ("a\\b", "a\\b", none()),
            ("a;type=text/x", "a", Attributes { kind: kind("text/x"), ..none() }),
            ("a;Type= text/x ", "a", Attributes { kind: kind("text/x"), ..none() }),
            (
                "a;type=text/x;charset=utf-8",
                "a",
                Attributes { kind: kind("text/x;charset=utf-8"), ..none() },
            ),
            (
                "a; filename=\"b c\";headers=\"x-y: z\"",
                "a",
                Attributes {
                    filename: kind("b c"),
                    headers: vec![("x-y".into(), "z".into())],
                    ..none()
                },
            ),
        ];
        for (text, content, more) in table {
            let expected = Described { content: content.to_owned(), more };
            assert_eq!(described(text, None).unwrap(), [expected], "{text}");
        }
        for wrong in ["a;encoder=base64", "a;b", "\"a\"b", "a;type=\"b/c\"", "a;headers=@x"] {
            assert!(described(wrong, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn several_files_stand_behind_commas_that_quotes_do_not_hold() {
        let found = described("a;type=x/y, b ,\"c,d\";filename=e,f\"g", Some(',')).unwrap();
        let contents: Vec<_> = found.iter().map(|one| &*one.content).collect();
        assert_eq!(contents, ["a", "b", "c,d", "f\"g"]);
        assert_eq!(found[0].more.kind, kind("x/y"));
        assert_eq!(found[2].more.filename, kind("e"));
    }

    #[test]
    fn parts_that_are_nested_by_hand_are_refused() {
        for (name, content) in [("a", "(;type=x/y"), ("", ")")] {
            assert!(part(name, content).unwrap_err().to_string().contains("nested"), "{content}");
        }
    }
}
