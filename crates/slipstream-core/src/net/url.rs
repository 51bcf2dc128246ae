//! A URL's text, taken apart where curl takes it apart.
//!
//! # Invariants
//! - Any text has parts, and the parts written one behind the other are the text.
//! - What [`UrlParts::host_and_port`] accepts of a text that [`unsendable`] finds nothing in, libcurl
//!   reads with the same scheme, user, host, port, path and query; what libcurl refuses is refused
//!   here. A differential test holds this (`fuzz/targets/url.rs`), which names the few spellings that
//!   are refused here alone.
//!
//! # Non-goals
//! Normalising. The text that is stored and sent is the text that was given.

pub(crate) mod reference;

use std::fmt;

use memchr::{memchr2, memchr3};

use crate::invalid::Invalid;
use crate::net::host::{host_of, split_port};

/// Longest scheme, in bytes: what libcurl takes for one.
const SCHEME_MAX: usize = 40;

/// The parts of a URL, or of a reference to one, as they are written there (RFC 3986, appendix B).
///
/// ```
/// use slipstream_core::UrlParts;
///
/// let parts = UrlParts::of("https://me:s3same@Example.com:8443/a?b=c#d");
/// assert_eq!((parts.scheme, parts.user()), (Some("https"), Some("me:s3same")));
/// assert_eq!(parts.host_and_port().unwrap(), ("example.com".to_owned(), Some(8443)));
/// assert_eq!((parts.path, parts.query, parts.fragment), ("/a", Some("b=c"), Some("d")));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UrlParts<'a> {
    /// What precedes the first `:`, if it is a scheme.
    pub scheme: Option<&'a str>,
    /// What follows `//`: user, host and port.
    pub authority: Option<&'a str>,
    /// What comes next, up to the query.
    pub path: &'a str,
    /// What follows the first `?`.
    pub query: Option<&'a str>,
    /// What follows the first `#`.
    pub fragment: Option<&'a str>,
}

impl<'a> UrlParts<'a> {
    /// The parts of a URL or a reference.
    pub fn of(text: &'a str) -> Self {
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
            _ => (None, text),
        };
        let (authority, rest) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, rest) = rest.split_at(authority_end(rest));
                (Some(authority), rest)
            }
            None => (None, rest),
        };
        Self { scheme, authority, ..Self::behind(rest) }
    }

    /// The parts of a URL that may lack its scheme, as a proxy or what is typed does: without `://`
    /// behind a scheme, the text begins with the host.
    pub fn guessed(text: &'a str) -> Self {
        let parts = Self::of(text);
        if parts.is_absolute() {
            return parts;
        }
        let (authority, rest) = text.split_at(authority_end(text));
        Self { authority: Some(authority), ..Self::behind(rest) }
    }

    /// Path, query and fragment.
    fn behind(rest: &'a str) -> Self {
        let (rest, fragment) = cut(rest, '#');
        let (path, query) = cut(rest, '?');
        Self { path, query, fragment, ..Self::default() }
    }

    /// Whether there are a scheme and an authority, as in every URL that can be sent to.
    pub fn is_absolute(&self) -> bool {
        self.scheme.is_some() && self.authority.is_some()
    }

    /// Whether it is of this scheme, in any case of letters.
    pub fn is_of(&self, scheme: &str) -> bool {
        self.scheme.is_some_and(|its| its.eq_ignore_ascii_case(scheme))
    }

    /// Path, query and fragment, as they follow the authority.
    pub fn path_onwards(&self) -> String {
        Self { scheme: None, authority: None, ..*self }.to_string()
    }

    /// User, and password behind a colon, as they are written.
    pub fn user(&self) -> Option<&'a str> {
        self.authority?.split_once('@').map(|(user, _)| user)
    }

    /// What follows the user: host and port as they are written.
    pub fn place(&self) -> &'a str {
        let authority = self.authority.unwrap_or_default();
        authority.split_once('@').map_or(authority, |(_, place)| place)
    }

    /// The host in its one spelling, and the port if one is written.
    ///
    /// # Errors
    /// Why nothing can be reached there, without showing a password.
    pub fn host_and_port(&self) -> Result<(String, Option<u16>), Invalid> {
        let place = self.place();
        if place.contains('@') {
            return Err(Invalid::new(
                "the url holds more than one '@' before its path; write the one in the user name or password as %40",
            ));
        }
        let (host, port) = split_port(place)?;
        // Without a scheme, libcurl takes it for one.
        if self.scheme.is_none() && port.is_none() && host.len() < place.len() {
            return Err(Invalid::new(
                "invalid port in the url; expected a number behind the colon",
            ));
        }
        Ok((host_of(host)?, port))
    }
}

/// The text.
impl fmt::Display for UrlParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(scheme) = self.scheme {
            write!(f, "{scheme}:")?;
        }
        if let Some(authority) = self.authority {
            write!(f, "//{authority}")?;
        }
        f.write_str(self.path)?;
        if let Some(query) = self.query {
            write!(f, "?{query}")?;
        }
        if let Some(fragment) = self.fragment {
            write!(f, "#{fragment}")?;
        }
        Ok(())
    }
}

/// The first byte that no URL that can be sent may contain: a space or a control character.
pub fn unsendable(url: &str) -> Option<u8> {
    url.bytes().find(|byte| byte.is_ascii_control() || *byte == b' ')
}

/// A URL without its user and password, `***` in place of them. Where it is unknown where they end, too
/// much is left out rather than too little.
pub fn without_user(url: &str) -> String {
    let parts = UrlParts::of(url);
    // curl takes one slash for two, and a host and its port for no scheme.
    let behind = parts.scheme.map(|scheme| scheme.len() + 1);
    let start = behind.filter(|at| url[*at..].starts_with('/')).unwrap_or(0);
    let start = start + url[start..].bytes().take_while(|byte| *byte == b'/').count();
    let rest = &url[start..];
    let first = &rest[..authority_end(rest)];
    let end = match first.rfind('@') {
        // Without a scheme it is unknown where the authority ends, so any '@' may be the one.
        None if !parts.is_absolute() => {
            rest[..memchr2(b'?', b'#', rest.as_bytes()).unwrap_or(rest.len())].rfind('@')
        }
        found => found,
    };
    let end = end.or_else(|| {
        // What is not a host may be a user, and what follows the rest of a password.
        let at = rest.rfind('@')?;
        let is_place = UrlParts { authority: Some(first), ..parts }.host_and_port().is_ok();
        (!is_place && !first.is_empty()).then_some(at)
    });
    match end {
        Some(at) => format!("{}***{}", &url[..start], &rest[at..]),
        None => url.to_owned(),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= SCHEME_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

fn authority_end(text: &str) -> usize {
    memchr3(b'/', b'?', b'#', text.as_bytes()).unwrap_or(text.len())
}

fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((before, behind)) => (before, Some(behind)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests;
