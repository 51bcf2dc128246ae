//! Records that say of themselves what is not so: they fail, and cost no other a thing.

use std::time::Duration;

use slipstream_core::{Destination, Settlement};
use slipstream_worker::Event;

use crate::fakes::{State, delivered, record, refused, scene};

#[test]
fn a_forged_destination_fails_its_record_and_says_nothing_of_the_one_it_names() {
    // Ten requests for a dead host that claim to be for a healthy host, then one for the healthy
    // host.
    let forged = (0..10).map(|index| {
        let mut record = record(index, "dead");
        record.destination = Destination::new("well");
        record
    });
    let records = forged.chain([record(10, "well")]).collect();
    let scene = scene(records, |seen| match &*seen.to {
        "dead" => refused(),
        _ => delivered(),
    });
    let mut told = Vec::new();
    let summary = scene
        .worker
        .run(&mut |event: &Event<'_>| {
            if let Event::Settled { destination, settlement: Settlement::Failed, reason, .. } =
                event
            {
                told.push((destination.unwrap().to_string(), reason.unwrap().to_owned()));
            }
        })
        .unwrap();
    assert_eq!(
        (summary.delivered, summary.failed, summary.never_attempted),
        (1, 10, 10),
        "{summary:?}"
    );
    let log = scene.log.borrow();
    assert_eq!(log.seen.len(), 1, "{:?}", log.seen);
    for (to, reason) in &told {
        assert_eq!(to, "dead");
        assert!(reason.contains("another destination"), "{reason}");
    }
    assert_eq!(scene.books.borrow().notes.len(), 10);
}

#[test]
fn a_body_that_is_no_request_fails_untried() {
    let mut broken = record(0, "a");
    broken.body = b"\xff".to_vec();
    let scene = scene(vec![broken, record(1, "a")], |_| delivered());
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.delivered, summary.failed, summary.never_attempted), (1, 1, 1));
}

#[test]
fn a_destination_of_a_million_bytes_is_known_by_its_beginning() {
    let long = "x".repeat(1_000_000);
    let scene = scene((0..3).map(|index| record(index, &long)).collect(), |_| delivered());
    let mut longest = 0;
    let summary = scene
        .worker
        .run(&mut |event: &Event<'_>| {
            if let Event::Started { destination, .. } = event {
                longest = longest.max(destination.as_str().len());
            }
        })
        .unwrap();
    assert_eq!((summary.delivered, longest), (3, 1024));
}

#[test]
fn of_those_that_were_in_flight_when_workers_ended_one_at_a_time_is_tried() {
    let records = (0..20).map(|index| record(index, &format!("host {}", index % 5))).collect();
    let scene = scene(records, |_| delivered());
    // All but the last five.
    for (index, interrupted) in scene.books.borrow_mut().interrupted.iter_mut().enumerate() {
        *interrupted = if index < 15 { 3 } else { 2 };
    }
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!(summary.delivered, 20);
    let log = scene.log.borrow();
    let mut suspects: Vec<_> = log.seen.iter().filter(|seen| seen.ticket < 15).collect();
    suspects.sort_by_key(|seen| seen.at);
    for pair in suspects.windows(2) {
        assert!(pair[0].at + crate::fakes::QUICK <= pair[1].at, "{pair:?}");
    }
    // The others wait for none of them.
    let others = log.seen.iter().filter(|seen| seen.ticket >= 15);
    assert!(others.clone().count() == 5 && others.map(|seen| seen.at).all(|at| at.is_zero()));
    assert!(summary.elapsed < Duration::from_secs(3), "{:?}", summary.elapsed);
    assert_eq!(scene.books.borrow().count(State::Delivered), 20);
}
