//! The route of a request's connection: to the host of its URL, or to what its options put in place
//! of that.
//!
//! # Invariants
//! What is decided here is what libcurl is passed, and the only thing that it is passed: it gets
//! one `connect to` that fits always. libcurl's own table of addresses is shared by all requests of
//! a driver, so an entry of one request would lead others astray.
//!
//! # Non-goals
//! Looking up names, and the decision whether an address is allowed. That can only be made on the
//! address that is connected to.

use std::net::IpAddr;

use crate::request::Options;
use crate::request::entries::{ConnectTo, Resolve};
use crate::url::{Authority, proxy_host};

/// The peer that the connection is made to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A host: a name, or an address.
    Host(String),
    /// The proxy that the request names, by its host.
    Proxy(String),
    /// The driver's own proxy.
    OwnProxy,
    /// A Unix socket, by its path.
    Unix(String),
    /// A Unix socket without a file, by its name.
    AbstractUnix(String),
}

/// Where a connection goes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) peer: Peer,
    /// The host that the request is to reach in the end.
    pub(crate) target: String,
    /// The only `connect to` that libcurl is passed.
    pub(crate) connect_to: Option<String>,
}

impl Route {
    /// The way to `to` on an attempt of this number. `own_proxy` says whether the driver has one.
    pub(crate) fn to(to: &Authority, options: &Options, own_proxy: bool, attempt: u32) -> Self {
        let peer = |peer| Self { peer, target: to.host.clone(), connect_to: None };
        if let Some(path) = &options.unix_socket {
            return peer(Peer::Unix(path.clone()));
        }
        if let Some(name) = &options.abstract_unix_socket {
            return peer(Peer::AbstractUnix(name.clone()));
        }
        let (host, port) = moved(to, options);
        let proxied = options.proxy.is_some() || own_proxy;
        let host = match looked_up(&host, port, options, attempt) {
            // Through a proxy, the proxy looks names up.
            Some(address) if !proxied => match address {
                IpAddr::V4(address) => address.to_string(),
                IpAddr::V6(address) => format!("[{address}]"),
            },
            _ => host,
        };
        let moved = host != to.host || port != to.port;
        Self {
            connect_to: moved.then(|| format!("::{host}:{port}")),
            peer: match &options.proxy {
                Some(proxy) => Peer::Proxy(proxy_host(proxy).unwrap_or_default()),
                None if own_proxy => Peer::OwnProxy,
                None => Peer::Host(host.clone()),
            },
            target: host,
        }
    }
}

/// Host and port behind the first `connect to` that fits. What cannot be read was refused
/// by the check.
fn moved(to: &Authority, options: &Options) -> (String, u16) {
    let mut entries = options.connect_to.iter().filter_map(|e| ConnectTo::parse(e).ok());
    let entry = entries.find(|entry| {
        entry.host.as_ref().is_none_or(|host| *host == to.host)
            && entry.port.is_none_or(|port| port == to.port)
    });
    match entry {
        None => (to.host.clone(), to.port),
        Some(entry) => {
            (entry.to_host.unwrap_or_else(|| to.host.clone()), entry.to_port.unwrap_or(to.port))
        }
    }
}

/// The address for this attempt, when one was given. The last entry that fits counts, as curl has
/// it: an entry with a name before an entry for any host.
fn looked_up(host: &str, port: u16, options: &Options, attempt: u32) -> Option<IpAddr> {
    let entries: Vec<_> =
        options.resolve.iter().rev().filter_map(|e| Resolve::parse(e).ok()).collect();
    let fits = |e: &&Resolve, name: Option<&str>| e.port == port && e.host.as_deref() == name;
    let entry = entries
        .iter()
        .find(|e| fits(e, Some(host)))
        .or_else(|| entries.iter().find(|e| fits(e, None)))?;
    let turn = attempt.saturating_sub(1) as usize % entry.addresses.len();
    entry.addresses.get(turn).copied()
}

#[cfg(test)]
mod tests;
