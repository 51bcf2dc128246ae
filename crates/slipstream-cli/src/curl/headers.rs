//! Headers from the command line, by curl's rules: `Name: value` adds one, `Name;` adds one without
//! a value, `Name:` leaves a usual one out, `@FILE` is a file with one on each line. Anything else
//! is not sent, as by curl, and a line says so.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use anyhow::{Context, Result, bail};

use crate::curl::body;
use crate::term::print;

/// What one `-H` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Header {
    /// It is added.
    Added(String, String),
    /// It is not to be sent unasked.
    Without(String),
}

impl Header {
    /// Which header it is about.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Added(name, _) | Self::Without(name) => name,
        }
    }
}

/// All headers that these say, files read.
pub(crate) fn all(given: &[OsString]) -> Result<Vec<Header>> {
    let mut headers = Vec::new();
    for header in given {
        let Some(file) = header.as_bytes().strip_prefix(b"@") else {
            headers.extend(parse(header)?);
            continue;
        };
        let content = body::content(file)?;
        for line in content.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                let shown = String::from_utf8_lossy(file).into_owned();
                let header = parse(OsStr::from_bytes(line));
                headers.extend(header.with_context(|| format!("in the headers' file '{shown}'"))?);
            }
        }
    }
    Ok(headers)
}

/// What one `-H` means, if it means something.
fn parse(header: &OsStr) -> Result<Option<Header>> {
    let Some(text) = header.to_str() else {
        let name = header.to_string_lossy();
        let name = name.split([':', ';']).next().unwrap_or_default();
        bail!("the header '{name}' is not UTF-8; write it in UTF-8");
    };
    if let Some((name, value)) = text.split_once(':') {
        let value = value.trim_start_matches([' ', '\t']);
        return Ok(Some(match value.trim_end_matches([' ', '\t']) {
            "" => Header::Without(name.to_owned()),
            _ => Header::Added(name.to_owned(), value.to_owned()),
        }));
    }
    match text.split_once(';') {
        Some((name, "")) => Ok(Some(Header::Added(name.to_owned(), String::new()))),
        _ => {
            // It may well be a value whose name was forgotten, so it is not shown.
            print::complain(
                "a header has no colon and is not sent; write 'Name: value', or 'Name;' to send it empty",
            );
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_curl_reads_it() {
        let added = |name: &str, value: &str| Some(Header::Added(name.into(), value.into()));
        let without = |name: &str| Some(Header::Without(name.into()));
        let table = [
            ("x-foo: bar", added("x-foo", "bar")),
            ("x-foo:bar", added("x-foo", "bar")),
            ("x-foo: \ta: b;c ", added("x-foo", "a: b;c ")),
            ("x-foo;", added("x-foo", "")),
            ("x-foo; ", None),
            ("Accept:", without("Accept")),
            ("Accept:  ", without("Accept")),
            ("x-foo", None),
            ("x-foo; bar", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse(OsStr::new(text)).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_file_has_a_header_on_each_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("headers");
        std::fs::write(&path, "x-a: 1\r\n\nx-b;\n").unwrap();
        let name = OsString::from(format!("@{}", path.display()));
        let read = all(&[name, "x-c: 3".into()]).unwrap();
        let names: Vec<_> = read.iter().map(Header::name).collect();
        assert_eq!(names, ["x-a", "x-b", "x-c"]);
    }
}
