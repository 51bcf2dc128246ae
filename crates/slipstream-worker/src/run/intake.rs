//! From a claim to an attempt: what is taken from the backlog, what of it can be tried, and
//! when. An attempt is counted before it is made.

use std::time::Duration;

use slipstream_core::{Attempt, Claim, Job, Next, Record, RecordId, Verdict};

use super::{Flight, Run};
use crate::destination::{Pending, Place};
use crate::observer::{Doing, Event};
use crate::reason;

/// Claims that are taken before the drivers get their turn.
const BATCH: usize = 256;

/// Why no more was claimed for now.
pub(super) enum Intake {
    /// More may be there.
    More,
    /// Every slot is taken.
    Full,
    /// A claim is held until something ends, or for this long.
    Held(Duration),
    /// Nothing is due for so long.
    Due(Duration),
    /// Nothing is left.
    Empty,
}

impl Run<'_> {
    /// Fills the slots: what is parked first, then what is held, then what the backlog has.
    pub(super) fn take_in(&mut self) -> Intake {
        while let Some(pending) = self.destinations.next_parked() {
            self.attempt(pending);
            if self.broken.is_some() {
                return Intake::More;
            }
        }
        if let Some(pending) = self.held.take()
            && let Some(patience) = self.place(pending)
        {
            return Intake::Held(patience);
        }
        for _ in 0..BATCH {
            if self.destinations.is_full() {
                return Intake::Full;
            }
            let claim = match self.worker.backlog.next() {
                Ok(Next::Work(claim)) => claim,
                Ok(Next::Wait(due)) => return Intake::Due(due),
                Ok(Next::Empty) => return Intake::Empty,
                Err(error) => {
                    self.break_off(Doing::Claiming, error);
                    return Intake::More;
                }
            };
            if let Some(patience) = self.admit(claim) {
                return Intake::Held(patience);
            }
            if self.broken.is_some() {
                return Intake::More;
            }
        }
        Intake::More
    }

    /// Looks at a claim, and settles at once what cannot be tried. How long it is held, if
    /// it is.
    fn admit(&mut self, claim: Claim) -> Option<Duration> {
        let Claim { ticket, payload, attempts } = claim;
        let record = match Record::decode(&payload) {
            Ok(record) => record,
            Err(error) => {
                self.settle(ticket, Verdict::Failed, None, attempts, &reason::of(&error));
                return None;
            }
        };
        let Some(seat) = self.worker.drivers.of_kind(&record.kind) else {
            let reason = format!("nothing here performs requests of kind '{}'", record.kind);
            self.give_up(ticket, &record, attempts, &reason);
            return None;
        };
        if self.is_stale(record.id) {
            self.settle_record(ticket, Verdict::Expired, &record, attempts, "it outlived its use");
            return None;
        }
        if self.worker.policy.is_spent(attempts) {
            self.give_up(ticket, &record, attempts, "its attempts are used up");
            return None;
        }
        self.place(Pending { ticket, record, attempts, seat })
    }

    fn is_stale(&self, id: RecordId) -> bool {
        let most = self.worker.limits.max_age;
        most.is_some_and(|most| self.worker.clock.now().since(id.stored()) > most)
    }

    /// Puts a claim where it belongs. How long it is held, if it is.
    pub(super) fn place(&mut self, pending: Pending) -> Option<Duration> {
        match self.destinations.place(pending, self.worker.clock.elapsed()) {
            Place::Start(pending) => self.attempt(pending),
            Place::Parked => {}
            Place::Hold(pending, patience) => {
                self.held = Some(pending);
                return Some(patience);
            }
            Place::PutBack(pending, wait) => self.put_back(&pending, wait),
            Place::Down(pending) => self.give_up_down(&pending),
        }
        None
    }

    /// Counts an attempt and has it made.
    fn attempt(&mut self, pending: Pending) {
        let Pending { ticket, record, seat, .. } = pending;
        let number = match self.worker.backlog.begin(ticket) {
            Ok(number) => number,
            Err(error) => return self.break_off(Doing::Beginning(record.id), error),
        };
        if self.worker.policy.is_spent(number.saturating_sub(1)) {
            return self.give_up(ticket, &record, number - 1, "its attempts are used up");
        }
        let began = self.worker.clock.elapsed();
        self.destinations.started(&record.destination, began);
        self.summary.attempts += 1;
        let Record { id, destination, body, .. } = record;
        self.observer.event(&Event::Started { id, destination: &destination, attempt: number });
        let flight = Flight { id, destination, attempt: number, began };
        self.flights.insert(ticket, flight);
        let job = Job { ticket, attempt: Attempt { id, number }, body };
        self.worker.drivers.start(seat, job);
    }
}
