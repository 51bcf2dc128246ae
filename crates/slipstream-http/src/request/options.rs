//! How a request is sent, beyond what it says: credentials, proxy, TLS, address, time-outs,
//! redirects, signature. The names follow curl's options.
//!
//! Guarantees: everything that sending needs is in here by value (certificates as their
//! text, never as a path), so a stored request never makes a worker read a file of the
//! request's choosing; the one exception is the signature's secret, which is named and
//! looked up by whoever runs the worker. What is stored is small: a field at its default is
//! not written. Neither `Debug` nor [`Options::masked`] shows a secret.
//!
//! Absent on purpose: whatever concerns the spool or the worker (delays, order, attempts).

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use slipstream_core::Invalid;

mod check;
mod masked;

/// Redirects that are followed at most when nobody says how many: curl's default.
pub(crate) const REDIRECTS: u32 = 50;

/// How a user and a password are proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Auth {
    /// With the first request, readable to whoever sees it.
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

/// Times beyond what a `u64` of milliseconds holds are refused by the check all the same.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// libcurl's numbers for TLS that the two sides do not agree on,
#[cfg(feature = "deliver")]
const DISAGREED_TLS: [u32; 10] = [35, 53, 54, 56, 59, 60, 66, 77, 83, 98];

/// and for HTTP: what may come of it when one side speaks another version.
#[cfg(feature = "deliver")]
const DISAGREED_HTTP: [u32; 9] = [1, 8, 16, 28, 35, 52, 55, 56, 92];

impl Options {
    /// The way that is gone in place of the usual one. Requests that go another way are a destination
    /// of their own: that nobody answers there says nothing about the host that the URL names.
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
        let all: Vec<_> = proxy.into_iter().chain(past).chain(entries).collect();
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

    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves out a header that would be sent unasked: `Accept`, `User-Agent`, `Host`,
    /// `Content-Type`, `Idempotency-Key`. What curl's `-H 'Accept:'` does.
    #[must_use]
    pub fn without_header(mut self, name: impl Into<String>) -> Self {
        self.without.push(name.into());
        self
    }

    /// User and password, proven as [`Options::auth`] says. For
    /// [`Options::aws_sigv4`], access key and secret.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self.password = Some(password.into());
        self
    }

    /// How user and password are proven.
    #[must_use]
    pub fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    /// `Authorization: Bearer TOKEN`.
    #[must_use]
    pub fn bearer(mut self, token: impl Into<String>) -> Self {
        self.bearer = Some(token.into());
        self
    }

    /// Signs as AWS wants it, version 4: `provider1[:provider2[:region[:service]]]`, such as
    /// `aws:amz:eu-central-1:sqs`. The signature is made when the request is sent.
    #[must_use]
    pub fn aws_sigv4(mut self, provider: impl Into<String>) -> Self {
        self.aws_sigv4 = Some(provider.into());
        self
    }

    /// The text of a `Cookie` header: `a=1; b=2`.
    #[must_use]
    pub fn cookies(mut self, cookies: impl Into<String>) -> Self {
        self.cookies = Some(cookies.into());
        self
    }

    /// The proxy, in place of the driver's: `[http|https|socks4|socks4a|socks5|socks5h://]host[:port]`.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// `user:password` for the proxy.
    #[must_use]
    pub fn proxy_user(mut self, user: impl Into<String>) -> Self {
        self.proxy_user = Some(user.into());
        self
    }

    /// Hosts that are reached without the proxy, separated by commas; `*` is all.
    #[must_use]
    pub fn noproxy(mut self, hosts: impl Into<String>) -> Self {
        self.noproxy = Some(hosts.into());
        self
    }

    /// The certificates that a server's must lead to, as PEM, in place of the system's.
    #[must_use]
    pub fn cacert(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.cacert = pem.into();
        self
    }

    /// The client's certificate, as PEM. The key may be in it.
    #[must_use]
    pub fn cert(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.cert = pem.into();
        self
    }

    /// The key of the client's certificate, as PEM.
    #[must_use]
    pub fn key(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.key = pem.into();
        self
    }

    /// The passphrase of that key.
    #[must_use]
    pub fn key_password(mut self, password: impl Into<String>) -> Self {
        self.key_password = Some(password.into());
        self
    }

    /// Whether any certificate will do, so that anybody in between can read and answer.
    #[must_use]
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.insecure = insecure;
        self
    }

    /// Connects to this Unix socket, whatever host the URL names.
    #[must_use]
    pub fn unix_socket(mut self, path: impl Into<String>) -> Self {
        self.unix_socket = Some(path.into());
        self
    }

    /// Connects to this Unix socket without a file, by its name without the leading NUL.
    #[must_use]
    pub fn abstract_unix_socket(mut self, name: impl Into<String>) -> Self {
        self.abstract_unix_socket = Some(name.into());
        self
    }

    /// An address in place of a lookup: `host:port:address[,address]`. Of several
    /// addresses, each attempt takes the next one. `*` stands for any host.
    #[must_use]
    pub fn resolve(mut self, entry: impl Into<String>) -> Self {
        self.resolve.push(entry.into());
        self
    }

    /// Another host and port to connect to: `host:port:to-host:to-port`. What is left empty
    /// stands for any, or for the same. The first that fits is taken.
    #[must_use]
    pub fn connect_to(mut self, entry: impl Into<String>) -> Self {
        self.connect_to.push(entry.into());
        self
    }

    /// The version of HTTP. Without it, HTTP/2 where TLS offers it, otherwise HTTP/1.1.
    #[must_use]
    pub fn version(mut self, version: HttpVersion) -> Self {
        self.version = Some(version);
        self
    }

    /// Whether to ask for a compressed answer.
    #[must_use]
    pub fn compressed(mut self, compressed: bool) -> Self {
        self.compressed = compressed;
        self
    }

    /// Follows redirects, 50 at most. Credentials, and headers whose names speak of some,
    /// go along to the same scheme, host and port only.
    #[must_use]
    pub fn follow(self) -> Self {
        self.follow_at_most(REDIRECTS)
    }

    /// Follows so many redirects at most.
    #[must_use]
    pub fn follow_at_most(mut self, redirects: u32) -> Self {
        self.follow = Some(redirects);
        self
    }

    /// Whether a POST stays one behind a 301; otherwise a GET is made of it.
    #[must_use]
    pub fn post301(mut self, keep: bool) -> Self {
        self.post301 = keep;
        self
    }

    /// The same for a 302.
    #[must_use]
    pub fn post302(mut self, keep: bool) -> Self {
        self.post302 = keep;
        self
    }

    /// The same for a 303.
    #[must_use]
    pub fn post303(mut self, keep: bool) -> Self {
        self.post303 = keep;
        self
    }

    /// In place of the driver's `connect_timeout`.
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = Some(millis(time));
        self
    }

    /// In place of the driver's `total_timeout`. All
    /// redirects of an attempt share it.
    #[must_use]
    pub fn total_timeout(mut self, time: Duration) -> Self {
        self.total_timeout = Some(millis(time));
        self
    }

    /// In place of the driver's `low_speed_limit`.
    #[must_use]
    pub fn low_speed_limit(mut self, bytes_a_second: u32) -> Self {
        self.low_speed_limit = Some(bytes_a_second);
        self
    }

    /// In place of the driver's `low_speed_time`, in
    /// whole seconds.
    #[must_use]
    pub fn low_speed_time(mut self, time: Duration) -> Self {
        self.low_speed_time = Some(millis(time));
        self
    }

    /// Signs each attempt as a Standard Webhook with the secret of this name: `env:NAME` or
    /// `file:PATH`, looked up where the worker runs. The secret itself is never stored.
    #[must_use]
    pub fn sign(mut self, secret: impl Into<String>) -> Self {
        self.sign = Some(secret.into());
        self
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
        let names = self.without.iter().map(String::len);
        texts.into_iter().flatten().map(String::len).chain(names).sum()
    }

    /// Refuses what can never work for this request.
    pub(super) fn check(&self, request: &super::HttpRequest) -> Result<(), Invalid> {
        check::check(self, request)
    }
}

/// What another program stored may spell the defaults out.
pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<Options>>, D::Error> {
    Ok(Option::<Options>::deserialize(from)?.and_then(Options::or_none))
}

#[cfg(test)]
mod tests;
