//! Requests that must not overtake one another: one in flight for each order key.
//!
//! # Invariants
//! - Of the requests with a key, in one run, none is begun before every request that was stored
//!   before it and came out has been delivered or dead-lettered. Other keys, and requests without
//!   one, are not held up.
//! - A key goes as fast as its requests are answered: its next few are parked, and when they are
//!   through, the requests that were spilled are read again.
//! - Memory is bounded. Of what was spilled nothing is kept but where it begins and ends (see
//!   [`Spilled`]). [`KEYS_MAX`] keys are distinguished at once; beyond that, several share a place,
//!   and go one after another as if they were the same.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::BuildHasher;

use crate::schedule::spilled::{Line, Spilled};
use crate::subject::{Arrived, Ordered};

/// Requests of one key that wait in memory.
const PARKED_EACH: usize = if cfg!(test) { 3 } else { 64 };

/// Bytes of all that wait in memory.
const PARKED_BYTES: usize = 8 << 20;

/// Keys that are distinguished, of the keys with a request that is out and not settled.
const KEYS_MAX: usize = if cfg!(test) { 4 } else { 1 << 16 };

/// Places that the others share.
const SHARED: u64 = if cfg!(test) { 2 } else { 1 << 12 };

/// All keys that have a request which has come out and is not settled.
#[derive(Debug, Default)]
pub(crate) struct OrderKeys {
    keys: HashMap<u64, Key>,
    /// Keys whose next request may go.
    ready: VecDeque<u64>,
    parked_bytes: usize,
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Key {
    /// The request that is on its way.
    busy: Option<u128>,
    /// The requests that come out again by themselves.
    away: BTreeSet<u128>,
    /// The requests that wait in memory, in order. None of them follows a request that is away, or
    /// that was spilled.
    parked: VecDeque<Arrived>,
}

/// What becomes of a claim with an order key.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
pub(crate) enum KeyAdmission {
    /// It may be tried now.
    Start(Arrived),
    /// It waits in memory.
    Queued,
    /// These requests are spilled.
    Spill(Vec<Arrived>),
}

impl OrderKeys {
    /// The number that represents a key from its first request that comes out until its last is
    /// settled.
    pub(crate) fn key(&self, text: &str, spilled: &Spilled) -> u64 {
        let own = self.hasher.hash_one(text) | 1 << 63;
        let shared = own % SHARED;
        let known = |key| self.keys.contains_key(&key) || spilled.has(Line::Key(key));
        match !known(own) && (known(shared) || self.keys.len() >= KEYS_MAX) {
            true => shared,
            false => own,
        }
    }

    /// Says whether a claim may be tried now. A claim that is not due waits only when it is the
    /// first.
    pub(crate) fn offer(
        &mut self,
        arrived: Arrived,
        order: Ordered,
        in_pass: bool,
        spilled: &mut Spilled,
    ) -> KeyAdmission {
        let Ordered { key, position } = order;
        let may_take = spilled.may_take(Line::Key(key), position, in_pass);
        let entry = self.keys.entry(key).or_default();
        entry.away.remove(&position);
        let first_away = entry.away.first().is_none_or(|away| position < *away);
        let first_parked = entry.parked.front().is_none_or(|first| position < first.position);
        if may_take && first_away && first_parked && entry.busy.is_none() {
            spilled.take(Line::Key(key), position);
            entry.busy = Some(position);
            return KeyAdmission::Start(arrived);
        }
        let roomy =
            entry.parked.len() < PARKED_EACH && self.parked_bytes + arrived.size() <= PARKED_BYTES;
        if may_take && first_away && roomy && arrived.wait.is_zero() {
            spilled.take(Line::Key(key), position);
            self.parked_bytes += arrived.size();
            let at = entry.parked.partition_point(|parked| parked.position < position);
            entry.parked.insert(at, arrived);
            return KeyAdmission::Queued;
        }
        spilled.add(Line::Key(key), position);
        let mut leave = self.unpark_behind(key, position, spilled);
        leave.push(arrived);
        self.advance(key, spilled);
        KeyAdmission::Spill(leave)
    }

    /// A request is settled for good; the next of its key may go.
    pub(crate) fn settled(&mut self, order: Ordered, spilled: &mut Spilled) {
        let Some(entry) = self.keys.get_mut(&order.key) else {
            return;
        };
        entry.busy.take_if(|position| *position == order.position);
        self.advance(order.key, spilled);
    }

    /// The request that was tried comes out again later. Returns the requests that waited for it in
    /// memory, which are to be spilled.
    pub(crate) fn put_off(&mut self, order: Ordered, spilled: &mut Spilled) -> Vec<Arrived> {
        let Some(entry) = self.keys.get_mut(&order.key) else {
            return Vec::new();
        };
        entry.busy.take_if(|position| *position == order.position);
        entry.away.insert(order.position);
        let leave = self.unpark_behind(order.key, order.position, spilled);
        self.advance(order.key, spilled);
        leave
    }

    /// Takes the requests behind a position out of the park: they are spilled.
    fn unpark_behind(&mut self, key: u64, position: u128, spilled: &mut Spilled) -> Vec<Arrived> {
        let Some(entry) = self.keys.get_mut(&key) else {
            return Vec::new();
        };
        let stay = entry.parked.partition_point(|parked| parked.position < position);
        let leave: Vec<_> = entry.parked.drain(stay..).collect();
        for parked in &leave {
            spilled.add(Line::Key(key), parked.position);
            self.parked_bytes -= parked.size();
        }
        leave
    }

    /// Sees to it that a key's next request goes, if none is on its way.
    pub(crate) fn advance(&mut self, key: u64, spilled: &mut Spilled) {
        let Some(entry) = self.keys.get(&key) else {
            return;
        };
        spilled.want_not(Line::Key(key));
        if entry.busy.is_some() {
            return;
        }
        let first_away = |position: u128| entry.away.first().is_none_or(|away| position < *away);
        if entry.parked.front().is_some_and(|first| first_away(first.position)) {
            self.ready.push_back(key);
        } else if spilled.first(Line::Key(key)).is_some_and(first_away) {
            spilled.want(Line::Key(key));
        } else if entry.parked.is_empty() && entry.away.is_empty() && !spilled.has(Line::Key(key)) {
            self.keys.remove(&key);
        }
    }

    /// The next request that may be tried.
    pub(crate) fn next(&mut self) -> Option<(Arrived, Ordered)> {
        while let Some(key) = self.ready.pop_front() {
            let Some(entry) = self.keys.get_mut(&key).filter(|entry| entry.busy.is_none()) else {
                continue;
            };
            let away = entry.away.first();
            let first = |parked: &Arrived| away.is_none_or(|away| parked.position < *away);
            if !entry.parked.front().is_some_and(first) {
                continue;
            }
            let Some(arrived) = entry.parked.pop_front() else {
                continue;
            };
            self.parked_bytes -= arrived.size();
            let order = Ordered { key, position: arrived.position };
            entry.busy = Some(order.position);
            return Some((arrived, order));
        }
        None
    }

    /// Everything that waits in memory.
    pub(crate) fn release_all(&mut self) -> Vec<Arrived> {
        self.ready.clear();
        self.parked_bytes = 0;
        self.keys.values_mut().flat_map(|key| key.parked.drain(..)).collect()
    }
}

#[cfg(test)]
mod tests;
