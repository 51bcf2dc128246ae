//! The activity of a destination: how many requests are in flight, and how lately it answered.

use std::time::Duration;

use crate::schedule::limiter::PATIENCE;

/// A destination from which nothing has come for so long keeps silent.
pub(super) const SILENT: Duration = Duration::from_millis(250);

/// What is in flight at one destination. Times are readings of the monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Activity {
    pub(super) in_flight: usize,
    /// Whether its last answer was a quick one.
    prompt: bool,
    /// When something ended here last, or began after nothing was in flight.
    heard: Duration,
    /// Whether it kept silent when that was looked at last.
    pub(super) silent: bool,
    /// When it last answered promptly, or began to work after it had nothing to do.
    since: Duration,
}

impl Activity {
    /// An attempt was begun.
    pub(super) fn started(&mut self, now: Duration) {
        if self.in_flight == 0 {
            self.since = now;
            self.heard = now;
        }
        self.in_flight += 1;
    }

    /// An attempt has ended, however.
    pub(super) fn ended(&mut self, now: Duration) {
        self.in_flight -= 1;
        self.heard = now;
    }

    /// The attempt that ended failed by the destination's fault.
    pub(super) fn failed(&mut self) {
        self.prompt = false;
    }

    /// The attempt that ended was answered, after so long.
    pub(super) fn answered(&mut self, took: Duration, now: Duration) {
        self.prompt = took < PATIENCE;
        if self.prompt {
            self.since = now;
        }
    }

    /// Whether something is in flight, and nothing has ended for long.
    pub(super) fn is_silent(&self, now: Duration) -> bool {
        self.in_flight > 0 && now >= self.heard + SILENT
    }

    /// Whether it holds nothing, or fewer than so many and answers promptly.
    pub(super) fn is_modest(&self, reserve: usize) -> bool {
        self.in_flight == 0 || (self.prompt && self.in_flight < reserve)
    }

    /// For how long there was no prompt answer.
    pub(super) fn waits_since(&self, now: Duration) -> Duration {
        now.saturating_sub(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_keeps_silent_when_something_is_in_flight_and_nothing_ends() {
        let mut activity = Activity::default();
        assert!(!activity.is_silent(Duration::MAX), "nothing is in flight");
        activity.started(SILENT);
        activity.started(SILENT * 2);
        assert!(!activity.is_silent(SILENT * 2 - Duration::from_nanos(1)));
        assert!(activity.is_silent(SILENT * 2));
        activity.ended(SILENT * 2);
        assert!(!activity.is_silent(SILENT * 2), "something has just ended");
    }

    #[test]
    fn few_in_flight_are_modest_only_while_answers_are_prompt() {
        let mut activity = Activity::default();
        activity.started(Duration::ZERO);
        assert!(!activity.is_modest(2), "nothing was answered yet");
        activity.started(Duration::ZERO);
        activity.ended(Duration::ZERO);
        activity.answered(Duration::ZERO, Duration::ZERO);
        assert!(activity.is_modest(2) && !activity.is_modest(1));
        activity.answered(PATIENCE, PATIENCE);
        assert!(!activity.is_modest(2));
        assert_eq!(activity.waits_since(PATIENCE), PATIENCE, "a slow answer is no prompt one");
        activity.answered(Duration::ZERO, PATIENCE);
        activity.failed();
        assert!(!activity.is_modest(2));
        activity.ended(PATIENCE);
        assert!(activity.is_modest(0));
    }
}
