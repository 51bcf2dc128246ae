use super::*;
use crate::engine::last_run::{LastRun, Trouble};
use crate::engine::operator::holder::WORKER_SILENCE;
use crate::engine::operator::stage::{Stage, StageStatus};
use crate::engine::operator::totals::Totals;
use crate::request::destination::Destination;

const NOON: Timestamp = Timestamp::from_millis(1_795_521_600_000);
const MINUTE: Duration = Duration::from_secs(60);

/// An engine of which nothing is known but its sums.
fn status(pending: u64, failed: u64) -> Status {
    let totals = Totals { stored: pending + failed, pending, failed, ..Totals::default() };
    Status::new("/s", NOON, totals)
}

/// A worker that runs and reported just now.
fn worker() -> Option<Holder> {
    Some(Holder::new(Some(7), Duration::ZERO))
}

fn run(json: &str) -> Option<LastRun> {
    LastRun::read(json.as_bytes())
}

/// The findings by the usual thresholds.
fn found(status: &Status) -> Vec<Finding> {
    status.findings(&Thresholds::default())
}

fn ready(status: &mut Status, age: Duration) {
    let seen = StageStatus { parts: 1, requests: 1, bytes: 9, oldest_age: Some(age) };
    status.stages = vec![(Stage::Ready, seen)];
}

fn waits(pending: u64, first_due: Timestamp) -> Waiting {
    let mut each = Waiting::new("http://a:1");
    each.pending[0] = pending;
    each.first_due = Some(first_due);
    each
}

/// A run in which a destination is down since five minutes ago, and until then.
fn down(until: Timestamp) -> LastRun {
    let since = Timestamp::from_millis(NOON.as_millis() - 300_000);
    let to = Destination::new("http://a:1");
    let trouble = Trouble::new(&to, "down", since, "refused").until(until);
    run(r#"{"ending":"drained"}"#).unwrap().with_troubles(vec![trouble])
}

#[test]
fn an_engine_in_which_all_is_well_has_no_findings() {
    assert_eq!(found(&status(5, 0)), []);
    let mut taken = status(1, 0);
    ready(&mut taken, Thresholds::MAX_AGE);
    taken.last_run = run(r#"{"ending":"drained"}"#);
    assert_eq!(found(&taken), []);
}

#[test]
fn what_no_worker_took_for_too_long_is_critical_whether_one_runs_or_not() {
    let mut seen = status(1, 0);
    let age = Thresholds::MAX_AGE + MINUTE;
    ready(&mut seen, age);
    for worker_running in [false, true] {
        seen.worker = worker().filter(|_| worker_running);
        let [finding] = &found(&seen)[..] else { panic!("{:?}", found(&seen)) };
        assert_eq!(finding, &Finding::NotTaken { age, worker_running });
        assert_eq!(finding.severity(), Severity::Critical);
    }
    // Then that is the reason, and is reported in its place.
    seen.worker = Some(Holder::new(Some(7), WORKER_SILENCE + MINUTE));
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
        let mut seen = status(0, 0);
        seen.last_run = run(json);
        let expected: Vec<_> = ended.map(Finding::EndedEarly).into_iter().collect();
        assert_eq!(found(&seen), expected, "{json}");
        assert!(expected.iter().all(|finding| finding.severity() == severity), "{json}");
        seen.worker = worker();
        assert_eq!(found(&seen), [], "{json}");
    }
}

#[test]
fn a_destination_is_blocked_while_requests_wait_for_it_and_takes_none_for_long_enough() {
    let mut seen = status(2, 0);
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
    let mut seen = status(2, 0);
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
    let mut seen = status(3, 4);
    let failed_to = |destination: &str, failed| {
        let mut each = Waiting::new(destination);
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
    let mut seen = status(0, 1);
    seen.totals.stored = 9;
    seen.skipped = vec![Skipped::new("ready/x", "no")];
    let severities: Vec<_> = found(&seen).iter().map(Finding::severity).collect();
    assert_eq!(severities, [Severity::Critical, Severity::Critical, Severity::Warning]);
}
