//! The entries that lead a connection elsewhere: an address in place of a lookup, another
//! host and port to connect to.
//!
//! # Invariants
//! What parses names one host, one port and addresses that can be connected to.
//!
//! # Non-goals
//! What follows from them for a connection (`route`).

use std::net::IpAddr;

use slipstream_core::{Invalid, bare_host, host_of, port_of, quoted};

/// `host:port:address[,address]`: addresses in place of a lookup.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Resolve {
    /// Lower case; `None` is any.
    pub(crate) host: Option<String>,
    pub(crate) port: u16,
    /// At least one.
    pub(crate) addresses: Vec<IpAddr>,
}

/// `host:port:to-host:to-port`: another host and port to connect to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ConnectTo {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) to_host: Option<String>,
    pub(crate) to_port: Option<u16>,
}

impl Resolve {
    pub(crate) fn parse(entry: &str) -> Result<Self, Invalid> {
        let wrong = || {
            Invalid::new(format!(
                "the address {} cannot be used in place of a lookup; write host:port:address, such as example.com:443:192.0.2.1",
                quoted(entry)
            ))
        };
        // A plus sign lets libcurl forget the entry after a while. Here it is gone with the request.
        let rest = entry.strip_prefix('+').unwrap_or(entry);
        let (host, rest) = part(rest).ok_or_else(wrong)?;
        let (number, rest) = rest.split_once(':').ok_or_else(wrong)?;
        let addresses = rest.split(',').map(|a| bare_host(a.trim()).parse().map_err(|_| wrong()));
        Ok(Self {
            host: match host {
                "*" => None,
                _ => Some(name(host).ok_or_else(wrong)?),
            },
            port: port_of(number).ok_or_else(wrong)?,
            addresses: addresses.collect::<Result<_, _>>()?,
        })
    }
}

impl ConnectTo {
    pub(crate) fn parse(entry: &str) -> Result<Self, Invalid> {
        let wrong = || {
            Invalid::new(format!(
                "{} names no other host to connect to; write host:port:to-host:to-port, such as example.com:443:127.0.0.1:8443",
                quoted(entry)
            ))
        };
        let read = || {
            let (host, rest) = part(entry)?;
            let (number, rest) = rest.split_once(':')?;
            let (to_host, to_number) = part(rest)?;
            Some(Self {
                host: maybe(host, name)?,
                port: maybe(number, port_of)?,
                to_host: maybe(to_host, name)?,
                to_port: maybe(to_number, port_of)?,
            })
        };
        read().ok_or_else(wrong)
    }
}

/// What precedes the next colon outside brackets, and what follows it.
fn part(text: &str) -> Option<(&str, &str)> {
    let from = if text.starts_with('[') { text.find(']')? } else { 0 };
    let colon = from + text[from..].find(':')?;
    Some((&text[..colon], &text[colon + 1..]))
}

/// `Some(None)` for what was left empty.
fn maybe<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { read(text).map(Some) }
}

/// A host as URLs have it, lower case.
fn name(text: &str) -> Option<String> {
    host_of(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_leads_nowhere_is_refused() {
        let resolve = [
            "",
            "h",
            "h:80",
            "h:80:",
            "h:80:name",
            "h:0:1.2.3.4",
            "h:x:1.2.3.4",
            ":80:1.2.3.4",
            "-h:80",
            "h:80:1.2.3.4,",
            "h:+80:1.2.3.4",
            "h\n:80:1.2.3.4",
            "[::1:80:1.2.3.4",
        ];
        for entry in resolve {
            let error = Resolve::parse(entry).expect_err(entry).to_string();
            assert!(error.contains("host:port:address") && !error.contains('\n'), "{error}");
        }
        let connect_to =
            ["", "h", "h:80", "h:80:h2", "h:80:h2:99999", "a b:80:h:80", "h:80:h2:80:90"];
        for entry in connect_to {
            let error = ConnectTo::parse(entry).expect_err(entry).to_string();
            assert!(error.contains("to-host"), "{error}");
        }
    }
}
