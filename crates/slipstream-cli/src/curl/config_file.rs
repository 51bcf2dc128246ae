//! curl's config files (`-K`): an option a line, with or without dashes, its value behind a space,
//! `=` or `:`, in quotes where it has spaces. Only a comment may follow the value.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// A line that says something.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: usize,
    /// As it would be on a command line.
    pub(super) option: OsString,
    pub(super) value: Option<OsString>,
    /// Whether there is text behind the value. curl leaves that out, with a warning at best.
    pub(super) is_cut: bool,
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
    let (value, behind) = match rest {
        [] => (None, rest),
        [b'"', quoted @ ..] => {
            let (value, behind) = unquoted(quoted);
            // Without a quote at its end, who knows where it was meant to end.
            (Some(value), behind.unwrap_or(b"?"))
        }
        _ => {
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            (Some(rest[..end].to_vec()), &rest[end..])
        }
    };
    let is_cut = !matches!(behind.trim_ascii_start(), [] | [b'#', ..]);
    let (option, value) = (OsString::from_vec(option), value.map(OsString::from_vec));
    Some(Line { number, option, value, is_cut })
}

/// What precedes the closing quote, and what follows it if there is one.
fn unquoted(text: &[u8]) -> (Vec<u8>, Option<&[u8]>) {
    let (mut value, mut escaped) = (Vec::new(), false);
    for (at, &byte) in text.iter().enumerate() {
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
            b'"' => return (value, Some(&text[at + 1..])),
            _ => value.push(byte),
        }
    }
    (value, None)
}

#[cfg(test)]
#[path = "../../../../fuzz/targets/config_file.rs"]
mod any_bytes;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_any_bytes_says_options_and_any_value_can_be_said() {
        crate::replay::vary("config_file", any_bytes::check);
    }

    #[test]
    fn a_line_is_read_as_curl_reads_it() {
        let table: &[(&str, &str, Option<&str>)] = &[
            ("data #x", "--data", Some("#x")),
            ("data a#x # y", "--data", Some("a#x")),
            ("data \"a\"# y", "--data", Some("a")),
            ("url = http://a/", "--url", Some("http://a/")),
            ("url: \"http://a/ b\" # no", "--url", Some("http://a/ b")),
            ("  user-agent \"a \\\"b\\\"\\t\\\\\"\r", "--user-agent", Some("a \"b\"\t\\")),
            ("-X PUT", "-X", Some("PUT")),
            ("-XPUT", "-XPUT", None),
            ("--data \"\"", "--data", Some("")),
            ("data==x", "--data", Some("x")),
            ("-d =x", "-d", Some("=x")),
            ("silent", "--silent", None),
        ];
        for (text, option, value) in table {
            let value = value.map(OsString::from);
            let expected = Line { number: 2, option: option.into(), value, is_cut: false };
            assert_eq!(lines(format!("# first\n{text}\n\n").as_bytes()), [expected], "{text}");
        }
    }

    #[test]
    fn text_behind_a_value_is_noticed() {
        for text in [
            "header = x-a: 1",
            "data a b",
            "data \"a\"b",
            "data \"a\" b # c",
            "silent # a",
            "data \"a b",
        ] {
            let cut = lines(text.as_bytes()).iter().any(|line| line.is_cut);
            assert!(cut, "{text}");
        }
    }
}
