//! The report of a run on itself.

use std::time::Duration;

use slipstream_core::{LastRun, Timestamp, Trouble};

use crate::report::observer::{Ending, Summary};

/// A run by what it did so far, and what ended it if something did.
pub(crate) fn report(
    began: Timestamp,
    now: Timestamp,
    summary: &Summary,
    troubles: Vec<Trouble>,
    ending: Option<Ending>,
) -> LastRun {
    let mut run = LastRun::default().with_troubles(troubles);
    (run.began, run.at) = (began.as_millis(), now.as_millis());
    run.elapsed = millis(summary.elapsed);
    (run.delivered, run.failed) = (summary.delivered, summary.failed);
    (run.never_attempted, run.expired) = (summary.never_attempted, summary.expired);
    (run.retried, run.deferred) = (summary.retried, summary.deferred);
    run.attempts = summary.attempts;
    if let Some(ending) = ending {
        run.ended = Some(run.at);
        run.ending = Some(ending.word().to_owned());
    }
    run
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
