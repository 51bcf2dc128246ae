//! Takes a finished transfer off libcurl, and ends its job or sends the next hop on its way.
//!
//! Guarantees: the handle is free again, and has nothing of the request left on it.

use slipstream_core::{Completion, Failure, Outcome};
use tracing::debug;

use super::{HttpDriver, Place, handle};
use crate::outcome::outcome;
use crate::times::Times;
use crate::verdict::astray;

impl HttpDriver {
    pub(super) fn finish(
        &mut self,
        at: usize,
        error: Option<&curl::Error>,
        done: &mut Vec<Completion>,
    ) {
        let Place::Busy(handle, mut flight) = std::mem::replace(&mut self.places[at], Place::Empty)
        else {
            return;
        };
        // Asked of libcurl, not read from status lines: a proxy's answer to CONNECT has one.
        let status = handle.response_code().unwrap_or_default();
        let times = match &flight.trip {
            Some(trip) => trip.times(),
            None => Times::of(&self.options),
        };
        let alone = self.places.len() - self.free.len() == 1;
        let mut outcome = outcome(&handle, status, error, alone, times, &*self.clock);
        let mut next = None;
        if let Ok(mut easy) = self.multi.remove2(handle) {
            let body = easy.get_mut().release();
            let mut clean = Ok(());
            if let Some(trip) = &mut flight.trip {
                next = trip.next(status, easy.get_ref().location(), body);
                clean = handle::reset(&mut easy, &self.options);
            }
            if clean.is_ok() {
                self.places[at] = Place::Idle(easy);
            }
        }
        self.free.push(at);
        let ticket = flight.ticket;
        match next {
            Some(Ok(request)) => match self.launch(request, flight) {
                Ok(()) => return,
                Err(failure) => outcome = Outcome::Failed(failure),
            },
            Some(Err(why)) => {
                if let Outcome::Failed(failure) = &mut outcome {
                    let answer = failure.answer.take();
                    *failure = Failure { answer, ..astray(status, &why) };
                }
            }
            None => {
                if let (Outcome::Failed(failure), Some(trip)) = (&mut outcome, &flight.trip) {
                    trip.tell(failure, error);
                }
            }
        }
        if let Outcome::Failed(failure) = &outcome {
            debug!(ticket = ticket.0, reason = failure.reason, "attempt failed");
        }
        done.push(Completion { ticket, outcome });
    }
}
