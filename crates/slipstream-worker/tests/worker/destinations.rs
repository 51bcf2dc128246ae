//! Dead, slow, hanging and busy destinations, and what they cost the others.

use std::time::Duration;

use slipstream_worker::{Ending, Event};

use crate::fakes::{
    QUICK, State, asked_to_wait, delivered, record, refused, rejected, scene, scene_of, timed_out,
};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn a_dead_destination_costs_a_few_attempts_and_the_rest_is_failed_untried() {
    let scene = scene_of(100_000, |index| record(index, "dead").encode(), |_| refused());
    let mut downs = 0;
    let mut observer = |event: &Event<'_>| downs += u32::from(matches!(event, Event::Down { .. }));
    let summary = scene.worker.run(&mut observer).unwrap();
    assert_eq!(summary.failed, 100_000);
    assert!(summary.attempts <= 24, "{}", summary.attempts);
    assert!(summary.never_attempted >= 99_990, "{}", summary.never_attempted);
    assert!(summary.elapsed < secs(10), "{:?}", summary.elapsed);
    assert_eq!(downs, 1);
    // Each was spilled a few times, not polled.
    assert!(summary.deferred < 400_000, "{}", summary.deferred);
    assert_eq!(scene.books.borrow().count(State::Failed), 100_000);
}

#[test]
fn a_destination_whose_requests_fail_by_their_own_fault_is_not_down() {
    let records = (0..100).map(|index| record(index, "strict")).collect();
    let scene = scene(records, |_| rejected(false));
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.attempts, summary.failed, summary.never_attempted), (100, 100, 0));
}

#[test]
fn a_few_requests_that_always_fail_do_not_bring_a_healthy_destination_down() {
    // Every hundredth is refused each time, and half of the requests that are begun first. Their
    // bodies say which.
    let payload = |index: u64| {
        let mut record = record(index, "mostly well");
        if [1, 3, 5].contains(&index) || index.is_multiple_of(100) {
            record.body = b"mostly well#cursed".to_vec();
        }
        record.encode()
    };
    let scene = scene_of(20_000, payload, |seen| match &*seen.to {
        "mostly well#cursed" => refused(),
        _ => delivered(),
    });
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!((summary.delivered, summary.failed), (19_797, 203), "{summary:?}");
    assert!(summary.elapsed < secs(60), "{:?}", summary.elapsed);
}

#[test]
fn a_destination_that_fails_half_the_time_is_not_down() {
    let payload = |index: u64| record(index, "moody").encode();
    // By a mixing of bits, so that failures come together now and then.
    let fails = |ticket: u64, attempt: u32| {
        let mixed = (ticket * 4 + u64::from(attempt)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed >> 40).is_multiple_of(2)
    };
    let scene = scene_of(2_000, payload, move |seen| {
        if fails(seen.ticket, seen.attempt) { refused() } else { delivered() }
    });
    let summary = scene.worker.run(&mut ()).unwrap();
    // One of eight fails three times.
    assert_eq!(summary.never_attempted, 0, "{summary:?}");
    assert!((200..300).contains(&summary.failed), "{summary:?}");
}

#[test]
fn a_dead_destination_does_not_delay_the_others() {
    let name = |index: u64| if index < 50_000 { "dead" } else { "well" };
    let payload = move |index| record(index, name(index)).encode();
    let scene = scene_of(51_000, payload, |seen| match &*seen.to {
        "dead" => refused(),
        _ => delivered(),
    });
    let summary = scene.worker.run(&mut ()).unwrap();
    let log = scene.log.borrow();
    assert_eq!(summary.delivered, 1_000);
    assert!(log.last_delivery["well"] < secs(1), "{:?}", log.last_delivery);
}

#[test]
fn a_hanging_destination_leaves_most_slots_to_the_others() {
    let name = |index: u64| if index < 50_000 { "hangs" } else { "well" };
    let payload = move |index| record(index, name(index)).encode();
    let scene = scene_of(60_000, payload, |seen| match &*seen.to {
        "hangs" => timed_out(),
        _ => delivered(),
    });
    let summary = scene.worker.run(&mut ()).unwrap();
    let log = scene.log.borrow();
    assert_eq!((summary.delivered, summary.failed), (10_000, 50_000));
    assert!(log.most_for["hangs"] <= 6, "{:?}", log.most_for);
    assert!(log.most_for["well"] >= 37, "{:?}", log.most_for);
    // It is spilled after a second, long before its first time-out.
    assert!(log.last_delivery["well"] < secs(5), "{:?}", log.last_delivery);
    assert!(summary.elapsed < secs(180), "{:?}", summary.elapsed);
}

#[test]
fn a_destination_that_worked_and_then_hangs_leaves_an_eighth_of_the_slots() {
    let name = |index: u64| {
        if index.is_multiple_of(2) { "tired" } else { "well" }
    };
    let payload = move |index| record(index, name(index)).encode();
    let scene = scene_of(20_000, payload, |seen| match &*seen.to {
        "tired" if seen.at > Duration::from_millis(500) => timed_out(),
        _ => delivered(),
    });
    let summary = scene.worker.run(&mut ()).unwrap();
    let log = scene.log.borrow();
    assert_eq!(summary.delivered + summary.failed, 20_000);
    // One of its slots does not count while it keeps silent.
    assert!(log.most_for["tired"] <= 44, "{:?}", log.most_for);
    // All before the first time-out.
    assert!(log.last_delivery["well"] < secs(30), "{:?}", log.last_delivery);
}

#[test]
fn many_slow_destinations_do_not_keep_a_newcomer_waiting() {
    let name = |index: u64| match index {
        0..4_000 => format!("slow {}", index % 4),
        _ => "well".to_owned(),
    };
    let payload = move |index| record(index, &name(index)).encode();
    let scene = scene_of(5_000, payload, |seen| match &*seen.to {
        "well" => delivered(),
        _ => (secs(5), delivered().1),
    });
    let summary = scene.worker.max_time(secs(3_600)).run(&mut ()).unwrap();
    let log = scene.log.borrow();
    assert_eq!(summary.delivered, 5_000);
    assert!(log.last_delivery["well"] < secs(15), "{:?}", log.last_delivery);
    assert!(log.most <= 50);
}

#[test]
fn a_lone_slow_destination_still_gets_every_slot() {
    let payload = |index| record(index, "slow").encode();
    let scene = scene_of(5_000, payload, |_| (secs(3), delivered().1));
    let summary = scene.worker.max_time(secs(3_600)).run(&mut ()).unwrap();
    assert_eq!(summary.delivered, 5_000);
    assert_eq!(scene.log.borrow().most_for["slow"], 50);
    // 300 s is what 50 at once take.
    assert!(summary.elapsed < secs(360), "{:?}", summary.elapsed);
}

#[test]
fn a_slow_destination_is_not_kept_waiting_and_its_backlog_is_read_twice_at_most() {
    let name = |index: u64| if index < 5_000 { "slow" } else { "well" };
    let payload = move |index| record(index, name(index)).encode();
    let scene = scene_of(5_100, payload, |seen| match &*seen.to {
        "well" => delivered(),
        _ => (secs(2), delivered().1),
    });
    let summary = scene.worker.max_time(secs(3_600)).run(&mut ()).unwrap();
    let (log, books) = (scene.log.borrow(), scene.books.borrow());
    assert_eq!(summary.delivered, 5_100);
    assert!(log.last_delivery["well"] < secs(5), "{:?}", log.last_delivery);
    // 227 s is what 44 at once take, and it begins with a few.
    assert!(summary.elapsed < secs(245), "{:?}", summary.elapsed);
    assert!(books.read_again < 5_500, "{} read again", books.read_again);
    assert_eq!(books.put_back, 0);
}

#[test]
fn what_waits_for_a_pause_to_end_goes_out_at_once_then_and_is_read_once_more() {
    let records = (0..3_000).map(|index| record(index, "busy")).collect();
    let scene = scene(records, |seen| match seen.at < secs(30) {
        true => asked_to_wait(secs(30)),
        false => delivered(),
    });
    let summary = scene.worker.run(&mut ()).unwrap();
    assert_eq!(summary.delivered, 3_000);
    // 600 ms is what 50 at once take.
    assert!(summary.elapsed < secs(32), "{:?}", summary.elapsed);
    assert!(scene.books.borrow().read_again < 3_500, "{}", scene.books.borrow().read_again);
}

#[test]
fn retry_after_pauses_its_whole_destination_and_no_other() {
    let name = |index: u64| {
        if index.is_multiple_of(2) { "busy" } else { "well" }
    };
    let records = (0..1_000).map(|index| record(index, name(index))).collect();
    let scene = scene(records, |seen| match &*seen.to {
        "busy" if seen.at < secs(60) => asked_to_wait(secs(60)),
        _ => delivered(),
    });
    let summary = scene.worker.run(&mut ()).unwrap();
    let log = scene.log.borrow();
    assert_eq!(summary.delivered, 1_000);
    assert!(log.last_delivery["well"] < secs(2), "{:?}", log.last_delivery);
    let busy = log.seen.iter().filter(|seen| seen.to == "busy");
    let (early, late): (Vec<_>, Vec<_>) = busy.partition(|seen| seen.at < secs(1));
    // The requests in flight when it asked, and nothing more before the minute is over.
    assert!(early.len() <= 6, "{}", early.len());
    assert!(late.iter().all(|seen| seen.at >= secs(60)));
    assert!(summary.elapsed < secs(65), "{:?}", summary.elapsed);
}

#[test]
fn one_answer_that_asks_to_wait_is_enough_for_a_destination_at_full_speed() {
    let records = (0..1_000).map(|index| record(index, "busy")).collect();
    let scene = scene(records, |seen| match (seen.ticket, seen.attempt) {
        (300, 1) => asked_to_wait(secs(60)),
        _ => delivered(),
    });
    let summary = scene.worker.run(&mut ()).unwrap();
    let log = scene.log.borrow();
    assert_eq!(summary.delivered, 1_000);
    let asked = log.seen.iter().find(|seen| seen.ticket == 300).unwrap().at + QUICK;
    let paused = asked + Duration::from_millis(1)..asked + secs(60);
    assert!(!log.seen.iter().any(|seen| paused.contains(&seen.at)));
}

#[test]
fn a_retry_after_beyond_the_run_leaves_its_requests_to_the_next_one() {
    let records = (0..100).map(|index| record(index, "busy")).collect();
    let scene = scene(records, |_| asked_to_wait(secs(900)));
    let summary = scene.worker.run(&mut ()).unwrap();
    assert!(matches!(summary.ending, Ending::Waiting(due) if due > secs(890)));
    assert!(summary.elapsed < secs(2), "{:?}", summary.elapsed);
    assert_eq!(scene.books.borrow().count(State::Waiting), 100);
    assert!(scene.books.borrow().closed);
}

#[test]
fn a_destination_that_recovers_is_up_to_speed_again_soon() {
    let payload = |index| record(index, "shaky").encode();
    let scene = scene_of(100_000, payload, |seen| {
        let shaken = (secs(2)..secs(3)).contains(&seen.at);
        if shaken { refused() } else { delivered() }
    });
    let summary = scene.worker.run(&mut ()).unwrap();
    // 50 at once, 10 ms each, make 20 s; the second that it was away costs a few more.
    assert!(summary.elapsed < secs(30), "{:?}", summary.elapsed);
    assert_eq!(summary.delivered, 100_000);
}

/// When the last of the good ones' requests was delivered, of 16 that answer in 10 ms each, with
/// these beside them; and how many of all requests were delivered and dead-lettered.
fn good_ones_beside(bad: &'static [&'static str]) -> (Duration, u64, u64) {
    const GOOD: [&str; 16] =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"];
    let all: Vec<&str> = GOOD.iter().chain(bad).copied().collect();
    let count = 1_000 * all.len();
    let payload = move |index: u64| {
        let to = all[usize::try_from(index).unwrap() % all.len()];
        record(index, to).encode()
    };
    let mut resets = 0;
    let scene = scene_of(count, payload, move |seen| match &*seen.to {
        "dead" => refused(),
        "hangs" => timed_out(),
        "busy" => asked_to_wait(secs(1)),
        "moody" => {
            resets += 1;
            if resets % 2 == 0 { refused() } else { delivered() }
        }
        _ => delivered(),
    });
    let summary = scene.worker.run(&mut ()).unwrap();
    let log = scene.log.borrow();
    let last = GOOD.iter().map(|to| log.last_delivery[*to]).max().unwrap();
    assert_eq!(summary.ending, Ending::Drained, "{summary:?}");
    assert_eq!(summary.delivered + summary.failed, count as u64, "{summary:?}");
    (last, summary.delivered, summary.failed)
}

#[test]
fn sixteen_good_destinations_finish_as_if_four_bad_ones_did_not_exist() {
    let (alone, ..) = good_ones_beside(&[]);
    let (beside, delivered, failed) = good_ones_beside(&["dead", "hangs", "busy", "moody"]);
    assert!(beside < alone.mul_f64(1.25), "{beside:?} instead of {alone:?}");
    assert!(delivered > 16_800 && failed > 2_000, "{delivered} delivered, {failed} failed");
}

/// A run of which the first requests, at their last attempt, always fail: how many of 2,000 others were
/// failed untried, and what the run was.
fn after_a_kill(
    cursed: u64,
    others: fn() -> (Duration, slipstream_core::Outcome),
) -> slipstream_worker::Summary {
    let payload = move |index: u64| {
        let mut record = record(index, "host");
        if index < cursed {
            record.body = b"host#cursed".to_vec();
        }
        record.encode()
    };
    let count = usize::try_from(cursed).unwrap() + 2_000;
    let scene = scene_of(count, payload, move |seen| match &*seen.to {
        "host#cursed" => refused(),
        _ => others(),
    });
    scene.books.borrow_mut().attempts[..count - 2_000].fill(2);
    scene.worker.max_time(secs(3_600)).run(&mut ()).unwrap()
}

#[test]
fn requests_that_always_fail_and_come_first_after_a_kill_condemn_no_other() {
    for cursed in [1, 2, 3, 4, 10, 50, 200] {
        let summary = after_a_kill(cursed, delivered);
        assert_eq!(summary.never_attempted, 0, "{cursed}: {summary:?}");
        assert_eq!((summary.delivered, summary.failed), (2_000, cursed), "{cursed}: {summary:?}");
        assert!(summary.elapsed < secs(30), "{cursed}: {summary:?}");
    }
}

#[test]
fn a_dead_or_hanging_host_costs_few_attempts_after_a_kill_too() {
    let cases: [(fn() -> _, u64); 2] = [(refused, 10), (timed_out, 200)];
    for (others, within) in cases {
        for cursed in [0, 3, 50] {
            let summary = after_a_kill(cursed, others);
            assert_eq!(summary.failed, 2_000 + cursed, "{cursed}: {summary:?}");
            assert!(summary.attempts <= 40, "{cursed}: {summary:?}");
            assert!(summary.elapsed < secs(within), "{cursed}: {summary:?}");
        }
    }
}

#[test]
fn a_host_whose_requests_are_all_at_their_last_attempt_is_found_down_all_the_same() {
    let cases: [(fn() -> _, u64); 2] = [(refused, 10), (timed_out, 100)];
    for (others, within) in cases {
        let scene = scene_of(1_000, |index| record(index, "host").encode(), move |_| others());
        scene.books.borrow_mut().attempts.fill(2);
        let summary = scene.worker.max_time(secs(3_600)).run(&mut ()).unwrap();
        assert_eq!(summary.failed, 1_000, "{summary:?}");
        assert!(summary.attempts <= 20, "{summary:?}");
        assert!(summary.elapsed < secs(within), "{summary:?}");
    }
}
