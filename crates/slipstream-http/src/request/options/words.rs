//! The options that are one of a few words.

use serde::{Deserialize, Serialize};

use super::shape::Words;

/// How a user and a password are proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Auth {
    /// With the first request, readable to all that see it.
    #[default]
    Basic,
    /// By answering a challenge, which costs a round trip.
    Digest,
    /// By the best way that the server offers, which costs a round trip.
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
    /// As it is in a URL.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl Words for Auth {
    const WORDS: &'static [&'static str] = &["basic", "digest", "any"];
}

impl Words for HttpVersion {
    const WORDS: &'static [&'static str] = &["1.0", "1.1", "2", "2-prior-knowledge"];
}

impl Words for IpVersion {
    const WORDS: &'static [&'static str] = &["4", "6"];
}

impl Words for RedirectedAs {
    const WORDS: &'static [&'static str] = &["post", "put"];
}

impl Words for RedirectScheme {
    const WORDS: &'static [&'static str] = &["http", "https"];
}
