//! The order by itself: a backlog of numbers, and no destination.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Duration;

use proptest::prelude::*;
use slipstream_core::{DeliveryOptions, Destination, Record, RecordId, Ticket};

use super::*;

fn arrived(position: u64, wait: Duration) -> Arrived {
    let record = Record {
        id: RecordId::from_bytes([0; 16]),
        kind: "test".into(),
        destination: Destination::new("a"),
        options: DeliveryOptions::default(),
        body: Vec::new(),
    };
    let (ticket, position) = (Ticket(position), u128::from(position));
    Arrived { ticket, record, attempts: 0, interrupted: 0, wait, position }
}

/// A backlog with a key for each record, as the worker and its engine have it.
#[derive(Default)]
struct Bench {
    orders: OrderKeys,
    spilled: Spilled,
    /// The records that were spilled, with their keys.
    over: BTreeMap<u64, u8>,
    /// The requests that come out again by themselves.
    timed: Vec<(u64, u8)>,
    /// The requests that are tried now.
    flying: Vec<(u64, u8, Ordered)>,
    done: BTreeMap<u8, Vec<u64>>,
    read_again: usize,
}

impl Bench {
    fn offer(&mut self, position: u64, key: u8, in_pass: bool, wait: Duration) {
        let order = Ordered {
            key: self.orders.key(&key.to_string(), &self.spilled),
            position: position.into(),
        };
        let arrived = arrived(position, wait);
        match self.orders.offer(arrived, order, in_pass, &mut self.spilled) {
            KeyAdmission::Start(_) if wait.is_zero() => self.flying.push((position, key, order)),
            KeyAdmission::Start(_) => {
                self.timed.push((position, key));
                let leave = self.orders.put_off(order, &mut self.spilled);
                self.spill(leave);
            }
            KeyAdmission::Queued => {}
            KeyAdmission::Spill(all) => self.spill(all),
        }
    }

    fn spill(&mut self, all: Vec<Arrived>) {
        for arrived in all {
            self.over.insert(arrived.ticket.0, key_of(arrived.ticket.0));
        }
    }

    /// One step of a pass; false when nothing is wanted.
    fn read_again(&mut self) -> bool {
        let Some(from) = self.spilled.next() else { return false };
        let from = from.map(|position| u64::try_from(position).unwrap_or(u64::MAX));
        let found = self.over.range((from, Bound::Unbounded)).next();
        match found.map(|(position, key)| (*position, *key)) {
            Some((position, key)) => {
                self.read_again += 1;
                self.over.remove(&position);
                self.spilled.reached(position.into());
                self.offer(position, key, true, Duration::ZERO);
            }
            None => {
                for line in self.spilled.ended() {
                    let Line::Key(key) = line else { unreachable!("there are keys alone") };
                    self.orders.advance(key, &mut self.spilled);
                }
            }
        }
        true
    }

    fn complete(&mut self, which: usize, put_off: bool) {
        if self.flying.is_empty() {
            return;
        }
        let (position, key, order) = self.flying.swap_remove(which % self.flying.len());
        if put_off {
            self.timed.push((position, key));
            let leave = self.orders.put_off(order, &mut self.spilled);
            self.spill(leave);
        } else {
            self.done.entry(key).or_default().push(position);
            self.orders.settled(order, &mut self.spilled);
        }
    }

    fn unpark(&mut self) {
        while let Some((next, order)) = self.orders.next() {
            self.flying.push((next.ticket.0, key_of(next.ticket.0), order));
        }
    }
}

/// The key of the record at a place.
fn key_of(position: u64) -> u8 {
    let mixed = position.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56;
    u8::try_from(mixed % KEYS.with(std::cell::Cell::get)).unwrap()
}

thread_local! {
    static KEYS: std::cell::Cell<u64> = const { std::cell::Cell::new(1) };
}

#[derive(Debug, Clone)]
enum Step {
    Fresh { undue: bool },
    Land(usize, bool),
    Timer(usize),
    Pass,
    Unpark,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::bool::weighted(0.1).prop_map(|undue| Step::Fresh { undue }),
        4 => (any::<usize>(), prop::bool::weighted(0.2)).prop_map(|(n, off)| Step::Land(n, off)),
        2 => any::<usize>().prop_map(Step::Timer),
        3 => Just(Step::Pass),
        3 => Just(Step::Unpark),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Records come out in order the first time, are delivered, deferred and spilled in any order,
    /// with few keys and with more than are distinguished.
    #[test]
    fn no_request_overtakes_another_with_its_key_and_none_is_left_behind(
        keys in 1_u64..12, count in 0_u64..120, steps in prop::collection::vec(step(), 0..400),
    ) {
        KEYS.with(|cell| cell.set(keys));
        let mut bench = Bench::default();
        let mut fresh = 0..count;
        let steps = steps.into_iter().chain((0..).flat_map(|n| {
            [Step::Fresh { undue: false }, Step::Pass, Step::Unpark, Step::Timer(n), Step::Land(n, false)]
        }));
        let mut taken = 0;
        for step in steps {
            taken += 1;
            prop_assert!(taken < 20_000, "it ends");
            match step {
                Step::Fresh { undue } => if let Some(position) = fresh.next() {
                    let wait = Duration::from_secs(undue.into());
                    bench.offer(position, key_of(position), false, wait);
                },
                Step::Land(which, put_off) => bench.complete(which, put_off),
                Step::Timer(which) => if !bench.timed.is_empty() {
                    let which = which % bench.timed.len();
                    let (position, key) = bench.timed.swap_remove(which);
                    bench.offer(position, key, false, Duration::ZERO);
                },
                Step::Pass => { bench.read_again(); }
                Step::Unpark => bench.unpark(),
            }
            let flying: Vec<_> = bench.flying.iter().map(|(_, key, _)| *key).collect();
            let distinct: std::collections::BTreeSet<_> = flying.iter().collect();
            prop_assert_eq!(flying.len(), distinct.len(), "one of a key at a time");
            let parked = bench.orders.keys.values().map(|key| key.parked.len());
            prop_assert!(parked.max().unwrap_or_default() <= PARKED_EACH);
            prop_assert!(bench.orders.keys.len() <= KEYS_MAX + SHARED as usize);
            if bench.done.values().map(Vec::len).sum::<usize>() == count as usize {
                break;
            }
        }
        for done in bench.done.values() {
            prop_assert!(done.is_sorted(), "{:?}", done);
        }
        prop_assert!(bench.orders.keys.is_empty());
        prop_assert_eq!(bench.orders.parked_bytes, 0);
    }
}
