//! A URL's text after curl's options.
//!
//! # Non-goals
//! Whether it is a URL at all, and where it leads. slipstream-http looks at that when the request
//! is checked.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use percent_encoding::percent_decode_str;
use slipstream_core::{UrlParts, with_two_slashes, without_dots};

use crate::curl::body;

/// What curl takes from the beginning of a host, in place of http.
const GUESSED: [&str; 6] = ["ftp", "dict", "ldap", "imap", "smtp", "pop3"];

/// The URL with its scheme: `usual`, or http, if there is none. One slash behind it and three are two,
/// to curl.
pub(crate) fn with_scheme(url: &str, usual: Option<&str>) -> Result<String> {
    let url = with_two_slashes(url);
    let parts = UrlParts::guessed(&url);
    // A host whose port is behind the slashes is refused as it is.
    if url.is_empty() || parts.scheme.is_some() || parts.place().ends_with(':') {
        return Ok(url.into_owned());
    }
    let host = parts.place().to_ascii_lowercase();
    let begins = |name: &&&str| host.strip_prefix(**name).is_some_and(|rest| rest.starts_with('.'));
    if let (Some(name), None) = (GUESSED.iter().find(begins), usual) {
        bail!(
            "without a scheme, curl takes a host that begins with '{name}.' for one of {name}; write http:// before it"
        );
    }
    Ok(format!("{}://{url}", usual.unwrap_or("http")))
}

/// User and password that are in a URL, decoded.
pub(crate) fn user_of(url: &str) -> Option<(String, Option<String>)> {
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = UrlParts::of(url).user()?;
    Some(match user.split_once(':') {
        Some((user, password)) => (decoded(user), Some(decoded(password))),
        None => (decoded(user), None),
    })
}

/// The URL with more in its query.
pub(crate) fn with_query(url: &str, more: &[Vec<u8>]) -> Result<String> {
    let parts = UrlParts::of(url);
    let mut query = parts.query.unwrap_or_default().to_owned();
    let mut pieces = more.iter().filter(|piece| !piece.is_empty()).peekable();
    if pieces.peek().is_none() {
        return Ok(url.to_owned());
    }
    for piece in pieces {
        if !query.is_empty() && !query.ends_with('&') {
            query.push('&');
        }
        query += std::str::from_utf8(piece)
            .context("what goes into the url's query is not UTF-8; write it percent-encoded")?;
    }
    Ok(UrlParts { path: path_of(&parts), query: Some(&query), ..parts }.to_string())
}

/// Where a file is uploaded to: behind a last '/', the file's own name is added, percent-encoded.
pub(crate) fn uploaded_to(url: &str, file: Option<&Path>) -> String {
    let parts = UrlParts::of(url);
    let is_folder = path_of(&parts).ends_with('/') && parts.query.is_none();
    let name = file.and_then(Path::file_name).filter(|name| *name != "-" && is_folder);
    let Some(name) = name.filter(|_| parts.fragment.is_none()) else {
        return url.to_owned();
    };
    let path = format!("{}{}", path_of(&parts), body::percent_encoded(name.as_bytes()));
    UrlParts { path: &path, ..parts }.to_string()
}

/// The path, which is a slash where none is written.
fn path_of<'a>(parts: &UrlParts<'a>) -> &'a str {
    if parts.path.is_empty() { "/" } else { parts.path }
}

/// The URL without dot segments in its path, as curl squashes them before it sends it.
pub(crate) fn squashed(url: &str) -> String {
    let parts = UrlParts::of(url);
    if !parts.is_absolute() {
        return url.to_owned();
    }
    UrlParts { path: &without_dots(parts.path), ..parts }.to_string()
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
            ("http://a?y", &["x=1", "z"], "http://a/?y&x=1&z"),
            ("http://a/b?#top", &["x=1"], "http://a/b?x=1#top"),
            ("http://a/b?y&", &["x=1"], "http://a/b?y&x=1"),
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
            ("http://a/b/%2e%2E/c", "http://a/c"),
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
