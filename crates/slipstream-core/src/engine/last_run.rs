//! The report of a run, kept beside the backlog for the operator: the last run, or the current one.
//!
//! As JSON, so that other programs can read it: unknown fields are ignored, absent ones are zero.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::request::destination::Destination;

/// Most destinations that a report lists: the destinations that are in trouble for longest.
const DESTINATIONS_MAX: usize = 100;

/// The longest name and the longest reason that are reported, in bytes. `status` cuts names alike.
const NAME_MAX: usize = 256;
const WHY_MAX: usize = 256;

/// A run as it was reported last.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LastRun {
    /// When it began, in milliseconds since 1970.
    pub began: u64,
    /// When it ended; none while it lasts, or if it was killed.
    pub ended: Option<u64>,
    /// When this was written down.
    pub at: u64,
    /// How long it had lasted by then, in milliseconds, whatever the clock was set to.
    pub elapsed: u64,
    /// Requests that were delivered.
    pub delivered: u64,
    /// Requests that failed for good.
    pub failed: u64,
    /// The failed requests that were never attempted.
    #[serde(rename = "untried")]
    pub never_attempted: u64,
    /// Requests that outlived their use.
    pub expired: u64,
    /// Failed attempts after which the request had another one left.
    pub retried: u64,
    /// How often a request was released or spilled without an attempt.
    #[serde(rename = "put_off")]
    pub deferred: u64,
    /// Attempts that were made.
    pub attempts: u64,
    /// What ended it, `drained`, `waiting`, `budget`, `stopped` or `broken`; none while it
    /// lasts, or if it was killed.
    pub ending: Option<String>,
    /// Whether it stays when nothing is left.
    pub follow: bool,
    /// The destinations that took no requests when this was written down, the longest in trouble
    /// first; a hundred at most.
    pub troubles: Vec<Trouble>,
    /// How many more there were.
    pub more_troubles: u64,
}

impl LastRun {
    /// The run that these bytes describe; none if they cannot be read.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The same as bytes.
    pub fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The same, with the destinations that take no requests now; of many, the longest in trouble.
    #[must_use]
    pub fn with_troubles(self, mut troubles: Vec<Trouble>) -> Self {
        troubles.sort_by(|a, b| (a.since, &a.to).cmp(&(b.since, &b.to)));
        let more_troubles = troubles.len().saturating_sub(DESTINATIONS_MAX) as u64;
        troubles.truncate(DESTINATIONS_MAX);
        Self { troubles, more_troubles, ..self }
    }

    /// When it was there last: when it ended, or when this was written down.
    pub fn seen(&self) -> Timestamp {
        Timestamp::from_millis(self.ended.unwrap_or(self.at))
    }
}

/// A destination that does not take requests now. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Trouble {
    /// The destination; a very long name is cut.
    pub to: String,
    /// `down`: its circuit is open. `paused`: it asked for that (Retry-After). `failing`: requests
    /// have used up their attempts, or the attempts of a round, and none was taken since.
    pub state: String,
    /// Since when.
    pub since: u64,
    /// Until when nothing is tried there, if it is left alone.
    pub until: Option<u64>,
    /// How the last request failed.
    pub why: String,
}

impl Trouble {
    /// A destination that is in this state since then, and how its last request failed. Long texts are
    /// cut.
    pub fn new(to: &Destination, state: &str, since: Timestamp, why: &str) -> Self {
        let (to, why) = (truncated(to.as_str(), NAME_MAX), truncated(why, WHY_MAX));
        Self { to, state: state.to_owned(), since: since.as_millis(), until: None, why }
    }

    /// A destination whose requests have failed for good since then.
    pub fn failing(to: &Destination, since: Timestamp, why: &str) -> Self {
        Self::new(to, "failing", since, why)
    }

    /// The same; nothing is tried there until then.
    #[must_use]
    pub fn until(self, until: Timestamp) -> Self {
        Self { until: Some(until.as_millis()), ..self }
    }
}

/// The text's beginning, in so many bytes at most.
pub fn truncated(text: &str, most: usize) -> String {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text[..end.unwrap_or_default()].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reads_back_and_so_does_one_of_a_version_that_tells_less_or_more() {
        let run = LastRun { began: 7, delivered: 3, follow: true, ..LastRun::default() };
        assert_eq!(LastRun::read(&run.write()), Some(run));
        let other = LastRun::read(br#"{"began": 7, "mood": "good"}"#).unwrap();
        assert_eq!(other, LastRun { began: 7, ..LastRun::default() });
        assert_eq!(LastRun::read(b"\xff[{"), None);
    }
}
