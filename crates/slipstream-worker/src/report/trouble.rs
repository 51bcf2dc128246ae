//! Destinations that requests wait for, as a run tells the operator of them.

use serde::{Deserialize, Serialize};
use slipstream_core::{Destination, Timestamp};

/// Most destinations that a report tells of: those that are in trouble for longest.
pub(crate) const MOST: usize = 100;

/// The longest name and the longest reason that are told, in bytes. `status` cuts names alike.
const NAME_MAX: usize = 256;
const WHY_MAX: usize = 256;

/// A destination that does not take requests now. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Trouble {
    /// The destination; a very long name is cut.
    pub to: String,
    /// `down`: its circuit is open. `paused`: it asked for that (Retry-After). `failing`: requests have
    /// used up their attempts, or those of a round, and none was taken since.
    pub state: String,
    /// Since when.
    pub since: u64,
    /// Until when nothing is tried there, if it is left alone.
    pub until: Option<u64>,
    /// How the last request failed.
    pub why: String,
}

impl Trouble {
    pub(crate) fn new(to: &Destination, state: &str, since: Timestamp, why: &str) -> Self {
        let (to, why) = (cut(to.as_str(), NAME_MAX), cut(why, WHY_MAX));
        Self { to, state: state.to_owned(), since: since.as_millis(), until: None, why }
    }

    pub(crate) fn failing(to: &Destination, since: Timestamp, why: &str) -> Self {
        Self::new(to, "failing", since, why)
    }

    pub(crate) fn until(self, until: Timestamp) -> Self {
        Self { until: Some(until.as_millis()), ..self }
    }
}

/// The text's beginning, in so many bytes at most.
pub(crate) fn cut(text: &str, most: usize) -> String {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or_default()].to_owned()
}
