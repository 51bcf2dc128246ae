//! Whose claim it is: what the worker keeps of a request while its body is elsewhere.

use slipstream_core::{Destination, Policy, Record, RecordId, Timestamp};

/// A request without its body.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) id: RecordId,
    pub(crate) destination: Destination,
    /// Its order key, if it has one, and its place among all.
    pub(crate) order: Option<Ordered>,
    /// When it has outlived its use.
    pub(crate) expires: Option<Timestamp>,
    /// What is tried by, if the request says more than the worker's own policy.
    pub(crate) policy: Option<Box<Policy>>,
    /// The bytes of its body.
    pub(crate) size: usize,
}

/// Where a request stands among those with the same key.
#[derive(Debug, Clone)]
pub(crate) struct Ordered {
    pub(crate) key: String,
    pub(crate) place: u128,
}

impl Subject {
    /// The subject of a record that stands at this place; `policy` is the worker's own.
    pub(crate) fn of(record: &mut Record, place: u128, policy: &Policy) -> Self {
        let terms = std::mem::take(&mut record.terms);
        let own = terms.retry.and_then(|text| match policy.amended(&text) {
            Ok(policy) => Some(Box::new(policy)),
            Err(error) => {
                tracing::warn!(id = %record.id, %error, "tried by the worker's own policy");
                None
            }
        });
        Self {
            id: record.id,
            destination: record.destination.clone(),
            order: terms.order.map(|key| Ordered { key, place }),
            expires: terms.expires,
            policy: own,
            size: record.body.len(),
        }
    }
}
