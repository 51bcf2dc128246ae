//! curl's config files (`-K`): an option a line, with or without dashes, its value behind a space,
//! `=` or `:`, in quotes where it has spaces.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// A line that says something.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: usize,
    /// As it would be on a command line.
    pub(super) option: OsString,
    pub(super) value: Option<OsString>,
}

/// The lines that say something.
pub(super) fn lines(content: &[u8]) -> Vec<Line> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let lines = content.split(|byte| *byte == b'\n').enumerate();
    lines.filter_map(|(at, text)| line(at + 1, text.trim_ascii())).collect()
}

fn line(number: usize, text: &[u8]) -> Option<Line> {
    if matches!(text.first()?, b'#' | b'/' | b'*') {
        return None;
    }
    // Behind a dash these belong to the option.
    let dashed = text[0] == b'-';
    let parts = |byte: &u8| byte.is_ascii_whitespace() || (!dashed && matches!(byte, b'=' | b':'));
    let end = text.iter().position(parts).unwrap_or(text.len());
    let option = if dashed { text[..end].to_vec() } else { [b"--", &text[..end]].concat() };
    let rest = &text[end..];
    let rest = &rest[rest.iter().position(|byte| !parts(byte)).unwrap_or(rest.len())..];
    let value = match rest {
        [] | [b'#', ..] => None,
        [b'"', quoted @ ..] => Some(unquoted(quoted)),
        _ => Some(rest.split(u8::is_ascii_whitespace).next().unwrap_or_default().to_vec()),
    };
    Some(Line { number, option: OsString::from_vec(option), value: value.map(OsString::from_vec) })
}

/// What stands before the closing quote.
fn unquoted(text: &[u8]) -> Vec<u8> {
    let (mut value, mut escaped) = (Vec::new(), false);
    for &byte in text {
        match byte {
            _ if escaped => {
                value.push(match byte {
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b'v' => 0x0b,
                    other => other,
                });
                escaped = false;
            }
            b'\\' => escaped = true,
            b'"' => break,
            _ => value.push(byte),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_curl_reads_it() {
        let table: &[(&str, &str, Option<&str>)] = &[
            ("url = http://a/", "--url", Some("http://a/")),
            ("url: \"http://a/ b\" # no", "--url", Some("http://a/ b")),
            ("  user-agent \"a \\\"b\\\"\\t\\\\\"\r", "--user-agent", Some("a \"b\"\t\\")),
            ("-X PUT", "-X", Some("PUT")),
            ("-XPUT", "-XPUT", None),
            ("--data \"\"", "--data", Some("")),
            ("data==x", "--data", Some("x")),
            ("-d =x", "-d", Some("=x")),
            ("silent", "--silent", None),
            ("silent # quiet", "--silent", None),
            ("header = x-a: 1", "--header", Some("x-a:")),
        ];
        for (text, option, value) in table {
            let expected =
                Line { number: 2, option: option.into(), value: value.map(OsString::from) };
            assert_eq!(lines(format!("# first\n{text}\n\n").as_bytes()), [expected], "{text}");
        }
    }
}
