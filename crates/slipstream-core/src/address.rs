//! Which addresses may be connected to.
//!
//! Guarantees: an address is judged as what it is, however it was spelt and whoever answered for
//! the name: so ask [`AddressPolicy::allows`] at the moment of connecting. An IPv6 address that carries an IPv4 one to where it leads (mapped,
//! compatible, 6to4, NAT64, Teredo) is what the carried one is, if that is not public.
//!
//! Absent on purpose: looking up names.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Failure, bare_host};

/// What requests may connect to, when addresses that are not public are denied.
#[derive(Debug, Clone, Default)]
pub struct AddressPolicy {
    /// Names, lower case and without a last dot, and sockets as `unix:PATH`.
    names: HashSet<String>,
    /// Addresses, mapped ones as IPv4.
    addresses: HashSet<IpAddr>,
}

impl AddressPolicy {
    /// Public addresses only, and these: names of hosts, addresses, and `unix:/PATH`.
    pub fn public_and(allowed: &[String]) -> Self {
        let address = |text: &String| bare_host(text).parse::<IpAddr>().ok();
        let (addresses, names): (Vec<_>, Vec<_>) =
            allowed.iter().partition(|text| address(text).is_some());
        Self {
            names: names.into_iter().map(|name| plain(name)).collect(),
            addresses: addresses
                .into_iter()
                .filter_map(address)
                .map(|a| a.to_canonical())
                .collect(),
        }
    }

    /// Whether this host, or socket as `unix:/PATH`, is exempt by its name: what it leads to is
    /// then not looked at. An address never is; that is for [`AddressPolicy::allows`].
    pub fn exempts(&self, name: &str) -> bool {
        self.names.contains(&plain(name))
    }

    /// Whether this address may be connected to.
    pub fn allows(&self, address: IpAddr) -> bool {
        not_public(address).is_none() || self.names(address)
    }

    /// Whether this address is named among what is allowed.
    pub fn names(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address.to_canonical())
    }

    /// The failure of a request that would have connected to this address.
    pub fn denied(address: IpAddr) -> Failure {
        let kind = not_public(address).unwrap_or("no public");
        Failure::permanent(format!(
            "{address} is {kind} address, and those are denied; allow the host if it is meant, or store the request with another"
        ))
    }

    /// The failure of a request that would have connected to something else that is not public,
    /// as `unix:/PATH`.
    pub fn refused(what: &str, name: &str) -> Failure {
        Failure::permanent(format!(
            "private addresses are denied, and {what} is one unless it is allowed; allow {name}, or store the request without it"
        ))
    }
}

/// As it is compared. The path of a socket is what it is.
fn plain(name: &str) -> String {
    if name.starts_with("unix:") {
        return name.to_owned();
    }
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
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
    // Whatever stands behind a site's own NAT64 prefix, nobody else can tell.
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
mod tests {
    use super::*;

    #[test]
    fn a_host_is_exempt_by_its_name_and_an_address_by_itself() {
        let allowed = ["Internal.Example.", "10.0.0.7", "[::1]", "unix:/run/A.sock"];
        let policy = AddressPolicy::public_and(&allowed.map(str::to_owned));
        for (name, exempt) in [
            ("internal.example", true),
            ("INTERNAL.example.", true),
            ("x.internal.example", false),
            ("10.0.0.7", false),
            ("unix:/run/A.sock", true),
            ("unix:/run/a.sock", false),
        ] {
            assert_eq!(policy.exempts(name), exempt, "{name}");
        }
        for (text, allowed) in [
            ("8.8.8.8", true),
            ("10.0.0.7", true),
            ("::ffff:10.0.0.7", true),
            ("10.0.0.8", false),
            ("::1", true),
            ("127.0.0.1", false),
        ] {
            assert_eq!(policy.allows(text.parse().unwrap()), allowed, "{text}");
        }
    }

    #[test]
    fn an_address_is_public_or_of_a_kind() {
        let table = [
            ("0.0.0.0", Some("an unspecified")),
            ("0.255.255.255", Some("an unspecified")),
            ("1.0.0.0", None),
            ("9.255.255.255", None),
            ("10.0.0.0", Some("a private")),
            ("10.255.255.255", Some("a private")),
            ("11.0.0.0", None),
            ("100.63.255.255", None),
            ("100.64.0.0", Some("a carrier's private")),
            ("100.127.255.255", Some("a carrier's private")),
            ("100.128.0.0", None),
            ("126.255.255.255", None),
            ("127.0.0.1", Some("a loopback")),
            ("127.255.255.254", Some("a loopback")),
            ("128.0.0.0", None),
            ("169.253.255.255", None),
            ("169.254.169.254", Some("a link-local")),
            ("169.255.0.0", None),
            ("172.15.255.255", None),
            ("172.16.0.1", Some("a private")),
            ("172.31.255.255", Some("a private")),
            ("172.32.0.0", None),
            ("192.0.0.170", Some("a reserved")),
            ("192.0.1.0", None),
            ("192.0.2.1", Some("a documentation")),
            ("192.88.99.1", Some("a relay's")),
            ("192.167.255.255", None),
            ("192.168.0.1", Some("a private")),
            ("192.169.0.0", None),
            ("198.17.255.255", None),
            ("198.18.0.1", Some("a benchmark's")),
            ("198.19.255.255", Some("a benchmark's")),
            ("198.20.0.0", None),
            ("198.51.100.1", Some("a documentation")),
            ("203.0.113.1", Some("a documentation")),
            ("223.255.255.255", None),
            ("224.0.0.1", Some("a multicast")),
            ("239.255.255.255", Some("a multicast")),
            ("240.0.0.1", Some("a reserved")),
            ("255.255.255.255", Some("a reserved")),
            ("8.8.8.8", None),
            ("::", Some("an unspecified")),
            ("::1", Some("a loopback")),
            ("::127.0.0.1", Some("a loopback")),
            ("::8.8.8.8", None),
            ("::ffff:127.0.0.1", Some("a loopback")),
            ("::ffff:169.254.169.254", Some("a link-local")),
            ("::ffff:a00:1", Some("a private")),
            ("::ffff:8.8.8.8", None),
            ("::ffff:0:8.8.8.8", Some("a reserved")),
            ("64:ff9b::10.0.0.1", Some("a private")),
            ("64:ff9b::a9fe:a9fe", Some("a link-local")),
            ("64:ff9b::8.8.8.8", None),
            ("64:ff9b:1::8.8.8.8", Some("a private")),
            ("100::1", Some("a discard")),
            ("2001::80ff:fffe", Some("a loopback")),
            ("2001::f7f7:f7f7", None),
            ("2001:2::1", Some("a benchmark's")),
            ("2001:10::1", Some("a reserved")),
            ("2001:2f:ffff::1", Some("a reserved")),
            ("2001:db8::1", Some("a documentation")),
            ("2002:7f00:1::", Some("a loopback")),
            ("2002:c0a8:101::1", Some("a private")),
            ("2002:808:808::1", None),
            ("2606:4700::1111", None),
            ("3fff::1", Some("a documentation")),
            ("5f00::1", Some("a reserved")),
            ("fbff::1", None),
            ("fc00::1", Some("a private")),
            ("fd12:3456::1", Some("a private")),
            ("fe00::1", None),
            ("fe80::1", Some("a link-local")),
            ("febf::1", Some("a link-local")),
            ("fec0::1", Some("a private")),
            ("ff02::1", Some("a multicast")),
        ];
        for (address, kind) in table {
            assert_eq!(not_public(address.parse().unwrap()), kind, "{address}");
        }
    }
}
