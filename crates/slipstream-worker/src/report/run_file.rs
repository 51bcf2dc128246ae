//! What a run did, kept beside the backlog for the operator: the last one, or the one that lasts.
//!
//! As JSON, so that a program that is none of ours may read it: unknown fields are ignored,
//! absent ones are zero.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipstream_core::Timestamp;

use crate::report::observer::{Ending, Summary};
use crate::report::trouble::{MOST, Trouble};

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
    /// Requests that were given up.
    pub failed: u64,
    /// Those of the failed that were never attempted.
    #[serde(rename = "untried")]
    pub never_attempted: u64,
    /// Requests that outlived their use.
    pub expired: u64,
    /// Failed attempts after which the request had another one left.
    pub retried: u64,
    /// How often a request was put back or spilled without an attempt.
    #[serde(rename = "put_off")]
    pub deferred: u64,
    /// Attempts that were made.
    pub attempts: u64,
    /// What ended it, as [`Ending::word`] has it; none while it lasts.
    pub ending: Option<String>,
    /// Whether it stays when nothing is left.
    pub follow: bool,
    /// The destinations that took no requests when this was written down, those in trouble for longest
    /// first; a hundred at most.
    pub troubles: Vec<Trouble>,
    /// How many more there were.
    pub more_troubles: u64,
}

impl LastRun {
    /// The run that these bytes tell of; none if they cannot be read.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// A run that lasts, by what it did so far.
    pub(crate) fn new(began: Timestamp, now: Timestamp, summary: &Summary, follow: bool) -> Self {
        Self {
            began: began.as_millis(),
            ended: None,
            at: now.as_millis(),
            elapsed: millis(summary.elapsed),
            delivered: summary.delivered,
            failed: summary.failed,
            never_attempted: summary.never_attempted,
            expired: summary.expired,
            retried: summary.retried,
            deferred: summary.deferred,
            attempts: summary.attempts,
            ending: None,
            follow,
            troubles: Vec::new(),
            more_troubles: 0,
        }
    }

    /// The same, with what it knows of destinations.
    pub(crate) fn with_troubles(self, mut troubles: Vec<Trouble>) -> Self {
        troubles.sort_by(|a, b| (a.since, &a.to).cmp(&(b.since, &b.to)));
        let more_troubles = troubles.len().saturating_sub(MOST) as u64;
        troubles.truncate(MOST);
        Self { troubles, more_troubles, ..self }
    }

    /// The same, ended.
    pub(crate) fn ended(self, ending: Ending) -> Self {
        Self { ended: Some(self.at), ending: Some(ending.word().to_owned()), ..self }
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reads_back_and_so_does_one_of_a_version_that_tells_less_or_more() {
        let summary =
            Summary { delivered: 3, elapsed: Duration::from_secs(2), ..Summary::default() };
        let time = Timestamp::from_millis(1_795_498_157_482);
        let run = LastRun::new(time, time, &summary, true).ended(Ending::Budget);
        assert_eq!(LastRun::read(&run.write()), Some(run));
        let other = LastRun::read(br#"{"began": 7, "mood": "good"}"#).unwrap();
        assert_eq!(other, LastRun { began: 7, ..LastRun::default() });
        assert_eq!(LastRun::read(b"\xff[{"), None);
    }
}
