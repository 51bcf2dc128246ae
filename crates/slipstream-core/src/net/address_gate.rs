//! The addresses and Unix sockets that may be connected to.
//!
//! # Invariants
//! - An address is judged as what it is, however it was spelt and by whatever server the name was
//!   resolved: so ask [`AddressGate::allows`] at the moment of connecting.
//! - An IPv6 address that carries an IPv4 one to where it leads (mapped, compatible, 6to4, NAT64,
//!   Teredo) is what the carried one is, if that is not public.
//! - A socket is judged by its path, of which there is one spelling: what is allowed is what is
//!   connected to.
//!
//! # Non-goals
//! Looking up names, and symbolic links. A path leads where the file system
//! says, as a name leads where DNS says; so allow a socket in a directory that only trusted users
//! can write to.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::driver::outcome::Failure;
use crate::invalid::Invalid;
use crate::net::host::bare_host;
use crate::quote::quoted;

/// What requests may connect to. By default, anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressGate {
    public_only: bool,
    sockets_by_name: bool,
    /// Names, lower case and without a last dot, and sockets as `unix:/PATH` or `unix:@NAME`.
    names: HashSet<String>,
    /// Addresses, mapped ones as IPv4.
    addresses: HashSet<IpAddr>,
}

impl AddressGate {
    /// Public addresses only, and these: names of hosts, addresses, and sockets as `unix:/PATH` or
    /// `unix:@NAME`.
    pub fn public_and(allowed: &[String]) -> Self {
        Self { public_only: true, ..Self::sockets_only_of(allowed) }
    }

    /// Every address, but of the Unix sockets only these: a socket reports to its peer which user
    /// connects, so a user that chooses the socket acts as the worker's user there.
    pub fn sockets_only_of(allowed: &[String]) -> Self {
        let address = |text: &String| bare_host(text).parse::<IpAddr>().ok();
        let (addresses, names): (Vec<_>, Vec<_>) =
            allowed.iter().partition(|text| address(text).is_some());
        Self {
            public_only: false,
            sockets_by_name: true,
            names: names.into_iter().map(|name| plain(name)).collect(),
            addresses: addresses
                .into_iter()
                .filter_map(address)
                .map(|a| a.to_canonical())
                .collect(),
        }
    }

    /// Whether there is nothing that it refuses.
    pub fn is_open(&self) -> bool {
        !self.public_only && !self.sockets_by_name
    }

    /// Whether only public addresses are allowed, with exceptions.
    pub fn is_public_only(&self) -> bool {
        self.public_only
    }

    /// Whether this host is exempt by its name: what it leads to is then not looked at. An address
    /// never is; that is for [`AddressGate::allows`].
    pub fn exempts(&self, name: &str) -> bool {
        !self.public_only || self.names.contains(&plain(name))
    }

    /// Whether this address may be connected to.
    pub fn allows(&self, address: IpAddr) -> bool {
        !self.public_only || not_public(address).is_none() || self.names(address)
    }

    /// Whether this address is named among what is allowed.
    pub fn names(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address.to_canonical())
    }

    /// Whether the Unix socket at this path may be connected to.
    ///
    /// # Errors
    /// The failure of a request that would have connected to it.
    pub fn socket(&self, path: &str) -> Result<(), Failure> {
        if !self.sockets_by_name {
            return Ok(());
        }
        let plain = plain_path(path).ok_or_else(|| {
            Failure::permanent(format!(
                "the unix socket {} cannot be allowed, for its path is relative or has '..' in it; store the request with its plain path",
                quoted(path)
            ))
        })?;
        self.named(&format!("unix:{plain}"))
    }

    /// The same of a Unix socket without a file, by its name without the leading NUL.
    ///
    /// # Errors
    /// The failure of a request that would have connected to it.
    pub fn abstract_socket(&self, name: &str) -> Result<(), Failure> {
        if self.sockets_by_name { self.named(&format!("unix:@{name}")) } else { Ok(()) }
    }

    fn named(&self, name: &str) -> Result<(), Failure> {
        if self.names.contains(name) {
            return Ok(());
        }
        Err(Failure::permanent(format!(
            "a unix socket shows its peer the worker's user, so it is used here only if it is allowed; allow {name} (`slipstream work --allow-host {name}`, or allow-host in [work] of the settings file), or store the request without it"
        )))
    }

    /// The failure of a request that would have connected to this address.
    pub fn denied(address: IpAddr) -> Failure {
        let kind = not_public(address).unwrap_or("no public");
        Failure::permanent(format!(
            "{address} is {kind} address, and those are denied; allow the host if it is meant, or store the request with another"
        ))
    }

    /// The failure of a request that would have connected to something else that may not be public,
    /// as a proxy.
    pub fn refused(what: &str, name: &str) -> Failure {
        Failure::permanent(format!(
            "private addresses are denied, and {what} is one unless it is allowed; allow {name}, or store the request without it"
        ))
    }
}

/// Refuses what cannot be an exception to a policy: a socket whose path no request can have.
///
/// # Errors
/// What would be right.
pub fn check_allowed(text: &str) -> Result<(), Invalid> {
    let socket = text.strip_prefix("unix:").filter(|name| !name.starts_with('@'));
    match socket {
        Some(path) if plain_path(path).is_none() => Err(Invalid::new(format!(
            "invalid socket {}; expected unix:/PATH, absolute and without '..', or unix:@NAME",
            quoted(text)
        ))),
        _ => Ok(()),
    }
}

/// As it is compared.
fn plain(name: &str) -> String {
    match name.strip_prefix("unix:") {
        Some(path) => format!("unix:{}", plain_path(path).unwrap_or_else(|| path.to_owned())),
        None => name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase(),
    }
}

/// The one spelling of an absolute path; None for a path that is relative, or that leads back up:
/// behind a symbolic link `..` is another directory than it seems.
fn plain_path(path: &str) -> Option<String> {
    let parts = path.strip_prefix('/')?.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.map(|part| (part != "..").then(|| format!("/{part}"))).collect()
}

/// The IPv4 networks that are not public: address, length of the prefix, what they are.
const V4: [(Ipv4Addr, u32, &str); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8, "an unspecified"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "a private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "a carrier's private"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "a loopback"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "a link-local"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "a private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "a reserved"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "a documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "a relay's"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "a private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "a benchmark's"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "a documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "a documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "a multicast"),
    // The broadcast address is the last of these.
    (Ipv4Addr::new(240, 0, 0, 0), 4, "a reserved"),
];

/// The same for IPv6.
const V6: [(Ipv6Addr, u32, &str); 15] = [
    (Ipv6Addr::UNSPECIFIED, 128, "an unspecified"),
    (Ipv6Addr::LOCALHOST, 128, "a loopback"),
    // What is behind a site's own NAT64 prefix cannot be known from here.
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "a private"),
    (Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 0), 64, "a discard"),
    (Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), 48, "a benchmark's"),
    (Ipv6Addr::new(0x2001, 0x10, 0, 0, 0, 0, 0, 0), 28, "a reserved"),
    (Ipv6Addr::new(0x2001, 0x20, 0, 0, 0, 0, 0, 0), 28, "a reserved"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "a documentation"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "a documentation"),
    (Ipv6Addr::new(0x5f00, 0, 0, 0, 0, 0, 0, 0), 16, "a reserved"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "a private"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "a link-local"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "a private"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "a multicast"),
    // IPv4-translated: for boxes that translate, inside a site.
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, "a reserved"),
];

/// What kind of address it is, with its article, unless it is a public one.
fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

fn v4(address: Ipv4Addr) -> Option<&'static str> {
    let within =
        |net: Ipv4Addr, length: u32| (address.to_bits() ^ net.to_bits()).leading_zeros() >= length;
    V4.iter().find(|(net, length, _)| within(*net, *length)).map(|(.., kind)| *kind)
}

fn v6(address: Ipv6Addr) -> Option<&'static str> {
    let within =
        |net: Ipv6Addr, length: u32| (address.to_bits() ^ net.to_bits()).leading_zeros() >= length;
    let known = V6.iter().find(|(net, length, _)| within(*net, *length));
    known.map(|(.., kind)| *kind).or_else(|| carried(address).and_then(v4))
}

/// The IPv4 address that packets to this one end up at.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    // The cast keeps the low 32 bits, which is meant.
    let low = |shift: u32| Ipv4Addr::from_bits((bits >> shift) as u32);
    match address.segments() {
        // Compatible, mapped, NAT64.
        [0, 0, 0, 0, 0, 0 | 0xffff, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => Some(low(0)),
        [0x2002, ..] => Some(low(80)),
        // Teredo has the client's address turned over.
        [0x2001, 0, ..] => Some(Ipv4Addr::from_bits(!low(0).to_bits())),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
