//! The part of a URL that decides whom a request goes to: scheme, host and port.
//!
//! What this accepts, libcurl reads the same way, so the destination that limits and
//! pauses are counted by is the one that is connected to. It is stricter than libcurl
//! where spellings are ambiguous (two `@`, an address such as `0x7f.1`).
//!
//! # Non-goals
//! Paths and queries are not taken apart, nothing is normalised, nothing is percent-encoded. The
//! text that is sent is the text that was given.

use slipstream_core::{Invalid, host_of, quoted, split_port};

#[cfg(feature = "deliver")]
pub(crate) mod reference;

/// The schemes that are delivered, each with its default port.
const SCHEMES: [(&str, u16); 2] = [("http", 80), ("https", 443)];

/// Where a URL leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// Lower case; an IPv6 address in brackets and in its shortest form.
    pub(crate) host: String,
    /// The one that was given, or the scheme's.
    pub(crate) port: u16,
}

impl Authority {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, without showing a password.
    pub(crate) fn parse(url: &str) -> Result<Self, Invalid> {
        if url.is_empty() {
            return Err(Invalid::new("the url is empty; write one such as http://example.com/"));
        }
        if let Some(bad) = url.bytes().find(|b| b.is_ascii_control() || *b == b' ') {
            let shown = quoted(&masked(url));
            return Err(Invalid::new(format!(
                "the url {shown} holds {}; write it percent-encoded, as %{bad:02X}",
                if bad == b' ' { "a space" } else { "a control character" },
            )));
        }
        let Some((scheme, rest)) = url.split_once("://").filter(|(s, _)| is_scheme(s)) else {
            return Err(without_scheme(url));
        };
        let Some(&(scheme, default_port)) =
            SCHEMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(scheme))
        else {
            return Err(Invalid::new(format!(
                "the scheme {} is not supported; http and https are",
                quoted(scheme)
            )));
        };
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        let host_port = match authority.split_once('@') {
            None => authority,
            Some((_, after)) if after.contains('@') => {
                return Err(Invalid::new(
                    "the url holds more than one '@' before its path; write the one in the user name or password as %40",
                ));
            }
            Some((_, after)) => after,
        };
        let (host, port) = split_port(host_port)?;
        Ok(Self { scheme, host: host_of(host)?, port: port.unwrap_or(default_port) })
    }
}

/// The same URL without what must not be shown: user and password, and the values in the
/// query and of parameters in the path. A fragment, which is never sent, is left out.
pub(crate) fn masked(url: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (url, None),
    };
    // Without a scheme it is unknown where the address ends, so any '@' may be the one.
    let (start, end) = match address.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => {
            let start = scheme.len() + 3;
            (start, start + rest.find('/').unwrap_or(rest.len()))
        }
        _ => (0, address.len()),
    };
    let mut shown = address[..start].to_owned();
    let path = match address[start..end].rfind('@') {
        Some(at) => {
            shown.push_str("***@");
            &address[start + at + 1..]
        }
        None => &address[start..],
    };
    // As in `/cart;jsessionid=…`
    for (index, segment) in path.split('/').enumerate() {
        shown.push_str(if index == 0 { "" } else { "/" });
        let mut params = segment.split(';');
        shown.push_str(params.next().unwrap_or_default());
        for param in params {
            let (name, value) =
                param.split_once('=').map_or((param, ""), |(name, _)| (name, "=***"));
            shown.extend([";", name, value]);
        }
    }
    for (index, pair) in query.into_iter().flat_map(|q| q.split('&')).enumerate() {
        shown.push(if index == 0 { '?' } else { '&' });
        match pair.split_once('=') {
            Some((name, _)) => {
                shown.push_str(name);
                shown.push_str("=***");
            }
            // A word alone may be a name or a secret.
            None if pair.is_empty() => {}
            None => shown.push_str("***"),
        }
    }
    shown
}

/// User and password of a URL, as they are written there.
#[cfg(feature = "deliver")]
pub(crate) fn user_info(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    authority.split_once('@').map(|(user, _)| user)
}

pub(crate) fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// `example.com/x` is the usual slip, and `//example.com/x` the next.
fn without_scheme(url: &str) -> Invalid {
    let bare = masked(url);
    let (scheme, rest) = match bare.split_once(':') {
        // `http:/example.com` and `http:example.com`
        Some((scheme, rest)) if SCHEMES.iter().any(|(s, _)| s.eq_ignore_ascii_case(scheme)) => {
            (scheme.to_ascii_lowercase(), rest)
        }
        _ => ("http".to_owned(), bare.as_str()),
    };
    let would_be = format!("{scheme}://{}", rest.trim_start_matches('/'));
    Invalid::new(format!(
        "the url {} has no scheme; write {}",
        quoted(&bare),
        quoted(&would_be).trim_matches('\'')
    ))
}

/// The host of a proxy, which may lack a scheme and has no path.
///
/// # Errors
/// What is wrong with it, without showing a password.
pub(crate) fn proxy_host(url: &str) -> Result<String, Invalid> {
    const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];
    let wrong = || {
        Invalid::new(format!(
            "invalid proxy {}; expected one such as http://proxy:3128 or socks5h://proxy:1080",
            quoted(&masked(url))
        ))
    };
    let rest = match url.split_once("://") {
        None => url,
        Some((scheme, rest)) if SCHEMES.iter().any(|s| s.eq_ignore_ascii_case(scheme)) => rest,
        Some(_) => return Err(wrong()),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    // For libcurl the host ends at the first of these, whatever follows; and behind a slash it
    // would look for a socket's path.
    if url.bytes().any(|b| b.is_ascii_control() || b == b' ') || authority.contains(['/', '?', '#'])
    {
        return Err(wrong());
    }
    let (user, host_port) = authority.split_once('@').unwrap_or(("", authority));
    if user.contains('@') || host_port.contains('@') {
        return Err(wrong());
    }
    let (host, _) = split_port(host_port).map_err(|_| wrong())?;
    host_of(host).map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
