//! The drivers of a run: all are polled, and at most one of them blocks.
//!
//! # Invariants
//! - At most one poll waits at a time, and a job that ends in any other cuts that wait
//!   short.
//! - So does a stop.
//! - No time is spent on looking again, with one exception: when two drivers that end jobs only inside
//!   their own polls are busy at once, they wait in slices, one after the other.
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
pub(crate) struct DriverSet {
    members: Vec<Member>,
    /// Which of them waited last, when several have to.
    last: usize,
}

struct Member {
    driver: Box<dyn Driver>,
    kind: String,
    in_flight: usize,
    /// Whether it is known to wake the others when one of its jobs ends.
    notifies: bool,
}

impl DriverSet {
    /// Adds a driver. `notifies` says that it heeds [`Driver::notify_on_completion`].
    pub(crate) fn add(&mut self, driver: Box<dyn Driver>, notifies: bool) {
        self.members.push(Member {
            kind: driver.kind().to_owned(),
            driver,
            in_flight: 0,
            notifies,
        });
    }

    /// Whether there is no driver.
    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Configures each driver to wake all the others when one of its jobs ends.
    pub(crate) fn introduce(&mut self) {
        let notifiers: Vec<Notifier> =
            self.members.iter().map(|member| member.driver.notifier()).collect();
        for (own, member) in self.members.iter_mut().enumerate() {
            let mut others = notifiers.clone();
            others.remove(own);
            member.driver.notify_on_completion(Notifier::new(move || {
                others.iter().for_each(Notifier::notify)
            }));
        }
    }

    /// Wakes the driver that waits.
    pub(crate) fn notifier(&self) -> Notifier {
        let notifiers: Vec<Notifier> =
            self.members.iter().map(|member| member.driver.notifier()).collect();
        Notifier::new(move || notifiers.iter().for_each(Notifier::notify))
    }

    /// The driver of this kind that was added last, by its number.
    pub(crate) fn of_kind(&self, kind: &str) -> Option<usize> {
        self.members.iter().rposition(|member| member.kind == kind)
    }

    /// The destination of the request that this body holds.
    pub(crate) fn destination(&self, member: usize, body: &[u8]) -> Result<Destination, Invalid> {
        self.members[member].driver.destination(body)
    }

    /// Hands a job to a driver.
    pub(crate) fn start(&mut self, member: usize, job: Job) {
        self.members[member].in_flight += 1;
        self.members[member].driver.start(job);
    }

    /// Has every driver let go of what it only keeps for later.
    pub(crate) fn relieve(&mut self) {
        self.members.iter_mut().for_each(|member| member.driver.relieve());
    }

    /// Has every driver let go of its jobs without waiting for them.
    pub(crate) fn abandon(&mut self) {
        self.members.iter_mut().for_each(|member| member.driver.abandon());
    }

    /// Moves every driver on, and waits in one of them when nothing has ended.
    pub(crate) fn poll(&mut self, mut wait: Duration, done: &mut Vec<Completion>) {
        let Some((host, slice)) = self.host() else {
            return;
        };
        if slice {
            wait = wait.min(SLICE);
        }
        for (index, member) in self.members.iter_mut().enumerate() {
            // Idle drivers too: a poll takes in what they were woken for.
            if index != host {
                member.poll(Duration::ZERO, done);
            }
        }
        if !done.is_empty() {
            wait = Duration::ZERO;
        }
        self.members[host].poll(wait, done);
    }

    /// Which driver's poll may wait, and whether only for a slice. A driver that the others' jobs
    /// cannot interrupt needs no wait in its poll; a driver whose jobs end only in its poll does.
    fn host(&mut self) -> Option<(usize, bool)> {
        let needy = |member: &Member| member.in_flight > 0 && !member.notifies;
        let mut rest = (1..=self.members.len()).map(|step| (self.last + step) % self.members.len());
        if let Some(host) = rest.find(|&index| needy(&self.members[index])) {
            self.last = host;
            let several = self.members.iter().filter(|member| needy(member)).count() > 1;
            return Some((host, several));
        }
        let busy = self.members.iter().position(|member| member.in_flight > 0);
        let first = (!self.members.is_empty()).then_some(0);
        busy.or(first).map(|host| (host, false))
    }
}

impl Member {
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

    /// Ends its jobs one a turn, and notes which driver waited how long.
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
                done.push(Completion::new(ticket, outcome));
            }
        }

        fn notifier(&self) -> Notifier {
            Notifier::new(|| ())
        }

        fn notify_on_completion(&mut self, _: Notifier) {}
    }

    const WAIT: Duration = Duration::from_secs(9);

    /// DriverSet by name, whether they wake others, whether they have a job and end it;
    /// the waits of the first turns.
    fn waits(
        members: &[(&'static str, bool, bool, bool)],
        turns: usize,
    ) -> Vec<(&'static str, u64)> {
        let seen = Rc::default();
        let mut drivers = DriverSet::default();
        for (index, &(name, notifies, busy, ends)) in members.iter().enumerate() {
            let turns = Rc::clone(&seen);
            let jobs = Vec::new();
            drivers.add(Box::new(Noting { name, jobs, ends, turns }), notifies);
            if busy {
                let id = RecordId::from_bytes([0; 16]);
                drivers.start(index, Job::new(Ticket(0), Attempt::new(id, 1), Vec::new()));
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
        for (members, expected) in table {
            assert_eq!(waits(members, 1), expected, "{members:?}");
        }
    }

    #[test]
    fn two_that_must_both_be_waited_in_take_turns_in_slices() {
        let members = [("a", false, true, false), ("b", false, true, false)];
        assert_eq!(waits(&members, 3), [("b", 20), ("a", 20), ("b", 20)]);
    }

    #[test]
    fn the_driver_that_was_added_last_performs_its_kind() {
        let mut drivers = DriverSet::default();
        for notifies in [true, false] {
            let turns = Rc::default();
            let (jobs, ends) = (Vec::new(), false);
            drivers.add(Box::new(Noting { name: "a", jobs, ends, turns }), notifies);
        }
        assert_eq!(drivers.of_kind("a"), Some(1));
        assert_eq!(drivers.of_kind("b"), None);
    }
}
