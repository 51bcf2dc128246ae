//! The drivers of a run: all are polled, and at most one of them blocks.
//!
//! # Invariants
//! - At most one poll waits at a time, and a job that ends in any other cuts that wait
//!   short.
//! - So does a stop.
//! - Nothing is polled, with one exception: when two drivers that end jobs only inside their own
//!   polls are busy at once, they wait in slices, one after the other.
//!
//! # Non-goals
//! Threads. A driver that needs some brings its own.

use std::time::Duration;

use slipstream_core::{Completion, Destination, Driver, Invalid, Job, Notifier};

pub(crate) mod thread_pool;

/// How long one of several drivers waits before the next one is polled.
const SLICE: Duration = Duration::from_millis(20);

/// The drivers, in the order they were given.
#[derive(Default)]
pub(crate) struct Drivers {
    seats: Vec<Seat>,
    /// Who waited last, when several have to.
    last: usize,
}

struct Seat {
    driver: Box<dyn Driver>,
    kind: String,
    in_flight: usize,
    /// Whether it is known to wake the others when one of its jobs ends.
    wakes: bool,
}

impl Drivers {
    /// Adds a driver. `wakes` says that it heeds [`Driver::notify_on_completion`].
    pub(crate) fn add(&mut self, driver: Box<dyn Driver>, wakes: bool) {
        self.seats.push(Seat { kind: driver.kind().to_owned(), driver, in_flight: 0, wakes });
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Tells each driver to wake all the others when one of its jobs ends.
    pub(crate) fn introduce(&mut self) {
        let wakers: Vec<Notifier> = self.seats.iter().map(|seat| seat.driver.notifier()).collect();
        for (own, seat) in self.seats.iter_mut().enumerate() {
            let mut others = wakers.clone();
            others.remove(own);
            seat.driver.notify_on_completion(Notifier::new(move || {
                others.iter().for_each(Notifier::notify)
            }));
        }
    }

    /// Wakes whichever driver waits.
    pub(crate) fn notifier(&self) -> Notifier {
        let wakers: Vec<Notifier> = self.seats.iter().map(|seat| seat.driver.notifier()).collect();
        Notifier::new(move || wakers.iter().for_each(Notifier::notify))
    }

    /// Who performs this kind: the one that was added last.
    pub(crate) fn of_kind(&self, kind: &str) -> Option<usize> {
        self.seats.iter().rposition(|seat| seat.kind == kind)
    }

    /// The destination of the request that this body holds.
    pub(crate) fn destination(&self, seat: usize, body: &[u8]) -> Result<Destination, Invalid> {
        self.seats[seat].driver.destination(body)
    }

    /// Hands a job to a driver.
    pub(crate) fn start(&mut self, seat: usize, job: Job) {
        self.seats[seat].in_flight += 1;
        self.seats[seat].driver.start(job);
    }

    /// Has every driver let go of what it only keeps for later.
    pub(crate) fn relieve(&mut self) {
        self.seats.iter_mut().for_each(|seat| seat.driver.relieve());
    }

    /// Has every driver let go of its jobs without waiting for them.
    pub(crate) fn abandon(&mut self) {
        self.seats.iter_mut().for_each(|seat| seat.driver.abandon());
    }

    /// Moves every driver on, and waits in one of them when nothing has ended.
    pub(crate) fn poll(&mut self, mut wait: Duration, done: &mut Vec<Completion>) {
        let Some((host, slice)) = self.host() else {
            return;
        };
        if slice {
            wait = wait.min(SLICE);
        }
        for (index, seat) in self.seats.iter_mut().enumerate() {
            // Idle ones too: it takes in what they were woken for.
            if index != host {
                seat.poll(Duration::ZERO, done);
            }
        }
        if !done.is_empty() {
            wait = Duration::ZERO;
        }
        self.seats[host].poll(wait, done);
    }

    /// Which driver's poll may wait, and whether only for a slice. One that cannot be cut short by
    /// the others' jobs needs no waiting in; one whose jobs end only in its poll does.
    fn host(&mut self) -> Option<(usize, bool)> {
        let needy = |seat: &Seat| seat.in_flight > 0 && !seat.wakes;
        let mut rest = (1..=self.seats.len()).map(|step| (self.last + step) % self.seats.len());
        if let Some(host) = rest.find(|&index| needy(&self.seats[index])) {
            self.last = host;
            let several = self.seats.iter().filter(|seat| needy(seat)).count() > 1;
            return Some((host, several));
        }
        let busy = self.seats.iter().position(|seat| seat.in_flight > 0);
        let first = (!self.seats.is_empty()).then_some(0);
        busy.or(first).map(|host| (host, false))
    }
}

impl Seat {
    fn poll(&mut self, wait: Duration, done: &mut Vec<Completion>) {
        let before = done.len();
        self.driver.poll(wait, done);
        self.in_flight = self.in_flight.saturating_sub(done.len() - before);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use slipstream_core::{Attempt, Outcome, RecordId, Ticket};

    use super::*;

    /// Ends its jobs one a turn, and notes who waited how long.
    struct Noting {
        name: &'static str,
        jobs: Vec<Ticket>,
        ends: bool,
        turns: Rc<RefCell<Vec<(&'static str, Duration)>>>,
    }

    impl Driver for Noting {
        fn kind(&self) -> &str {
            self.name
        }

        fn destination(&self, _: &[u8]) -> Result<Destination, Invalid> {
            Ok(Destination::new(self.name))
        }

        fn start(&mut self, job: Job) {
            self.jobs.push(job.ticket);
        }

        fn poll(&mut self, wait: Duration, done: &mut Vec<Completion>) {
            self.turns.borrow_mut().push((self.name, wait));
            if let Some(ticket) = self.jobs.pop_if(|_| self.ends) {
                let outcome = Outcome::Delivered;
                done.push(Completion { ticket, outcome });
            }
        }

        fn notifier(&self) -> Notifier {
            Notifier::new(|| ())
        }

        fn notify_on_completion(&mut self, _: Notifier) {}
    }

    const WAIT: Duration = Duration::from_secs(9);

    /// Drivers by name, whether they wake others, whether they have a job and end it;
    /// the waits of the first turns.
    fn waits(seats: &[(&'static str, bool, bool, bool)], turns: usize) -> Vec<(&'static str, u64)> {
        let seen = Rc::default();
        let mut drivers = Drivers::default();
        for (index, &(name, wakes, busy, ends)) in seats.iter().enumerate() {
            let turns = Rc::clone(&seen);
            let jobs = Vec::new();
            drivers.add(Box::new(Noting { name, jobs, ends, turns }), wakes);
            if busy {
                let id = RecordId::from_bytes([0; 16]);
                drivers.start(
                    index,
                    Job { ticket: Ticket(0), attempt: Attempt { id, number: 1 }, body: Vec::new() },
                );
            }
        }
        for _ in 0..turns {
            drivers.poll(WAIT, &mut Vec::new());
        }
        let waited = seen.borrow();
        let waited = waited.iter().filter(|(_, wait)| !wait.is_zero());
        waited.map(|&(name, wait)| (name, u64::try_from(wait.as_millis()).unwrap())).collect()
    }

    #[test]
    fn one_driver_waits_and_it_is_the_one_that_must() {
        let table: [(&[_], &[_]); 6] = [
            (&[], &[]),
            (&[("a", false, false, false), ("b", true, false, false)], &[("a", 9_000)]),
            (&[("a", false, false, false), ("b", true, true, false)], &[("b", 9_000)]),
            (&[("a", true, true, false), ("b", false, true, false)], &[("b", 9_000)]),
            (&[("a", true, true, false), ("b", true, true, false)], &[("a", 9_000)]),
            // What has ended elsewhere is not waited on.
            (&[("a", false, true, false), ("b", true, true, true)], &[]),
        ];
        for (seats, expected) in table {
            assert_eq!(waits(seats, 1), expected, "{seats:?}");
        }
    }

    #[test]
    fn two_that_must_both_be_waited_in_take_turns_in_slices() {
        let seats = [("a", false, true, false), ("b", false, true, false)];
        assert_eq!(waits(&seats, 3), [("b", 20), ("a", 20), ("b", 20)]);
    }

    #[test]
    fn the_driver_that_was_added_last_performs_its_kind() {
        let mut drivers = Drivers::default();
        for wakes in [true, false] {
            let turns = Rc::default();
            let (jobs, ends) = (Vec::new(), false);
            drivers.add(Box::new(Noting { name: "a", jobs, ends, turns }), wakes);
        }
        assert_eq!(drivers.of_kind("a"), Some(1));
        assert_eq!(drivers.of_kind("b"), None);
    }
}
