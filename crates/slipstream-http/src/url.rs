//! The part of a URL that determines a request's destination: scheme, host and port.
//!
//! # Invariants
//! What this accepts, libcurl reads the same way, so the destination that limits and pauses are
//! counted by is the destination that is connected to. It is stricter than libcurl where spellings
//! are ambiguous (an address such as `0x7f.1`, three slashes).
//!
//! # Non-goals
//! The parts of a URL's text, which are every kind's (`slipstream_core::UrlParts`). Nothing is
//! normalised, nothing is percent-encoded. The text that is sent is the text that was given.

use slipstream_core::{Invalid, UrlParts, quoted, unsendable, without_user};

/// The schemes that are delivered, each with its default port.
const SCHEMES: [(&str, u16); 2] = [("http", 80), ("https", 443)];

/// Longest URL, in bytes: what libcurl takes.
const URL_MAX: usize = 8_000_000;

/// Where a URL leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// Lower case; an IPv6 address in brackets and in its shortest form.
    pub(crate) host: String,
    /// The port that was given, or the scheme's.
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
        if url.len() > URL_MAX {
            return Err(Invalid::new(format!(
                "invalid url of {} bytes; expected at most {URL_MAX}",
                url.len()
            )));
        }
        if let Some(bad) = unsendable(url) {
            let shown = quoted(&masked(url));
            return Err(Invalid::new(format!(
                "the url {shown} holds {}; write it percent-encoded, as %{bad:02X}",
                if bad == b' ' { "a space" } else { "a control character" },
            )));
        }
        let parts = UrlParts::of(url);
        let Some(scheme) = parts.scheme.filter(|_| parts.is_absolute()) else {
            return Err(without_scheme(url));
        };
        let Some(&(scheme, default_port)) = SCHEMES.iter().find(|(known, _)| parts.is_of(known))
        else {
            return Err(Invalid::new(format!(
                "the scheme {} is not supported; http and https are",
                quoted(scheme)
            )));
        };
        let (host, port) = parts.host_and_port()?;
        Ok(Self { scheme, host, port: port.unwrap_or(default_port) })
    }
}

/// The same URL without what must not be shown: user and password, and the values in the
/// query and of parameters in the path. A fragment, which is never sent, is left out.
pub(crate) fn masked(url: &str) -> String {
    let url = without_user(url);
    let parts = UrlParts::of(&url);
    let address = UrlParts { query: None, fragment: None, ..parts }.to_string();
    let mut shown = String::with_capacity(url.len());
    // As in `/cart;jsessionid=…`
    for (index, segment) in address.split('/').enumerate() {
        shown.push_str(if index == 0 { "" } else { "/" });
        let mut params = segment.split(';');
        shown.push_str(params.next().unwrap_or_default());
        for param in params {
            let (name, value) =
                param.split_once('=').map_or((param, ""), |(name, _)| (name, "=***"));
            shown.extend([";", name, value]);
        }
    }
    for (index, pair) in parts.query.into_iter().flat_map(|q| q.split('&')).enumerate() {
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
    let parts = UrlParts::guessed(url);
    let is_known = parts.scheme.is_none() || SCHEMES.iter().any(|known| parts.is_of(known));
    // For libcurl the host ends at the first of these, whatever follows; and behind a slash it
    // would look for a socket's path.
    let ends = matches!(parts.path, "" | "/") && parts.query.is_none() && parts.fragment.is_none();
    if unsendable(url).is_some() || !is_known || !ends {
        return Err(wrong());
    }
    parts.host_and_port().map(|(host, _)| host).map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
