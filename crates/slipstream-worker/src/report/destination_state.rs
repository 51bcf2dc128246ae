//! The state of destinations that a run leaves for the next run, so that it does not begin by
//! hammering what was down or asked for a pause a minute ago.
//!
//! As JSON, since the operator may want to see it: what cannot be read is forgotten.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipstream_core::{Destination, Timestamp};

/// Most destinations that are remembered. Further destinations are new to the next run.
const MOST: usize = 5_000;

/// Most bytes that are left for the next run: engines keep no more than a megabyte.
const BYTES_MAX: usize = 1_000_000;

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
    /// How long before requests began to use up their attempts there, with none taken since; and how
    /// the last of them failed.
    #[serde(default)]
    pub(crate) failing_since: u64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) why: String,
}

impl Remembered {
    pub(crate) fn new(to: &Destination, now: Timestamp) -> Self {
        let (to, at) = (to.as_str().to_owned(), now.as_millis());
        Self {
            to,
            at,
            downs: 0,
            down_since: 0,
            down_for: 0,
            paused_for: 0,
            failing_since: 0,
            why: String::new(),
        }
    }

    /// The same, with requests that have used up their attempts since then, the last of them so.
    pub(crate) fn failing(self, since: Timestamp, why: String, now: Timestamp) -> Self {
        let span = u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX);
        Self { failing_since: span, why, ..self }
    }

    /// Whether nothing keeps requests from being tried there.
    pub(crate) fn is_only_failing(&self) -> bool {
        self.downs == 0 && self.paused_for == 0
    }

    /// How much of a span is left now.
    pub(crate) fn left(&self, span: u64, now: Timestamp) -> Duration {
        let passed = now.since(Timestamp::from_millis(self.at));
        Duration::from_millis(span).saturating_sub(passed)
    }

    /// When it was found to be down, by the clock as it is now.
    pub(crate) fn down_at(&self, now: Timestamp) -> Timestamp {
        self.before(self.down_since, now)
    }

    /// When requests began to use up their attempts there.
    pub(crate) fn failing_at(&self, now: Timestamp) -> Timestamp {
        self.before(self.failing_since, now)
    }

    fn before(&self, span: u64, now: Timestamp) -> Timestamp {
        Timestamp::from_millis(self.at.min(now.as_millis()).saturating_sub(span))
    }

    pub(crate) fn destination(&self) -> Destination {
        Destination::new(&*self.to)
    }
}

/// The memory as bytes; none if there is nothing to remember.
pub(crate) fn write(all: impl Iterator<Item = Remembered>) -> Vec<u8> {
    let mut all: Vec<_> = all.collect();
    // What the next run uses comes first.
    all.sort_by_key(Remembered::is_only_failing);
    all.truncate(MOST);
    let mut bytes = Vec::new();
    for one in &all {
        let Ok(line) = serde_json::to_vec(one) else { continue };
        if bytes.len() + line.len() + 2 > BYTES_MAX {
            break;
        }
        bytes.push(if bytes.is_empty() { b'[' } else { b',' });
        bytes.extend_from_slice(&line);
    }
    if !bytes.is_empty() {
        bytes.push(b']');
    }
    bytes
}

/// What these bytes remember.
pub(crate) fn read(bytes: &[u8]) -> Vec<Remembered> {
    serde_json::from_slice(bytes).unwrap_or_else(|error| {
        tracing::debug!(%error, "nothing is remembered of earlier runs");
        Vec::new()
    })
}
