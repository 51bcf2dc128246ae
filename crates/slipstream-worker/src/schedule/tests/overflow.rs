//! The overflow: what is spilled comes out again when there is room for it.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::super::overflow::REFUSED_FOR;
use super::*;

/// A backlog of claims, as the run and its engine have it. A claim's place is its ticket.
struct Bench {
    all: Destinations,
    spilled: Spilled,
    now: Duration,
    held: Option<Pending>,
    flying: Vec<Pending>,
    /// What was spilled.
    over: BTreeMap<u64, Pending>,
    /// What comes out by itself, and when.
    timed: Vec<(Duration, Pending)>,
    settled: usize,
    read_again: usize,
}

impl Bench {
    fn new(cap: usize) -> Self {
        Self {
            all: Destinations::new(cap, 3),
            spilled: Spilled::default(),
            now: NOW,
            held: None,
            flying: Vec::new(),
            over: BTreeMap::new(),
            timed: Vec::new(),
            settled: 0,
            read_again: 0,
        }
    }

    fn offer(&mut self, pending: Pending, in_pass: bool) {
        let coming = Coming { in_pass, may_hold: !in_pass && self.held.is_none() };
        match self.all.admit(pending, coming, &mut self.spilled, self.now) {
            Admission::Start(pending) => self.start(pending),
            Admission::Queued => {}
            Admission::Backpressure(pending, _) => self.held = Some(pending),
            Admission::Spill(pending) => drop(self.over.insert(pending.ticket.0, pending)),
            Admission::Deferred(pending, wait) => self.timed.push((self.now + wait, pending)),
            Admission::CircuitOpen(_) => self.settled += 1,
        }
    }

    fn start(&mut self, pending: Pending) {
        self.all.started(&pending.subject.destination, 0, self.now);
        self.flying.push(pending);
    }

    /// As the run has it: what is parked, what is wanted, what is held, what is due.
    fn turn(&mut self) {
        while let Some(pending) = self.all.next_parked(self.now) {
            self.start(pending);
        }
        self.all.ask(&mut self.spilled, self.now);
        for _ in 0..1_000 {
            if self.all.is_full(self.now).is_some() {
                break;
            }
            let Some(from) = self.spilled.next() else { break };
            let from = from.map(|position| u64::try_from(position).unwrap_or(u64::MAX));
            match self.over.range((from, Bound::Unbounded)).next().map(|(&at, _)| at) {
                Some(at) => {
                    self.read_again += 1;
                    self.spilled.reached(at.into());
                    let pending = self.over.remove(&at).unwrap();
                    self.offer(pending, true);
                }
                None => drop(self.spilled.ended()),
            }
        }
        if let Some(held) = self.held.take() {
            self.offer(held, false);
        }
        let due = |(at, _): &mut (Duration, Pending)| *at <= self.now;
        for (_, pending) in self.timed.extract_if(.., due).collect::<Vec<_>>() {
            self.offer(pending, false);
        }
    }

    /// An attempt ends; a request that failed is tried again after `wait`, except the third time.
    fn complete(&mut self, which: usize, answer: Answer, took: Duration) {
        let mut pending = self.flying.swap_remove(which);
        let to = pending.subject.destination.clone();
        self.all.ended(&to, 0, answer, took, self.now);
        pending.attempts += 1;
        let Answer::Failed { wait, .. } = answer else {
            self.settled += 1;
            return;
        };
        if pending.attempts < 3 {
            self.timed.push((self.now + wait, pending));
            self.all.judge(&to, self.now, Timestamp::default());
        } else {
            self.settled += 1;
            self.all.exhausted(&to, "503", self.now, Timestamp::default());
        }
        for pending in self.all.release(&to, self.now) {
            self.offer(pending, false);
        }
    }

    /// A destination that could have something begun, and has nothing but what was spilled.
    fn idles(&mut self) -> Option<Destination> {
        if self.all.is_full(self.now).is_some() {
            return None;
        }
        let waits =
            |to: &Destination| self.over.values().any(|each| each.subject.destination == *to);
        let idle = |to: &Destination, health: &Health| {
            let closed = health.closed_until(false) > self.now || health.circuit.open().is_some();
            health.activity.in_flight == 0 && health.parked.is_empty() && !closed && waits(to)
        };
        let found = self.all.known.iter().find(|(to, health)| idle(to, health));
        found.map(|(to, _)| to.clone())
    }
}

#[derive(Debug, Clone)]
enum Step {
    Fresh { to: u8, tried: bool },
    Land { which: prop::sample::Index, answer: u8, slow: bool },
    Pause(u8),
    TryNow(u8),
    Pass(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        9 => (0..4_u8, prop::bool::weighted(0.1)).prop_map(|(to, tried)| Step::Fresh { to, tried }),
        6 => (any::<prop::sample::Index>(), 0..5_u8, any::<bool>())
            .prop_map(|(which, answer, slow)| Step::Land { which, answer, slow }),
        1 => (0..4_u8).prop_map(Step::Pause),
        1 => (0..4_u8).prop_map(Step::TryNow),
        3 => (0..3_000_u16).prop_map(Step::Pass),
    ]
}

const FAILED_FOR: [Duration; 2] = [Duration::from_secs(2), Duration::ZERO];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn all_that_is_spilled_comes_out_again_and_no_destination_idles_beside_its_surplus(
        cap in 1..5_usize, steps in prop::collection::vec(step(), 0..400),
    ) {
        let mut bench = Bench::new(cap);
        let name = |to: u8| Destination::new(to.to_string());
        let mut stored = 0;
        for step in steps {
            match step {
                Step::Fresh { .. } if bench.held.is_some() => {}
                Step::Fresh { to, tried } => {
                    stored += 1;
                    bench.offer(pending(stored, name(to).as_str(), tried.into(), 0), false);
                }
                Step::Land { which, answer, slow } => if !bench.flying.is_empty() {
                    let which = which.index(bench.flying.len());
                    let first = bench.flying[which].attempts == 0;
                    let wait = FAILED_FOR[usize::from(slow)];
                    let answer = match answer {
                        0 => Answer::Failed { wait, first },
                        1 => Answer::Refused,
                        _ => Answer::Delivered,
                    };
                    bench.complete(which, answer, if slow { PATIENCE } else { QUICK });
                },
                Step::Pause(to) => {
                    bench.all.pause(&name(to), "429", PATIENCE, bench.now, Timestamp::default());
                    for pending in bench.all.release(&name(to), bench.now) {
                        bench.offer(pending, false);
                    }
                }
                Step::TryNow(to) => bench.all.try_now(&[TryNow::To(name(to))], bench.now),
                Step::Pass(millis) => bench.now += Duration::from_millis(millis.into()),
            }
            bench.turn();
            let over = bench.over.len();
            prop_assert!(bench.spilled.is_wanted() || over == 0 || !bench.all.to_ask.is_empty());
            prop_assert!(bench.all.parked <= 16 * cap && bench.flying.len() <= cap);
            // A destination that was asked a moment ago is asked again soon.
            bench.now += REFUSED_FOR;
            bench.turn();
            prop_assert_eq!(bench.idles(), None);
        }
        // From now on all is well.
        for turns in 0.. {
            prop_assert!(turns < 10 * stored + 10, "{} of {stored}", bench.settled);
            while !bench.flying.is_empty() {
                bench.complete(0, Answer::Delivered, QUICK);
            }
            bench.turn();
            if bench.settled == usize::try_from(stored).unwrap() {
                break;
            }
            if bench.flying.is_empty() {
                let asked = bench.all.ask(&mut bench.spilled, bench.now);
                let due = bench.timed.iter().map(|(at, _)| at.saturating_sub(bench.now)).min();
                bench.now += asked.into_iter().chain(due).min().unwrap_or_default();
            }
        }
        // Nothing is kept of what is over.
        bench.all.ask(&mut bench.spilled, bench.now);
        prop_assert!(bench.all.to_ask.is_empty());
        prop_assert!(bench.all.known.values().all(|health| health.asked_at.is_none()));
    }
}

/// A slow destination with so many requests, of which most are spilled.
fn slow_with(count: u64) -> Bench {
    let mut bench = Bench::new(16);
    for ticket in 0..count {
        if bench.held.is_some() {
            bench.now += PATIENCE;
            bench.turn();
        }
        bench.offer(pending(ticket, "slow", 0, 0), false);
    }
    bench
}

#[test]
fn a_surplus_comes_out_from_its_beginning_as_soon_as_half_the_park_is_free_and_is_read_twice_at_most()
 {
    let count = 500;
    let mut bench = slow_with(count);
    assert!(bench.over.len() > 400, "{}", bench.over.len());
    let mut order = Vec::new();
    while let Some(oldest) = (0..bench.flying.len()).min_by_key(|at| bench.flying[*at].ticket) {
        order.push(bench.flying[oldest].ticket.0);
        bench.complete(oldest, Answer::Delivered, PATIENCE);
        bench.now += PATIENCE;
        bench.turn();
        assert!(
            bench.over.is_empty() || !bench.all.known[&Destination::new("slow")].parked.is_empty()
        );
    }
    assert!(order.iter().copied().eq(0..count), "{order:?}");
    // One of each reading finds no room.
    assert!(bench.read_again < 600, "{}", bench.read_again);
}

#[test]
fn what_comes_new_goes_behind_the_surplus_of_its_destination_and_no_other() {
    let mut bench = slow_with(40);
    let before = bench.over.len();
    bench.complete(0, Answer::Delivered, PATIENCE);
    bench.turn();
    bench.offer(pending(40, "slow", 0, 0), false);
    assert!(bench.over.contains_key(&40) && bench.over.len() == before + 1);
    bench.offer(pending(41, "other", 0, 0), false);
    assert!(bench.flying.iter().any(|each| each.ticket == Ticket(41)));
}

#[test]
fn while_the_backlog_has_more_a_lone_slow_destination_leaves_the_reserve() {
    for (unread, most) in [(true, 14), (false, 16)] {
        let mut bench = slow_with(100);
        bench.all.unread(unread);
        for _ in 0..50 {
            bench.complete(0, Answer::Delivered, PATIENCE);
            bench.turn();
        }
        assert_eq!(bench.flying.len(), most);
    }
}
