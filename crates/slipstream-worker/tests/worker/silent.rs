//! Destinations that keep silent, by the thousand, and a worker that runs short of descriptors.

use std::time::Duration;

use slipstream_core::{Failure, Outcome};
use slipstream_worker::Event;

use crate::fakes::{QUICK, State, delivered, record, scene, scene_of, timed_out};

/// The time until the one destination that answers is tried, behind so many that never do, with so
/// many requests for each.
fn tried_after(silent: u64, each: u64, slots: usize) -> Duration {
    let name = move |index: u64| match index < silent * each {
        true => format!("silent {}", index % silent),
        false => "fresh".to_owned(),
    };
    let count = usize::try_from(silent * each + 1).unwrap();
    let scene = scene_of(
        count,
        move |index| record(index, &name(index)).encode(),
        |seen| match &*seen.to {
            "fresh" => delivered(),
            _ => timed_out(),
        },
    );
    scene.worker.concurrency(slots).max_time(Duration::from_secs(20)).run(&mut ()).unwrap();
    let log = scene.log.borrow();
    let first = log.seen.iter().find(|seen| seen.to == "fresh");
    first.map_or(Duration::MAX, |seen| seen.at)
}

#[test]
fn a_new_destination_is_tried_within_a_second_behind_a_thousand_that_are_silent() {
    for silent in [1, 10, 100, 1_000] {
        for each in [1, 3] {
            let after = tried_after(silent, each, 100);
            assert!(after <= Duration::from_secs(1), "{silent} of {each}: {after:?}");
        }
    }
}

#[test]
fn a_new_destination_is_tried_soon_behind_one_that_worked_and_hangs_with_every_slot() {
    let payload = |index| record(index, if index < 5_000 { "tired" } else { "fresh" }).encode();
    let hangs = Duration::from_millis(300);
    let scene = scene_of(5_001, payload, move |seen| match &*seen.to {
        "tired" if seen.at > hangs => timed_out(),
        _ => delivered(),
    });
    scene.worker.max_time(Duration::from_secs(20)).run(&mut ()).unwrap();
    let log = scene.log.borrow();
    let fresh = log.seen.iter().find(|seen| seen.to == "fresh").unwrap();
    assert!(fresh.at < hangs + Duration::from_secs(1), "{:?}", fresh.at);
}

#[test]
fn a_quick_destination_goes_on_beside_hundreds_that_are_silent() {
    // They come in turns, a request for it behind each of them.
    let payload = |index: u64| match index % 2 {
        0 => record(index, &format!("silent {}", index / 2)).encode(),
        _ => record(index, "quick").encode(),
    };
    let scene = scene_of(1_000, payload, |seen| match &*seen.to {
        "quick" => delivered(),
        _ => timed_out(),
    });
    scene.worker.concurrency(100).max_time(Duration::from_secs(20)).run(&mut ()).unwrap();
    let log = scene.log.borrow();
    assert!(log.last_delivery["quick"] < Duration::from_secs(3), "{:?}", log.last_delivery);
    assert_eq!(scene.books.borrow().count(State::Delivered), 500);
}

#[test]
fn with_one_slot_nothing_goes_beside_what_hangs() {
    let records = vec![record(0, "silent"), record(1, "fresh")];
    let scene = scene(records, |seen| match &*seen.to {
        "fresh" => delivered(),
        _ => timed_out(),
    });
    scene.worker.concurrency(1).max_time(Duration::from_secs(200)).run(&mut ()).unwrap();
    assert_eq!(scene.log.borrow().most, 1);
}

/// A run of so many requests with descriptors for `room` in flight; what was reported, and what is
/// left.
fn with_room_for(room: usize, count: u64) -> (slipstream_worker::Summary, Vec<usize>, u64, usize) {
    let records = (0..count).map(|index| record(index, &format!("host {}", index % 9))).collect();
    let scene = scene(records, |_| delivered());
    let log = scene.log.clone();
    scene.rescript(move |_| {
        let in_flight: usize = log.borrow().in_flight.values().sum();
        if in_flight >= room {
            return (Duration::ZERO, Outcome::Failed(Failure::short("no descriptors")));
        }
        (QUICK, Outcome::Delivered)
    });
    let mut most = Vec::new();
    let summary = scene
        .worker
        .run(&mut |event: &Event<'_>| {
            if let Event::Short { in_flight, .. } = event {
                most.push(*in_flight);
            }
        })
        .unwrap();
    let books = scene.books.borrow();
    (
        summary,
        most,
        books.attempts.iter().map(|&n| u64::from(n)).sum(),
        books.count(State::Delivered),
    )
}

#[test]
fn a_shortage_uses_up_no_attempt_and_lowers_what_is_in_flight() {
    for room in [1, 2, 10, 40] {
        let (summary, most, attempts, delivered) = with_room_for(room, 200);
        assert_eq!((delivered, attempts, summary.attempts), (200, 200, 200), "{room}: {summary:?}");
        assert!(summary.short > 0 && summary.failed == 0, "{room}: {summary:?}");
        assert!(most.iter().all(|most| *most >= 1), "{most:?}");
        assert!(summary.elapsed < Duration::from_secs(60), "{room}: {:?}", summary.elapsed);
    }
}

#[test]
fn a_shortage_that_lasts_is_waited_out_and_not_spun_on() {
    let (summary, most, attempts, delivered) = with_room_for(0, 50);
    assert_eq!((delivered, attempts), (0, 0));
    assert_eq!(most.last(), Some(&1));
    // Eight minutes, with 4 s in between.
    assert!(summary.short < 300, "{summary:?}");
}
