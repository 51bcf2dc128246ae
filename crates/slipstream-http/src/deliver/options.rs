//! Configuration of a driver: given once, for all its requests.
//!
//! Every default is finite.
//!
//! # Non-goals
//! Whatever would weaken TLS, and reading the environment: libcurl would take a proxy from there.

use std::time::Duration;

use curl::easy::{Easy2, Handler, HttpVersion};
use slipstream_core::AddressGate;

use crate::deliver::proxies::Proxies;
use crate::deliver::times::Times;

/// Settings of an [`HttpDriver`](crate::HttpDriver).
///
/// ```
/// use std::time::Duration;
/// use slipstream_http::HttpOptions;
///
/// let mut options = HttpOptions::default();
/// options.total_timeout = Duration::from_secs(20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpOptions {
    /// How long looking up the name, connecting and the TLS handshake may take together.
    /// 10 seconds.
    pub connect_timeout: Duration,
    /// How long an attempt may take as a whole, redirects included: 2 minutes. At least a
    /// millisecond.
    pub total_timeout: Duration,
    /// Fewest bytes a second, both ways together, that count as progress. 1, so that only
    /// silence is too slow. 0 switches the check off.
    pub low_speed_limit: u32,
    /// How long an attempt may be slower than that, the wait for an answer included.
    /// 60 seconds, as long as most gateways wait themselves; in whole seconds. Zero switches the
    /// check off.
    pub low_speed_time: Duration,
    /// Bytes of an answer's body that are read, 1 MiB. A longer body is cut off; the status still
    /// decides what it means.
    pub response_limit: u64,
    /// What the requests say sent them, unless they have a `user-agent` header.
    pub user_agent: String,
    /// The proxy to connect through, as `http://proxy:3128`; directly unless configured otherwise.
    pub proxy: Option<String>,
    /// Proxies where there is no [`proxy`](Self::proxy) and the request names none; none unless
    /// configured otherwise: the environment (`http_proxy` and others) is not read by itself.
    pub environment: Proxies,
    /// What may be connected to; everything unless configured otherwise. The address that is
    /// connected to decides, on every redirect, so it does not matter how it is spelt or which
    /// server answers for its name. Where only public addresses are allowed, a proxy that a request
    /// names must be an exception, too. The driver's own proxies may be anywhere; what they connect
    /// to is for them to refuse, except for addresses that are written in a URL.
    pub addresses: AddressGate,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(120),
            low_speed_limit: 1,
            low_speed_time: Duration::from_secs(60),
            response_limit: 1024 * 1024,
            user_agent: concat!("slipstream/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxy: None,
            environment: Proxies::default(),
            addresses: AddressGate::default(),
        }
    }
}

impl HttpOptions {
    /// How long an attempt of a request without times of its own may take.
    pub(crate) fn times(&self) -> Times {
        // Zero means "for ever", or minutes, to libcurl.
        let at_least = |wait: Duration| wait.max(Duration::from_millis(1));
        Times {
            connect: at_least(self.connect_timeout),
            total: at_least(self.total_timeout),
            low_speed_limit: self.low_speed_limit,
            low_speed_time: self.low_speed_time,
            hasty: false,
        }
    }

    /// Sets what stays the same for every request that a handle carries.
    pub(crate) fn apply<H: Handler>(&self, easy: &mut Easy2<H>) -> Result<(), curl::Error> {
        let times = self.times();
        times.apply(easy, times.total)?;
        easy.useragent(&self.user_agent)?;
        // An empty name is "none"; unset, libcurl asks the environment for every request.
        easy.proxy(self.proxy.as_deref().unwrap_or_default())?;
        easy.noproxy("")?;
        easy.follow_location(false)?;
        // Dots in a path are the user's.
        easy.path_as_is(true)?;
        // One HTTP/2 connection with many streams, where a server offers it over TLS.
        easy.http_version(HttpVersion::V2TLS)
    }
}
