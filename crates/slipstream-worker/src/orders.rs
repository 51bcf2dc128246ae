//! Requests that must not overtake one another: one in flight for each order key.
//!
//! Guaranteed: of the requests with a key, in one run, none is begun before every one that
//! was stored before it and came out has been delivered or given up for good; other keys, and requests
//! without one, are not held up. Memory is bounded: a key's next few requests are parked, the
//! places of others are remembered, [`PLACES_MAX`] of them; what is beyond waits for the next run.
//!
//! Absent on purpose: reading ahead. The backlog gives each key's requests out in order the first
//! time, and what is put back is known by its place, so nothing has to be sorted.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use crate::destination::Pending;
use crate::subject::Ordered;

/// Requests of one key that wait in memory.
const PARKED_EACH: usize = 64;

/// Bytes of all that wait in memory.
const PARKED_BYTES: usize = 8 << 20;

/// Places that are remembered.
const PLACES_MAX: usize = 1 << 16;

/// What cannot be parked is put back for so long at first, and for up to so long.
const AWAY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(4));

/// What is not tried in this run is put back for longer than any lasts.
const NEXT_RUN: Duration = Duration::from_secs(24 * 3600);

/// All keys that have a request which has come out and is not settled.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    keys: HashMap<String, Key>,
    /// Keys whose next request may go.
    ready: VecDeque<String>,
    /// Places that are remembered, of all keys.
    places: usize,
    parked_bytes: usize,
}

#[derive(Debug, Default)]
struct Key {
    /// The one that is on its way.
    busy: Option<u128>,
    /// Those that wait in memory, in order.
    parked: VecDeque<Pending>,
    /// The places of those that were put back, or put off.
    away: BTreeSet<u128>,
    /// From this place on, nothing is tried in this run.
    closed_from: Option<u128>,
    away_for: Duration,
}

/// What becomes of a claim with an order key.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It is its turn.
    Now(Pending),
    /// It waits in memory.
    Parked,
    /// It is to be put back for so long.
    Away(Pending, Duration),
}

impl Orders {
    /// Finds out whether it is a claim's turn. One that says `wait` is not due for so long.
    pub(crate) fn offer(&mut self, pending: Pending, wait: Duration) -> Turn {
        let Some(Ordered { key, place }) = pending.subject.order.clone() else {
            return Turn::Now(pending);
        };
        let entry = self.keys.entry(key).or_default();
        self.places -= usize::from(entry.away.remove(&place));
        if entry.closed_from.is_some_and(|from| from <= place) {
            return Turn::Away(pending, NEXT_RUN);
        }
        let first_away = entry.away.first().is_none_or(|first| place < *first);
        let first_parked = entry.parked.front().is_none_or(|first| place < place_of(first));
        if wait.is_zero() && first_away && first_parked && entry.busy.is_none() {
            entry.busy = Some(place);
            return Turn::Now(pending);
        }
        let roomy = entry.parked.len() < PARKED_EACH
            && self.parked_bytes + pending.subject.size <= PARKED_BYTES;
        if wait.is_zero() && first_away && roomy {
            self.parked_bytes += pending.subject.size;
            let at = entry.parked.partition_point(|parked| place_of(parked) < place);
            entry.parked.insert(at, pending);
            return Turn::Parked;
        }
        if self.places >= PLACES_MAX {
            entry.closed_from = Some(place);
            return Turn::Away(pending, NEXT_RUN);
        }
        self.places += usize::from(entry.away.insert(place));
        if wait.is_zero() {
            entry.away_for = (entry.away_for * 2).clamp(AWAY.0, AWAY.1);
        }
        let wait = if wait.is_zero() { entry.away_for } else { wait };
        Turn::Away(pending, wait)
    }

    /// One is settled for good; the next of its key may go.
    pub(crate) fn settled(&mut self, order: &Ordered) {
        let Some(entry) = self.keys.get_mut(&order.key) else {
            return;
        };
        // It may have been settled without being tried: it had expired, say.
        self.places -= usize::from(entry.away.remove(&order.place));
        if entry.busy == Some(order.place) {
            entry.busy = None;
            entry.away_for = Duration::ZERO;
        }
        if entry.busy.is_some() {
            return;
        }
        let first = entry.parked.front().map(place_of);
        if first.is_some_and(|first| entry.away.first().is_none_or(|away| first < *away)) {
            self.ready.push_back(order.key.clone());
        } else if first.is_none() && entry.away.is_empty() && entry.closed_from.is_none() {
            self.keys.remove(&order.key);
        }
    }

    /// One that was on its way comes out again later. Those that waited for it in memory, which
    /// are to be put back.
    pub(crate) fn put_off(&mut self, order: &Ordered) -> Vec<Pending> {
        let Some(entry) = self.keys.get_mut(&order.key) else {
            return Vec::new();
        };
        // Of another one that is put back, the place is remembered already.
        if entry.busy.take_if(|place| *place == order.place).is_none() {
            return Vec::new();
        }
        let leaves: Vec<_> = entry.parked.drain(..).collect();
        for place in leaves.iter().map(place_of).chain([order.place]) {
            self.places += usize::from(entry.away.insert(place));
        }
        self.parked_bytes -= leaves.iter().map(|parked| parked.subject.size).sum::<usize>();
        leaves
    }

    /// The next one whose turn has come.
    pub(crate) fn next(&mut self) -> Option<Pending> {
        let key = self.ready.pop_front()?;
        let entry = self.keys.get_mut(&key)?;
        if entry.busy.is_some() {
            return None;
        }
        let pending = entry.parked.pop_front()?;
        entry.busy = Some(place_of(&pending));
        self.parked_bytes -= pending.subject.size;
        Some(pending)
    }

    /// Everything that waits in memory.
    pub(crate) fn release_all(&mut self) -> Vec<Pending> {
        self.ready.clear();
        self.parked_bytes = 0;
        self.keys.values_mut().flat_map(|key| key.parked.drain(..)).collect()
    }
}

fn place_of(pending: &Pending) -> u128 {
    pending.subject.order.as_ref().map_or(0, |order| order.place)
}

#[cfg(test)]
mod tests;
