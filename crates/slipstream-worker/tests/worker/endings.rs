//! How runs end: by themselves, at their budget, when stopped, when the backlog fails.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use slipstream_core::{BacklogError, Settlement};
use slipstream_worker::{Doing, Ending, Event, Stopper};

use crate::fakes::{State, delivered, record, refused, rejected, scene, scene_of};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn an_empty_backlog_ends_at_once_and_is_closed() {
    let scene = scene(Vec::new(), |_| delivered());
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.ending, summary.elapsed), (Ending::Drained, secs(0)));
    assert!(scene.books.borrow().closed);
}

#[test]
fn the_budget_ends_a_run_with_work_left_after_a_warning() {
    let payload = |index| record(index, "a").encode();
    let scene = scene_of(10_000, payload, |_| (secs(3), delivered().1));
    let mut warned = Vec::new();
    let summary = scene
        .worker
        .max_time(secs(100))
        .run(&mut |event: &Event<'_>| {
            if let Event::BudgetWarning { spent, .. } = event {
                warned.push(*spent);
            }
        })
        .unwrap();
    assert_eq!(summary.ending, Ending::Budget);
    // What was in flight is finished, so it lasts one attempt longer at most.
    assert!((secs(100)..secs(103)).contains(&summary.elapsed), "{:?}", summary.elapsed);
    assert_eq!(warned.len(), 1);
    assert!((secs(80)..secs(81)).contains(&warned[0]), "{warned:?}");
    let books = scene.books.borrow();
    assert_eq!(books.count(State::Delivered) as u64, summary.delivered);
    assert_eq!(books.count(State::Claimed), 0);
    assert!(books.count(State::Waiting) > 1_000);
    assert!(scene.log.borrow().seen.iter().all(|seen| seen.at < secs(100)));
}

#[test]
fn a_retry_beyond_the_budget_is_left_to_the_next_run_and_not_waited_for() {
    let scene = scene(vec![record(0, "a"), record(1, "b")], |_| rejected(true));
    let mut waits = Vec::new();
    let summary = scene
        .worker
        .max_time(secs(5))
        .run(&mut |event: &Event<'_>| {
            if let Event::Waiting { wait } = event {
                waits.push(*wait);
            }
        })
        .unwrap();
    // Two attempts each; the third is due after 6 s.
    assert_eq!(summary.attempts, 4);
    assert!(summary.elapsed < secs(3), "{:?}", summary.elapsed);
    assert_eq!(summary.ending, Ending::Waiting(secs(4)));
    // Reported again when it has looked for what is new.
    let ms = Duration::from_millis;
    assert_eq!(waits, [secs(2), ms(1_010), ms(10)]);
    assert_eq!(scene.books.borrow().count(State::Waiting), 2);
}

#[test]
fn a_stop_finishes_what_is_in_flight_and_begins_nothing_more() {
    let stopper = Rc::<OnceCell<Stopper>>::default();
    let from_script = stopper.clone();
    let payload = |index| record(index, "a").encode();
    let scene = scene_of(10_000, payload, move |seen| {
        if seen.ticket == 200 {
            from_script.get().expect("set before the run").stop();
        }
        delivered()
    });
    stopper.get_or_init(|| scene.worker.stopper());
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!(summary.ending, Ending::Stopped);
    assert_eq!(summary.delivered, summary.attempts);
    assert!(summary.attempts < 300, "{}", summary.attempts);
    let books = scene.books.borrow();
    assert_eq!(books.count(State::Claimed), 0, "what was parked is put back");
    assert_eq!(books.count(State::Delivered) as u64, summary.delivered);
    assert!(books.closed);
}

#[test]
fn what_is_due_soon_is_waited_for_and_what_is_due_later_left_to_the_next_run() {
    let scene = scene(vec![record(0, "a")], |_| rejected(true));
    let summary = scene.worker.max_idle(secs(3)).run(&mut ()).unwrap();
    // The second attempt is due after 2 s, the third after 4 more.
    assert_eq!((summary.attempts, summary.ending), (2, Ending::Waiting(secs(4))));
    assert!(summary.elapsed < secs(3), "{:?}", summary.elapsed);
}

#[test]
fn a_run_that_follows_ends_neither_at_a_budget_nor_while_it_waits() {
    let scene = scene(vec![record(0, "a")], |_| rejected(true));
    let worker = scene.worker.follow().max_idle(secs(0)).max_time(secs(1));
    let stopper = worker.stopper();
    let summary = worker
        .run(&mut |event: &Event<'_>| {
            if let Event::Settled { settlement: Settlement::Failed, .. } = event {
                stopper.stop();
            }
        })
        .unwrap();
    assert_eq!((summary.attempts, summary.ending), (3, Ending::Stopped));
}

#[test]
fn what_has_no_answer_within_a_stops_time_is_left_as_a_kill_would_leave_it() {
    let stopper = Rc::<OnceCell<Stopper>>::default();
    let from_script = stopper.clone();
    let scene = scene(vec![record(0, "quick"), record(1, "slow"), record(2, "silent")], {
        move |seen| match &*seen.to {
            "silent" => {
                from_script.get().expect("set before the run").stop();
                (secs(3_600), delivered().1)
            }
            "slow" => (secs(7), delivered().1),
            _ => delivered(),
        }
    });
    stopper.get_or_init(|| scene.worker.stopper());
    let mut interrupted = Vec::new();
    let summary = scene
        .worker
        .run(&mut |event: &Event<'_>| {
            if let Event::Interrupted { destination, attempt, .. } = event {
                interrupted.push((destination.to_string(), *attempt));
            }
        })
        .unwrap();
    assert_eq!((summary.delivered, summary.interrupted), (2, 1));
    assert_eq!(summary.ending, Ending::Stopped);
    // The stop was seen when the first had ended.
    assert_eq!(summary.elapsed, secs(8) + crate::fakes::QUICK);
    assert_eq!(interrupted, [("silent".to_owned(), 1)]);
    let books = scene.books.borrow();
    assert_eq!(books.states, [State::Delivered, State::Delivered, State::Claimed]);
    assert!(books.notes[0].1.contains("interrupted: the worker was stopped"), "{:?}", books.notes);
    assert!(books.closed);
}

#[test]
fn a_stop_before_the_run_begins_nothing() {
    let scene = scene(vec![record(0, "a")], |_| delivered());
    scene.worker.stopper().stop();
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.attempts, summary.ending), (0, Ending::Stopped));
    assert_eq!(scene.books.borrow().states, [State::Waiting]);
}

#[test]
fn an_outcome_that_cannot_be_recorded_ends_the_run_after_what_is_in_flight() {
    let records = (0..100).map(|index| record(index, "a")).collect();
    let scene = scene(records, |_| delivered());
    scene.books.borrow_mut().settlements_left = Some(10);
    let error = scene.worker.run(&mut ()).unwrap_err();
    assert!(matches!(error.doing, Doing::Settling(Some(_))), "{error}");
    assert!(matches!(error.source, BacklogError::Engine(_)));
    assert_eq!(error.summary.delivered, 10);
    assert_eq!(error.summary.ending, Ending::Broken);
    assert!(error.to_string().ends_with("it may be attempted again"));
    let log = scene.log.borrow();
    assert!(log.in_flight.values().all(|&left| left == 0), "all has landed");
    assert!(log.seen.len() < 100);
    let books = scene.books.borrow();
    assert!(!books.closed);
    assert_eq!(books.count(State::Delivered), 10, "nothing is claimed to be settled that is not");
}

#[test]
fn an_attempt_that_cannot_be_counted_is_not_made() {
    let scene = scene(vec![record(0, "a")], |_| delivered());
    scene.books.borrow_mut().refuses_to_begin = true;
    let error = scene.worker.run(&mut ()).unwrap_err();
    assert!(matches!(error.doing, Doing::Beginning(_)), "{error}");
    assert!(scene.log.borrow().seen.is_empty());
}

#[test]
fn a_claim_that_is_unavailable_is_put_back_untried_and_the_others_go_on() {
    let records = (0..5).map(|index| record(index, "a")).collect();
    let scene = scene(records, |_| delivered());
    scene.books.borrow_mut().begin_unavailable.insert(2, 3);
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.delivered, summary.ending), (5, Ending::Drained));
    // Three times a minute, and no attempt used up by them.
    assert!((secs(180)..secs(200)).contains(&summary.elapsed), "{:?}", summary.elapsed);
    assert_eq!(scene.books.borrow().attempts, [1; 5]);
}

#[test]
fn an_outcome_that_is_not_recorded_is_not_counted_and_ends_no_run() {
    let records = (0..5).map(|index| record(index, "a")).collect();
    let scene = scene(records, |_| delivered());
    scene.books.borrow_mut().settle_unavailable.insert(2);
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.delivered, summary.ending), (4, Ending::Drained));
    assert_eq!(scene.books.borrow().count(State::Delivered), 4);
    assert!(scene.books.borrow().closed);
}

#[test]
fn every_attempt_and_every_verdict_is_told() {
    let scene = scene(vec![record(0, "a")], |seen| match seen.attempt {
        1 => refused(),
        _ => delivered(),
    });
    let mut told = Vec::new();
    scene
        .worker
        .run(&mut |event: &Event<'_>| {
            told.push(match event {
                Event::Started { attempt, .. } => format!("started {attempt}"),
                Event::AttemptFailed { failure, .. } => failure.reason.clone(),
                Event::Settled { settlement: Settlement::Retry { after: wait }, .. } => {
                    format!("again in {wait:?}")
                }
                Event::Settled { settlement, reason, .. } => format!("{settlement:?} {reason:?}"),
                Event::Waiting { wait } => format!("waiting {wait:?}"),
                other => format!("{other:?}"),
            });
        })
        .unwrap();
    let expected = [
        "started 1",
        "connection refused",
        "again in 2s",
        "waiting 2s",
        "waiting 1.01s",
        "waiting 10ms",
        "started 2",
        "Delivered None",
    ];
    assert_eq!(told, expected);
}
