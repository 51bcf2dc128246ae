//! The destination of a request: scheme, host, port, and the way there if it is not the usual way.
//!
//! # Invariants
//! - One text, which is what is stored, compared and shown: `scheme://host:port via way`. It is made
//!   here and taken apart here.
//! - Any text is a destination: other programs store records, too, and a kind may name its own sort of place.

use std::fmt;

/// Scheme, host and port, as `https://example.com:443`.
///
/// ```
/// use slipstream_core::Destination;
///
/// let usual = Destination::from_parts("https", "example.com", Some(443));
/// assert_eq!(usual.to_string(), "https://example.com:443");
/// let tunnelled = usual.clone().with_via("proxy:3128");
/// assert_eq!(tunnelled.to_string(), "https://example.com:443 via proxy:3128");
/// assert_eq!((tunnelled.host(), tunnelled.port()), ("example.com", Some(443)));
/// assert_ne!(usual, tunnelled);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination(String);

/// The separator between a place and the way there.
const VIA: &str = " via ";

impl Destination {
    /// A destination by its text. Any text is one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A destination by its parts. An IPv6 address is in brackets.
    pub fn from_parts(scheme: &str, host: &str, port: Option<u16>) -> Self {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        Self(format!("{scheme}://{host}{port}"))
    }

    /// The same by another way, such as a proxy: it fails for itself, so it is a destination of its own.
    #[must_use]
    pub fn with_via(self, way: &str) -> Self {
        Self(self.0 + VIA + way)
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text without the way.
    fn place(&self) -> &str {
        self.0.split_once(VIA).map_or(&*self.0, |(place, _)| place)
    }

    /// The scheme, as in `https`; none when the text has none.
    pub fn scheme(&self) -> Option<&str> {
        self.place().split_once("://").map(|(scheme, _)| scheme)
    }

    /// Host and port, or what replaces them, up to a path.
    fn authority(&self) -> &str {
        let place = self.place();
        let place = place.split_once("://").map_or(place, |(_, rest)| rest);
        place.split('/').next().unwrap_or_default()
    }

    /// The host; empty for a Unix socket, which has a path.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority.rsplit_once(':') {
            // Not amid an IPv6 address.
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => authority,
        }
    }

    /// The port, if there is one.
    pub fn port(&self) -> Option<u16> {
        self.authority().rsplit_once(':').and_then(|(_, port)| port.parse().ok())
    }

    /// The way there, if it is not the usual one.
    pub fn via(&self) -> Option<&str> {
        self.0.split_once(VIA).map(|(_, way)| way)
    }

    /// Whether it is this host, given with or without a port; in any case of letters.
    pub fn is_host(&self, host: &str) -> bool {
        [self.authority(), self.host()].iter().any(|it| it.eq_ignore_ascii_case(host))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_destination_has_parts_as_far_as_its_text_tells() {
        for (text, parts) in [
            ("https://example.com:443", (Some("https"), "example.com", Some(443), None)),
            ("http://[::1]:80", (Some("http"), "[::1]", Some(80), None)),
            ("http://[::1]", (Some("http"), "[::1]", None, None)),
            ("beep://speaker", (Some("beep"), "speaker", None, None)),
            ("unix:///run/a b:1", (Some("unix"), "", None, None)),
            ("mysql://unix:/run/db", (Some("mysql"), "unix", None, None)),
            ("http://a:80 via unix:/run/a b", (Some("http"), "a", Some(80), Some("unix:/run/a b"))),
            ("http://a:80 via p:1, not *", (Some("http"), "a", Some(80), Some("p:1, not *"))),
            ("nothing", (None, "nothing", None, None)),
            ("", (None, "", None, None)),
        ] {
            let to = Destination::new(text);
            assert_eq!((to.scheme(), to.host(), to.port(), to.via()), parts, "{text}");
        }
    }

    #[test]
    fn a_host_is_meant_with_or_without_its_port() {
        for (to, host, is) in [
            ("http://example.com:80", "example.com", true),
            ("http://example.com:80", "EXAMPLE.com:80", true),
            ("http://example.com:80", "example.com:81", false),
            ("http://www.example.com:80", "example.com", false),
            ("http://[::1]:8080", "[::1]", true),
            ("http://[::1]", "[::1]", true),
            ("beep://speaker", "speaker", true),
            ("http://example.com:80 via unix:/run/a", "example.com", true),
            ("http://example.com:80 via 10.0.0.7:3128", "10.0.0.7", false),
        ] {
            assert_eq!(Destination::new(to).is_host(host), is, "{to} {host}");
        }
    }

    proptest! {
        #[test]
        fn parts_read_back_and_any_text_has_some(
            scheme in "[a-z]{1,5}", host in "[a-z0-9.-]{1,9}|\\[[0-9a-f:]{2,9}\\]", port: Option<u16>,
            way in proptest::option::of("\\PC{1,20}"), text in "\\PC{0,40}",
        ) {
            let usual = Destination::from_parts(&scheme, &host, port);
            let to = way.as_deref().map_or(usual.clone(), |way| usual.with_via(way));
            prop_assert_eq!(to.scheme(), Some(&*scheme));
            prop_assert_eq!((to.host(), to.port(), to.via()), (&*host, port, way.as_deref()));
            prop_assert!(to.is_host(&host));
            let any = Destination::new(text.clone());
            let _ = (any.scheme(), any.host(), any.port(), any.via());
            prop_assert_eq!(any.as_str(), text);
        }
    }
}
