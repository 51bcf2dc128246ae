//! What a run leaves behind: notes for the operator, and what the next run should know.

use std::time::Duration;

use slipstream_core::{Destination, Record, RecordId, TryNow};
use slipstream_worker::{Doing, Ending, Event, LastRun, Note, RetryPolicy};

use crate::fakes::{
    EPOCH, State, asked_to_wait, delivered, record, refused, rejected, scene, scene_of,
};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A record that was stored so long after the first records.
fn stored_after(wait: Duration, index: u64, to: &str) -> Record {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&index.to_be_bytes());
    Record { id: RecordId::new(EPOCH.after(wait), random), ..record(index, to) }
}

/// What a run remembers that finds a destination down. It ends after about six seconds.
fn memory_of_a_dead_host() -> Option<Vec<u8>> {
    let scene = scene_of(20, |index| record(index, "dead").encode(), |_| refused());
    scene.worker.run(&mut ()).unwrap();
    let memory = scene.books.borrow_mut().memory.take();
    assert!(memory.as_ref().is_some_and(|memory| !memory.is_empty()));
    memory
}

#[test]
fn every_attempt_that_fails_leaves_a_note_and_so_does_giving_up_untried() {
    let mut strange = record(1, "a");
    strange.kind = "fax".into();
    let scene = scene(vec![record(0, "a"), strange], |_| rejected(true));
    scene.worker.run(&mut ()).unwrap();
    let books = scene.books.borrow();
    let notes = books.notes.iter().map(|(ticket, line)| (*ticket, Note::parse(line).unwrap()));
    let notes: Vec<_> =
        notes.map(|(ticket, note)| (ticket, note.attempt, note.at, note.reason)).collect();
    let at = |millis| EPOCH.after(Duration::from_millis(millis)).as_millis();
    let no = "the answer was no".to_owned();
    assert_eq!(
        notes,
        [
            (1, 0, at(0), "nothing here performs requests of kind 'fax'".to_owned()),
            (0, 1, at(10), no.clone()),
            (0, 2, at(2_020), no.clone()),
            (0, 3, at(6_030), no),
        ]
    );
}

#[test]
fn the_next_run_tries_a_host_that_was_down_only_when_its_time_has_come_and_one_at_a_time() {
    let memory = memory_of_a_dead_host();
    let at = |index| stored_after(secs(10), index, "dead").encode();
    let scene = scene_of(100, at, |_| refused());
    scene.books.borrow_mut().memory = memory;
    scene.clock.set(secs(7));
    let summary = scene.worker.run(&mut ()).unwrap();
    let log = scene.log.borrow();
    // Down from the sixth second on, for thirty: three attempts for one request, and no more.
    assert!((35.0..37.0).contains(&log.times(0)[0]), "{:?}", log.times(0));
    assert_eq!((summary.attempts, summary.failed, summary.never_attempted), (3, 100, 99));
    assert_eq!(log.most, 1);
}

#[test]
fn a_host_that_is_back_is_up_to_speed_after_one_request() {
    let memory = memory_of_a_dead_host();
    let at = |index| stored_after(secs(10), index, "dead").encode();
    let scene = scene_of(500, at, |_| delivered());
    scene.books.borrow_mut().memory = memory;
    scene.clock.set(secs(7));
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!(summary.delivered, 500);
    assert!(summary.elapsed < secs(40), "{:?}", summary.elapsed);
    // And there is nothing left to remember.
    assert_eq!(scene.books.borrow().memory.as_deref(), Some(&b""[..]));
}

#[test]
fn what_was_stored_before_a_host_was_found_down_is_failed_and_what_came_since_waits() {
    let memory = memory_of_a_dead_host();
    let records = vec![record(0, "dead"), stored_after(secs(10), 1, "dead")];
    let scene = scene(records, |_| delivered());
    scene.books.borrow_mut().memory = memory;
    scene.clock.set(secs(7));
    scene.worker.max_time(secs(20)).run(&mut ()).unwrap();
    assert_eq!(scene.books.borrow().states, [State::Failed, State::Waiting]);
}

#[test]
fn a_pause_that_was_asked_for_outlasts_the_run() {
    let first = scene(vec![record(0, "a")], |_| asked_to_wait(secs(100)));
    first.worker.max_time(secs(5)).run(&mut ()).unwrap();
    let second = scene(vec![record(0, "a")], |_| delivered());
    second.books.borrow_mut().memory = first.books.borrow_mut().memory.take();
    second.worker.run(&mut ()).unwrap();
    let begun = second.log.borrow().times(0)[0];
    assert!((100.0..101.0).contains(&begun), "{begun}");
}

#[test]
fn a_memory_that_cannot_be_read_is_forgotten() {
    let scene = scene(vec![record(0, "a")], |_| delivered());
    scene.books.borrow_mut().memory = Some(b"\xff[{".to_vec());
    assert_eq!(scene.worker.run(&mut ()).unwrap().delivered, 1);
}

#[test]
fn a_follower_stays_until_it_is_stopped() {
    let scene = scene(vec![record(0, "a"), record(1, "a")], |_| delivered());
    let worker = scene.worker.follow();
    let (stopper, mut waits) = (worker.stopper(), 0);
    let mut observer = |event: &Event<'_>| {
        waits += u32::from(matches!(event, Event::Waiting { .. }));
        if waits == 100 {
            stopper.stop();
        }
    };
    let summary = worker.run(&mut observer).unwrap();
    assert_eq!((summary.delivered, summary.ending), (2, Ending::Stopped));
    assert!(scene.books.borrow().followed && scene.books.borrow().closed);
    assert!(summary.elapsed > secs(8 * 60), "no budget ends it");
}

#[test]
fn a_run_tells_at_its_end_what_it_did() {
    let first = scene(Vec::new(), |_| delivered());
    first.clock.set(secs(5));
    first.worker.run(&mut ()).unwrap();
    let second = scene(vec![record(0, "a"), record(1, "a")], |seen| {
        if seen.ticket == 0 { delivered() } else { rejected(true) }
    });
    let summary = second.worker.run(&mut ()).unwrap();
    let [empty] = &first.books.borrow_mut().reports[..] else { panic!("one report") };
    let run = &second.books.borrow_mut().reports.pop().unwrap();
    let at = EPOCH.after(secs(5)).as_millis();
    assert_eq!((empty.began, empty.ended, empty.elapsed), (at, Some(at), 0));
    assert_eq!(empty.ending.as_deref(), Some("drained"));
    assert_eq!((run.delivered, run.failed, run.retried, run.attempts), (1, 1, 2, 4));
    assert_eq!(u128::from(run.elapsed), summary.elapsed.as_millis());
    assert_eq!(run.ended, Some(EPOCH.after(summary.elapsed).as_millis()));
}

#[test]
fn a_run_that_breaks_off_tells_that_too_also_when_only_its_last_step_does() {
    let cases: [fn(&mut crate::fakes::Books); 2] =
        [|books| books.refuses_to_begin = true, |books| books.refuses_to_finish = true];
    for refuse in cases {
        let scene = scene(vec![record(0, "a")], |_| delivered());
        refuse(&mut scene.books.borrow_mut());
        let error = scene.worker.run(&mut ()).unwrap_err();
        let books = scene.books.borrow();
        let run = books.reports.last().unwrap();
        assert_eq!(run.ending.as_deref(), Some("broken"));
        let closing = matches!(error.doing, Doing::Closing);
        assert_eq!((run.delivered, closing), (u64::from(closing), closing));
        assert_eq!(error.summary.ending, Ending::Broken);
    }
}

#[test]
fn a_run_that_follows_tells_of_a_change_within_a_second_and_else_once_a_minute() {
    let scene = scene(vec![record(0, "a")], |_| delivered());
    let worker = scene.worker.follow();
    let (stopper, mut waits) = (worker.stopper(), 0);
    worker
        .run(&mut |event: &Event<'_>| {
            waits += u32::from(matches!(event, Event::Waiting { .. }));
            if waits == 3 {
                stopper.stop();
            }
        })
        .unwrap();
    let books = scene.books.borrow();
    let seen: Vec<_> =
        books.reports.iter().map(|run| (run.delivered, run.ended.is_some())).collect();
    // At the start, after the delivery, when a minute was over, and at the end.
    assert_eq!((seen[0], seen[1], *seen.last().unwrap()), ((0, false), (1, false), (1, true)));
    assert_eq!((books.reports[0].elapsed, books.reports[1].elapsed), (0, 1_000));
    assert!(books.reports.iter().all(|run: &LastRun| run.follow));
    let lasted = books.reports.last().unwrap().elapsed / 60_000;
    assert_eq!(books.reports.len() as u64, lasted + 3);
}

#[test]
fn a_report_tells_of_destinations_that_take_nothing_until_one_is_taken() {
    let first = scene((0..5).map(|n| record(n, "dead")).collect(), |_| refused());
    first
        .worker
        .policy(RetryPolicy::default().amended("attempts=1").unwrap())
        .run(&mut ())
        .unwrap();
    let run = first.books.borrow_mut().reports.pop().unwrap();
    let [trouble] = &run.troubles[..] else { panic!("{run:?}") };
    assert_eq!((&*trouble.to, &*trouble.state), ("dead", "down"));
    assert_eq!(trouble.why, "connection refused");
    assert!((EPOCH.as_millis()..=run.at).contains(&trouble.since), "{run:?}");
    assert!(trouble.until.is_some_and(|until| until > run.at + 20_000), "{run:?}");

    // A later run knows it still, and asks nothing of a clock that was set.
    let second = scene(vec![record(0, "other")], |_| delivered());
    second.books.borrow_mut().memory = first.books.borrow_mut().memory.take();
    second.clock.set(secs(5));
    second.worker.run(&mut ()).unwrap();
    let again = second.books.borrow_mut().reports.pop().unwrap();
    assert_eq!((&*again.troubles[0].to, again.troubles[0].since), ("dead", trouble.since));

    let third = scene(vec![stored_after(secs(10), 0, "dead")], |_| delivered());
    third.books.borrow_mut().memory = second.books.borrow_mut().memory.take();
    third.clock.set(secs(20));
    third.worker.run(&mut ()).unwrap();
    assert_eq!(third.books.borrow_mut().reports.pop().unwrap().troubles, []);
}

#[test]
fn a_request_that_used_up_a_round_leaves_its_destination_failing_and_nothing_waits_for_that() {
    let policy = || RetryPolicy::default().amended("attempts=1,rounds=3,every=1h").unwrap();
    let first = scene(vec![record(0, "dead")], |_| refused());
    first.worker.policy(policy()).max_time(secs(5)).run(&mut ()).unwrap();
    let troubles = first.books.borrow_mut().reports.pop().unwrap().troubles;
    assert_eq!((&*troubles[0].state, troubles[0].until), ("failing", None));
    // Remembered, and tried at once all the same; it takes no slots from others.
    let second = scene(vec![record(0, "dead"), record(1, "other")], |_| delivered());
    second.books.borrow_mut().memory = first.books.borrow_mut().memory.take();
    second.worker.run(&mut ()).unwrap();
    assert_eq!(second.log.borrow().times(0), [0.0]);
    assert_eq!(second.books.borrow().memory.as_deref(), Some(&b""[..]));
}

/// The same memory, as a clock finds it that has been set back by two hours since.
fn before_the_clock_was_set_back(memory: Option<Vec<u8>>) -> Option<Vec<u8>> {
    let text = String::from_utf8(memory?).unwrap();
    let at = |millis: u64| format!("\"at\":{millis}");
    let start = text.find("\"at\":").unwrap();
    let end = start + text[start..].find(',').unwrap();
    let written: u64 = text[start + 5..end].parse().unwrap();
    Some(text.replace(&at(written), &at(written + 7_200_000)).into_bytes())
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_wait_longer_nor_fail_untried() {
    let memory = before_the_clock_was_set_back(memory_of_a_dead_host());
    // Stored after the clock was set back, and so, by that clock, before the host was down.
    let scene = scene(vec![stored_after(secs(1), 0, "dead")], |_| delivered());
    scene.books.borrow_mut().memory = memory;
    scene.worker.run(&mut ()).unwrap();
    let begun = scene.log.borrow().times(0)[0];
    assert!((26.0..31.0).contains(&begun), "{begun}");

    let first = crate::fakes::scene(vec![record(0, "a")], |_| asked_to_wait(secs(100)));
    first.worker.max_time(secs(5)).run(&mut ()).unwrap();
    let second = crate::fakes::scene(vec![record(0, "a")], |_| delivered());
    let memory = first.books.borrow_mut().memory.take();
    second.books.borrow_mut().memory = before_the_clock_was_set_back(memory);
    second.worker.run(&mut ()).unwrap();
    let begun = second.log.borrow().times(0)[0];
    assert!((99.0..101.0).contains(&begun), "{begun}");
}

#[test]
fn what_is_stored_while_a_run_only_waits_does_not_wait_with_it() {
    let payload = |index| record(index, ["a", "b"][usize::try_from(index).unwrap()]).encode();
    let scene = scene_of(1, payload, |seen| match (&*seen.to, seen.attempt) {
        ("a", 1) => asked_to_wait(secs(60)),
        _ => delivered(),
    });
    let books = scene.books.clone();
    let mut stored = false;
    let mut observer = |event: &Event<'_>| {
        if matches!(event, Event::Waiting { .. }) && !std::mem::replace(&mut stored, true) {
            books.borrow_mut().add();
        }
    };
    scene.worker.run(&mut observer).unwrap();
    let log = scene.log.borrow();
    assert!(log.times(1)[0] < 2.0, "{:?}", log.times(1));
    assert!(log.times(0)[1] >= 60.0);
}

#[test]
fn what_an_operator_asks_for_is_tried_at_once_whatever_is_remembered_of_its_destination() {
    let memory = memory_of_a_dead_host();
    // Stored before the host was down, and to be failed untried; and a record that waits elsewhere.
    for (asked, delivered_now) in [
        (TryNow::To(Destination::new("dead")), true),
        (TryNow::All, true),
        (TryNow::To(Destination::new("other")), false),
    ] {
        let records = (0..20).map(|index| record(index, "dead")).collect();
        let scene = scene(records, |_| delivered());
        scene.books.borrow_mut().memory = memory.clone();
        scene.books.borrow_mut().asks = vec![asked.clone()];
        scene.clock.set(secs(7));
        let summary = scene.worker.run(&mut ()).unwrap();
        assert_eq!(summary.delivered == 20, delivered_now, "{asked:?}: {summary:?}");
        assert_eq!(summary.never_attempted == 20, !delivered_now, "{asked:?}: {summary:?}");
    }
}

#[test]
fn what_an_operator_asks_for_during_a_run_ends_a_back_off_and_a_pause_once() {
    let payload = |index| record(index, ["a", "b"][usize::try_from(index % 2).unwrap()]).encode();
    let scene = scene_of(4, payload, |seen| match seen.attempt {
        1 => asked_to_wait(secs(300)),
        2 => rejected(true),
        _ => delivered(),
    });
    let (books, mut waits) = (scene.books.clone(), 0);
    let policy = RetryPolicy::default().amended("base=100s,jitter=0").unwrap();
    let mut observer = |event: &Event<'_>| {
        if matches!(event, Event::Waiting { .. }) {
            waits += 1;
            if waits == 5 {
                books.borrow_mut().asks = vec![TryNow::To(Destination::new("a"))];
            }
        }
    };
    let summary = scene.worker.policy(policy).max_time(secs(3_600)).run(&mut observer).unwrap();
    assert_eq!(summary.delivered, 4, "{summary:?}");
    let log = scene.log.borrow();
    for ticket in [0, 2] {
        let times = log.times(ticket);
        assert!(times[1] < 10.0, "{times:?}");
        // The back-off that follows is kept.
        assert!(times[2] >= times[1] + 200.0, "{times:?}");
    }
    for ticket in [1, 3] {
        assert!(log.times(ticket)[1] >= 300.0, "{:?}", log.times(ticket));
    }
}
