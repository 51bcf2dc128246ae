//! What a run remembers of destinations for the next one, so that it does not begin by
//! hammering what was down or asked for a pause a minute ago.
//!
//! As JSON, since the operator may want to see it: what cannot be read is forgotten.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipstream_core::{Destination, Timestamp};

/// Most destinations that are remembered. Further ones are new to the next run.
const MOST: usize = 5_000;

/// One destination, if there is something to remember of it. Spans are milliseconds, counted from
/// when they were written down: so a clock that is set makes none of them longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) to: String,
    /// When this was written down, in milliseconds since 1970.
    pub(crate) at: u64,
    /// How often in a row it was found to be down.
    #[serde(default)]
    pub(crate) downs: u32,
    /// How long before it was, last; and for how long after it is not tried.
    #[serde(default)]
    pub(crate) down_since: u64,
    #[serde(default)]
    pub(crate) down_for: u64,
    /// For how long it asked not to be tried.
    #[serde(default)]
    pub(crate) paused_for: u64,
}

impl Remembered {
    pub(crate) fn new(to: &Destination, now: Timestamp) -> Self {
        let (to, at) = (to.as_str().to_owned(), now.as_millis());
        Self { to, at, downs: 0, down_since: 0, down_for: 0, paused_for: 0 }
    }

    /// How much of a span is left now.
    pub(crate) fn left(&self, span: u64, now: Timestamp) -> Duration {
        let passed = now.since(Timestamp::from_millis(self.at));
        Duration::from_millis(span).saturating_sub(passed)
    }

    /// When it was found to be down, by the clock as it stands now.
    pub(crate) fn down_at(&self, now: Timestamp) -> Timestamp {
        let written = self.at.min(now.as_millis());
        Timestamp::from_millis(written.saturating_sub(self.down_since))
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
