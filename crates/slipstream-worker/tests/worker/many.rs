//! Very many records: what the worker holds at once stays small, whatever their fate.

use std::time::Duration;

use crate::fakes::{State, delivered, record, refused, scene_of, timed_out};

const MILLION: usize = 1_000_000;

#[test]
fn a_million_quick_records_go_out_at_full_concurrency_and_none_is_put_back() {
    let payload = |index| record(index, "well").encode();
    let scene = scene_of(MILLION, payload, |_| delivered());
    scene.log.borrow_mut().brief = true;
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.delivered, summary.deferred), (MILLION as u64, 0));
    // 50 at once, 10 ms each: 200 s are the ideal.
    assert!(summary.elapsed < Duration::from_millis(200_100), "{:?}", summary.elapsed);
    let books = scene.books.borrow();
    assert!(books.most_claimed <= 101, "{}", books.most_claimed);
}

#[test]
fn a_quarter_of_a_million_mixed_records_are_all_settled_with_few_in_hand() {
    let name = |index: u64| match index % 7 {
        0 => "dead",
        1 => "hangs",
        _ => "well",
    };
    let payload = move |index| record(index, name(index)).encode();
    let scene = scene_of(250_000, payload, |seen| match &*seen.to {
        "dead" => refused(),
        "hangs" => timed_out(),
        _ => delivered(),
    });
    scene.log.borrow_mut().brief = true;
    let summary = scene.worker.run(&mut ()).unwrap();
    let books = scene.books.borrow();
    assert_eq!(summary.delivered + summary.failed, 250_000);
    assert_eq!(books.count(State::Delivered) as u64, summary.delivered);
    assert!(books.most_claimed <= 50 + 3 * 50 + 1, "{}", books.most_claimed);
    // Two of seven go to a destination in trouble; each is spilled ten times at most.
    let troubled = 250_000 * 2 / 7;
    assert!(summary.deferred < 10 * troubled, "{}", summary.deferred);
    assert!(scene.log.borrow().most <= 50);
}
