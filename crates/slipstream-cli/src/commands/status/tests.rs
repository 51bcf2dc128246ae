//! Engines as they may be seen.

use std::time::Duration;

use slipstream_core::LastRun;
use slipstream_core::operator::{Operator, Stage, StageStatus, Status, Totals};

use super::paint::Screen;
use super::picture;
use super::report::Report;
use crate::commands::memory::Memory;
pub(crate) use crate::commands::memory::NOON;

/// An engine of which nothing is known but its sums.
pub(crate) fn status(stored: u64, pending: u64, failed: u64) -> Status {
    let mut totals = Totals::default();
    (totals.stored, totals.pending, totals.failed) = (stored, pending, failed);
    totals.outcomes.delivered = stored - pending - failed;
    let mut status = Status::new("/s", NOON, totals);
    status.stages = Stage::ALL.map(|stage| (stage, StageStatus::default())).to_vec();
    status
}

pub(crate) fn ended(seconds_ago: u64, ending: &str, more: &str) -> Option<LastRun> {
    let at = NOON.as_millis() - seconds_ago * 1_000;
    let text = format!(r#"{{"began":{at},"at":{at},"ended":{at},"ending":"{ending}"{more}}}"#);
    LastRun::read(text.as_bytes())
}

#[test]
fn an_engine_without_logs_is_drawn_and_reported_by_what_any_engine_has() {
    let engine = Memory::default().with(1, "http://a:1", true, 3).with(2, "http://b:1", false, 0);
    let seen = engine.status(Duration::MAX).unwrap();
    let screen = Screen::plain();
    let expected = "\
memory at 2026-11-24T12:00:00Z
1 pending, 1 failed, 0 overwritten
no run has ended here yet
no worker runs

! 1 request failed for good, to http://a:1
  slipstream failed list

destination  pending  1m  5m  10m  1h  6h  1d  older  failed
http://a:1         -   -   -    -   -   -   -      -       1
http://b:1         1   1   -    -   -   -   -      -       -

2 stored = 0 delivered + 1 pending + 1 failed + 0 set aside + 0 overwritten + 0
  expired + 0 purged
the counters add up
";
    assert_eq!(screen.text(&picture::draw(&seen, None, &screen, 10)), expected);
    let report = serde_json::to_value(Report::of(&seen, None, 10)).unwrap();
    assert_eq!(report["states"]["failed"]["requests"], 1);
    assert_eq!(report["states"]["collecting"]["requests"], 0);
    assert_eq!(report["balanced"], true);
    assert_eq!(
        (&report["settings"], &report["slots"]),
        (&Default::default(), &serde_json::json!([]))
    );
    assert_eq!(report["hints"][0]["to_do"], "slipstream failed list");
}
