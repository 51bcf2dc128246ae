//! What becomes of a claim: the verdict after an attempt, and the verdicts without one.

use std::time::Duration;

use slipstream_core::{Blame, Destination, Failure, Outcome, Record, RecordId, Ticket, Verdict};

use super::{Flight, Run};
use crate::destination::{Answer, Pending};
use crate::observer::{Doing, Event};

/// Why a request is not tried whose destination is down. Ten thousand of these are one event,
/// so they are traced one level down.
const DOWN: &str = "its destination is down";

/// Whose record it is.
type Name<'a> = (RecordId, &'a Destination);

impl Run<'_> {
    /// Settles an attempt that has ended.
    pub(super) fn land(&mut self, ticket: Ticket, flight: Flight, outcome: Outcome) {
        let now = self.worker.clock.elapsed();
        let took = now.saturating_sub(flight.began);
        let name = (flight.id, &flight.destination);
        let wait = match &outcome {
            Outcome::Delivered => Duration::ZERO,
            Outcome::Failed(failure) => {
                let random = (self.worker.random)();
                let asked = failure.retry_after;
                self.worker.policy.wait(flight.attempt, asked, random)
            }
        };
        let answer = match &outcome {
            Outcome::Delivered => Answer::Delivered,
            Outcome::Failed(failure) if failure.blame == Blame::Request => Answer::Refused,
            Outcome::Failed(_) => Answer::Failed(wait),
        };
        self.destinations.ended(name.1, answer, took, now);
        match outcome {
            Outcome::Delivered => {
                tracing::debug!(
                    id = %name.0, destination = %name.1, attempt = flight.attempt, ?took,
                    "delivered"
                );
                self.settle(ticket, Verdict::Delivered, Some(name), flight.attempt, "");
            }
            Outcome::Failed(failure) => {
                self.observer.event(&Event::AttemptFailed {
                    id: name.0,
                    destination: name.1,
                    attempt: flight.attempt,
                    failure: &failure,
                    took,
                });
                tracing::info!(
                    id = %name.0, destination = %name.1, attempt = flight.attempt, ?took,
                    status = failure.status, reason = failure.reason, "the attempt failed"
                );
                self.land_failed(ticket, name, flight.attempt, &failure, wait);
            }
        }
    }

    fn land_failed(
        &mut self,
        ticket: Ticket,
        name: Name<'_>,
        attempt: u32,
        failure: &Failure,
        wait: Duration,
    ) {
        let last = self.worker.policy.is_spent(attempt);
        let verdict =
            if failure.transient && !last { Verdict::Defer(wait) } else { Verdict::Failed };
        self.settle(ticket, verdict, Some(name), attempt, &failure.reason);

        let (destination, now) = (name.1, self.worker.clock.elapsed());
        let until = now.saturating_add(wait);
        if failure.retry_after.is_some() && self.destinations.pause(destination, until) {
            self.observer.event(&Event::Paused { destination, wait });
            tracing::info!(%destination, ?wait, "the destination asked for a pause");
        }
        // A permanent failure exhausts a request too, when the destination is to blame.
        let exhausted = last || !failure.transient;
        let blamed = failure.blame == Blame::Destination;
        if exhausted && blamed && self.destinations.exhausted(destination, now) {
            let reason = &*failure.reason;
            self.observer.event(&Event::Down { destination, reason });
            tracing::warn!(%destination, reason, "the destination is down; the rest is not tried");
        }
        for pending in self.destinations.release(destination, now) {
            self.place(pending);
        }
    }

    pub(super) fn give_up_down(&mut self, pending: &Pending) {
        let Pending { ticket, record, attempts, .. } = pending;
        self.give_up(*ticket, record, *attempts, DOWN);
    }

    /// Fails a record that is not tried (again).
    pub(super) fn give_up(&mut self, ticket: Ticket, record: &Record, attempts: u32, why: &str) {
        self.settle_record(ticket, Verdict::Failed, record, attempts, why);
    }

    /// Puts a record back that finds no room now.
    pub(super) fn put_back(&mut self, pending: &Pending, wait: Duration) {
        let verdict = Verdict::PutBack(wait);
        let Pending { ticket, record, attempts, .. } = pending;
        self.settle_record(
            *ticket,
            verdict,
            record,
            *attempts,
            "its destination is paused or has no room",
        );
    }

    /// Puts back all that was claimed and not begun: the run is over.
    pub(super) fn put_back_all(&mut self) {
        let held = self.held.take();
        let parked = self.destinations.release_all();
        if self.broken.is_some() {
            // Claims without an answer come out again all the same.
            return;
        }
        for pending in parked.into_iter().chain(held) {
            let Pending { ticket, record, attempts, .. } = &pending;
            let verdict = Verdict::PutBack(Duration::ZERO);
            self.settle_record(*ticket, verdict, record, *attempts, "the run is over");
        }
    }

    pub(super) fn settle_record(
        &mut self,
        ticket: Ticket,
        verdict: Verdict,
        record: &Record,
        attempts: u32,
        why: &str,
    ) {
        let name = (record.id, &record.destination);
        self.settle(ticket, verdict, Some(name), attempts, why);
    }

    /// Records a verdict, then counts it and tells of it.
    pub(super) fn settle(
        &mut self,
        ticket: Ticket,
        verdict: Verdict,
        name: Option<Name<'_>>,
        attempts: u32,
        why: &str,
    ) {
        let id = name.map(|(id, _)| id);
        if let Err(error) = self.worker.backlog.settle(ticket, verdict.clone()) {
            return self.break_off(Doing::Settling(id), error);
        }
        let summary = &mut self.summary;
        match verdict {
            Verdict::Delivered => summary.delivered += 1,
            Verdict::Failed => {
                summary.failed += 1;
                summary.untried += u64::from(attempts == 0);
                let id = id.map(tracing::field::display);
                if why == DOWN {
                    tracing::debug!(id, attempts, reason = why, "the request is given up");
                } else {
                    tracing::warn!(id, attempts, reason = why, "the request is given up");
                }
            }
            Verdict::Expired => summary.expired += 1,
            Verdict::Defer(_) => summary.retried += 1,
            Verdict::PutBack(_) => summary.put_off += 1,
        }
        self.observer.event(&Event::Settled {
            id,
            destination: name.map(|(_, destination)| destination),
            verdict: &verdict,
            attempts,
            reason: (!why.is_empty()).then_some(why),
        });
    }
}
