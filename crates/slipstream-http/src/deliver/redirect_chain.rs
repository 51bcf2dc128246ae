//! A job whose request has options, on its way over one hop or several.
//!
//! # Invariants
//! - All hops together take no longer than a single hop may.
//! - A hop to another scheme, host or port than the request's own fails on its own account: the
//!   destination is not blamed for it, and its `Retry-After` is not the destination's.
//! - Nor is it blamed for what the request's own ways of TLS or HTTP may have caused.
//!
//! # Non-goals
//! Which redirects are followed (`redirect`), and libcurl.

use std::time::Duration;

use slipstream_core::{Failure, FailureScope};

use crate::deliver::redirect;
use crate::deliver::times::Times;
use crate::request::{HttpRequest, Options, Topic};
use crate::url::Authority;

/// libcurl's numbers for TLS that the two sides do not agree on,
const DISAGREED_TLS: [u32; 11] = [35, 53, 54, 56, 59, 60, 66, 77, 83, 90, 98];

/// and for HTTP: what may come of it when one side speaks another version.
const DISAGREED_HTTP: [u32; 9] = [1, 8, 16, 28, 35, 52, 55, 56, 92];

/// Whether it is the request's fault as likely as the other side's that the two do not agree, which
/// libcurl reports by this number: the request says itself how TLS or HTTP is spoken.
fn may_cause(options: &Options, code: u32) -> bool {
    (DISAGREED_TLS.contains(&code)
        // All that is said about TLS asks for more, but for this.
        && options.set_of(Topic::Tls).any(|row| row.name != "insecure"))
        || (DISAGREED_HTTP.contains(&code) && options.http_version.is_some())
}

/// What is known of such a job while libcurl has it.
pub(crate) struct RedirectChain {
    /// The request of this hop without its body, which is with libcurl; none between hops.
    request: Option<HttpRequest>,
    /// Where the first one led.
    home: Option<Authority>,
    /// How long all hops may take.
    times: Times,
    began: Duration,
    followed: u32,
}

impl RedirectChain {
    /// The way of this request, which begins now. `usual` are the driver's times.
    pub(crate) fn new(request: &HttpRequest, usual: Times, now: Duration) -> Self {
        Self {
            request: None,
            home: Authority::parse(request.url()).ok(),
            times: request.options.as_ref().map_or(usual, |options| usual.with(options)),
            began: now,
            followed: 0,
        }
    }

    /// Keeps the request of a hop, when libcurl has its body.
    pub(crate) fn carry(&mut self, request: HttpRequest) {
        self.request = Some(request);
    }

    /// Whether the request has a jar of cookies.
    pub(crate) fn has_jar(&self) -> bool {
        let options = self.request.as_ref().and_then(|request| request.options.as_ref());
        options.is_some_and(|options| options.jar.is_some())
    }

    /// Whether an answer that breaks off is a failure whatever its status.
    pub(crate) fn wants_all(&self) -> bool {
        let options = self.request.as_ref().and_then(|request| request.options.as_ref());
        options.is_some_and(|options| options.whole_answer)
    }

    pub(crate) fn times(&self) -> Times {
        self.times
    }

    /// What is left of the total, if anything is.
    pub(crate) fn left(&self, now: Duration) -> Option<Duration> {
        let left = self.times.total.checked_sub(now.saturating_sub(self.began));
        left.filter(|left| !left.is_zero())
    }

    /// The request that an answer of this status asks for in place of this one, or why there is no
    /// such request; `None` if it asks for nothing that should be done. `body` is what libcurl was
    /// given.
    pub(crate) fn next(
        &mut self,
        status: u32,
        location: Option<&[u8]>,
        body: Vec<u8>,
    ) -> Option<Result<HttpRequest, String>> {
        let follow = |r: &mut HttpRequest| {
            redirect::is_redirect(status)
                && r.options.as_ref().is_some_and(|o| o.max_redirects.is_some())
        };
        let mut request = self.request.take_if(follow)?;
        request.body = body;
        let next = redirect::next(request, status, location, self.followed);
        self.followed += 1;
        Some(next)
    }

    /// Adjusts a failure of this hop to what is reported of the request.
    pub(crate) fn tell(&self, failure: &mut Failure, error: Option<&curl::Error>) {
        let options = self.request.as_ref().and_then(|request| request.options.as_ref());
        if let (Some(options), Some(error)) = (options, error)
            && failure.scope == FailureScope::Destination
            && may_cause(options, error.code())
        {
            failure.scope = FailureScope::Request;
        }
        let url = self.request.as_ref().map(HttpRequest::url).unwrap_or_default();
        if self.followed > 0 && Authority::parse(url).ok() != self.home {
            failure.scope = FailureScope::Request;
            failure.retry_after = None;
        }
    }
}
