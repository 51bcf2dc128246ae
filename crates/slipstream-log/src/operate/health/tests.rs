use slipstream_core::Trouble;

use super::*;
use crate::format::log_name::Stage;
use crate::lifecycle::entries::Outcomes;
use crate::operate::status::{StageStatus, Totals};

const NOON: Timestamp = Timestamp::from_millis(1_795_521_600_000);
const MINUTE: Duration = Duration::from_secs(60);

/// A spool of which nothing is known but its sums.
fn snapshot(pending: u64, failed: u64) -> Snapshot {
    let totals =
        Totals { stored: pending + failed, pending, failed, outcomes: Outcomes::default() };
    let status = Status {
        stages: Stage::ALL.map(|stage| (stage, StageStatus::default())).to_vec(),
        totals,
        slots: Vec::new(),
        overwritten: Default::default(),
        spoiled_entries: 0,
        worker_running: false,
        worker_pid: None,
        worker_silent: Duration::ZERO,
        skipped: Vec::new(),
    };
    Snapshot::new("/s", Settings::default(), status, NOON)
}

fn run(json: &str) -> Option<LastRun> {
    LastRun::read(json.as_bytes())
}

/// The findings by the usual thresholds.
fn found(snapshot: &Snapshot) -> Vec<Finding> {
    snapshot.findings(&Thresholds::default())
}

fn ready(snapshot: &mut Snapshot, age: Duration) {
    let stage = &mut snapshot.status.stages[Stage::Ready as usize].1;
    *stage = StageStatus { logs: 1, requests: 1, bytes: 9, oldest_age: Some(age) };
}

fn waits(pending: u64, first_due: Timestamp) -> Waiting {
    let mut each = Waiting { destination: "http://a:1".to_owned(), ..Waiting::default() };
    each.pending[0] = pending;
    each.first_due = Some(first_due);
    each
}

/// A run that knows that a destination is down since five minutes ago, and until then.
fn down(until: Timestamp) -> LastRun {
    let since = Timestamp::from_millis(NOON.as_millis() - 300_000);
    let to = slipstream_core::Destination::new("http://a:1");
    let trouble = Trouble::new(&to, "down", since, "refused").until(until);
    run(r#"{"ending":"drained"}"#).unwrap().with_troubles(vec![trouble])
}

#[test]
fn a_spool_in_which_all_is_well_has_no_findings() {
    assert_eq!(found(&snapshot(5, 0)), []);
    let mut taken = snapshot(1, 0);
    ready(&mut taken, Thresholds::MAX_AGE);
    taken.last_run = run(r#"{"ending":"drained"}"#);
    assert_eq!(found(&taken), []);
}

#[test]
fn what_no_worker_took_for_too_long_is_critical_whether_one_runs_or_not() {
    let mut seen = snapshot(1, 0);
    let age = Thresholds::MAX_AGE + MINUTE;
    ready(&mut seen, age);
    for worker_running in [false, true] {
        seen.status.worker_running = worker_running;
        let [finding] = &found(&seen)[..] else { panic!("{:?}", found(&seen)) };
        assert_eq!(finding, &Finding::NotTaken { age, worker_running });
        assert_eq!(finding.severity(), Severity::Critical);
    }
    // Then that is why, and is said in its place.
    seen.status.worker_silent = crate::WORKER_SILENCE + MINUTE;
    let [Finding::WorkerHangs(_)] = &found(&seen)[..] else { panic!("{:?}", found(&seen)) };
}

#[test]
fn a_run_that_was_killed_or_broke_off_is_a_warning_unless_another_one_runs() {
    for (json, ended, severity) in [
        ("{}", Some(EndedEarly::Killed), Severity::Warning),
        (r#"{"ending":"broken"}"#, Some(EndedEarly::Broken), Severity::Warning),
        (r#"{"ending":"budget"}"#, Some(EndedEarly::OutOfTime), Severity::Notice),
        (r#"{"ending":"stopped"}"#, None, Severity::Notice),
    ] {
        let mut seen = snapshot(0, 0);
        seen.last_run = run(json);
        let expected: Vec<_> = ended.map(Finding::EndedEarly).into_iter().collect();
        assert_eq!(found(&seen), expected, "{json}");
        assert!(expected.iter().all(|finding| finding.severity() == severity), "{json}");
        seen.status.worker_running = true;
        assert_eq!(found(&seen), [], "{json}");
    }
}

#[test]
fn a_destination_is_blocked_while_requests_wait_for_it_and_takes_none_for_long_enough() {
    let mut seen = snapshot(2, 0);
    seen.last_run = Some(down(NOON.after(MINUTE)));
    seen.destinations.each = vec![waits(2, Timestamp::default())];
    let [blocked] = &seen.blocked()[..] else { panic!("{:?}", seen.blocked()) };
    assert_eq!((blocked.pending, blocked.next), (Some(2), NOON.after(MINUTE)));
    assert_eq!(found(&seen), [Finding::Blocked(blocked.clone())]);
    let patient = Thresholds { max_down: 6 * MINUTE, ..Thresholds::default() };
    assert_eq!(seen.findings(&patient), []);
    // What is due later than that is not tried before.
    seen.destinations.each = vec![waits(2, NOON.after(9 * MINUTE))];
    assert_eq!(seen.blocked()[0].next, NOON.after(9 * MINUTE));
    seen.last_run = Some(down(Timestamp::default()));
    seen.destinations.each = vec![waits(2, Timestamp::default())];
    assert_eq!(seen.blocked()[0].next, NOON);
}

#[test]
fn a_destination_that_nothing_waits_for_is_not_blocked_and_one_that_was_not_counted_is() {
    let mut seen = snapshot(2, 0);
    seen.last_run = Some(down(NOON));
    assert_eq!(seen.blocked(), []);
    seen.destinations.each = vec![waits(0, NOON)];
    assert_eq!(seen.blocked(), []);
    seen.destinations.each.clear();
    seen.destinations.skipped = 7;
    assert_eq!(seen.blocked()[0].pending, None);
    seen.last_run = None;
    assert_eq!(seen.blocked(), []);
}

#[test]
fn dead_letters_and_what_waits_are_findings_beyond_their_thresholds() {
    let mut seen = snapshot(3, 4);
    let failed_to = |destination: &str, failed| {
        let mut each = Waiting { destination: destination.to_owned(), ..Waiting::default() };
        each.failed[0] = failed;
        each
    };
    let dead = |most_to: Option<(&str, bool)>| Finding::DeadLetters {
        failed: 4,
        most_to: most_to.map(|(to, all)| (to.to_owned(), all)),
    };
    assert_eq!(found(&seen), [dead(None)]);
    seen.destinations.each = vec![failed_to("a", 2), failed_to("b", 2)];
    assert_eq!(found(&seen), [dead(None)]);
    seen.destinations.each = vec![failed_to("a", 1), failed_to("b", 3)];
    assert_eq!(found(&seen), [dead(Some(("b", false)))]);
    seen.destinations.each = vec![failed_to("a", 4)];
    assert_eq!(found(&seen), [dead(Some(("a", true)))]);
    let bounds = Thresholds { max_failed: 4, max_pending: Some(2), ..Thresholds::default() };
    assert_eq!(seen.findings(&bounds), [Finding::TooManyPending(3)]);
    let bounds = Thresholds { max_pending: Some(3), ..bounds };
    assert_eq!(seen.findings(&bounds), []);
}

#[test]
fn what_is_unreadable_or_unaccounted_for_comes_first_and_is_critical() {
    let mut seen = snapshot(0, 1);
    seen.status.totals.stored = 9;
    seen.status.skipped = vec![Skipped { path: "ready/x".to_owned(), why: "no".to_owned() }];
    let severities: Vec<_> = found(&seen).iter().map(Finding::severity).collect();
    assert_eq!(severities, [Severity::Critical, Severity::Critical, Severity::Warning]);
}
