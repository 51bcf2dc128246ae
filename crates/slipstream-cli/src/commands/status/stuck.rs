//! Requests that wait because their destination takes none: since when, why, and when it is tried again.
//!
//! # Invariants
//! What the worker knows of destinations is in its report, which every member of a shared spool may read.
//! How many wait, and when the first of them is due, is counted in the logs.

use serde::Serialize;
use slipstream_core::Timestamp;
use slipstream_http::masked_url;
use slipstream_log::Destinations;
use slipstream_worker::LastRun;

use crate::term::units::{ago, count, rfc3339, whole};

/// A destination that requests wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stuck {
    pub(crate) destination: String,
    /// `down`, `paused` or `failing`.
    pub(crate) state: String,
    pub(crate) since: Timestamp,
    why: String,
    /// How many wait; none if they could not be counted by destination.
    pub(crate) pending: Option<u64>,
    /// When the first of them may be tried.
    pub(crate) next: Timestamp,
}

/// The same for programs.
#[derive(Serialize)]
pub(crate) struct Shown {
    destination: String,
    state: String,
    since: String,
    why: String,
    pending: Option<u64>,
    next_attempt: String,
}

/// The destinations that requests wait for, those in trouble for longest first.
pub(crate) fn stuck(
    last_run: Option<&LastRun>,
    destinations: &Destinations,
    now: Timestamp,
) -> Vec<Stuck> {
    let uncounted = destinations.skipped > 0 || destinations.others.total() > 0;
    let troubles = last_run.map(|run| &run.troubles[..]).unwrap_or_default();
    let waits = |to: &str| destinations.each.iter().find(|waiting| waiting.destination == to);
    let found = troubles.iter().filter_map(|trouble| {
        let waiting = waits(&trouble.to);
        let pending = waiting.map(|waiting| waiting.pending.iter().sum::<u64>());
        if pending == Some(0) || (pending.is_none() && !uncounted) {
            return None;
        }
        let due = waiting.and_then(|waiting| waiting.first_due).unwrap_or_default();
        let until = Timestamp::from_millis(trouble.until.unwrap_or_default());
        Some(Stuck {
            destination: masked_url(&trouble.to),
            state: trouble.state.clone(),
            since: Timestamp::from_millis(trouble.since),
            why: trouble.why.clone(),
            pending,
            next: due.max(until).max(now),
        })
    });
    found.collect()
}

impl Stuck {
    /// In a line.
    pub(crate) fn words(&self, now: Timestamp) -> String {
        let wait = match self.pending {
            Some(1) => "1 request waits".to_owned(),
            Some(pending) => format!("{} wait", count(pending, "request")),
            None => "requests wait".to_owned(),
        };
        let age = ago(now.since(self.since));
        let state = match &*self.state {
            "paused" => format!("which asked for a pause {age} ago"),
            state => format!("{state} for {age}"),
        };
        let why = if self.why.is_empty() { String::new() } else { format!(" ({})", self.why) };
        let next = match whole(self.next.since(now)) {
            left if left.is_zero() => "the next run tries it".to_owned(),
            left => format!("the next attempt is in {}", ago(left)),
        };
        format!("{wait} for {}, {state}{why}; {next}", self.destination)
    }

    /// What to do about it.
    pub(crate) fn to_do(&self) -> String {
        // Behind a space stands the way that it goes.
        let place = self.destination.split(' ').next().unwrap_or_default();
        format!("slipstream retry-now {place}, when it takes requests again")
    }

    pub(crate) fn shown(self) -> Shown {
        Shown {
            destination: self.destination,
            state: self.state,
            since: rfc3339(self.since),
            why: self.why,
            pending: self.pending,
            next_attempt: rfc3339(self.next),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use slipstream_log::Waiting;

    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_795_521_600_000);

    fn run(state: &str, until: u64) -> LastRun {
        let since = NOON.as_millis() - 300_000;
        let until = NOON.as_millis() + until;
        let text = format!(
            r#"{{"troubles":[{{"to":"http://a:1","state":"{state}","since":{since},"until":{until},"why":"refused"}}]}}"#
        );
        LastRun::read(text.as_bytes()).unwrap()
    }

    fn waiting(pending: u64, due: Timestamp) -> Destinations {
        let mut each = Waiting { destination: "http://a:1".to_owned(), ..Waiting::default() };
        each.pending[0] = pending;
        each.first_due = Some(due);
        Destinations { each: vec![each], ..Destinations::default() }
    }

    fn told(run: &LastRun, destinations: &Destinations) -> Vec<String> {
        let all = stuck(Some(run), destinations, NOON);
        all.iter().map(|stuck| stuck.words(NOON)).collect()
    }

    #[test]
    fn what_waits_is_told_with_since_when_why_and_the_next_attempt() {
        let due = NOON.after(Duration::from_secs(86_400));
        let line = "2 requests wait for http://a:1, down for 5m (refused); the next attempt is in ";
        assert_eq!(
            told(&run("down", 60_000), &waiting(2, Timestamp::default())),
            [format!("{line}1m")]
        );
        assert_eq!(told(&run("down", 60_000), &waiting(2, due)), [format!("{line}1day")]);
        let line = "1 request waits for http://a:1, which asked for a pause 5m ago (refused); the next run tries it";
        assert_eq!(told(&run("paused", 0), &waiting(1, Timestamp::default())), [line]);
    }

    #[test]
    fn nothing_is_told_where_nothing_waits_and_what_could_not_be_counted_is() {
        assert_eq!(told(&run("down", 0), &waiting(0, NOON)), [""; 0]);
        assert_eq!(told(&run("down", 0), &Destinations::default()), [""; 0]);
        let some = Destinations { skipped: 7, ..Destinations::default() };
        assert!(
            told(&run("failing", 0), &some)[0].starts_with("requests wait for http://a:1, failing")
        );
        assert_eq!(stuck(None, &waiting(1, NOON), NOON), []);
    }
}
