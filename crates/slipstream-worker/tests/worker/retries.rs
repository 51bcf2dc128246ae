//! Attempts: how many, how far apart, and what is never attempted at all.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use slipstream_core::{Outcome, Settlement};
use slipstream_worker::{Event, RetryPolicy};

use crate::fakes::{QUICK, State, delivered, record, refused, rejected, scene, scene_of};

#[test]
fn a_failing_request_is_tried_three_times_with_two_and_four_seconds_in_between() {
    let scene = scene(vec![record(0, "a")], |_| rejected(true));
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!(scene.log.borrow().times(0), [0.0, 2.01, 6.02]);
    assert_eq!(scene.books.borrow().states, [State::Failed]);
    assert_eq!((summary.attempts, summary.retried), (3, 2));
    assert_eq!((summary.failed, summary.never_attempted), (1, 0));
}

#[test]
fn a_request_that_succeeds_on_its_last_attempt_is_delivered() {
    let scene = scene(vec![record(0, "a")], |seen| match seen.attempt {
        3 => delivered(),
        _ => refused(),
    });
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.delivered, summary.failed), (1, 0));
}

#[test]
fn everything_else_flows_while_a_retry_waits() {
    let records = (0..1_000).map(|index| record(index, "a")).collect();
    let scene = scene(records, |seen| match seen.ticket {
        0 => rejected(true),
        _ => delivered(),
    });
    let summary = scene.worker.concurrency(1).run(&mut ()).unwrap();
    let log = scene.log.borrow();
    // One at a time: the other 999 fill the seconds between the attempts.
    assert_eq!(log.times(0), [0.0, 2.01, 6.02]);
    assert_eq!(summary.delivered, 999);
    assert!(log.last_delivery["a"] > Duration::from_secs(9));
}

#[test]
fn a_permanent_failure_burns_no_further_attempt() {
    let scene = scene(vec![record(0, "a")], |_| rejected(false));
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.attempts, summary.failed), (1, 1));
}

#[test]
fn an_unknown_kind_fails_alone_untried_and_with_a_reason() {
    let mut strange = record(1, "a");
    strange.kind = "fax".into();
    let records = vec![record(0, "a"), strange, record(2, "a")];
    let scene = scene(records, |_| delivered());
    let mut reasons = Vec::new();
    let summary = scene
        .worker
        .run(&mut |event: &Event<'_>| {
            if let Event::Settled { settlement: Settlement::Failed, reason: Some(reason), .. } =
                event
            {
                reasons.push((*reason).to_owned());
            }
        })
        .unwrap();
    use State::{Delivered, Failed};
    assert_eq!(scene.books.borrow().states, [Delivered, Failed, Delivered]);
    assert_eq!((summary.failed, summary.never_attempted), (1, 1));
    assert_eq!(reasons, ["nothing here performs requests of kind 'fax'"]);
}

#[test]
fn an_envelope_that_cannot_be_read_fails_alone() {
    let payload = |index| match index {
        1 => b"no envelope".to_vec(),
        _ => record(index, "a").encode(),
    };
    let scene = scene_of(3, payload, |_| delivered());
    let summary = scene.worker.run(&mut ()).unwrap();
    use State::{Delivered, Failed};
    assert_eq!(scene.books.borrow().states, [Delivered, Failed, Delivered]);
    assert_eq!((summary.failed, summary.never_attempted), (1, 1));
}

#[test]
fn a_record_that_crashed_the_worker_each_time_is_failed_without_another_attempt() {
    let scene = scene(vec![record(0, "a"), record(1, "a")], |_| delivered());
    scene.books.borrow_mut().attempts[0] = 3;
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!(scene.log.borrow().times(0), [0.0; 0]);
    assert_eq!(scene.books.borrow().states, [State::Failed, State::Delivered]);
    assert_eq!((summary.failed, summary.never_attempted), (1, 0));
    assert_eq!(scene.books.borrow().attempts[0], 3, "none is counted either");
}

#[test]
fn attempts_of_earlier_runs_count() {
    let scene = scene(vec![record(0, "a")], |_| refused());
    scene.books.borrow_mut().attempts[0] = 2;
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.attempts, summary.failed), (1, 1));
}

#[test]
fn an_attempt_is_counted_before_it_is_made() {
    let books = Rc::new(RefCell::new(None));
    let seen_by_script = books.clone();
    let scene = scene(vec![record(0, "a")], move |seen| {
        let books: std::cell::Ref<'_, Option<Rc<RefCell<crate::fakes::Books>>>> =
            seen_by_script.borrow();
        let books = books.as_ref().expect("set before the run");
        assert_eq!(books.borrow().attempts[0], seen.attempt);
        (QUICK, Outcome::Delivered)
    });
    *books.borrow_mut() = Some(scene.books.clone());
    assert_eq!(scene.worker.run(&mut ()).unwrap().delivered, 1);
}

#[test]
fn the_number_of_attempts_and_the_waits_can_be_set() {
    let scene = scene(vec![record(0, "a")], |_| rejected(true));
    let policy = RetryPolicy::default().amended("attempts=4,base=1s,factor=3,jitter=1").unwrap();
    let worker = scene.worker.policy(policy).random(|| 0.5);
    assert_eq!(worker.run(&mut ()).unwrap().attempts, 4);
    assert_eq!(scene.log.borrow().times(0), [0.0, 1.51, 6.02, 19.53]);
}

#[test]
fn a_request_older_than_it_may_get_expires_and_is_not_attempted() {
    let scene = scene(vec![record(0, "a")], |_| delivered());
    scene.clock.set(Duration::from_secs(61));
    let summary = scene.worker.max_age(Duration::from_secs(60)).run(&mut ()).unwrap();
    assert_eq!((summary.expired, summary.attempts), (1, 0));
    assert_eq!(scene.books.borrow().states, [State::Expired]);
}
