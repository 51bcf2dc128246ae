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

use serde::{Deserialize, Deserializer, Serialize};

mod build;
mod masked;

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

/// How a request is sent. The default is what a request without options gets.
///
/// ```
/// use slipstream_http::{Auth, HttpRequest, Options};
///
/// let options = Options::new().user("me", "sesame").auth(Auth::Digest).follow();
/// let request = HttpRequest::post("https://example.com/hook").options(options);
/// ```
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    #[serde(rename = "without", skip_serializing_if = "Vec::is_empty")]
    pub(crate) without: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<String>,
    #[serde(rename = "pass", skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) auth: Auth,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bearer: Option<String>,
    #[serde(rename = "sigv4", skip_serializing_if = "Option::is_none")]
    pub(crate) aws_sigv4: Option<String>,
    #[serde(rename = "cookie", skip_serializing_if = "Option::is_none")]
    pub(crate) cookies: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proxy: Option<String>,
    #[serde(rename = "proxyuser", skip_serializing_if = "Option::is_none")]
    pub(crate) proxy_user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) noproxy: Option<String>,
    #[serde(rename = "proxyauth", skip_serializing_if = "is_default")]
    pub(crate) proxy_auth: Auth,
    #[serde(rename = "proxyheaders", skip_serializing_if = "Vec::is_empty")]
    pub(crate) proxy_headers: Vec<String>,
    #[serde(rename = "tunnel", skip_serializing_if = "is_default")]
    pub(crate) proxy_tunnel: bool,
    // Cookies of hosts; that it is there says that those of answers are taken, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jar: Option<Vec<String>>,
    #[serde(rename = "target", skip_serializing_if = "Option::is_none")]
    pub(crate) request_target: Option<String>,
    #[serde(rename = "ip", skip_serializing_if = "Option::is_none")]
    pub(crate) ip_version: Option<IpVersion>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) chunked: bool,
    #[serde(rename = "te", skip_serializing_if = "is_default")]
    pub(crate) tr_encoding: bool,
    #[serde(rename = "whole", skip_serializing_if = "is_default")]
    pub(crate) whole_answer: bool,
    #[serde(rename = "trusted", skip_serializing_if = "is_default")]
    pub(crate) location_trusted: bool,
    #[serde(rename = "keepmethod", skip_serializing_if = "is_default")]
    pub(crate) keep_method: bool,
    #[serde(rename = "redirectedas", skip_serializing_if = "Option::is_none")]
    pub(crate) redirected_as: Option<RedirectedAs>,
    #[serde(rename = "autoreferer", skip_serializing_if = "is_default")]
    pub(crate) auto_referer: bool,
    #[serde(skip_serializing_if = "Vec::is_empty", with = "serde_bytes")]
    pub(crate) cacert: Vec<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty", with = "serde_bytes")]
    pub(crate) cert: Vec<u8>,
    #[serde(skip_serializing_if = "Vec::is_empty", with = "serde_bytes")]
    pub(crate) key: Vec<u8>,
    #[serde(rename = "keypass", skip_serializing_if = "Option::is_none")]
    pub(crate) key_password: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) insecure: bool,
    #[serde(rename = "unix", skip_serializing_if = "Option::is_none")]
    pub(crate) unix_socket: Option<String>,
    #[serde(rename = "abstract", skip_serializing_if = "Option::is_none")]
    pub(crate) abstract_unix_socket: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) resolve: Vec<String>,
    #[serde(rename = "connectto", skip_serializing_if = "Vec::is_empty")]
    pub(crate) connect_to: Vec<String>,
    #[serde(rename = "http", skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<HttpVersion>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) compressed: bool,
    // The most redirects that are followed; absent, none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) follow: Option<u32>,
    #[serde(rename = "onlyto", skip_serializing_if = "Option::is_none")]
    pub(crate) redirect_scheme: Option<RedirectScheme>,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) post301: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) post302: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub(crate) post303: bool,
    // Times in milliseconds.
    #[serde(rename = "connect", skip_serializing_if = "Option::is_none")]
    pub(crate) connect_timeout: Option<u64>,
    #[serde(rename = "total", skip_serializing_if = "Option::is_none")]
    pub(crate) total_timeout: Option<u64>,
    #[serde(rename = "slow", skip_serializing_if = "Option::is_none")]
    pub(crate) low_speed_limit: Option<u32>,
    #[serde(rename = "slowfor", skip_serializing_if = "Option::is_none")]
    pub(crate) low_speed_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sign: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// libcurl's numbers for TLS that the two sides do not agree on,
#[cfg(feature = "deliver")]
const DISAGREED_TLS: [u32; 10] = [35, 53, 54, 56, 59, 60, 66, 77, 83, 98];

/// and for HTTP: what may come of it when one side speaks another version.
#[cfg(feature = "deliver")]
const DISAGREED_HTTP: [u32; 9] = [1, 8, 16, 28, 35, 52, 55, 56, 92];

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

    /// Whether it is the request's fault as likely as the other side's that the two do not agree, which
    /// libcurl tells by this number: it says itself how TLS or HTTP is spoken.
    #[cfg(feature = "deliver")]
    pub(crate) fn may_cause(&self, code: u32) -> bool {
        let tls = !self.cacert.is_empty() || !self.cert.is_empty();
        (tls && DISAGREED_TLS.contains(&code))
            || (self.version.is_some() && DISAGREED_HTTP.contains(&code))
    }
}

impl Options {
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

#[cfg(test)]
mod tests;
