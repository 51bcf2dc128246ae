//! What curl's options make of a URL's text.
//!
//! # Non-goals
//! Whether it is a URL at all, and where it leads. slipstream-http looks at that when the request
//! is checked.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// What curl takes from the beginning of a host, in place of http.
const GUESSED: [&str; 6] = ["ftp", "dict", "ldap", "imap", "smtp", "pop3"];

/// The URL with its scheme: `usual`, or http, if there is none. One slash behind it and three are two,
/// to curl.
pub(crate) fn with_scheme(url: &str, usual: Option<&str>) -> Result<String> {
    let first = url.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some(scheme) = first.strip_suffix(':') {
        let rest = &url[first.len()..];
        let host = rest.trim_start_matches('/');
        let is_http = ["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme));
        return Ok(match rest.len() - host.len() {
            1 | 3 if is_http => format!("{scheme}://{host}"),
            _ => url.to_owned(),
        });
    }
    if url.is_empty() {
        return Ok(String::new());
    }
    let host = first.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let begins = |name: &&&str| host.strip_prefix(**name).is_some_and(|rest| rest.starts_with('.'));
    if let (Some(name), None) = (GUESSED.iter().find(begins), usual) {
        bail!(
            "without a scheme, curl takes a host that begins with '{name}.' for one of {name}; write http:// before it"
        );
    }
    Ok(format!("{}://{url}", usual.unwrap_or("http")))
}

/// User and password that stand in a URL, decoded.
pub(crate) fn user_of(url: &str) -> Option<(String, Option<String>)> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (user, _) = authority.rsplit_once('@')?;
    Some(match user.split_once(':') {
        Some((user, password)) => (decoded(user), Some(decoded(password))),
        None => (decoded(user), None),
    })
}

/// Text without its percent-encoding.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).filter(|_| *first == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The URL with more in its query.
pub(crate) fn with_query(url: &str, more: &[Vec<u8>]) -> Result<String> {
    let (address, fragment) = match url.split_once('#') {
        Some((address, fragment)) => (address.to_owned(), format!("#{fragment}")),
        None => (url.to_owned(), String::new()),
    };
    let mut url = address;
    for piece in more.iter().filter(|piece| !piece.is_empty()) {
        let piece = std::str::from_utf8(piece)
            .context("what goes into the url's query is not UTF-8; write it percent-encoded")?;
        let authority_end = url.find("://").map_or(0, |at| at + 3);
        if !url[authority_end..].contains(['/', '?']) {
            url.push('/');
        }
        url.push(match url.split_once('?') {
            Some(_) => '&',
            None => '?',
        });
        url.push_str(piece);
    }
    Ok(url + &fragment)
}

/// Where a file is uploaded to: behind a last '/', the file's own name is added, percent-encoded.
pub(crate) fn uploaded_to(url: &str, file: Option<&Path>) -> String {
    let Some(name) = file.and_then(Path::file_name).filter(|name| *name != "-") else {
        return url.to_owned();
    };
    let name = name.as_bytes().iter().map(|&byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    let authority_end = url.find("://").map_or(0, |at| at + 3);
    let slash = match url[authority_end..].find('/') {
        _ if url.contains(['?', '#']) => return url.to_owned(),
        Some(_) if url.ends_with('/') => "",
        Some(_) => return url.to_owned(),
        None => "/",
    };
    format!("{url}{slash}{}", name.collect::<String>())
}

/// The URL without dot segments in its path, as curl squashes them before it sends it (RFC 3986,
/// section 5.2.4).
pub(crate) fn squashed(url: &str) -> String {
    let Some(authority) = url.find("://").map(|at| at + 3) else {
        return url.to_owned();
    };
    let path_end = url.find(['?', '#']).unwrap_or(url.len());
    let path_start = url[authority..].find('/').map_or(url.len(), |at| authority + at);
    if path_start >= path_end {
        return url.to_owned();
    }
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = url[path_start + 1..path_end].split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment == ".." {
            kept.pop();
        } else if segment != "." {
            kept.push(segment);
            continue;
        }
        // What ends with dots names a directory.
        if segments.peek().is_none() {
            kept.push("");
        }
    }
    format!("{}/{}{}", &url[..path_start], kept.join("/"), &url[path_end..])
}

/// A URL as text.
pub(crate) fn text_of(url: &OsStr) -> Result<&str> {
    match url.to_str() {
        Some(text) => Ok(text),
        None => bail!("the url is not UTF-8; write such bytes percent-encoded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_scheme_is_one_of_http() {
        for (url, expected) in [
            ("a.example", "http://a.example"),
            ("a:81/b?c=http://d", "http://a:81/b?c=http://d"),
            ("[::1]:81", "http://[::1]:81"),
            ("HTTPS://a", "HTTPS://a"),
            ("tcp://a:1", "tcp://a:1"),
            ("?x://y", "http://?x://y"),
            ("http:/a/b", "http://a/b"),
            ("Https:///a/b", "Https://a/b"),
            ("http:////a/b", "http:////a/b"),
            ("ftp", "http://ftp"),
        ] {
            assert_eq!(with_scheme(url, None).unwrap(), expected);
        }
        assert_eq!(with_scheme("ftp.a/b", Some("https")).unwrap(), "https://ftp.a/b");
        for url in ["ftp.a/b", "u:p@SMTP.a.example:25"] {
            let error = with_scheme(url, None).unwrap_err().to_string();
            assert!(error.ends_with("write http:// before it"), "{error}");
        }
    }

    #[test]
    fn user_and_password_of_a_url_are_found() {
        for (url, expected) in [
            ("http://a@h/", Some(("a", None))),
            ("http://a%40b:c%zz@h/", Some(("a@b", Some("c%zz")))),
            ("http://:c@h/", Some(("", Some("c")))),
            ("http://h/a@b", None),
        ] {
            let expected = expected.map(|(user, password): (&str, Option<&str>)| {
                (user.to_owned(), password.map(str::to_owned))
            });
            assert_eq!(user_of(url), expected, "{url}");
        }
    }

    #[test]
    fn a_query_is_added_to_as_curl_adds_to_it() {
        let table = [
            ("http://a/", &["x=1"][..], "http://a/?x=1"),
            ("http://a", &["x=1"], "http://a/?x=1"),
            ("http://a?y", &["x=1", "z"], "http://a?y&x=1&z"),
            ("http://a/b?#top", &["x=1"], "http://a/b?&x=1#top"),
            ("http://a/b", &[""], "http://a/b"),
        ];
        for (url, more, expected) in table {
            let more: Vec<_> = more.iter().map(|piece| piece.as_bytes().to_vec()).collect();
            assert_eq!(with_query(url, &more).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn a_file_is_uploaded_under_its_name_where_the_url_ends_with_a_slash() {
        let to = |url| uploaded_to(url, Some(Path::new("/tmp/a.txt")));
        assert_eq!(to("http://a"), "http://a/a.txt");
        assert_eq!(to("http://a/b/"), "http://a/b/a.txt");
        assert_eq!(to("http://a/b"), "http://a/b");
        assert_eq!(to("http://a/?b"), "http://a/?b");
        assert_eq!(
            uploaded_to("http://a/", Some(Path::new("b c/d ü?.txt"))),
            "http://a/d%20%C3%BC%3F.txt"
        );
        assert_eq!(uploaded_to("http://a/", Some(Path::new("-"))), "http://a/");
    }

    #[test]
    fn dots_in_a_path_are_squashed_and_nowhere_else() {
        let table = [
            ("http://a/b/../c/./d", "http://a/c/d"),
            ("http://a/../../b", "http://a/b"),
            ("http://a/b/..", "http://a/"),
            ("http://a/b/.", "http://a/b/"),
            ("http://a/b//../c", "http://a/b/c"),
            ("http://a/...", "http://a/..."),
            ("http://a/b?c=/../d", "http://a/b?c=/../d"),
            ("http://a?/../b", "http://a?/../b"),
            ("http://a/b#/../c", "http://a/b#/../c"),
            ("http://a", "http://a"),
            ("a/../b", "a/../b"),
        ];
        for (url, expected) in table {
            assert_eq!(squashed(url), expected, "{url}");
        }
    }
}
