//! The start of a request: from a job, or from the redirect that led to it.
//!
//! # Invariants
//! - What is given to libcurl was checked, and is allowed by the policy as far as that can be said
//!   before connecting.
//! - A request without options, on a driver without a policy or proxies by scheme, costs nothing
//!   for either.

use std::sync::LazyLock;

use curl::easy::Easy2;
use slipstream_core::{Failure, FailureScope, Job, Request, decode_body};

use super::{HttpDriver, InFlight, Slot, handle};
use crate::deliver::configure::configure;
use crate::deliver::head::Head;
use crate::deliver::options::HttpOptions;
use crate::deliver::redirect_chain::RedirectChain;
use crate::deliver::route::Route;
use crate::deliver::transfer;
use crate::deliver::transfer::Exchange;
use crate::request::HttpRequest;
use crate::request::Options;
use crate::url::Authority;

/// The options of a request that has none.
static NONE: LazyLock<Options> = LazyLock::new(Options::default);

impl HttpDriver {
    /// Hands a job to libcurl, or says why it ends here.
    pub(super) fn send(&mut self, job: &Job) -> Result<(), Failure> {
        let mut request: HttpRequest = decode_body(&job.body).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            Failure::permanent(format!("{error}: {}", cause.unwrap_or_default()))
        })?;
        request.check().map_err(|error| Failure::permanent(error.to_string()))?;
        let chain = request.options.is_some().then(|| {
            if request.wants_key() {
                // So that it goes along with a redirect, whatever that makes of the method.
                request.headers.push(("Idempotency-Key".to_owned(), job.attempt.id.to_string()));
            }
            let usual = self.options.times();
            Box::new(RedirectChain::new(&request, usual, self.clock.elapsed()))
        });
        self.start_request(request, InFlight { ticket: job.ticket, attempt: job.attempt, chain })
    }

    /// Gives a request to a handle, and the handle to libcurl.
    pub(super) fn start_request(
        &mut self,
        request: HttpRequest,
        flight: InFlight,
    ) -> Result<(), Failure> {
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::Empty);
            self.slots.len() - 1
        });
        let busy = self.start_at(at, request, flight);
        if busy.is_err() {
            self.free.push(at);
        }
        self.slots[at] = busy?;
        self.fresh = true;
        Ok(())
    }

    fn start_at(
        &mut self,
        at: usize,
        mut request: HttpRequest,
        mut flight: InFlight,
    ) -> Result<Slot, Failure> {
        let mut easy = match std::mem::replace(&mut self.slots[at], Slot::Empty) {
            Slot::Idle(easy) => easy,
            _ => handle::new(&self.options, self.policy.as_ref()).map_err(not_started)?,
        };
        if flight.chain.is_some() || self.policy.is_some() || !self.options.environment.is_empty() {
            self.prepare(&mut easy, &mut request, &flight)?;
        } else {
            let head = Head { id: flight.attempt.id, signature: &[], line: &mut self.line };
            transfer::load(&mut easy, &mut request, head).map_err(not_started)?;
        }
        if let Some(chain) = &mut flight.chain {
            chain.carry(request);
        }
        // With fewer than are in flight, every request would close one and open one.
        if self.slots.len() > self.kept {
            self.kept = self.slots.len().next_power_of_two();
            self.multi.set_max_connects(self.kept).map_err(not_started)?;
        }
        let mut handle = self.multi.add2(easy).map_err(not_started)?;
        handle.set_token(at).map_err(not_started)?;
        Ok(Slot::Busy(handle, flight))
    }

    /// The same as loading alone, for a request that says more, or may be refused.
    fn prepare(
        &mut self,
        easy: &mut Easy2<Exchange>,
        request: &mut HttpRequest,
        flight: &InFlight,
    ) -> Result<(), Failure> {
        let to = Authority::parse(request.url())
            .map_err(|error| Failure::permanent(error.to_string()))?;
        let options = request.options.as_deref().unwrap_or(&NONE);
        let HttpOptions { proxy, environment, .. } = &self.options;
        let found = match proxy.is_some() || options.proxy.is_some() {
            true => None,
            false => environment.proxy_for(to.scheme, &to.host, options.noproxy.as_deref()),
        };
        let own_proxy = proxy.is_some() || found.is_some();
        let route = Route::to(&to, options, own_proxy, flight.attempt.number);
        if !environment.is_empty() && proxy.is_none() {
            easy.proxy(found.unwrap_or_default()).map_err(not_started)?;
        }
        if let (Some(policy), Some(gate)) = (&self.policy, easy.get_ref().gate()) {
            gate.set(policy.admission(&route, options)?);
        }
        let id = flight.attempt.id;
        let signature = match &options.sign {
            Some(name) => self.keys.sign(name, id, self.clock.now(), request.content())?.to_vec(),
            None => Vec::new(),
        };
        if let Some(chain) = &flight.chain {
            let times = chain.times();
            let left = chain.left(self.clock.elapsed()).ok_or_else(|| {
                let reason = format!("no end of redirects within {:?}", times.total);
                Failure::transient(FailureScope::Request, reason)
            })?;
            times.apply(easy, left).map_err(not_started)?;
            configure(easy, options, &route).map_err(not_started)?;
        }
        let head = Head { id, signature: &signature, line: &mut self.line };
        transfer::load(easy, request, head).map_err(not_started)
    }
}

fn not_started(error: impl std::fmt::Display) -> Failure {
    let words = error.to_string().to_lowercase();
    Failure::transient(FailureScope::Request, format!("libcurl does not start: {words}"))
}
