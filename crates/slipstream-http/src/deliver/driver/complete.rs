//! The end of a transfer: it is taken off libcurl, and its job ends or the next hop is started.
//!
//! # Invariants
//! The handle is free again, and has nothing of the request left on it.

use curl::easy::Easy2;
use slipstream_core::{Completion, Outcome};
use tracing::debug;

use super::{HttpDriver, Slot, handle};
use crate::deliver::classify::not_followed;
use crate::deliver::jar;
use crate::deliver::outcome::outcome;
use crate::deliver::transfer::Exchange;
use crate::request::{Auth, HttpRequest};
use crate::url::Authority;

/// Gives the next hop the cookies that there are behind the last one.
fn carry_jar(request: &mut HttpRequest, easy: &mut Easy2<Exchange>) {
    if let Some(options) = &mut request.options
        && let Some(lines) = &mut options.jar
    {
        *lines = jar::next(easy, lines, &request.url);
    }
}

/// The request of a next hop, unless it is a request that a server of HTTP/1.0 could not read.
fn without_chunks(request: HttpRequest) -> Result<HttpRequest, String> {
    match request.options.as_ref().is_some_and(|options| options.chunked) {
        true => Err("what answers speaks http/1.0, which has no chunks".to_owned()),
        false => Ok(request),
    }
}

/// Whether the next hop goes to a server that has challenged this one: what libcurl knows of that
/// spares it a second challenge. The hop takes the handle that was freed last, which is this
/// handle.
fn stays_known(request: &HttpRequest, easy: &Easy2<Exchange>) -> bool {
    let Some(options) = request.options.as_deref().filter(|it| it.auth != Auth::Basic) else {
        return false;
    };
    // Where it is trusted to, the way there must not be a way that is only right for here.
    let leads = !options.connect_to.is_empty() || !options.resolve.is_empty();
    (options.location_trusted && !leads)
        || Authority::parse(request.url()).ok() == Authority::parse(easy.get_ref().url()).ok()
}

impl HttpDriver {
    pub(super) fn finish(
        &mut self,
        at: usize,
        error: Option<&curl::Error>,
        done: &mut Vec<Completion>,
    ) {
        let Slot::Busy(handle, mut flight) = std::mem::replace(&mut self.slots[at], Slot::Empty)
        else {
            return;
        };
        // Asked of libcurl, not read from status lines: a proxy's answer to CONNECT has one.
        let status = handle.response_code().unwrap_or_default();
        let times = match &flight.chain {
            Some(chain) => chain.times(),
            None => self.options.times(),
        };
        let alone = self.slots.len() - self.free.len() == 1;
        let whole = flight.chain.as_ref().is_some_and(|chain| chain.wants_all());
        let mut outcome = outcome(&handle, status, error, alone, whole, times, &*self.clock);
        let mut next = None;
        if let Ok(mut easy) = self.multi.remove2(handle) {
            let body = easy.get_mut().release();
            let mut clean = true;
            if let Some(chain) = &mut flight.chain {
                let has_jar = chain.has_jar();
                next = chain.next(status, easy.get_ref().location(), body);
                if easy.get_ref().is_http_1_0() {
                    next = next.map(|next| next.and_then(without_chunks));
                }
                let request = next.as_mut().and_then(|next| next.as_mut().ok());
                clean = match request {
                    // What libcurl has in its jar survives a reset.
                    Some(request) if has_jar => {
                        carry_jar(request, &mut easy);
                        false
                    }
                    None if has_jar => false,
                    Some(request) if stays_known(request, &easy) => true,
                    _ => handle::reset(&mut easy, &self.options).is_ok(),
                };
            }
            if clean {
                self.slots[at] = Slot::Idle(easy);
            }
        }
        self.free.push(at);
        let ticket = flight.ticket;
        match next {
            Some(Ok(request)) => match self.start_request(request, flight) {
                Ok(()) => return,
                Err(failure) => outcome = Outcome::Failed(failure),
            },
            Some(Err(why)) => {
                if let Outcome::Failed(failure) = &mut outcome {
                    let answer = failure.answer.take();
                    *failure = not_followed(status, &why);
                    failure.answer = answer;
                }
            }
            None => {
                if let (Outcome::Failed(failure), Some(chain)) = (&mut outcome, &flight.chain) {
                    chain.tell(failure, error);
                }
            }
        }
        if let Outcome::Failed(failure) = &outcome {
            debug!(ticket = ticket.0, reason = failure.reason, "attempt failed");
        }
        done.push(Completion::new(ticket, outcome));
    }
}
