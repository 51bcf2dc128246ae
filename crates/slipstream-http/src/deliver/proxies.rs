//! Proxies by scheme, and the hosts that are reached without them, as an environment has them.
//!
//! # Invariants
//! The choice is made here and nowhere else: libcurl is passed one proxy or none, so the policy
//! judges the very connection that is made.
//!
//! # Non-goals
//! Reading the environment. A program that delivers may do so ([`Proxies::of_environment`]).

use std::net::IpAddr;

use slipstream_core::{Invalid, UrlParts, bare_host, without_user};

use crate::url::proxy_host;

/// Proxies for requests that name none, by the scheme of what is requested.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    http: Option<(&'static str, String)>,
    https: Option<(&'static str, String)>,
    past: String,
}

/// Without passwords.
impl std::fmt::Debug for Proxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown: Vec<_> = self.variables().collect();
        f.debug_struct("Proxies").field("variables", &shown).field("past", &self.past).finish()
    }
}

impl Proxies {
    /// The names that curl reads for a scheme, the first that is set and not empty. `HTTP_PROXY` is not
    /// among them: what runs under CGI has it from any client that sends a header `Proxy`.
    const HTTP: [&str; 3] = ["http_proxy", "all_proxy", "ALL_PROXY"];
    const HTTPS: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    const PAST: [&str; 2] = ["no_proxy", "NO_PROXY"];

    /// What these variables say, read as curl reads them.
    ///
    /// # Errors
    /// When a variable that counts names no proxy.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, Invalid> {
        let first = |names: &[&'static str]| {
            let found = |name: &&'static str| Some((*name, variable(name)?));
            names.iter().filter_map(found).find(|(_, value)| !value.is_empty())
        };
        let proxy = |names: &[&'static str]| {
            let Some((name, mut value)) = first(names) else { return Ok(None) };
            // A path means nothing here, as for curl.
            let parts = UrlParts::guessed(&value);
            if parts.path.starts_with('/') {
                value.truncate(value.len() - parts.path_onwards().len());
            }
            match proxy_host(&value) {
                Ok(_) => Ok(Some((name, value))),
                Err(error) => Err(Invalid::new(format!(
                    "the environment's {name} cannot be used: {error}; or unset it"
                ))),
            }
        };
        Ok(Self {
            http: proxy(&Self::HTTP)?,
            https: proxy(&Self::HTTPS)?,
            past: first(&Self::PAST).map(|(_, value)| value).unwrap_or_default(),
        })
    }

    /// The variables that count, with their values without user and password.
    pub fn variables(&self) -> impl Iterator<Item = (&'static str, String)> {
        let all = self.http.iter().chain(self.https.iter().filter(|_| self.http != self.https));
        all.map(|(name, proxy)| (*name, without_user(proxy)))
    }

    /// Whether there is no proxy.
    pub fn is_empty(&self) -> bool {
        self.http.is_none() && self.https.is_none()
    }

    /// The proxy for this host. `past` are the hosts that the request goes past a proxy to, in place of
    /// the environment's.
    pub fn proxy_for(&self, scheme: &str, host: &str, past: Option<&str>) -> Option<&str> {
        let proxy = if scheme == "https" { &self.https } else { &self.http };
        let (_, proxy) = proxy.as_ref()?;
        (!goes_past(host, past.unwrap_or(&self.past))).then_some(proxy)
    }
}

/// Whether a host is in a list that is separated by commas and blanks: itself or a domain above it;
/// an address, or a network of it (`10.0.0.0/8`); `*` alone is all.
fn goes_past(host: &str, list: &str) -> bool {
    if list == "*" {
        return true;
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let address = bare_host(host).parse::<IpAddr>().ok();
    let mut entries = list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
    entries.any(|entry| match address {
        Some(address) => is_of_network(address, entry),
        None => is_of_domain(host, entry),
    })
}

fn is_of_domain(host: &str, entry: &str) -> bool {
    let entry = entry.strip_suffix('.').unwrap_or(entry);
    let entry = entry.strip_prefix('.').unwrap_or(entry);
    let Some(at) = host.len().checked_sub(entry.len()).filter(|_| !entry.is_empty()) else {
        return false;
    };
    let (before, end) = host.as_bytes().split_at(at);
    end.eq_ignore_ascii_case(entry.as_bytes()) && before.last().is_none_or(|last| *last == b'.')
}

fn is_of_network(address: IpAddr, entry: &str) -> bool {
    let (network, bits) = match entry.split_once('/') {
        Some((network, bits)) => (network, bits.parse::<u32>().ok()),
        None => (entry, Some(0)),
    };
    let Some(bits) = bits else { return false };
    // A network of no bits is a single address.
    let same = |one: u128, other: u128, width: u32| {
        let bits = if bits == 0 { width } else { bits };
        bits <= width && (one ^ other) >> (width - bits) == 0
    };
    match (address, network.parse()) {
        (IpAddr::V4(one), Ok(IpAddr::V4(other))) => {
            same(u32::from(one).into(), u32::from(other).into(), 32)
        }
        (IpAddr::V6(one), Ok(IpAddr::V6(other))) => same(one.into(), other.into(), 128),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, Invalid> {
        Proxies::of_environment(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_variables_count_that_curl_reads_in_its_order() {
        type Variables = &'static [(&'static str, &'static str)];
        let table: &[(Variables, [Option<&str>; 2])] = &[
            (&[], [None, None]),
            (&[("http_proxy", "p:1")], [Some("p:1"), None]),
            (&[("HTTP_PROXY", "p:1")], [None, None]),
            (&[("http_proxy", "http://p:1/a/b")], [Some("http://p:1"), None]),
            (&[("https_proxy", "p:1"), ("HTTPS_PROXY", "q:1")], [None, Some("p:1")]),
            (&[("HTTPS_PROXY", "q:1")], [None, Some("q:1")]),
            (
                &[("all_proxy", "socks5h://p:1"), ("http_proxy", "q:1")],
                [Some("q:1"), Some("socks5h://p:1")],
            ),
            (&[("ALL_PROXY", "p:1"), ("http_proxy", "")], [Some("p:1"), Some("p:1")]),
        ];
        for (variables, expected) in table {
            let proxies = proxies(variables).unwrap();
            let found = ["http", "https"].map(|scheme| proxies.proxy_for(scheme, "h", None));
            assert_eq!(found, *expected, "{variables:?}");
            assert_eq!(proxies.is_empty(), expected.iter().all(Option::is_none));
        }
        let error = proxies(&[("https_proxy", "ftp://me:sesame@p:1")]).unwrap_err().to_string();
        assert!(error.starts_with("the environment's https_proxy cannot"), "{error}");
        assert!(!error.contains("sesame"), "{error}");
        let shown = format!("{:?}", proxies(&[("http_proxy", "http://me:sesame@p:1")]).unwrap());
        assert!(!shown.contains("sesame"), "{shown}");
    }

    #[test]
    fn a_requests_own_list_of_hosts_takes_the_place_of_the_environments() {
        let proxies = proxies(&[("http_proxy", "p:1"), ("no_proxy", "a")]).unwrap();
        assert_eq!(proxies.proxy_for("http", "a", None), None);
        assert_eq!(proxies.proxy_for("http", "a", Some("b")), Some("p:1"));
        assert_eq!(proxies.proxy_for("http", "b", Some("b")), None);
        assert_eq!(proxies.proxy_for("http", "a", Some("")), Some("p:1"));
    }

    #[test]
    fn a_list_holds_domains_and_networks() {
        for list in ["b a.test", "b,\t.A.test.", "fd00::/16", "fd00::/9", "fc00::/7 10.1.2.3"] {
            let domain = !list.contains(':');
            assert_eq!(goes_past("x.a.test", list), domain, "{list}");
            assert_eq!(goes_past("[fd00::1]", list), !domain, "{list}");
            assert!(!goes_past("[fe00::1]", list) && !goes_past("xa.test", list), "{list}");
        }
    }

    proptest! {
        #[test]
        fn any_list_is_read(host in "[a-z.:0-9\\[\\]]{1,12}", list in "[a-c., \t/0-9:*-]{0,24}") {
            let _ = goes_past(&host, &list);
            // A list that names the host itself goes past it, whatever comes behind.
            if !host.contains(['.', '[', ':']) {
                let listed = format!("{host},{list}");
                prop_assert!(goes_past(&host, &listed));
            }
        }
    }
}
