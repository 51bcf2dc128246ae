//! The messages of a run that stays: what it gives up, and no more than that.
//!
//! # Invariants
//! - A destination's first failure is reported at once, and then one line a minute at most, with
//!   the commonest reason of that minute: a destination that is down does not fill a disk with
//!   lines.
//! - Memory is bounded, however many destinations there are.
//!
//! # Non-goals
//! A timer. A run that has nothing to do says so at least once a minute, and that is when it is
//! looked whether a minute is over.

use std::collections::BTreeMap;
use std::time::Duration;

use slipstream_core::{Clock, Settlement, SystemClock};
use slipstream_worker::{Event, Observer};

use crate::term::print;
use crate::term::units::count;

/// How long one line covers what follows.
const MINUTE: Duration = Duration::from_secs(60);

/// Most destinations, and most reasons of each, that are distinguished.
const MOST_DESTINATIONS: usize = 1_000;
const MOST_REASONS: usize = 20;

/// Watches a run, and says what failed.
pub(crate) struct Failures {
    clock: SystemClock,
    log: Log,
}

impl Failures {
    pub(crate) fn new() -> Self {
        Self { clock: SystemClock::new(), log: Log::default() }
    }

    /// Says what was not said yet.
    pub(crate) fn finish(mut self) {
        say(self.log.over(Duration::MAX));
    }
}

impl Observer for Failures {
    fn event(&mut self, event: &Event<'_>) {
        let now = self.clock.elapsed();
        say(self.log.over(now));
        if let Event::Settled { destination, settlement: Settlement::Failed, reason, .. } = event {
            let to = destination.map_or("an unreadable destination", |to| to.as_str());
            say(self.log.failed(to, reason.unwrap_or("no reason given"), now));
        }
    }
}

fn say(lines: impl IntoIterator<Item = String>) {
    lines.into_iter().for_each(|line| print::complain(&line));
}

/// What failed in the minutes that are not over.
#[derive(Default)]
struct Log {
    minutes: BTreeMap<String, Minute>,
    /// When the first of them is over.
    next: Option<Duration>,
}

/// A destination's failures, since it was last reported.
struct Minute {
    ends: Duration,
    failed: u64,
    reasons: BTreeMap<String, u64>,
}

impl Log {
    /// Takes in a failure. The line to say of it, if it is to be said now.
    fn failed(&mut self, to: &str, reason: &str, now: Duration) -> Option<String> {
        let known = self.minutes.contains_key(to) || self.minutes.len() < MOST_DESTINATIONS;
        let to = if known { to } else { "other destinations" };
        if let Some(minute) = self.minutes.get_mut(to) {
            minute.failed += 1;
            if let Some(number) = minute.reasons.get_mut(reason) {
                *number += 1;
            } else if minute.reasons.len() < MOST_REASONS {
                minute.reasons.insert(reason.to_owned(), 1);
            }
            return None;
        }
        self.begin(to, now);
        Some(format!("1 request to {to} failed for good: {reason}"))
    }

    /// The lines of the minutes that are over now.
    fn over(&mut self, now: Duration) -> Vec<String> {
        if self.next.is_none_or(|next| now < next) {
            return Vec::new();
        }
        let over: Vec<_> = self
            .minutes
            .iter()
            .filter(|(_, it)| it.ends <= now)
            .map(|(to, _)| to.clone())
            .collect();
        let mut lines = Vec::new();
        for to in over {
            let Some(minute) = self.minutes.remove(&to).filter(|minute| minute.failed > 0) else {
                continue;
            };
            let commonest = minute.reasons.iter().max_by_key(|(_, number)| **number);
            let (reason, number) = commonest.map_or(("", 0), |(reason, number)| (reason, *number));
            let mostly = if number < minute.failed { "mostly " } else { "" };
            let requests = count(minute.failed, "more request");
            lines.push(format!("{requests} to {to} failed for good: {mostly}{reason}"));
            self.begin(&to, now);
        }
        self.next = self.minutes.values().map(|minute| minute.ends).min();
        lines
    }

    fn begin(&mut self, to: &str, now: Duration) {
        let ends = now.saturating_add(MINUTE);
        let minute = Minute { ends, failed: 0, reasons: BTreeMap::new() };
        self.minutes.insert(to.to_owned(), minute);
        self.next = Some(self.next.map_or(ends, |next| next.min(ends)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_first_failure_is_told_at_once_and_then_the_commonest_of_each_minute() {
        let mut log = Log::default();
        let first = "1 request to http://a failed for good: 503";
        assert_eq!(log.failed("http://a", "503", at(0)).as_deref(), Some(first));
        for (reason, second) in [("refused", 1), ("500", 2), ("refused", 59)] {
            assert_eq!(log.failed("http://a", reason, at(second)), None);
        }
        let other = "1 request to http://b failed for good: 404";
        assert_eq!(log.failed("http://b", "404", at(59)).as_deref(), Some(other));
        assert_eq!(log.over(at(59)), [""; 0]);
        assert_eq!(
            log.over(at(60)),
            ["3 more requests to http://a failed for good: mostly refused"]
        );
        // That line covers the next minute, too.
        assert_eq!(log.failed("http://a", "503", at(119)), None);
        assert_eq!(log.over(at(120)), ["1 more request to http://a failed for good: 503"]);
        // After a minute without one, the next failure is reported at once.
        assert_eq!(log.over(at(180)), [""; 0]);
        assert_eq!(log.failed("http://a", "503", at(181)).as_deref(), Some(first));
    }

    #[test]
    fn many_destinations_and_reasons_take_no_more_than_so_much_memory() {
        let mut log = Log::default();
        for n in 0..3_000 {
            log.failed(&format!("http://{n}"), "503", at(0));
            log.failed("http://0", &format!("reason {n}"), at(0));
        }
        assert_eq!(log.minutes.len(), MOST_DESTINATIONS + 1);
        assert_eq!(log.minutes["http://0"].reasons.len(), MOST_REASONS);
        let lines = log.over(at(60));
        let begin = "1,999 more requests to other destinations failed for good: 503";
        assert!(lines.iter().any(|line| line == begin), "{lines:?}");
    }
}
