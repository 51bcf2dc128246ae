//! The subject of a claim: what the worker keeps of a request while its body is elsewhere.

use std::time::Duration;

use slipstream_core::{Destination, Record, RecordId, RetryPolicy, Ticket, Timestamp};

/// A request without its body.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) id: RecordId,
    pub(crate) destination: Destination,
    /// Its order key, if it has one, and its position among the requests with the same key.
    pub(crate) order: Option<Ordered>,
    /// When it has outlived its use.
    pub(crate) expires: Option<Timestamp>,
    /// What is tried by, if the request says more than the worker's own policy.
    pub(crate) policy: Option<Box<RetryPolicy>>,
    /// The bytes of its body.
    pub(crate) size: usize,
    /// It was in flight each time that the last few workers ended: it may be what ends them.
    pub(crate) suspect: bool,
}

/// A request whose attempts were interrupted so often in a row is a suspect.
const SUSPECT_FROM: u32 = 3;

/// A claim that was decoded, and no more.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) ticket: Ticket,
    pub(crate) record: Record,
    /// Attempts counted before.
    pub(crate) attempts: u32,
    pub(crate) interrupted: u32,
    /// It is not due for so long.
    pub(crate) wait: Duration,
    pub(crate) position: u128,
}

impl Arrived {
    /// What it takes while it waits in memory, in bytes.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.record.body.len() + self.record.destination.as_str().len()
    }
}

/// The position of a request among the requests with the same order key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ordered {
    pub(crate) key: u64,
    pub(crate) position: u128,
}

impl Subject {
    /// The subject of what has arrived; `policy` is the worker's own.
    pub(crate) fn new(arrived: &mut Arrived, order: Option<Ordered>, policy: &RetryPolicy) -> Self {
        let Arrived { record, interrupted, .. } = arrived;
        let options = std::mem::take(&mut record.options);
        let own = options.retry.and_then(|text| match policy.amended(&text) {
            Ok(policy) => Some(Box::new(policy)),
            Err(error) => {
                tracing::warn!(id = %record.id, %error, "tried by the worker's own policy");
                None
            }
        });
        Self {
            id: record.id,
            destination: known_as(&record.destination),
            order,
            expires: options.expires,
            policy: own,
            size: record.body.len(),
            suspect: *interrupted >= SUSPECT_FROM,
        }
    }
}

/// Bytes of a destination's text that distinguish it from others. A route may be as long as a
/// request may be; what a run remembers of destinations must not grow with that.
const NAME_MAX: usize = 1024;

/// A destination as the run knows it: by the beginning of its text if that is very long.
pub(crate) fn known_as(destination: &Destination) -> Destination {
    let text = destination.as_str();
    let end = (0..=NAME_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    Destination::new(&text[..end.unwrap_or_default()])
}
