//! How options are made, one call for each.

use std::time::Duration;

use super::{Auth, HttpVersion, IpVersion, Options, REDIRECTS, RedirectScheme, RedirectedAs};

/// Times beyond what a `u64` of milliseconds holds are refused by the check all the same.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Options {
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

    /// Whether any certificate will do, so that an attacker in between can read and answer.
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

    /// Follows redirects to this scheme alone. One that leads to the other fails the attempt.
    #[must_use]
    pub fn redirect_scheme(mut self, scheme: RedirectScheme) -> Self {
        self.redirect_scheme = Some(scheme);
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

    /// How user and password for the proxy are proven.
    #[must_use]
    pub fn proxy_auth(mut self, auth: Auth) -> Self {
        self.proxy_auth = auth;
        self
    }

    /// A header for the proxy: `name: value`.
    #[must_use]
    pub fn proxy_header(mut self, header: impl Into<String>) -> Self {
        self.proxy_headers.push(header.into());
        self
    }

    /// Whether an HTTP proxy is asked for a tunnel (CONNECT), as for https.
    #[must_use]
    pub fn proxy_tunnel(mut self, tunnel: bool) -> Self {
        self.proxy_tunnel = tunnel;
        self
    }

    /// Cookies that are sent where they belong, redirects included: lines of a cookie file as
    /// curl and browsers write it, or `Set-Cookie:` headers. Cookies that answers set are sent behind
    /// redirects, too. Each attempt begins with these.
    #[must_use]
    pub fn jar<L: Into<String>>(mut self, lines: impl IntoIterator<Item = L>) -> Self {
        self.jar = Some(lines.into_iter().map(Into::into).collect());
        self
    }

    /// What stands in the request line, in place of the URL's path and query.
    #[must_use]
    pub fn request_target(mut self, target: impl Into<String>) -> Self {
        self.request_target = Some(target.into());
        self
    }

    /// The version of the Internet Protocol that names are looked up for.
    #[must_use]
    pub fn ip_version(mut self, version: IpVersion) -> Self {
        self.ip_version = Some(version);
        self
    }

    /// Whether the body is sent in chunks, without its length in the head.
    #[must_use]
    pub fn chunked(mut self, chunked: bool) -> Self {
        self.chunked = chunked;
        self
    }

    /// Whether to ask for an answer that is compressed for the transfer.
    #[must_use]
    pub fn tr_encoding(mut self, compressed: bool) -> Self {
        self.tr_encoding = compressed;
        self
    }

    /// Whether an answer that breaks off is a failure even if its status is one of success.
    #[must_use]
    pub fn whole_answer(mut self, whole: bool) -> Self {
        self.whole_answer = whole;
        self
    }

    /// Whether credentials go along to wherever a redirect leads. What is signed with a secret of the
    /// worker's never does.
    #[must_use]
    pub fn location_trusted(mut self, trusted: bool) -> Self {
        self.location_trusted = trusted;
        self
    }

    /// Whether the method stays the same behind every redirect: what curl's `-X` does.
    #[must_use]
    pub fn keep_method(mut self, keep: bool) -> Self {
        self.keep_method = keep;
        self
    }

    /// What it counts as where it is redirected, in place of what its method says.
    #[must_use]
    pub fn redirected_as(mut self, method: RedirectedAs) -> Self {
        self.redirected_as = Some(method);
        self
    }

    /// Whether a redirect is followed with a `Referer` that says where it came from.
    #[must_use]
    pub fn auto_referer(mut self, auto: bool) -> Self {
        self.auto_referer = auto;
        self
    }
}
