//! Dead letters: shown, counted, and changed, all by one walk.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use slipstream_core::operator::{Act, Letter, Operator, Stage, Standing};
use slipstream_core::{Destination, Engine, Record, Settlement};

use crate::bench::{Bench, MINUTE, drain, source};

/// The number of a request, by the last byte of its id.
fn number(letter: &Letter<'_>) -> u8 {
    letter.record().unwrap().id.as_bytes()[15]
}

/// The state of every file in these stages.
fn bytes(bench: &Bench) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for stage in Stage::ALL {
        for name in bench.files(stage) {
            let path = bench.path().join(stage.name()).join(&name);
            all.insert(format!("{stage}/{name}"), std::fs::read(path).unwrap());
        }
    }
    all
}

fn store_to(bench: &mut Bench, destination: &str) {
    let record = Record { destination: Destination::new(destination), ..bench.record() };
    bench.spool.store(&source(), &[record]).unwrap();
}

/// Requests in two logs: 1 delivered; 2, 3 and 6 failed; 4 waits beside 3, in processing/; 5 expired.
fn scene() -> Bench {
    let mut bench = Bench::new();
    for number in 1..=6 {
        let to = if number == 2 { "beep://other" } else { "beep://speaker" };
        store_to(&mut bench, to);
        if number == 2 || number == 4 {
            bench.clock.advance(MINUTE);
        }
    }
    let mut backlog = bench.backlog();
    drain(&mut *backlog, |number| match number {
        1 => Settlement::Delivered,
        2 | 3 | 6 => Settlement::Failed,
        4 => Settlement::Retry { after: MINUTE * 60 },
        _ => Settlement::Expired,
    });
    backlog.close().unwrap();
    assert_eq!((bench.files(Stage::Failed).len(), bench.files(Stage::Processing).len()), (2, 1));
    bench
}

#[test]
fn a_plan_counts_what_its_application_changes_and_changes_nothing_itself() {
    for act in [Act::Retry, Act::Drop] {
        for chosen in [&[2, 3, 6][..], &[3], &[2, 6], &[4, 5], &[]] {
            let bench = scene();
            let before = bytes(&bench);
            let mut choose = |letter: &Letter<'_>| chosen.contains(&number(letter));
            let plan = bench.other().plan(&mut choose).unwrap();
            assert_eq!(bytes(&bench), before, "{act:?} {chosen:?}");
            let applied = bench.other().apply(act, &mut choose).unwrap();
            assert_eq!(plan, applied, "{act:?} {chosen:?}");
            let dead = chosen.iter().filter(|number| [2, 3, 6].contains(*number)).count() as u64;
            assert_eq!((plan.requests, plan.parts), (dead, dead));
            let other = plan.to.each.get("beep://other").copied().unwrap_or_default();
            assert_eq!(other, u64::from(chosen.contains(&2)), "{act:?} {chosen:?}");
            let totals = bench.totals();
            let (pending, purged) = if act == Act::Retry { (dead, 0) } else { (0, dead) };
            assert_eq!((totals.pending, totals.outcomes.purged), (1 + pending, purged));
            assert_eq!(totals.failed, 3 - dead);
        }
    }
}

#[test]
fn a_filter_is_shown_what_is_no_dead_letter_and_cannot_change_it() {
    let bench = scene();
    let mut shown = BTreeMap::new();
    let all = bench.other().apply(Act::Drop, &mut |letter| {
        shown.insert(number(letter), (letter.standing, letter.stage));
        true
    });
    assert_eq!(all.unwrap().requests, 3);
    let (failed, processing) = (Stage::Failed, Stage::Processing);
    let expected = [
        (1, Standing::Settled, failed),
        (2, Standing::Failed, failed),
        (3, Standing::Failed, processing),
        (4, Standing::Waiting, processing),
        (5, Standing::Settled, failed),
        (6, Standing::Failed, failed),
    ];
    assert_eq!(shown, expected.map(|(number, standing, at)| (number, (standing, at))).into());
    assert_eq!(bench.totals().pending, 1);
}

#[test]
fn what_a_running_worker_has_is_counted_apart_and_left_alone() {
    let bench = scene();
    let worker = bench.backlog();
    let plan = bench.other().plan(&mut |_| true).unwrap();
    let applied = bench.other().apply(Act::Drop, &mut |_| true).unwrap();
    assert_eq!(plan, applied);
    assert_eq!((plan.requests, plan.parts, plan.held_by_worker), (2, 2, 1));
    assert!(plan.worker_running);
    let mut held = Vec::new();
    let mut look = |letter: &Letter<'_>| {
        if letter.standing == Standing::HeldByWorker {
            held.push(number(letter));
        }
        ControlFlow::Continue(())
    };
    assert_eq!(bench.other().each_letter(&mut look).unwrap(), []);
    assert_eq!(held, [3]);
    drop(worker);
    assert_eq!(bench.other().apply(Act::Drop, &mut |_| true).unwrap().requests, 1);
}

#[test]
fn a_listing_shows_each_request_once_and_ends_when_enough_was_seen() {
    let bench = scene();
    let mut shown = Vec::new();
    let spool = bench.other();
    let mut look = |most: usize| {
        shown.clear();
        let each = spool.each_letter(&mut |letter| {
            shown.push(number(letter));
            if shown.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        assert_eq!(each.unwrap(), []);
        shown.clone()
    };
    assert_eq!(look(100), [3, 4, 1, 2, 5, 6]);
    assert_eq!(look(3), [3, 4, 1]);
}

#[test]
fn a_filter_can_ask_what_was_noted_of_a_log() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    let claim = crate::bench::next(&mut *backlog).unwrap();
    backlog.note(claim.ticket, "no route to host");
    backlog.settle(claim.ticket, Settlement::Failed).unwrap();
    backlog.close().unwrap();
    let says = |text: &'static str| {
        move |letter: &Letter<'_>| {
            let mut found = false;
            letter.each_note(|line| found |= line.contains(text)).unwrap();
            found
        }
    };
    let letters = bench.other();
    assert_eq!(letters.plan(&mut says("timed out")).unwrap().requests, 0);
    assert_eq!(letters.apply(Act::Retry, &mut says("no route")).unwrap().requests, 1);
}

#[test]
fn a_log_that_cannot_be_read_keeps_no_other_from_being_planned_or_shown() {
    let bench = scene();
    let name = bench.files(Stage::Failed).remove(0);
    let path = bench.path().join("failed").join(&name);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let plan = bench.other().plan(&mut |_| true).unwrap();
    assert_eq!((plan.requests, plan.skipped.len()), (2, 1));
    assert_eq!(plan.skipped[0].part, format!("failed/{name}"));
    let skipped = bench.other().each_letter(&mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(skipped, plan.skipped);
}
