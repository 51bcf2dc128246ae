//! Parts of a multipart form from the command line, by curl's rules: `NAME=CONTENT`,
//! `NAME=@FILE` for one that is sent as a file, several behind commas for as many in one part,
//! `NAME=<FILE` for one whose content is the value; behind it `;type=TYPE`, `;filename=NAME`, `;headers=HEADER`.
//!
//! Files are read now: what is stored needs nothing of this machine.
//!
//! Absent on purpose: `;encoder=`, which no server needs, and parts nested by hand (`NAME=(`).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use slipstream_http::Part;

use crate::args::Piece;
use crate::body;

/// What a file is that nothing more is known of.
const OCTETS: &str = "application/octet-stream";

/// The parts that these options say.
pub(crate) fn parts(pieces: &[(Piece, OsString)]) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for (piece, text) in pieces {
        if *piece == Piece::FormString
            && let Some((name, content)) = plain(text)
        {
            parts.push(Part::new(name, content));
            continue;
        }
        let text = text.to_str().context("a form's part is not UTF-8; put it into a file")?;
        let Some((name, content)) = text.split_once('=') else {
            bail!("a form's part has no '='; write NAME=CONTENT, NAME=@FILE or NAME=<FILE");
        };
        parts.push(part(name, content)?);
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
        return match &split(files, ',')[..] {
            [one] => file(name, one),
            many => {
                let files = many.iter().map(|one| file(name, one)).collect::<Result<Vec<_>>>()?;
                Ok(Part::files(name, files))
            }
        };
    }
    let (text, more) = Attributes::read(content.strip_prefix('<').unwrap_or(content))?;
    if content.starts_with('<') && more.filename.is_some() {
        bail!(
            "a form part of '<FILE' is a value and has no file name; write @FILE, or leave it out"
        );
    }
    let (content, file) = match content.starts_with('<') {
        true => (body::content(text.as_bytes())?, Some(text)),
        false => (text.into_bytes(), None),
    };
    let by_name = match (&more.filename, file) {
        (Some(filename), _) => type_of(filename),
        // Text is what a value is anyway.
        (None, Some(path)) => type_of(&path).filter(|kind| *kind != "text/plain"),
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

fn file(name: &str, text: &str) -> Result<Part> {
    let (path, more) = Attributes::read(text)?;
    let content = body::content(path.as_bytes())?;
    let base = Path::new(&path).file_name().unwrap_or(OsStr::new("-"));
    let base = more.filename.clone().unwrap_or_else(|| base.to_string_lossy().into_owned());
    let by_name = type_of(&base).or_else(|| type_of(&path)).unwrap_or(OCTETS);
    // Nobody knows what comes from standard input.
    let by_name = if path == "-" { type_of(&base) } else { Some(by_name) };
    let mut part = Part::new(name, content).filename(base);
    if let Some(kind) = more.kind.as_deref().or(by_name) {
        part = part.content_type(kind);
    }
    Ok(more.headers(part))
}

/// What may stand behind a part's content.
#[derive(Debug, Default, PartialEq, Eq)]
struct Attributes {
    kind: Option<String>,
    filename: Option<String>,
    headers: Vec<(String, String)>,
}

impl Attributes {
    /// Takes content and attributes apart.
    fn read(text: &str) -> Result<(String, Self)> {
        let mut pieces = split(text, ';').into_iter();
        let content = unquoted(pieces.next().unwrap_or_default());
        let mut found = Self::default();
        for piece in pieces {
            let attribute = piece.trim_start();
            let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
            match name {
                "type" => found.kind = Some(unquoted(value)),
                "filename" => found.filename = Some(unquoted(value)),
                "headers" => {
                    let value = unquoted(value);
                    let Some((name, value)) = value.split_once(':') else {
                        bail!("a form part's header has no colon; write headers=\"Name: value\"");
                    };
                    found.headers.push((name.to_owned(), value.trim().to_owned()));
                }
                "encoder" => bail!("a form part's encoder cannot be stored; leave ';encoder=' out"),
                // Behind a type, what follows is the type's own: text/plain;charset=utf-8.
                _ if found.kind.is_some() => {
                    found.kind = found.kind.map(|kind| format!("{kind};{piece}"));
                }
                "" => {}
                // curl would leave it out, with a warning.
                _ => bail!(
                    "a form part's content ends at a semicolon; put it between quotation marks, as in 'a=\"b;c\"', or use --form-string"
                ),
            }
        }
        Ok((content, found))
    }

    fn headers(&self, part: Part) -> Part {
        self.headers.iter().fold(part, |part, (name, value)| part.header(name, value))
    }
}

/// Splits at a mark that stands outside of quotes.
fn split(text: &str, mark: char) -> Vec<&str> {
    let (mut pieces, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if letter == mark && !quoted => {
                pieces.push(&text[start..at]);
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    pieces.push(&text[start..]);
    pieces
}

/// Text without the quotes around it, and without the backslashes before quotes in it.
fn unquoted(text: &str) -> String {
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(inside) => inside.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => text.to_owned(),
    }
}

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

    #[test]
    fn what_stands_behind_a_part_s_content_is_read_as_curl_reads_it() {
        let none = Attributes::default;
        let kind = |kind: &str| Some(kind.to_owned());
        let table = [
            ("a", "a", none()),
            ("a;", "a", none()),
            ("\"a;b\"", "a;b", none()),
            ("\"a\\\"b\"", "a\"b", none()),
            ("a;type=text/x", "a", Attributes { kind: kind("text/x"), ..none() }),
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
        for (text, content, expected) in table {
            assert_eq!(Attributes::read(text).unwrap(), (content.to_owned(), expected), "{text}");
        }
        assert!(Attributes::read("a;encoder=base64").is_err());
        assert!(Attributes::read("a;b").is_err());
    }
}
