//! Pictures as they are drawn where nothing is known of the reader. Times are passed in.

use slipstream_core::operator::{Holder, StageStatus};
use slipstream_log::Settings;

use super::*;
use crate::commands::status::tests::{NOON, ended, status};

const MINUTE: Duration = Duration::from_secs(60);

fn log(minutes_ago: u64, requests: u64, bytes: u64) -> LogStatus {
    let begun = NOON.as_millis() - minutes_ago * 60_000;
    LogStatus { begun: Timestamp::from_millis(begun), requests, bytes }
}

fn to(destination: &str, pending: AgeHistogram, failed: AgeHistogram) -> Waiting {
    let mut waiting = Waiting::new(destination);
    (waiting.pending, waiting.failed) = (pending, failed);
    waiting
}

fn stage(requests: u64, age: Duration) -> StageStatus {
    let mut stage = StageStatus::default();
    stage.add(requests, 900, age);
    stage
}

fn with_slots(status: Status, slots: Vec<SlotStatus>) -> SpoolStatus {
    SpoolStatus::new(status, Settings::default()).with_slots(slots)
}

fn drawn(seen: &SpoolStatus) -> String {
    let screen = Screen::plain();
    let lines = draw(&seen.status, Some(seen), &screen, 10);
    let text = screen.text(&lines);
    for line in text.lines() {
        let sentence = line.starts_with("! ") || line.starts_with("the last run");
        assert!(line.len() <= screen.width || sentence, "{line}");
    }
    text
}

#[test]
fn an_empty_spool() {
    let expected = "\
/s at 2026-11-24T12:00:00Z
0 pending, 0 failed, 0 overwritten
no run has ended here yet
no worker runs

0 stored = 0 delivered + 0 pending + 0 failed + 0 set aside + 0 overwritten + 0
  expired + 0 purged
the counters add up
";
    assert_eq!(drawn(&with_slots(status(0, 0, 0), Vec::new())), expected);
}

#[test]
fn a_healthy_one() {
    let mut status = status(12_345, 40, 0);
    status.worker = Some(Holder::new(Some(4_711), Duration::ZERO));
    let slot = SlotStatus {
        slot: 3,
        collecting: Some(log(0, 5, 400)),
        ready: vec![log(1, 20, 3_000)],
        processing: stage(15, 2 * MINUTE),
        ..SlotStatus::default()
    };
    status.destinations.each =
        vec![to("https://api.example.com:443", [25, 15, 0, 0, 0, 0, 0], [0; 7])];
    let more = r#","elapsed":12345,"delivered":12000,"retried":3"#;
    status.last_run = ended(65, "drained", more);
    let expected = "\
/s at 2026-11-24T12:00:00Z
40 pending, 0 failed, 0 overwritten
the last run ended 1m 5s ago, after 12s: 12,000 delivered, 0 failed, 3 retried; nothing was left
a worker runs (process 4711)

slot  oldest ready first  ready  collecting  processing  failed  oldest
   3  [#.........]           20           5          15       -      2m

destination                  pending  1m  5m  10m  1h  6h  1d  older  failed
https://api.example.com:443       40  25  15    -   -   -   -      -       -

12,345 stored = 12,305 delivered + 40 pending + 0 failed + 0 set aside + 0
  overwritten + 0 expired + 0 purged
the counters add up
";
    assert_eq!(drawn(&with_slots(status, vec![slot])), expected);
}

#[test]
fn one_near_overwriting() {
    let mut status = status(2_000_000, 2_000_000, 0);
    status.totals.outcomes.overwritten = 0;
    let ready: Vec<_> =
        (0..8).map(|at| log(9 - at, 250_000, if at == 2 { 10 } else { 99 })).collect();
    let slot = SlotStatus {
        slot: 11,
        collecting: Some(log(1, 3, 99)),
        ready,
        full_in: Some(Duration::from_millis(150_999)),
        ..SlotStatus::default()
    };
    status.stages[1].1 = stage(2_000_000, 9 * MINUTE);
    let by_age = [0, 1_234_567, 765_433, 0, 0, 0, 0];
    status.destinations.each = vec![to("http://a", by_age, [0; 7])];
    status.last_run = ended(86_400, "stopped", "");
    let expected = "\
/s at 2026-11-24T12:00:00Z
2,000,000 pending, 0 failed, 0 overwritten
the last run ended 1day ago, after 0s: 0 delivered, 0 failed; it was stopped
no worker runs

! the oldest log of slot 11 (250,000 requests) will be overwritten in 2m 30s
  slipstream work

! no worker has taken what was stored 9m ago; the last one ended 1day ago
  slipstream work; then slipstream doctor, or slipstream setup cron

slot  oldest ready first      ready  collecting  processing  failed  oldest
  11  [##=#####..]        2,000,000           3           -       -      9m

destination  pending  1m    5m   10m  1h  6h  1d  older  failed
http://a        2.0M   -  1.2M  765k   -   -   -      -       -

2,000,000 stored = 0 delivered + 2,000,000 pending + 0 failed + 0 set aside + 0
  overwritten + 0 expired + 0 purged
the counters add up
";
    assert_eq!(drawn(&with_slots(status, vec![slot])), expected);
}

#[test]
fn one_with_a_dead_destination_a_run_that_broke_off_and_a_sum_that_does_not_hold() {
    let mut status = status(100, 0, 100);
    status.totals.stored = 101;
    status.totals.outcomes.overwritten = 7;
    status.totals.stored += 7;
    let kept = stage(93, 2 * MINUTE);
    status.stages[3].1 = kept;
    let dead = "http://user:s3cret@dead.and.far.away.example.com:8080\u{1b}[2J\n";
    status.destinations.each = vec![to(dead, [0; 7], [0, 90, 0, 0, 0, 0, 0])];
    status.destinations.others = to("", [0; 7], [10, 0, 0, 0, 0, 0, 0]);
    status.destinations.skipped = 1;
    status.last_run = ended(0, "broken", r#","elapsed":12"#);
    let slot = SlotStatus { slot: 3, failed: kept, ..SlotStatus::default() };
    let mut seen = with_slots(status, vec![slot]);
    seen.spoiled_entries = 2;
    let mut lost = OverwrittenSum::default();
    (lost.logs, lost.requests, lost.bytes) = (1, 7, 1_024);
    seen.overwritten.insert(3, lost);
    let text = drawn(&seen);
    assert!(!text.contains('\u{1b}') && !text.contains("s3cret"), "{text}");
    let masked = masked_url(dead);
    let expected = format!(
        "\
/s at 2026-11-24T12:00:00Z
0 pending, 100 failed, 7 overwritten
the last run ended just now, after 12ms: 0 delivered, 0 failed; it broke off
no worker runs

! the counters do not add up: a log was removed by hand, or the disk lost something
  slipstream check

! the last run broke off
  slipstream doctor

! 100 requests failed for good, most of them to {}
  slipstream failed list

slot  oldest ready first  ready  collecting  processing  failed  oldest
   3  [..........]            -           -           -      93       -

destination                      pending  1m  5m  10m  1h  6h  1d  older  failed
NAME        -   -   -    -   -   -   -      -      90
others                                 -   -   -    -   -   -   -      -      10
1 request more, to whom was not looked up in time; --all looks at every one

108 stored = 0 delivered + 0 pending + 100 failed + 0 set aside + 7 overwritten
  + 0 expired + 0 purged
the counters do NOT add up: stored 108, accounted for 107
7 failed requests still in processing/, since others in the same log wait
overwritten in slot 3: 7 requests in 1 log (1.0 KiB)
2 entries of the ledger cannot be read; the counters may be too low
",
        crate::term::print::one_line(&masked)
    );
    let name = text.lines().find(|line| line.ends_with("90")).unwrap();
    assert!(name.contains(".."), "{name}");
    assert_eq!(
        text,
        expected.replace("NAME        -   -   -    -   -   -   -      -      90", name)
    );
}

#[test]
fn many_slots_are_summed_but_for_those_with_most_and_those_that_are_full_first() {
    let slot = |slot: u16| SlotStatus {
        slot,
        ready: vec![log(1, 1 + u64::from(slot % 7), 9)],
        full_in: (slot == 14).then_some(MINUTE),
        ..SlotStatus::default()
    };
    let mut seen = with_slots(status(120, 120, 0), (0..30).map(slot).collect());
    seen.settings.logs = 60;
    let text = Screen::plain().text(&slots(&seen, &Screen::plain(), 3));
    let expected = "\
slot  oldest ready first      ready  collecting  processing  failed  oldest
   6  [=...................]      7           -           -       -      1m
  13  [=...................]      7           -           -       -      1m
  14  [=...................]      1           -           -       -      1m
more  27 slots                  100           -           -       -      1m
";
    assert_eq!(text, expected);
}

#[test]
fn a_ring_of_many_places_shows_how_much_of_it_is_taken() {
    let slot = |logs| SlotStatus { ready: vec![log(1, 1, 1); logs], ..SlotStatus::default() };
    let ring = |logs| ring(&slot(logs), 60, 1, ['#', '=', '.']);
    assert_eq!(ring(0), "[....................]");
    assert_eq!(ring(4), "[#=..................]");
    assert_eq!(ring(59), "[###################=]");
    assert_eq!(ring(60), "[####################]");
}
