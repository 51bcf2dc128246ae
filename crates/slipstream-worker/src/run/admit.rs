//! The way from a claim to an attempt: what is taken from the backlog, what of it can be tried, and
//! when. An attempt is counted before it is made.

use std::time::Duration;

use slipstream_core::{
    Attempt, BacklogError, Claim, Destination, Job, Next, Record, Settlement, TryNow,
};
use tracing::field::Empty;

use super::{InFlight, Intake, Run};
use crate::reason;
use crate::report::observer::{Doing, Event};
use crate::schedule::order_keys::KeyAdmission;
use crate::schedule::spilled::Line;
use crate::schedule::{Admission, Coming, Pending};
use crate::subject::{Arrived, Ordered, Subject, known_as};

/// How often in a row the backlog may have nothing to give for want of descriptors, with nothing in
/// flight that could give some back.
const REFUSALS_MAX: u32 = 20;

/// Claims that are taken before the drivers are polled.
const BATCH: usize = 256;

/// What operators asked for, as far as it is remembered.
const ASKED_MAX: usize = 2_000;

/// Why a record fails that names another destination than its request has. The name is not
/// repeated: it may be any text.
const MISNAMED: &str =
    "the record names another destination than its request goes to; store the request again";

impl Run<'_> {
    /// Fills the slots: what is parked first, then what was spilled, what is held, and what the
    /// backlog has, alternately.
    pub(super) fn take_in(&mut self) -> Intake {
        let now = self.worker.clock.elapsed();
        while let Some(pending) = self.destinations.next_parked(now) {
            self.attempt(pending, false);
            if self.broken.is_some() {
                return Intake::More;
            }
        }
        while let Some((arrived, order)) = self.orders.next() {
            self.examine(arrived, Some(order), false);
            if self.broken.is_some() {
                return Intake::More;
            }
        }
        self.destinations.ask(&mut self.spilled, now);
        if let Err(intake) = self.take_spilled() {
            return intake;
        }
        if let Some((pending, _)) = self.held.take() {
            self.place(pending, false);
        }
        let fresh = self.take_fresh();
        self.destinations.unread(!matches!(fresh, Intake::Due(_) | Intake::Empty));
        let now = self.worker.clock.elapsed();
        let asked_in = self.destinations.ask(&mut self.spilled, now).unwrap_or(Duration::MAX);
        match fresh {
            Intake::Due(_) | Intake::Empty if self.spilled.is_wanted() => Intake::More,
            Intake::Held(_) if self.held.is_some() && self.spilled.is_wanted() => Intake::More,
            Intake::Held(patience) => Intake::Held(patience.min(asked_in)),
            Intake::Due(due) => Intake::Due(due.min(asked_in)),
            Intake::Empty if asked_in < Duration::MAX => Intake::Due(asked_in),
            other => other,
        }
    }

    /// Takes what the backlog has, until a claim is held.
    fn take_fresh(&mut self) -> Intake {
        for _ in 0..BATCH {
            if let Some((_, patience)) = &self.held {
                return Intake::Held(*patience);
            }
            if self.broken.is_some() {
                return Intake::More;
            }
            if let Some(wait) = self.destinations.is_full(self.worker.clock.elapsed()) {
                return Intake::Full(wait);
            }
            match self.worker.backlog.next() {
                Ok(Next::Work(claim)) => self.take(claim, false),
                Ok(Next::Asked(asked)) => self.heed(asked),
                Ok(Next::Wait(due)) => return Intake::Due(due),
                Ok(Next::Empty) => return Intake::Empty,
                Err(error) => return self.cannot_claim(error),
            }
        }
        Intake::More
    }

    /// Reads again what was spilled, as far as it is wanted.
    fn take_spilled(&mut self) -> Result<(), Intake> {
        for _ in 0..BATCH {
            if let Some(wait) = self.destinations.is_full(self.worker.clock.elapsed()) {
                return Err(Intake::Full(wait));
            }
            let Some(from) = self.spilled.next() else { return Ok(()) };
            match self.worker.backlog.spilled(from) {
                Ok(Some(claim)) => {
                    self.spilled.reached(claim.position);
                    self.take(claim, true);
                    if self.broken.is_some() {
                        return Err(Intake::More);
                    }
                }
                Ok(None) => {
                    for line in self.spilled.ended() {
                        if let Line::Key(key) = line {
                            self.orders.advance(key, &mut self.spilled);
                        }
                    }
                }
                Err(error) => return Err(self.cannot_claim(error)),
            }
        }
        Ok(())
    }

    /// Looks at a claim: whether its order key allows it now, if it has one.
    fn take(&mut self, claim: Claim, in_pass: bool) {
        self.refusals = 0;
        let Claim {
            ticket,
            payload,
            attempts,
            interrupted,
            visible_in: mut wait,
            early,
            position,
            ..
        } = claim;
        let mut record = match Record::decode(&payload) {
            Ok(record) => record,
            Err(error) => {
                return self.settle(
                    ticket,
                    Settlement::Failed,
                    None,
                    attempts,
                    &reason::with_causes(&error),
                );
            }
        };
        if early && !self.asked.is_empty() {
            let destination = known_as(&record.destination);
            if self.asked.iter().any(|asked| asked.concerns(&destination)) {
                wait = Duration::ZERO;
            }
        }
        let key = record.options.order.take();
        let arrived = Arrived { ticket, record, attempts, interrupted, wait, position };
        let Some(key) = key else {
            return self.examine(arrived, None, in_pass);
        };
        let order = Ordered { key: self.orders.key(&key, &self.spilled), position };
        match self.orders.offer(arrived, order, in_pass, &mut self.spilled) {
            KeyAdmission::Start(arrived) => self.examine(arrived, Some(order), in_pass),
            KeyAdmission::Queued => {}
            KeyAdmission::Spill(all) => self.spill(all),
        }
    }

    fn cannot_claim(&mut self, error: BacklogError) -> Intake {
        match error {
            BacklogError::Unavailable { retry_in, reason }
                if !self.in_flight.is_empty() || self.refusals < REFUSALS_MAX =>
            {
                self.refusals += 1;
                tracing::warn!(reason, ?retry_in, "the next request is not to be had for now");
                self.worker.drivers.relieve();
                Intake::Held(retry_in)
            }
            error => {
                self.break_off(Doing::Claiming, error);
                Intake::More
            }
        }
    }

    /// Does what an operator asked for.
    fn heed(&mut self, asked: Vec<TryNow>) {
        let known = |one| match one {
            TryNow::All => TryNow::All,
            TryNow::To(destination) => TryNow::To(known_as(&destination)),
        };
        let asked: Vec<_> = asked.into_iter().map(known).collect();
        tracing::info!(?asked, "an operator asked to have these tried now");
        self.destinations.try_now(&asked, self.worker.clock.elapsed());
        if asked.contains(&TryNow::All) {
            self.asked.clear();
        }
        self.asked.extend(asked);
        let overflow = self.asked.len().saturating_sub(ASKED_MAX);
        self.asked.drain(..overflow);
    }

    /// Looks at a claim that may be tried, and settles at once what cannot be tried now.
    fn examine(&mut self, mut arrived: Arrived, order: Option<Ordered>, in_pass: bool) {
        let not_before = arrived.record.options.not_before;
        let mut subject = Subject::new(&mut arrived, order, &self.worker.policy);
        let Arrived { ticket, record, attempts, wait, position, .. } = arrived;
        let Some(driver) = self.worker.drivers.of_kind(&record.kind) else {
            let reason = format!("nothing here performs requests of kind '{}'", record.kind);
            return self.give_up(ticket, &subject, attempts, &reason);
        };
        match self.worker.drivers.destination(driver, &record.body) {
            Ok(destination) if destination == record.destination => {}
            Ok(destination) => {
                subject.destination = known_as(&destination);
                return self.give_up(ticket, &subject, attempts, MISNAMED);
            }
            Err(error) => {
                subject.destination = Destination::new(format!("{}://invalid", record.kind));
                return self.give_up(ticket, &subject, attempts, &error.to_string());
            }
        }
        if self.is_stale(&subject) {
            return self.settle(
                ticket,
                Settlement::Expired,
                Some(&subject),
                attempts,
                "it outlived its use",
            );
        }
        if self.policy_of(&subject).is_spent(attempts) {
            // Of the last one nothing is known, or the request would be settled.
            let why = "its worker ended during its last attempts, too often to try it again";
            return self.give_up(ticket, &subject, attempts, why);
        }
        let early = not_before.map(|start| start.since(self.worker.clock.now()));
        let early = early.filter(|early| !early.is_zero());
        let pending = Pending { ticket, subject, body: record.body, attempts, driver, position };
        if early.is_some() || !wait.is_zero() {
            return self.postpone(&pending, early, wait);
        }
        self.place(pending, in_pass);
    }

    /// Puts off what is not due. That it must not be sent before some time is kept on disk, so that
    /// it is looked at no sooner; that it waits for a retry is there already.
    fn postpone(&mut self, pending: &Pending, early: Option<Duration>, wait: Duration) {
        let Pending { ticket, subject, attempts, .. } = pending;
        let (settlement, why) = match early {
            Some(early) => (Settlement::Retry { after: early }, "it is not to be sent yet"),
            None => (Settlement::Release { after: wait }, "its next attempt is not due yet"),
        };
        self.settle(*ticket, settlement, Some(subject), *attempts, why);
    }

    fn is_stale(&self, subject: &Subject) -> bool {
        let now = self.worker.clock.now();
        let most = self.worker.limits.max_age;
        subject.expires.is_some_and(|end| now > end)
            || most.is_some_and(|most| now.since(subject.id.stored()) > most)
    }

    /// Puts a claim where it belongs.
    pub(super) fn place(&mut self, pending: Pending, in_pass: bool) {
        let coming = Coming { in_pass, may_hold: !in_pass && self.held.is_none() };
        let now = self.worker.clock.elapsed();
        match self.destinations.admit(pending, coming, &mut self.spilled, now) {
            Admission::Start(pending) => self.attempt(pending, in_pass),
            Admission::Queued => {}
            Admission::Backpressure(pending, patience) => self.held = Some((pending, patience)),
            Admission::Spill(pending) => {
                self.put_off(&pending, Settlement::Spill, "its destination has no room for it");
            }
            Admission::Deferred(pending, wait) => {
                self.put_off(
                    &pending,
                    Settlement::Release { after: wait },
                    "its destination is paused",
                );
            }
            Admission::CircuitOpen(pending) => self.give_up_down(&pending),
        }
    }

    /// Counts an attempt and has it made. One suspect is in flight at a time, so that what ends the
    /// worker uses up attempts of its own and of no other.
    fn attempt(&mut self, pending: Pending, in_pass: bool) {
        if pending.subject.suspect {
            let line = Line::Suspects;
            if self.spilled.may_take(line, pending.position, in_pass) {
                self.spilled.take(line, pending.position);
            }
            if self.in_flight.values().any(|flight| flight.subject.suspect) {
                self.spilled.add(line, pending.position);
                self.spilled.want_not(line);
                let why = "another one that may end the worker is in flight";
                return self.put_off(&pending, Settlement::Spill, why);
            }
        }
        let Pending { ticket, subject, body, attempts, driver, .. } = pending;
        let number = match self.worker.backlog.begin(ticket) {
            Ok(number) => number,
            Err(BacklogError::Unavailable { retry_in, reason }) => {
                let settlement = Settlement::Release { after: retry_in };
                return self.settle(ticket, settlement, Some(&subject), attempts, &reason);
            }
            Err(error) => return self.break_off(Doing::Beginning(subject.id), error),
        };
        if self.policy_of(&subject).is_spent(number.saturating_sub(1)) {
            return self.give_up(ticket, &subject, number - 1, "its attempts are used up");
        }
        let began = self.worker.clock.elapsed();
        let (id, destination) = (subject.id, &subject.destination);
        self.destinations.started(destination, subject.size, began);
        self.summary.attempts += 1;
        self.observer.event(&Event::Started { id, destination, attempt: number });
        let span = tracing::debug_span!(
            "attempt", %id, %destination, attempt = number,
            status = Empty, took_ms = Empty, reason = Empty
        );
        self.in_flight.insert(ticket, InFlight { subject, attempt: number, began, span });
        let job = Job::new(ticket, Attempt::new(id, number), body);
        self.worker.drivers.start(driver, job);
    }
}
