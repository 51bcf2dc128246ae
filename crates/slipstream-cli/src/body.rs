//! Bodies from the command line, by curl's rules.
//!
//! `@FILE` is a file's content and `@-` what standard input holds. `-d` leaves out the
//! line breaks and zero bytes of a file, and joins with `&`; `--json` takes files as they
//! are, and joins without anything in between.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Longest content that is read from one file: no spool takes a larger record.
const CONTENT_MAX: u64 = 1 << 30;

/// The body that several `-d` make together.
pub(crate) fn from_data(parts: &[OsString]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    for part in parts {
        if !body.is_empty() {
            body.push(b'&');
        }
        match content(part)? {
            Some(content) => body.extend(content.iter().filter(|b| !b"\r\n\0".contains(b))),
            None => body.extend_from_slice(part.as_bytes()),
        }
    }
    Ok(body)
}

/// The body that several `--json` make together.
pub(crate) fn from_json(parts: &[OsString]) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    for part in parts {
        match content(part)? {
            Some(content) => body.extend_from_slice(&content),
            None => body.extend_from_slice(part.as_bytes()),
        }
    }
    Ok(body)
}

/// What the file named by `@FILE` holds; nothing when no file is named.
fn content(part: &OsStr) -> Result<Option<Vec<u8>>> {
    let Some(name) = part.as_bytes().strip_prefix(b"@") else {
        return Ok(None);
    };
    if name == b"-" {
        return read(io::stdin().lock(), "standard input").map(Some);
    }
    let path = Path::new(OsStr::from_bytes(name));
    let shown = path.display().to_string();
    let file =
        File::open(path).with_context(|| format!("cannot open the body's file '{shown}'"))?;
    read(file, &shown).map(Some)
}

fn read(from: impl Read, name: &str) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    from.take(CONTENT_MAX + 1)
        .read_to_end(&mut content)
        .with_context(|| format!("cannot read the body from {name}"))?;
    if content.len() as u64 > CONTENT_MAX {
        bail!("{name} holds more than 1 GiB, which no spool takes; send it in parts");
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(parts: &[&str]) -> Vec<u8> {
        let parts: Vec<_> = parts.iter().map(OsString::from).collect();
        from_data(&parts).unwrap()
    }

    #[test]
    fn data_is_joined_as_curl_joins_it() {
        assert_eq!(data(&["a=1"]), b"a=1");
        assert_eq!(data(&["a=1", "b=2"]), b"a=1&b=2");
        assert_eq!(data(&["", "b=2"]), b"b=2");
        assert_eq!(data(&["a=1", ""]), b"a=1&");
        assert_eq!(data(&["a\r\nb"]), b"a\r\nb");
    }

    #[test]
    fn a_file_loses_its_line_breaks_to_data_and_keeps_them_in_json() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("body");
        std::fs::write(&path, b"{\"a\":\r\n\0\xff}\n").unwrap();
        let mut name = OsString::from("@");
        name.push(&path);
        assert_eq!(from_data(&[name.clone()]).unwrap(), b"{\"a\":\xff}");
        let parts = [name, "1".into()];
        assert_eq!(from_json(&parts).unwrap(), b"{\"a\":\r\n\0\xff}\n1");
    }
}
