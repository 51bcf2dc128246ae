//! How a request is sent, beyond what it says: credentials, proxy, TLS, address, time-outs,
//! redirects, signature. The names follow curl's options.
//!
//! # Invariants
//! - Everything that sending needs is in here by value (certificates as their text, never as a
//!   path), so a stored request never makes a worker read a file of the request's choosing.
//! - The one exception is the signature's secret, which is named and looked up by the program that runs the
//!   worker.
//! - What is stored is small: a field at its default is not written.
//! - Neither `Debug` nor [`Options::masked`] shows a secret.
//!
//! # Non-goals
//! Whatever concerns the spool or the worker (delays, order, attempts).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

mod build;
mod declare;
mod shape;
mod table;

pub use declare::{OptionRow, Topic};
pub use shape::{OptionValue, Redaction, ValueShape};
pub(crate) use table::Line;
pub use table::{OPTIONS, Options};

/// Redirects that are followed at most unless a request says how many: curl's default.
pub(crate) const REDIRECTS: u32 = 50;

/// How a user and a password are proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Auth {
    /// With the first request, readable to all who see it.
    #[default]
    Basic,
    /// By answering a challenge, which costs a round chain.
    Digest,
    /// By the best way that the server offers, which costs a round chain.
    Any,
}

/// The version of HTTP that a request insists on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum HttpVersion {
    /// HTTP/1.0.
    #[serde(rename = "1.0")]
    V1_0,
    /// HTTP/1.1.
    #[serde(rename = "1.1")]
    V1_1,
    /// HTTP/2 where the server has it; without TLS by an upgrade.
    #[serde(rename = "2")]
    V2,
    /// HTTP/2 from the first byte, also without TLS.
    #[serde(rename = "2-prior-knowledge")]
    V2PriorKnowledge,
}

/// The version of the Internet Protocol that a request insists on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum IpVersion {
    /// IPv4.
    #[serde(rename = "4")]
    V4,
    /// IPv6.
    #[serde(rename = "6")]
    V6,
}

/// What a request counts as where it is redirected, whatever its method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RedirectedAs {
    /// A POST, whose content stays behind at a 301, 302 and 303.
    Post,
    /// A PUT, whose content stays behind at a 303.
    Put,
}

/// The only scheme that redirects are followed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum RedirectScheme {
    /// `http`.
    Http,
    /// `https`.
    Https,
}

#[cfg(feature = "deliver")]
impl RedirectScheme {
    /// As it stands in a URL.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl shape::Words for Auth {
    const WORDS: &'static [&'static str] = &["basic", "digest", "any"];
}

impl shape::Words for HttpVersion {
    const WORDS: &'static [&'static str] = &["1.0", "1.1", "2", "2-prior-knowledge"];
}

impl shape::Words for IpVersion {
    const WORDS: &'static [&'static str] = &["4", "6"];
}

impl shape::Words for RedirectedAs {
    const WORDS: &'static [&'static str] = &["post", "put"];
}

impl shape::Words for RedirectScheme {
    const WORDS: &'static [&'static str] = &["http", "https"];
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Options {
    /// The way that is gone in place of the usual one. Requests that go another way are a destination
    /// of their own: that there is no answer says nothing about the host that the URL names.
    pub(crate) fn via(&self) -> Option<String> {
        if let Some(path) = &self.unix_socket {
            return Some(format!("unix:{path}"));
        }
        if let Some(name) = &self.abstract_unix_socket {
            return Some(format!("unix:@{name}"));
        }
        let proxy = self.proxy.as_ref().map(|proxy| {
            // Without the user and password that may stand in it.
            let place = proxy.rsplit_once('@').map_or(&**proxy, |(_, place)| place);
            let place = place.split_once("://").map_or(place, |(_, place)| place);
            place.trim_end_matches('/').to_owned()
        });
        let past = self.noproxy.as_ref().map(|hosts| format!("not {hosts}"));
        // All of them, for any may lead where no server answers.
        let entries = self.connect_to.iter().chain(&self.resolve);
        let entries = entries.map(|entry| entry.trim_start_matches(':').to_owned());
        let tunnel = (self.proxy_tunnel && proxy.is_some()).then(|| "tunnel".to_owned());
        let ip = self.ip_version.map(|ip| match ip {
            IpVersion::V4 => "ipv4".to_owned(),
            IpVersion::V6 => "ipv6".to_owned(),
        });
        let all: Vec<_> =
            proxy.into_iter().chain(past).chain(tunnel).chain(ip).chain(entries).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    /// Nothing, if they are the defaults.
    pub(super) fn or_none(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    /// How many bytes they put into the request's head, roughly.
    pub(super) fn head_len(&self) -> usize {
        let texts = [&self.user, &self.password, &self.bearer, &self.cookies, &self.proxy_user];
        let lists = [Some(&self.without), Some(&self.proxy_headers), self.jar.as_ref()];
        let lists = lists.into_iter().flatten().flatten().map(String::len);
        let target = self.request_target.as_ref();
        texts.into_iter().flatten().chain(target).map(String::len).chain(lists).sum()
    }
}

/// What another program stored may spell the defaults out.
pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<Options>>, D::Error> {
    Ok(Option::<Options>::deserialize(from)?.and_then(Options::or_none))
}

/// Without secrets.
impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.masked()).finish()
    }
}

#[cfg(test)]
pub(crate) mod tests;
