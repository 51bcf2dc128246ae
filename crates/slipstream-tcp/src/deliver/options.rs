//! Configuration of a handler: given once, for all its requests.
//!
//! Every default is finite.
//!
//! # Non-goals
//! Whatever would weaken TLS.

use std::time::Duration;

use slipstream_core::{AddressGate, Timeout};

use crate::request::TcpRequest;

/// Settings of a [`TcpHandler`](crate::TcpHandler).
///
/// ```
/// use std::time::Duration;
/// use slipstream_tcp::TcpOptions;
///
/// let mut options = TcpOptions::default();
/// options.idle_timeout = Duration::from_secs(5);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TcpOptions {
    /// How long looking up the name, connecting and the TLS handshake may take together: 10 seconds.
    /// The addresses of a name share it. The look-up is the system's and cannot be cut
    /// short, so it may take as long as `resolv.conf` lets it (by default 10 seconds for each name
    /// server); once it has taken longer than this, nothing is connected to.
    pub connect_timeout: Duration,
    /// How long an attempt may take as a whole: 2 minutes.
    pub total_timeout: Duration,
    /// How long the peer may take nothing, send nothing of its answer, or not acknowledge what was
    /// sent: 30 seconds.
    pub idle_timeout: Duration,
    /// How long a peer that does not answer is given to close its side once we have closed ours: a
    /// second. If it has not by then, what its kernel has acknowledged counts.
    pub close_wait: Duration,
    /// What may be connected to; everything unless configured otherwise.
    pub addresses: AddressGate,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(120),
            idle_timeout: Duration::from_secs(30),
            close_wait: Duration::from_secs(1),
            addresses: AddressGate::default(),
        }
    }
}

/// The time-outs of one request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) connect: Duration,
    pub(crate) total: Duration,
    pub(crate) idle: Duration,
    pub(crate) close_wait: Duration,
}

impl Times {
    pub(crate) fn new(options: &TcpOptions, request: &TcpRequest) -> Self {
        let or = |own: Option<Timeout>, usual| own.map_or(usual, Timeout::duration);
        let total = or(request.total_timeout, options.total_timeout);
        Self {
            connect: or(request.connect_timeout, options.connect_timeout).min(total),
            total,
            // A user that says how long it may take knows that the peer is slow.
            idle: or(request.idle_timeout.or(request.total_timeout), options.idle_timeout),
            close_wait: options.close_wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_may_be_silent_for_as_long_as_its_request_may_take() {
        let secs = Duration::from_secs;
        let of = |request: TcpRequest| {
            let times = Times::new(&TcpOptions::default(), &request);
            (times.connect, times.total, times.idle)
        };
        let plain = TcpRequest::new("tcp://h:1", "x");
        let long = plain.clone().total_timeout(secs(300));
        assert_eq!(of(plain.clone()), (secs(10), secs(120), secs(30)));
        assert_eq!(of(long.clone()), (secs(10), secs(300), secs(300)));
        assert_eq!(of(long.idle_timeout(secs(40))), (secs(10), secs(300), secs(40)));
        assert_eq!(of(plain.clone().idle_timeout(secs(40))), (secs(10), secs(120), secs(40)));
        assert_eq!(of(plain.total_timeout(secs(5))), (secs(5), secs(5), secs(5)));
    }
}
