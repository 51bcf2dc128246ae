//! The URL of a request: `tcp://host:port`, `tls://host:port` or `unix:///path`.
//!
//! # Invariants
//! - What is read as an address is a valid address.
//! - A name is ASCII, in lower case, and no odd spelling of an address.
//! - No message shows what precedes an `@`.
//!
//! # Non-goals
//! Ports by default, for there is no usual one, and everything of a URL that a stream has no use
//! for.

use std::fmt;

use slipstream_core::{Destination, Invalid, UrlParts, quoted, unsendable};

/// Longest path of a Unix socket, as the operating system has it.
const UNIX_MAX: usize = 107;

/// A URL, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Host { tls: bool, host: String, port: u16 },
    Unix(String),
}

impl Address {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(url: &str) -> Result<Self, Invalid> {
        let refuse = |words: &str| Err(Invalid::new(words));
        if url.contains(|c: char| c.is_control()) {
            return refuse("the url holds a control character; leave it out");
        }
        let parts = UrlParts::of(url);
        let Some(scheme) = parts.scheme.filter(|_| parts.is_absolute()) else {
            return refuse(
                "the url has no scheme; write tcp://host:port, tls://host:port or unix:///path",
            );
        };
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "tcp" => false,
            "tls" => true,
            "unix" => return unix(&parts),
            other => {
                return Err(Invalid::new(format!(
                    "the scheme {} is not supported; tcp, tls and unix are",
                    quoted(other)
                )));
            }
        };
        if parts.user().is_some() {
            return refuse(
                "the url has a user, and a stream has no login; leave it out, up to the '@', and send the login as data",
            );
        }
        if (parts.path, parts.query, parts.fragment) != ("", None, None) {
            return refuse(
                "the url goes on behind the port, and a stream has no path or query; leave it out, from the '/' or '?' on",
            );
        }
        if unsendable(url).is_some() {
            return refuse("the url holds a space; leave it out");
        }
        let (host, port) = parts.host_and_port()?;
        let port = port.ok_or_else(|| {
            Invalid::new(format!(
                "the url's {} has no port, and there is no usual one; write host:port",
                quoted(parts.place())
            ))
        })?;
        Ok(Self::Host { tls, host, port })
    }

    /// Whether what is sent is encrypted.
    pub(crate) fn is_tls(&self) -> bool {
        matches!(self, Self::Host { tls: true, .. })
    }
}

/// The URL in its one spelling.
impl Address {
    /// Where it goes, as failures and limits are counted.
    pub(crate) fn destination(&self) -> Destination {
        match self {
            Self::Host { tls, host, port } => {
                Destination::from_parts(if *tls { "tls" } else { "tcp" }, host, Some(*port))
            }
            Self::Unix(path) => Destination::from_parts("unix", path, None),
        }
    }
}

/// As its destination.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.destination().fmt(f)
    }
}

fn unix(parts: &UrlParts<'_>) -> Result<Address, Invalid> {
    let path = parts.path;
    if parts.authority != Some("") || path.is_empty() {
        let path = format!("{}{path}", parts.authority.unwrap_or_default());
        return Err(Invalid::new(format!(
            "the unix socket {} is not absolute; write three slashes, as in unix:///run/app.sock",
            quoted(&path)
        )));
    }
    if parts.query.is_some() || parts.fragment.is_some() {
        return Err(Invalid::new(
            "the unix socket's url has a query or a fragment, and a stream has none; leave it out",
        ));
    }
    if path.len() > UNIX_MAX {
        return Err(Invalid::new(format!(
            "the unix socket's path has {} bytes, and no socket has more than {UNIX_MAX}; move it, or make a symbolic link to it",
            path.len()
        )));
    }
    Ok(Address::Unix(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_url_is_read_into_its_one_spelling() {
        for (url, same) in [
            ("tcp://example.com:2003", "tcp://example.com:2003"),
            ("TCP://Example.COM:02003", "tcp://example.com:2003"),
            ("tls://log.example.com.:6514", "tls://log.example.com.:6514"),
            ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1"),
            ("tcp://[0::1]:65535", "tcp://[::1]:65535"),
            ("tls://my_host:1", "tls://my_host:1"),
            ("unix:///run/A b.sock", "unix:///run/A b.sock"),
        ] {
            assert_eq!(Address::parse(url).unwrap().to_string(), same);
        }
    }

    #[test]
    fn a_url_that_leads_nowhere_is_refused_with_the_reason() {
        let long = format!("unix:///{}", "x".repeat(UNIX_MAX));
        for (url, words) in [
            ("", "no scheme"),
            ("example.com:2003", "write tcp://host:port"),
            ("http://example.com:80", "'http' is not supported; tcp, tls and unix are"),
            ("tcp://example.com", "has no port"),
            ("tcp://[::1]", "has no port"),
            ("tcp://example.com:", "has no port"),
            ("tcp://example.com:0", "1 to 65535"),
            ("tcp://example.com:65536", "1 to 65535"),
            ("tcp://example.com:+5", "1 to 65535"),
            ("tcp://::1:80", "in brackets"),
            ("tcp://[::1%eth0]:80", "without a zone"),
            ("tcp://:80", "no host"),
            ("tcp://a..b:80", "no two dots"),
            ("tcp://a b:80", "holds a space"),
            ("tcp://bücher.example:80", "xn--"),
            ("tcp://127.1:80", "four numbers"),
            ("tcp://0x7f000001:80", "four numbers"),
            ("tcp://me:sesame@example.com:80", "has a user"),
            ("tcp://example.com:80/", "no path or query"),
            ("tcp://example.com:80?x=1", "no path or query"),
            ("tcp://example.com\n:80", "control character"),
            ("unix://run/app.sock", "three slashes"),
            ("unix:///run/app.sock?x", "query"),
            (&long, "108 bytes"),
        ] {
            let error = Address::parse(url).expect_err(url).to_string();
            assert!(error.contains(words) && !error.contains("sesame"), "{url}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_read_reads_back(
            scheme in "(tcp|tls|unix)", rest in "[a-z0-9.:/@\\[\\]x?-]{0,30}"
        ) {
            if let Ok(address) = Address::parse(&format!("{scheme}://{rest}")) {
                prop_assert_eq!(Address::parse(&address.to_string()), Ok(address));
            }
        }

        #[test]
        fn any_text_is_refused_or_read(text in "\\PC{0,40}") {
            let _ = Address::parse(&text);
        }
    }
}
