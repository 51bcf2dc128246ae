//! Histograms of how long requests have waited, by destination. Pure.
//!
//! # Invariants
//! - Memory is bounded, however many destinations there are and however long their names.
//! - What is not distinguished is summed, so nothing is missing from the sums.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::request::record::Record;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Up to which age a request counts in each column but the last, which has all that are older.
pub const AGES: [Duration; 6] = [
    MINUTE,
    Duration::from_secs(5 * 60),
    Duration::from_secs(10 * 60),
    HOUR,
    Duration::from_secs(6 * 60 * 60),
    Duration::from_secs(24 * 60 * 60),
];

/// Requests by the column of their age.
pub type AgeHistogram = [u64; AGES.len() + 1];

/// Most destinations that are distinguished, and the longest name, in bytes.
const MOST: usize = if cfg!(test) { 10 } else { 10_000 };
const NAME_MAX: usize = 256;

/// One destination's requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Waiting {
    /// Their destination. A very long name is cut; empty for requests that are not distinguished.
    pub destination: String,
    /// The requests that wait.
    pub pending: AgeHistogram,
    /// The requests that failed for good, and are still there.
    pub failed: AgeHistogram,
    /// When the first of the waiting requests may be tried, as far as they say; zero when one may
    /// be at once. None without any.
    pub first_due: Option<Timestamp>,
}

impl Waiting {
    /// A destination for which nothing waits.
    pub fn new(destination: impl Into<String>) -> Self {
        Self { destination: destination.into(), ..Self::default() }
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.pending.iter().chain(&self.failed).sum()
    }

    fn add(&mut self, other: &Self) {
        let (mine, theirs) = (self.pending.iter_mut(), other.pending.iter());
        mine.zip(theirs).for_each(|(sum, more)| *sum += more);
        let (mine, theirs) = (self.failed.iter_mut(), other.failed.iter());
        mine.zip(theirs).for_each(|(sum, more)| *sum += more);
        self.first_due = [self.first_due, other.first_due].into_iter().flatten().min();
    }
}

/// What waits and what failed, by destination.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Destinations {
    /// Each destination, the one with most requests first.
    pub each: Vec<Waiting>,
    /// The destinations that were too many to be distinguished, together.
    pub others: Waiting,
    /// Requests that were not looked at, since it would have taken too long.
    pub skipped: u64,
    /// Requests whose envelope cannot be read.
    pub unreadable: u64,
}

impl Destinations {
    /// The first `most` of them, and the rest together with the number of destinations that are in
    /// it, as far as it is known.
    pub fn first(&self, most: usize) -> (&[Waiting], Waiting, usize) {
        let (first, more) = self.each.split_at(most.min(self.each.len()));
        let mut rest = self.others.clone();
        more.iter().for_each(|waiting| rest.add(waiting));
        (first, rest, more.len())
    }
}

/// Makes [`Destinations`] of one record after another.
///
/// ```
/// use slipstream_core::operator::AgeHistograms;
/// use slipstream_core::{DeliveryOptions, Destination, Record, RecordId, Timestamp};
///
/// let now = Timestamp::from_millis(1_795_521_600_000);
/// let record = Record {
///     id: RecordId::new(now, [7; 10]),
///     kind: "beep".to_owned(),
///     destination: Destination::new("beep://speaker"),
///     options: DeliveryOptions::default(),
///     body: Vec::new(),
/// };
/// let mut ages = AgeHistograms::new(now);
/// ages.add_failed(&record.encode());
/// assert_eq!(ages.sorted().each[0].failed[0], 1);
/// ```
#[derive(Debug, Default)]
pub struct AgeHistograms {
    now: Timestamp,
    found: Destinations,
    by_name: HashMap<Box<str>, usize>,
}

impl AgeHistograms {
    /// Nothing yet. Ages are those at this time.
    pub fn new(now: Timestamp) -> Self {
        Self { now, ..Self::default() }
    }

    /// Takes in a record that there is no time to read: it is only counted.
    pub fn skip(&mut self) {
        self.found.skipped += 1;
    }

    /// Takes in a record that failed for good.
    pub fn add_failed(&mut self, payload: &[u8]) {
        let now = self.now;
        if let Some((waiting, stored)) = self.of(payload) {
            waiting.failed[column(now.since(stored))] += 1;
        }
    }

    /// Takes in a record that waits, until it is due (zero: it may be tried at once).
    pub fn add_pending(&mut self, due: Timestamp, payload: &[u8]) {
        let now = self.now;
        if let Some((waiting, stored)) = self.of(payload) {
            waiting.pending[column(now.since(stored))] += 1;
            waiting.first_due = Some(waiting.first_due.map_or(due, |first| first.min(due)));
        }
    }

    /// Where a record counts, and when it was stored.
    fn of(&mut self, payload: &[u8]) -> Option<(&mut Waiting, Timestamp)> {
        let Ok(head) = Record::head(payload) else {
            self.found.unreadable += 1;
            return None;
        };
        let name = head.destination;
        let cut = (0..=NAME_MAX.min(name.len())).rev().find(|at| name.is_char_boundary(*at));
        let name = &name[..cut.unwrap_or(0)];
        let each = &mut self.found.each;
        let waiting = match self.by_name.get(name) {
            Some(at) => &mut each[*at],
            None if each.len() < MOST => {
                self.by_name.insert(name.into(), each.len());
                each.push(Waiting::new(name));
                each.last_mut().expect("it was just put there")
            }
            None => &mut self.found.others,
        };
        Some((waiting, head.id.stored()))
    }

    /// What was taken in, the destinations with most requests first.
    pub fn sorted(self) -> Destinations {
        let mut found = self.found;
        found.each.sort_by(|a, b| {
            b.total().cmp(&a.total()).then_with(|| a.destination.cmp(&b.destination))
        });
        found
    }
}

/// The column that an age counts in.
fn column(age: Duration) -> usize {
    AGES.iter().position(|edge| age <= *edge).unwrap_or(AGES.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeliveryOptions, Destination, RecordId};

    const NOON: Timestamp = Timestamp::from_millis(1_795_521_600_000);

    fn payload(to: &str, age: Duration) -> Vec<u8> {
        let stored = Timestamp::from_millis(NOON.as_millis() - age.as_millis() as u64);
        let id = RecordId::new(stored, [7; 10]);
        let (kind, destination) = ("beep".to_owned(), Destination::new(to));
        Record { id, kind, destination, options: DeliveryOptions::default(), body: vec![1; 9] }
            .encode()
    }

    #[test]
    fn requests_stand_in_the_column_of_their_age_and_the_most_come_first() {
        let mut ages = AgeHistograms::new(NOON);
        ages.add_pending(Timestamp::default(), &payload("few", MINUTE));
        ages.add_pending(Timestamp::default(), &payload("few", MINUTE + Duration::from_millis(1)));
        for age in [Duration::ZERO, HOUR, 25 * HOUR] {
            ages.add_failed(&payload("many", age));
        }
        ages.add_pending(Timestamp::default(), &payload("later", HOUR));
        ages.add_pending(Timestamp::default(), &payload("also", HOUR));
        ages.add_pending(Timestamp::default(), b"\xc1");
        ages.skip();
        let found = ages.sorted();
        let names: Vec<_> = found.each.iter().map(|it| &*it.destination).collect();
        assert_eq!(names, ["many", "few", "also", "later"]);
        assert_eq!(found.each[0].failed, [1, 0, 0, 1, 0, 0, 1]);
        assert_eq!(found.each[0].pending, AgeHistogram::default());
        assert_eq!(found.each[1].pending, [1, 1, 0, 0, 0, 0, 0]);
        assert_eq!((found.skipped, found.unreadable), (1, 1));
        let (first, rest, more) = found.first(2);
        assert_eq!((first.len(), more), (2, 2));
        assert_eq!(rest.pending, [0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(found.first(9).2, 0);
    }

    #[test]
    fn the_first_that_is_due_is_told_of_those_that_wait() {
        let mut ages = AgeHistograms::new(NOON);
        for hours in [3, 2, 4] {
            ages.add_pending(NOON.after(hours * HOUR), &payload("a", MINUTE));
        }
        ages.add_failed(&payload("b", MINUTE));
        ages.add_pending(NOON.after(HOUR), &payload("c", MINUTE));
        ages.add_pending(Timestamp::default(), &payload("c", MINUTE));
        let due: Vec<_> = ages.sorted().each.iter().map(|it| it.first_due).collect();
        assert_eq!(due, [Some(NOON.after(2 * HOUR)), Some(Timestamp::default()), None]);
    }

    #[test]
    fn what_comes_from_the_future_is_new() {
        let mut ages = AgeHistograms::new(Timestamp::from_millis(0));
        ages.add_pending(Timestamp::default(), &payload("a", HOUR));
        assert_eq!(ages.sorted().each[0].pending[0], 1);
    }

    #[test]
    fn many_destinations_and_long_names_take_no_more_than_so_much_memory() {
        let mut ages = AgeHistograms::new(NOON);
        for number in 0..30 {
            ages.add_pending(
                Timestamp::default(),
                &payload(&format!("{number}{}", "ü".repeat(1_000)), HOUR),
            );
        }
        let found = ages.sorted();
        assert_eq!((found.each.len(), found.others.total()), (MOST, 20));
        assert!(found.each.iter().all(|it| it.destination.len() <= NAME_MAX));
    }
}
