//! The options that requests bring: when, how often, after which others.

use std::time::Duration;

use slipstream_core::{DeliveryOptions, Failure, FailureScope, Outcome, Record, RetryPolicy};

use crate::fakes::{
    EPOCH, QUICK, State, delivered, record, refused, rejected, scene, scene_of, timed_out,
};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn on(options: DeliveryOptions, index: u64, to: &str) -> Record {
    Record { options, ..record(index, to) }
}

fn ordered(index: u64, to: &str) -> Record {
    on(DeliveryOptions::new().order("k"), index, to)
}

fn retried(text: &str, index: u64, to: &str) -> Record {
    on(DeliveryOptions::new().retry(text), index, to)
}

#[test]
fn a_request_is_not_tried_before_its_time() {
    let later = DeliveryOptions::new().not_before(EPOCH.after(secs(60)));
    let scene = scene(vec![on(later, 0, "a"), record(1, "a")], |_| delivered());
    scene.worker.run(&mut ()).unwrap();
    let log = scene.log.borrow();
    assert_eq!((log.times(0), log.times(1)), (vec![60.0], vec![0.0]));
}

#[test]
fn a_request_that_has_expired_is_not_tried_again_and_counted_for_itself() {
    let short = DeliveryOptions::new().expires(EPOCH.after(secs(1)));
    let scene = scene(vec![on(short, 0, "a")], |_| rejected(true));
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.attempts, summary.expired, summary.failed), (1, 1, 0));
    assert_eq!(scene.books.borrow().states, [State::Expired]);
}

#[test]
fn a_request_s_own_policy_amends_the_worker_s() {
    let records = vec![
        retried("attempts=1", 0, "a"),
        retried("base=5s", 1, "b"),
        retried("no policy at all", 2, "c"),
    ];
    let scene = scene(records, |_| rejected(true));
    scene.worker.run(&mut ()).unwrap();
    let log = scene.log.borrow();
    assert_eq!(log.times(0), [0.0]);
    assert_eq!(log.times(1), [0.0, 5.01, 15.02]);
    assert_eq!(log.times(2), [0.0, 2.01, 6.02], "what cannot be read changes nothing");
}

#[test]
fn an_answer_that_the_policy_calls_permanent_burns_no_further_attempt() {
    let answer = |status| {
        let mut failure = Failure::transient(FailureScope::Request, "no");
        failure.status = Some(status);
        (QUICK, Outcome::Failed(failure))
    };
    let scene = scene(vec![record(0, "a"), record(1, "a")], move |seen| match seen.ticket {
        0 => answer(404),
        _ => answer(409),
    });
    let policy = RetryPolicy::default().amended("jitter=0,permanent=400-407").unwrap();
    scene.worker.policy(policy).run(&mut ()).unwrap();
    let log = scene.log.borrow();
    assert_eq!((log.times(0).len(), log.times(1).len()), (1, 3));
}

#[test]
fn rounds_are_far_apart_and_their_attempts_close_together() {
    let scene = scene(vec![retried("attempts=2,rounds=2,every=60s", 0, "a")], |_| rejected(true));
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!(scene.log.borrow().times(0), [0.0, 2.01, 62.02, 64.03]);
    assert_eq!((summary.failed, summary.retried), (1, 3));
}

#[test]
fn the_rest_for_a_destination_that_is_down_waits_for_the_next_round_if_it_has_one() {
    let records = (0..100).map(|n| retried("rounds=2,every=60s", n, "dead")).collect();
    let scene = scene(records, |seen| match seen.at > secs(30) {
        true => delivered(),
        false => refused(),
    });
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.delivered, summary.failed), (100, 0), "{summary:?}");
    assert!(summary.attempts < 130, "{summary:?}");
}

#[test]
fn a_destination_that_stays_down_gets_no_more_rounds_than_the_policy_has() {
    let records = (0..100).map(|n| retried("rounds=2,every=60s", n, "dead")).collect();
    let scene = scene(records, |_| refused());
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.delivered, summary.failed), (0, 100), "{summary:?}");
    assert!(summary.attempts < 40, "{summary:?}");
}

#[test]
fn requests_with_one_order_key_go_one_after_another_and_hold_up_no_others() {
    let mut records: Vec<_> = (0..200).map(|n| ordered(n, "a")).collect();
    records.extend((200..400).map(|n| record(n, "a")));
    // The first is tried three times, the tenth is dead-lettered.
    let scene = scene(records, |seen| match (seen.ticket, seen.attempt) {
        (0, 1 | 2) | (10, _) => rejected(true),
        _ => delivered(),
    });
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.delivered, summary.failed), (399, 1));
    let log = scene.log.borrow();
    let order: Vec<u64> =
        log.seen.iter().map(|seen| seen.ticket).filter(|ticket| *ticket < 200).collect();
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(order.iter().filter(|ticket| **ticket == 10).count(), 3);
    let others = log.seen.iter().filter(|seen| seen.ticket >= 200).map(|seen| seen.at).max();
    assert!(others.unwrap() < secs(2), "{others:?}");
}

#[test]
fn many_requests_with_one_order_key_are_delivered_in_order_and_without_delay() {
    let records: Vec<_> = (0..5_000).map(|n| ordered(n, "a")).collect();
    let scene = scene(records, |_| delivered());
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!(summary.delivered, 5_000);
    let log = scene.log.borrow();
    assert!(log.seen.is_sorted_by_key(|seen| seen.ticket));
    assert_eq!(log.most, 1);
    // 5,000 answers of 10 ms each, and nothing in between.
    assert_eq!(summary.elapsed, 5_000 * QUICK);
    assert!(scene.books.borrow().most_claimed < 100);
}

#[test]
fn one_order_key_does_not_wait_for_another() {
    let keyed =
        |index: u64| on(DeliveryOptions::new().order(format!("k{}", index % 50)), index, "a");
    let scene = scene((0..1_000).map(keyed).collect(), |_| delivered());
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!(summary.delivered, 1_000);
    assert!(summary.elapsed < secs(2), "{:?}", summary.elapsed);
}

#[test]
fn the_keys_of_a_long_backlog_go_side_by_side_each_as_fast_as_its_destination_answers() {
    // Three keys among others without one; a thousand keys; and five thousand.
    for (keys, each, others) in [(3, 2_000, 14_000), (1_000, 100, 0), (5_000, 10, 0)] {
        let count = keys * each + others;
        let payload = move |index: u64| {
            let stride = count / (keys * each);
            let key = (index.is_multiple_of(stride)).then(|| format!("k{}", index / stride % keys));
            let options = DeliveryOptions::new();
            on(key.map_or(options.clone(), |key| options.order(key)), index, "a").encode()
        };
        let scene = scene_of(usize::try_from(count).unwrap(), payload, |_| delivered());
        let summary = scene.worker.max_time(secs(3_600)).run(&mut ()).unwrap();
        assert_eq!(summary.delivered, count, "{keys} keys");
        // What each key needs, or 50 at once; and a tenth more.
        let least =
            (QUICK * u32::try_from(each).unwrap()).max(QUICK * u32::try_from(count / 50).unwrap());
        assert!(
            summary.elapsed < least.mul_f64(1.1) + secs(1),
            "{keys} keys: {:?}",
            summary.elapsed
        );
        let books = scene.books.borrow();
        assert!(books.most_claimed < 30_000, "{keys} keys: {} in memory", books.most_claimed);
        assert!(books.read_again < 10 * count, "{keys} keys: {} read again", books.read_again);
    }
}

#[test]
fn a_key_whose_destination_hangs_or_fails_holds_up_no_other_key() {
    let keyed = |index: u64| {
        let key = index % 20;
        let to = ["hangs", "dead", "well"][usize::try_from(key.min(2)).unwrap()];
        on(DeliveryOptions::new().order(format!("k{key}")), index, to).encode()
    };
    let scene = scene_of(40_000, keyed, |seen| match &*seen.to {
        "hangs" => timed_out(),
        "dead" => refused(),
        _ => delivered(),
    });
    let summary = scene.worker.max_time(secs(3_600)).run(&mut ()).unwrap();
    assert_eq!((summary.delivered, summary.failed), (36_000, 4_000), "{summary:?}");
    let log = scene.log.borrow();
    // 2,000 of each key, 10 ms each.
    assert!(log.last_delivery["well"] < secs(22), "{:?}", log.last_delivery);
}
