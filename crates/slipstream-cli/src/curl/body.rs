//! Bodies from the command line, by curl's rules.
//!
//! `@FILE` is a file's content and `@-` what standard input holds. `-d` leaves out the
//! line breaks and zero bytes of a file; pieces are joined with `&`. `--json` takes files as
//! they are, and joins without anything in between.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::options::pieces::Piece;

/// Longest content that is read from one file: no spool takes a larger record.
const CONTENT_MAX: u64 = 1 << 30;

/// The body that these pieces make together.
pub(crate) fn joined(pieces: &[(Piece, OsString)]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    for (piece, text) in pieces {
        if !body.is_empty() && *piece != Piece::Json {
            body.push(b'&');
        }
        let text = text.as_bytes();
        let file = text.strip_prefix(b"@");
        match (piece, file) {
            (Piece::Data, Some(file)) => {
                body.extend(content(file)?.iter().filter(|b| !b"\r\n\0".contains(b)));
            }
            (Piece::Binary | Piece::Json, Some(file)) => body.extend(content(file)?),
            (Piece::Urlencode, _) => body.extend(urlencoded(text)?),
            _ => body.extend_from_slice(text),
        }
    }
    Ok(body)
}

/// `CONTENT`, `=CONTENT`, `NAME=CONTENT`, `@FILE` or `NAME@FILE`, the content encoded.
pub(crate) fn urlencoded(text: &[u8]) -> Result<Vec<u8>> {
    let first = |mark| text.iter().position(|byte| *byte == mark);
    let Some(at) = first(b'=').or_else(|| first(b'@')) else {
        return Ok(encoded(text));
    };
    let (name, rest) = (&text[..at], &text[at + 1..]);
    let value = if text[at] == b'@' { encoded(&content(rest)?) } else { encoded(rest) };
    if name.is_empty() {
        return Ok(value);
    }
    Ok([name, b"=", &value].concat())
}

/// The same, but that a space is a +, as curl has it in a body.
fn encoded(bytes: &[u8]) -> Vec<u8> {
    let words: Vec<_> = bytes.split(|byte| *byte == b' ').map(percent_encoded).collect();
    words.join("+").into_bytes()
}

/// Percent-encoded, but for what RFC 3986 calls unreserved.
pub(crate) fn percent_encoded(bytes: &[u8]) -> String {
    const UNRESERVED: AsciiSet =
        NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    percent_encode(bytes, &UNRESERVED).to_string()
}

/// What the file of this name holds; - for standard input.
pub(crate) fn content(name: &[u8]) -> Result<Vec<u8>> {
    if name == b"-" {
        return read(io::stdin().lock(), "standard input");
    }
    let path = Path::new(OsStr::from_bytes(name));
    let shown = path.display().to_string();
    let file = File::open(path).with_context(|| format!("cannot open the file '{shown}'"))?;
    read(file, &shown)
}

/// What a file holds that is said to be `whose`.
pub(crate) fn file(path: &Path, whose: &str) -> Result<Vec<u8>> {
    let shown = path.display().to_string();
    let file =
        File::open(path).with_context(|| format!("cannot open the {whose} file '{shown}'"))?;
    read(file, &shown)
}

fn read(from: impl Read, name: &str) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    from.take(CONTENT_MAX + 1)
        .read_to_end(&mut content)
        .with_context(|| format!("cannot read {name}"))?;
    if content.len() as u64 > CONTENT_MAX {
        bail!("{name} holds more than 1 GiB, which no spool takes; send it in parts");
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(piece: Piece, parts: &[&str]) -> Vec<u8> {
        let parts: Vec<_> = parts.iter().map(|part| (piece, OsString::from(part))).collect();
        joined(&parts).unwrap()
    }

    #[test]
    fn data_is_joined_as_curl_joins_it() {
        let data = |parts| body(Piece::Data, parts);
        assert_eq!(data(&["a=1"]), b"a=1");
        assert_eq!(data(&["a=1", "b=2"]), b"a=1&b=2");
        assert_eq!(data(&["", "b=2"]), b"b=2");
        assert_eq!(data(&["a=1", ""]), b"a=1&");
        assert_eq!(data(&["a\r\nb"]), b"a\r\nb");
        assert_eq!(body(Piece::Raw, &["@a"]), b"@a");
        assert_eq!(body(Piece::Json, &["[1,", "2]"]), b"[1,2]");
        let mixed = [(Piece::Data, "a"), (Piece::Json, "1"), (Piece::Data, "b")];
        let mixed = mixed.map(|(piece, text)| (piece, OsString::from(text)));
        assert_eq!(joined(&mixed).unwrap(), b"a1&b");
    }

    #[test]
    fn data_is_encoded_as_curl_encodes_it() {
        let table = [
            ("a b&c", "a+b%26c"),
            ("=a=b", "a%3Db"),
            ("name=a b", "name=a+b"),
            ("a@b=c d", "a@b=c+d"),
            ("na me=ü", "na me=%C3%BC"),
            ("-._~", "-._~"),
        ];
        for (text, expected) in table {
            assert_eq!(body(Piece::Urlencode, &[text]), expected.as_bytes(), "{text}");
        }
    }

    #[test]
    fn a_file_loses_its_line_breaks_to_data_and_keeps_them_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("body");
        std::fs::write(&path, b"{\"a\":\r\n\0\xff}\n").unwrap();
        let name = format!("@{}", path.display());
        assert_eq!(body(Piece::Data, &[&name]), b"{\"a\":\xff}");
        assert_eq!(body(Piece::Binary, &[&name]), b"{\"a\":\r\n\0\xff}\n");
        assert_eq!(body(Piece::Json, &[&name, "1"]), b"{\"a\":\r\n\0\xff}\n1");
        let named = format!("n{name}");
        assert_eq!(body(Piece::Urlencode, &[&named]), b"n=%7B%22a%22%3A%0D%0A%00%FF%7D%0A");
    }
}
