//! A selection of dead letters: the plan, and the same once it was applied.

use std::collections::BTreeMap;

use super::skipped::Skipped;
use crate::request::record::Record;

/// What was chosen of the dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Selection {
    /// Parts that hold some of it.
    pub parts: u64,
    /// Dead letters that were chosen.
    pub requests: u64,
    /// How many of them each destination has; [`SelectedTo::other`] are not distinguished.
    pub to: SelectedTo,
    /// Whether a worker runs, so that what failed in parts that it still has was left alone.
    pub worker_running: bool,
    /// What was chosen, and left alone because of that.
    pub held_by_worker: u64,
    /// Parts that could not be read, or changed.
    pub skipped: Vec<Skipped>,
}

/// Chosen dead letters by destination. Bounded, however many destinations there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SelectedTo {
    /// Each destination.
    pub each: BTreeMap<String, u64>,
    /// Requests beyond the first [`SelectedTo::MOST`] destinations, and requests whose envelope
    /// cannot be read.
    pub other: u64,
}

impl SelectedTo {
    /// How many destinations are distinguished.
    pub const MOST: usize = 1_001;

    /// Adds an encoded [`Record`].
    pub fn add(&mut self, payload: &[u8]) {
        match Record::head(payload) {
            Ok(head) => self.add_to(head.destination, 1),
            Err(_) => self.other += 1,
        }
    }

    /// Adds what was chosen elsewhere.
    pub fn merge(&mut self, more: &Self) {
        more.each.iter().for_each(|(to, requests)| self.add_to(to, *requests));
        self.other += more.other;
    }

    fn add_to(&mut self, destination: &str, requests: u64) {
        if let Some(known) = self.each.get_mut(destination) {
            *known += requests;
        } else if self.each.len() < Self::MOST {
            self.each.insert(destination.to_owned(), requests);
        } else {
            self.other += requests;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeliveryOptions, Destination, RecordId};

    #[test]
    fn destinations_beyond_those_that_are_told_apart_are_counted_together() {
        let mut to = SelectedTo::default();
        for number in 0..3_000_u64 {
            let mut bytes = Vec::new();
            let record = Record {
                id: RecordId::from_bytes([1; 16]),
                kind: "beep".to_owned(),
                destination: Destination::new(format!("beep://{}", number % 2_000)),
                options: DeliveryOptions::default(),
                body: Vec::new(),
            };
            record.encode_to(&mut bytes);
            to.add(&bytes);
        }
        to.add(b"no envelope");
        let mut both = SelectedTo::default();
        both.merge(&to);
        both.merge(&to);
        let most = SelectedTo::MOST;
        assert_eq!((to.each.len(), both.each.len()), (most, most));
        assert_eq!(to.each.values().sum::<u64>() + to.other, 3_001);
        assert_eq!(both.other, 2 * to.other);
    }
}
