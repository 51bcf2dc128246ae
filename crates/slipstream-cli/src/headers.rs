//! Headers from the command line, by curl's rules: `Name: value` adds one, `Name;` adds
//! one without a value. `Name:`, which takes a default of curl's away, is refused: what is
//! stored says what is sent, and has no way to say that.

use std::ffi::OsStr;

use anyhow::{Result, bail};

/// The name and value that one `-H` means.
pub(crate) fn parse(header: &OsStr) -> Result<(String, String)> {
    let Some(text) = header.to_str() else {
        let name = header.to_string_lossy();
        let name = name.split([':', ';']).next().unwrap_or_default();
        bail!("the header '{name}' is not UTF-8; write it in UTF-8");
    };
    if let Some((name, value)) = text.split_once(':') {
        let value = value.trim_matches([' ', '\t']);
        if value.is_empty() {
            bail!(
                "the header '{name}:' would take a default header away, which cannot be stored; give it a value, or write '{name};' to send it empty"
            );
        }
        return Ok((name.to_owned(), value.to_owned()));
    }
    match text.split_once(';') {
        Some((name, rest)) if rest.trim().is_empty() => Ok((name.to_owned(), String::new())),
        _ => {
            // It may well be a value whose name was forgotten, so it is not shown.
            bail!("a header has no colon; write 'Name: value', or 'Name;' to send it empty")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_curl_reads_it() {
        let table = [
            ("x-foo: bar", Some(("x-foo", "bar"))),
            ("x-foo:bar", Some(("x-foo", "bar"))),
            ("x-foo: \ta: b;c ", Some(("x-foo", "a: b;c"))),
            ("x-foo;", Some(("x-foo", ""))),
            ("x-foo; ", Some(("x-foo", ""))),
            ("x-foo:", None),
            ("x-foo:  ", None),
            ("x-foo", None),
            ("x-foo; bar", None),
            ("", None),
        ];
        for (text, expected) in table {
            let read = parse(OsStr::new(text)).ok();
            let read = read.as_ref().map(|(name, value)| (&**name, &**value));
            assert_eq!(read, expected, "{text:?}");
        }
    }
}
