//! A request as data: what is sent, where to, and what must come back.
//!
//! # Invariants
//! - A request that [its check](slipstream_core::Request::check) passes can be delivered: its URL leads
//!   somewhere, its expressions compile, its time-outs are finite.
//! - What is stored is small: a field at its default is not written.
//! - Neither `Debug` nor `Display` shows data or keys.
//!
//! # Non-goals
//! Sending, and anything of TLS. Programs that only store requests do not pay for the rest.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipstream_core::{Timeout, Tls};

use crate::request::framing::{Framing, Until};

pub(crate) mod check;
pub(crate) mod framing;
mod masked;

/// Bytes that are sent over a stream, and what is expected of the peer.
///
/// It may hold anything; what can never be delivered is refused by [its check](slipstream_core::Request::check), when it is
/// stored and again when it is sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpRequest {
    pub(crate) url: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "serde_bytes")]
    pub(crate) data: Vec<u8>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) framing: Framing,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<Until>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expect: Option<String>,
    #[serde(rename = "fail", default, skip_serializing_if = "Option::is_none")]
    pub(crate) fail_on: Option<String>,
    #[serde(rename = "half", default, skip_serializing_if = "is_default")]
    pub(crate) half_close: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) share: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) tls: Tls,
    #[serde(rename = "connect", default, skip_serializing_if = "Option::is_none")]
    pub(crate) connect_timeout: Option<Timeout>,
    #[serde(rename = "total", default, skip_serializing_if = "Option::is_none")]
    pub(crate) total_timeout: Option<Timeout>,
    #[serde(rename = "idle", default, skip_serializing_if = "Option::is_none")]
    pub(crate) idle_timeout: Option<Timeout>,
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl TcpRequest {
    /// These bytes for `tcp://host:port`, `tls://host:port` or `unix:///path`.
    pub fn new(url: impl Into<String>, data: impl Into<Vec<u8>>) -> Self {
        Self {
            url: url.into(),
            data: data.into(),
            framing: Framing::None,
            until: None,
            expect: None,
            fail_on: None,
            half_close: false,
            share: false,
            tls: Tls::new(),
            connect_timeout: None,
            total_timeout: None,
            idle_timeout: None,
        }
    }

    /// What is put around the data.
    #[must_use]
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// Waits for an answer, and reads so much of it. Without [`TcpRequest::expect`], whatever the peer
    /// answers will do, if there is as much of it.
    #[must_use]
    pub fn until(mut self, until: Until) -> Self {
        self.until = Some(until);
        self
    }

    /// The regular expression that the answer must match for the request to count as delivered; up
    /// to the first line feed is read unless [`TcpRequest::until`] says otherwise. A line break
    /// that the answer ends in does not count, so `^` and `$` match its beginning and its end. Any
    /// other answer is a failure that is tried again.
    #[must_use]
    pub fn expect(mut self, regex: impl Into<String>) -> Self {
        self.expect = Some(regex.into());
        self
    }

    /// The regular expression for the other answers that no further attempt would change: the
    /// request is dead-lettered at once. An answer that is expected is never looked at.
    #[must_use]
    pub fn fail_on(mut self, regex: impl Into<String>) -> Self {
        self.fail_on = Some(regex.into());
        self
    }

    /// Shuts our side down before the answer is read, for peers that answer when they have seen the
    /// end. Without an answer to read it is always done.
    #[must_use]
    pub fn half_close(mut self, half_close: bool) -> Self {
        self.half_close = half_close;
        self
    }

    /// Whether it may go over one connection with others that go to the same place in the same way,
    /// one behind the other. That is quicker by far, and right for a receiver that takes any
    /// number of lines or counted messages from a connection. It needs a framing, and no
    /// answer to read.
    #[must_use]
    pub fn share(mut self, share: bool) -> Self {
        self.share = share;
        self
    }

    /// How the peer of a `tls://` URL is verified, and the identity that we present.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// How long looking up the name, connecting and the TLS handshake may take together, in place of
    /// the handler's.
    #[must_use]
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.connect_timeout = Some(time.into());
        self
    }

    /// How long an attempt may take as a whole, in place of the handler's; the peer may be silent for
    /// as long, unless [`TcpRequest::idle_timeout`] says otherwise.
    #[must_use]
    pub fn total_timeout(mut self, time: Duration) -> Self {
        self.total_timeout = Some(time.into());
        self
    }

    /// Whether it gives its peer next to no time.
    #[cfg(feature = "deliver")]
    pub(crate) fn is_hasty(&self) -> bool {
        let times = [self.connect_timeout, self.total_timeout, self.idle_timeout];
        times.into_iter().flatten().any(Timeout::is_hasty)
    }

    /// How long the peer may take nothing and send nothing, in place of the handler's.
    #[must_use]
    pub fn idle_timeout(mut self, time: Duration) -> Self {
        self.idle_timeout = Some(time.into());
        self
    }

    /// The URL as it was given. It holds no secret once it has passed the check.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The data, without its framing.
    pub fn content(&self) -> &[u8] {
        &self.data
    }

    /// How far the answer is read; nothing if no answer is waited for.
    pub fn reads(&self) -> Option<Until> {
        self.until.or(self.expect.as_ref().map(|_| Until::Line))
    }
}

/// What a listing shows: where it goes, and how much.
impl fmt::Display for TcpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.masked_url(), self.data.len())
    }
}

/// Data and keys are left out: they may be secrets.
impl fmt::Debug for TcpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpRequest")
            .field("url", &self.masked_url())
            .field("data_bytes", &self.data.len())
            .field("options", &self.masked())
            .finish()
    }
}

#[cfg(test)]
mod tests;
