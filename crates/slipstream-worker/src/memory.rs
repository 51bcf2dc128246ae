//! What a run remembers of destinations for the next one, so that it does not begin by
//! hammering what was down or asked for a pause a minute ago.
//!
//! As JSON, since the operator may want to see it: what cannot be read is forgotten.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipstream_core::{Destination, Timestamp};

/// Most destinations that are remembered. Further ones are new to the next run.
const MOST: usize = 5_000;

/// One destination, if there is something to remember of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) to: String,
    /// How often in a row it was found to be down.
    #[serde(default)]
    pub(crate) downs: u32,
    /// When it was, last; and until when it is not tried.
    #[serde(default)]
    pub(crate) down_at: u64,
    #[serde(default)]
    pub(crate) down_until: u64,
    /// Until when it asked not to be tried.
    #[serde(default)]
    pub(crate) paused_until: u64,
}

impl Remembered {
    pub(crate) fn new(to: &Destination) -> Self {
        let to = to.as_str().to_owned();
        Self { to, downs: 0, down_at: 0, down_until: 0, paused_until: 0 }
    }

    pub(crate) fn destination(&self) -> Destination {
        Destination::new(&*self.to)
    }
}

/// The memory as bytes; none if there is nothing to remember.
pub(crate) fn write(all: impl Iterator<Item = Remembered>) -> Vec<u8> {
    let all: Vec<_> = all.take(MOST).collect();
    if all.is_empty() {
        return Vec::new();
    }
    serde_json::to_vec(&all).unwrap_or_default()
}

/// What these bytes remember.
pub(crate) fn read(bytes: &[u8]) -> Vec<Remembered> {
    serde_json::from_slice(bytes).unwrap_or_else(|error| {
        tracing::debug!(%error, "nothing is remembered of earlier runs");
        Vec::new()
    })
}

/// How long it is from now to then, but never longer than `most`: the clock may have been set
/// back.
pub(crate) fn left(until: u64, now: Timestamp, most: Duration) -> Duration {
    Timestamp::from_millis(until).since(now).min(most)
}
