//! Settlements of claims, after an attempt and without an attempt.

use std::time::Duration;

use slipstream_core::{BacklogError, Failure, FailureScope, Outcome, Settlement, Ticket};

use super::{InFlight, Run};
use crate::report::note::Note;
use crate::report::observer::{Doing, Event};
use crate::run::scarcity::descriptors_are_scarce;
use crate::schedule::spilled::Line;
use crate::schedule::{Answer, Pending};
use crate::subject::{Arrived, Subject};

/// Why a request is not tried whose destination is down. Ten thousand of these are one event,
/// so they are traced one level down.
const DOWN: &str = "its destination is down";

impl Run<'_> {
    /// Settles an attempt that has ended.
    pub(super) fn complete(&mut self, ticket: Ticket, flight: InFlight, mut outcome: Outcome) {
        if let Outcome::Failed(failure) = &mut outcome
            && failure.scope == FailureScope::Destination
            && failure.status.is_none()
            && (self.destinations.was_short(self.worker.clock.elapsed())
                || descriptors_are_scarce())
        {
            // It may have failed for want of them, whatever it says.
            failure.scope = FailureScope::Worker;
            failure.reason =
                format!("too few descriptors are left to be sure of: {}", failure.reason);
        }
        let now = self.worker.clock.elapsed();
        let took = now.saturating_sub(flight.began);
        let InFlight { subject, attempt, span, .. } = flight;
        let wait = match &outcome {
            Outcome::Delivered => Duration::ZERO,
            Outcome::Failed(failure) => {
                let random = (self.worker.random)();
                self.policy_of(&subject).wait(attempt, failure.retry_after, random)
            }
        };
        let answer = match &outcome {
            Outcome::Delivered => Answer::Delivered,
            Outcome::Failed(failure) => match failure.scope {
                FailureScope::Request => Answer::Refused,
                FailureScope::Destination => Answer::Failed { wait, first: attempt == 1 },
                FailureScope::Worker => Answer::NotMade,
            },
        };
        let (id, destination) = (subject.id, &subject.destination);
        self.destinations.ended(destination, subject.size, answer, took, now);
        if subject.suspect {
            self.spilled.want(Line::Suspects);
        }
        span.record("took_ms", took.as_millis() as u64);
        let _entered = span.enter();
        match outcome {
            Outcome::Delivered => {
                tracing::debug!(%id, %destination, attempt, ?took, "delivered");
                self.settle(ticket, Settlement::Delivered, Some(&subject), attempt, "");
            }
            Outcome::Failed(failure) if failure.scope == FailureScope::Worker => {
                self.take_back(ticket, &subject, attempt, &failure.reason);
            }
            Outcome::Failed(failure) => {
                span.record("reason", &*failure.reason);
                span.record("status", failure.status);
                let failed =
                    Event::AttemptFailed { id, destination, attempt, failure: &failure, took };
                self.observer.event(&failed);
                tracing::info!(
                    %id, %destination, attempt, ?took,
                    status = failure.status, reason = failure.reason, "the attempt failed"
                );
                self.land_failed(ticket, &subject, attempt, failure, wait);
            }
        }
    }

    /// Takes back an attempt that could not be made: it does not count, and fewer are in flight
    /// from now on.
    fn take_back(&mut self, ticket: Ticket, subject: &Subject, attempt: u32, reason: &str) {
        let (wait, in_flight) = self.destinations.short(self.worker.clock.elapsed());
        self.worker.drivers.relieve();
        self.summary.attempts -= 1;
        self.summary.short += 1;
        self.observer.event(&Event::Short { reason, in_flight });
        tracing::warn!(id = %subject.id, reason, in_flight, "an attempt could not be made; fewer are in flight now");
        let attempts = attempt.saturating_sub(1);
        self.settle(ticket, Settlement::Release { after: wait }, Some(subject), attempts, reason);
    }

    fn land_failed(
        &mut self,
        ticket: Ticket,
        subject: &Subject,
        attempt: u32,
        mut failure: Failure,
        wait: Duration,
    ) {
        let policy = self.policy_of(subject);
        let transient =
            failure.transient && !failure.status.is_some_and(|s| policy.permanent.contains(s));
        let last = policy.is_spent(attempt) || !transient;
        // A permanent failure exhausts a request too, when the fault is the destination's.
        let exhausted = last || policy.ends_round(attempt);
        self.note(ticket, subject, attempt, &failure.reason, failure.status, failure.answer.take());
        let settlement = if last { Settlement::Failed } else { Settlement::Retry { after: wait } };
        self.summary.retried += u64::from(!last);
        self.settle(ticket, settlement, Some(subject), attempt, &failure.reason);

        let (destination, now) = (&subject.destination, self.worker.clock.elapsed());
        let (wall, reason) = (self.worker.clock.now(), &*failure.reason);
        if failure.retry_after.is_some()
            && let Some(wait) = self.destinations.pause(destination, reason, wait, now, wall)
        {
            self.observer.event(&Event::Paused { destination, wait });
            tracing::info!(%destination, ?wait, "the destination asked for a pause");
        }
        let down = match (failure.scope == FailureScope::Destination, exhausted) {
            (false, _) => false,
            (true, true) => self.destinations.exhausted(destination, reason, now, wall),
            (true, false) => self.destinations.judge(destination, now, wall),
        };
        if down {
            self.observer.event(&Event::Down { destination, reason });
            tracing::warn!(%destination, reason, "the destination is down; the rest is not tried");
        }
        for pending in self.destinations.release(destination, now) {
            self.place(pending, false);
        }
    }

    /// Leaves a line for the operator.
    pub(super) fn note(
        &mut self,
        ticket: Ticket,
        subject: &Subject,
        attempt: u32,
        reason: &str,
        status: Option<u16>,
        answer: Option<String>,
    ) {
        let (id, at) = (subject.id.to_string(), self.worker.clock.now().as_millis());
        let note = Note { id, at, attempt, reason: reason.to_owned(), status, answer };
        self.worker.backlog.note(ticket, &note.line());
    }

    /// What becomes of a claim whose destination is down: it is tried in the next round, if it
    /// has one, and else dead-lettered.
    pub(super) fn give_up_down(&mut self, pending: &Pending) {
        let Pending { ticket, subject, attempts, .. } = pending;
        let policy = self.policy_of(subject);
        let age = self.worker.clock.now().since(subject.id.stored());
        if age < policy.later_rounds() {
            let settlement = Settlement::Retry { after: policy.every };
            return self.settle(*ticket, settlement, Some(subject), *attempts, DOWN);
        }
        self.give_up(*ticket, subject, *attempts, DOWN);
    }

    /// Fails a record that is not tried (again).
    pub(super) fn give_up(&mut self, ticket: Ticket, subject: &Subject, attempts: u32, why: &str) {
        self.note(ticket, subject, 0, why, None, None);
        self.settle(ticket, Settlement::Failed, Some(subject), attempts, why);
    }

    /// Lets go of a record that is not to be tried now.
    pub(super) fn put_off(&mut self, pending: &Pending, settlement: Settlement, why: &str) {
        let Pending { ticket, subject, attempts, .. } = pending;
        self.settle(*ticket, settlement, Some(subject), *attempts, why);
    }

    /// Releases all that was claimed and not begun: the run is over.
    pub(super) fn put_back_all(&mut self) {
        let mut left: Vec<_> = self.held.take().map(|(held, _)| held).into_iter().collect();
        left.extend(self.destinations.release_all());
        let parked = self.orders.release_all();
        if self.broken.is_some() {
            // Claims without an answer come out again all the same.
            return;
        }
        self.spill(parked);
        for Pending { ticket, subject, attempts, .. } in &left {
            let settlement = Settlement::Release { after: Duration::ZERO };
            self.settle(*ticket, settlement, Some(subject), *attempts, "the run is over");
        }
    }

    /// Records a settlement, then counts it and reports it.
    pub(super) fn settle(
        &mut self,
        ticket: Ticket,
        settlement: Settlement,
        subject: Option<&Subject>,
        attempts: u32,
        why: &str,
    ) {
        let id = subject.map(|subject| subject.id);
        match self.worker.backlog.settle(ticket, settlement.clone()) {
            Ok(()) => {}
            Err(BacklogError::Unavailable { reason, .. }) => {
                // A delivery is not counted: it is not recorded. A failure is one all the same.
                // Those behind it may go.
                let id = id.map(tracing::field::display);
                tracing::error!(
                    id,
                    reason,
                    "an outcome is not recorded; the next run may repeat it"
                );
                if settlement != Settlement::Failed {
                    return self.advance_key(subject, &settlement);
                }
            }
            Err(error) => return self.break_off(Doing::Settling(id), error),
        }
        let summary = &mut self.summary;
        match settlement {
            Settlement::Delivered => summary.delivered += 1,
            Settlement::Failed => {
                summary.failed += 1;
                summary.never_attempted += u64::from(attempts == 0);
                let id = id.map(tracing::field::display);
                if why == DOWN {
                    tracing::debug!(id, attempts, reason = why, "the request failed for good");
                } else {
                    tracing::warn!(id, attempts, reason = why, "the request failed for good");
                }
            }
            Settlement::Expired => summary.expired += 1,
            Settlement::Retry { after: _ } => {}
            Settlement::Release { after: _ } | Settlement::Spill => summary.deferred += 1,
        }
        self.observer.event(&Event::Settled {
            id,
            destination: subject.map(|subject| &subject.destination),
            settlement: &settlement,
            attempts,
            reason: (!why.is_empty()).then_some(why),
        });
        self.advance_key(subject, &settlement);
    }

    /// What a settlement means for the requests behind it with the same order key.
    fn advance_key(&mut self, subject: Option<&Subject>, settlement: &Settlement) {
        let Some(order) = subject.and_then(|subject| subject.order) else {
            return;
        };
        match settlement {
            Settlement::Delivered | Settlement::Failed | Settlement::Expired => {
                self.orders.settled(order, &mut self.spilled);
            }
            Settlement::Retry { after: _ }
            | Settlement::Release { after: _ }
            | Settlement::Spill => {
                let leave = self.orders.put_off(order, &mut self.spilled);
                self.spill(leave);
            }
        }
    }

    /// Spills these: they are read again when their order key allows.
    pub(super) fn spill(&mut self, all: Vec<Arrived>) {
        for arrived in all {
            if let Err(error) = self.worker.backlog.settle(arrived.ticket, Settlement::Spill) {
                self.break_off(Doing::Settling(Some(arrived.record.id)), error);
            }
        }
    }
}
