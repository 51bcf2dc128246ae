//! The shares by themselves: no backlog, no driver, no time but the one passed in.

use std::time::Duration;

use proptest::prelude::*;
use slipstream_core::{Destination, RecordId, Ticket, Timestamp, TryNow};

use super::circuit_breaker::DOUBT;
use super::destinations::MANY;
use super::health::Health;
use super::limiter::PATIENCE;
use super::pending::PARK_BYTES;
use super::*;
use crate::schedule::spilled::Spilled;
use crate::subject::Subject;

mod overflow;

const NOW: Duration = Duration::ZERO;
/// A failure with a back-off that is over at once, but for the least that a rest adds.
const FAILED: Answer = Answer::Failed { wait: Duration::ZERO, first: true };
const QUICK: Duration = Duration::from_millis(20);

fn pending(ticket: u64, to: &str, attempts: u32, bytes: usize) -> Pending {
    Pending {
        ticket: Ticket(ticket),
        subject: Subject {
            id: RecordId::from_bytes([0; 16]),
            destination: Destination::new(to),
            order: None,
            expires: None,
            policy: None,
            size: bytes,
            suspect: false,
        },
        body: Vec::new(),
        attempts,
        driver: 0,
        position: ticket.into(),
    }
}

/// Places a claim that is new, with none held.
fn place(all: &mut Destinations, pending: Pending, now: Duration) -> Admission {
    let coming = Coming { in_pass: false, may_hold: true };
    all.admit(pending, coming, &mut Spilled::default(), now)
}

/// Offers claims for a destination until a claim is not started; how many were, and what became of
/// the last.
fn fill(all: &mut Destinations, to: &str, now: Duration) -> (usize, Admission) {
    for started in 0.. {
        match place(all, pending(0, to, 0, 0), now) {
            Admission::Start(pending) => all.started(&pending.subject.destination, 0, now),
            other => return (started, other),
        }
    }
    unreachable!("a destination takes no endless number")
}

/// Has a destination answer until its limit is the cap, and leaves nothing in flight.
fn warm(all: &mut Destinations, to: &str) {
    let to = Destination::new(to);
    for _ in 0..100 {
        if let Admission::Start(_) = place(all, pending(0, to.as_str(), 0, 0), NOW) {
            all.started(&to, 0, NOW);
            all.ended(&to, 0, Answer::Delivered, QUICK, NOW);
        }
    }
}

#[test]
fn a_lone_quick_destination_gets_every_slot_and_parks_nothing() {
    let mut all = Destinations::new(50, 3);
    warm(&mut all, "a");
    for _ in 0..50 {
        let found = place(&mut all, pending(0, "a", 0, 0), NOW);
        assert!(matches!(found, Admission::Start(_)), "{found:?}");
        all.started(&Destination::new("a"), 0, NOW);
    }
    assert!(all.is_full(NOW).is_some());
    assert_eq!(all.parked, 0);
}

#[test]
fn a_new_destination_gets_a_few_slots_until_it_answers() {
    let mut all = Destinations::new(50, 3);
    let (started, position) = fill(&mut all, "a", NOW);
    assert_eq!(started, 6);
    assert!(matches!(position, Admission::Queued), "{position:?}");
}

#[test]
fn a_destination_that_worked_and_hangs_leaves_the_reserve_to_others() {
    let mut all = Destinations::new(50, 3);
    warm(&mut all, "hangs");
    warm(&mut all, "other");
    assert_eq!(fill(&mut all, "hangs", NOW).0, 43);
    assert_eq!(fill(&mut all, "other", NOW).0, 7);
    assert!(all.is_full(NOW).is_some());
}

#[test]
fn a_newcomer_gets_a_slot_while_slow_ones_hold_the_rest() {
    let mut all = Destinations::new(50, 3);
    for slow in ["a", "b", "c"] {
        warm(&mut all, slow);
        let slow = Destination::new(slow);
        all.started(&slow, 0, NOW);
        all.ended(&slow, 0, Answer::Delivered, PATIENCE, NOW);
    }
    let taken: usize = ["a", "b", "c"].map(|slow| fill(&mut all, slow, NOW).0).iter().sum();
    // Each may hold one of the reserve, and no more.
    assert!((43..=45).contains(&taken), "{taken}");
    assert_eq!(fill(&mut all, "new", NOW).0, 1);
}

#[test]
fn failures_cut_the_limit_to_what_the_verdict_needs_and_answers_raise_it_again() {
    let mut all = Destinations::new(50, 3);
    warm(&mut all, "a");
    let a = Destination::new("a");
    let limits: Vec<usize> = (0..6)
        .map(|_| {
            all.started(&a, 0, NOW);
            all.ended(&a, 0, FAILED, QUICK, NOW);
            all.known[&a].limiter.limit
        })
        .collect();
    assert_eq!(limits, [25, 12, 6, 3, 3, 3]);
    all.started(&a, 0, NOW);
    all.ended(&a, 0, Answer::Refused, QUICK, NOW);
    assert_eq!(all.known[&a].limiter.limit, 4);
}

#[test]
fn surplus_is_held_while_its_destination_is_prompt_and_spilled_when_it_is_not() {
    let mut all = Destinations::new(10, 3);
    let a = Destination::new("a");
    assert_eq!(fill(&mut all, "a", NOW).0, 3);
    while let Admission::Queued = place(&mut all, pending(0, "a", 0, 0), NOW) {}
    assert_eq!(all.parked, 10);

    let late = PATIENCE - QUICK;
    let found = place(&mut all, pending(0, "a", 0, 0), late);
    assert!(
        matches!(found, Admission::Backpressure(_, patience) if patience == QUICK),
        "{found:?}"
    );

    let found = place(&mut all, pending(0, "a", 0, 0), PATIENCE);
    assert!(matches!(found, Admission::Spill(_)), "{found:?}");

    all.ended(&a, 0, FAILED, QUICK, NOW);
    let found = place(&mut all, pending(0, "a", 0, 0), NOW);
    assert!(matches!(found, Admission::Spill(_)), "{found:?}");
}

#[test]
fn a_request_that_was_tried_goes_before_those_that_were_not() {
    let mut all = Destinations::new(10, 3);
    fill(&mut all, "a", NOW);
    while let Admission::Queued = place(&mut all, pending(0, "a", 0, 0), NOW) {}
    let found = place(&mut all, pending(7, "a", 2, 0), NOW);
    assert!(
        matches!(&found, Admission::Backpressure(last, _) if last.ticket == Ticket(0)),
        "{found:?}"
    );
    all.ended(&Destination::new("a"), 0, Answer::Delivered, QUICK, NOW);
    assert_eq!(all.next_parked(NOW).expect("a slot is free").ticket, Ticket(7));
}

#[test]
fn a_pause_holds_for_its_destination_alone() {
    let mut all = Destinations::new(10, 3);
    let (a, asked) = (Destination::new("a"), Duration::from_secs(30));
    fill(&mut all, "a", NOW);
    assert_eq!(all.pause(&a, "429", asked, NOW, Timestamp::default()), Some(asked));
    assert_eq!(
        all.pause(&a, "429", asked, NOW, Timestamp::default()),
        None,
        "the same pause again is no news"
    );
    assert_eq!(all.release(&a, NOW).len(), 1);
    let found = place(&mut all, pending(0, "a", 0, 0), Duration::from_secs(10));
    assert!(matches!(found, Admission::Spill(_)), "{found:?}");
    let found = place(&mut all, pending(0, "b", 0, 0), NOW);
    assert!(matches!(found, Admission::Start(_)), "{found:?}");
}

/// Has attempts fail one after another. Whether the destination was down after each.
fn fail(all: &mut Destinations, to: &Destination, now: Duration, each: &[Attempt]) -> Vec<bool> {
    let wall = Timestamp::default();
    let one = |(first, last)| {
        all.started(to, 0, now);
        all.ended(to, 0, Answer::Failed { wait: Duration::ZERO, first }, QUICK, now);
        match last {
            true => all.exhausted(to, "503", now, wall),
            false => all.judge(to, now, wall),
        }
    };
    each.iter().copied().map(one).collect()
}

/// Whether an attempt is its request's first, and whether it is the last.
type Attempt = (bool, bool);

const FIRST: Attempt = (true, false);
const LAST: Attempt = (false, true);
const ONLY: Attempt = (true, true);

#[test]
fn a_destination_is_down_by_its_record_and_up_again_with_a_delivery() {
    let table: [(&str, &[Attempt], &[bool]); 4] = [
        ("attempts of one request each", &[ONLY; 4], &[false, false, true, false]),
        (
            "then the last",
            &[FIRST, FIRST, FIRST, LAST, LAST, LAST],
            &[false, false, false, false, false, true],
        ),
        (
            "the last at first",
            &[LAST, LAST, LAST, FIRST, FIRST, FIRST],
            &[false, false, false, false, false, true],
        ),
        ("the last alone", &[LAST; 6], &[false; 6]),
    ];
    for (name, each, expected) in table {
        let mut all = Destinations::new(10, 3);
        let a = Destination::new("a");
        place(&mut all, pending(0, "a", 0, 0), NOW);
        assert_eq!(fail(&mut all, &a, NOW, each), expected, "{name}");
    }
    let mut all = Destinations::new(10, 3);
    let a = Destination::new("a");
    place(&mut all, pending(0, "a", 0, 0), NOW);
    assert_eq!(fail(&mut all, &a, NOW, &[ONLY; 2]), [false; 2]);
    all.started(&a, 0, NOW);
    all.ended(&a, 0, Answer::Delivered, QUICK, NOW);
    assert_eq!(fail(&mut all, &a, NOW, &[ONLY; 4]), [false; 4], "it took one a moment ago");
    let later = Duration::from_secs(10);
    assert_eq!(fail(&mut all, &a, later, &[ONLY; 2]), [true, false], "it is said once");
    let found = place(&mut all, pending(0, "a", 0, 0), later);
    assert!(matches!(found, Admission::CircuitOpen(_)), "{found:?}");
    all.started(&a, 0, later);
    all.ended(&a, 0, Answer::Delivered, QUICK, later);
    let found = place(&mut all, pending(0, "a", 0, 0), later);
    assert!(matches!(found, Admission::Start(_)), "{found:?}");
}

#[test]
fn requests_at_their_last_attempt_wait_until_others_were_tried_and_are_believed_when_there_are_none()
 {
    let mut all = Destinations::new(10, 3);
    let a = Destination::new("a");
    place(&mut all, pending(0, "a", 0, 0), NOW);
    assert_eq!(fail(&mut all, &a, NOW, &[LAST; 3]), [false; 3]);
    let found = place(&mut all, pending(0, "a", 2, 0), NOW);
    assert!(matches!(found, Admission::Deferred(_, DOUBT)), "{found:?}");
    let found = place(&mut all, pending(0, "a", 0, 0), NOW);
    assert!(matches!(found, Admission::Start(_)), "{found:?}");
    let found = place(&mut all, pending(0, "a", 2, 0), DOUBT);
    assert!(matches!(found, Admission::Start(_)), "{found:?}");
    assert_eq!(fail(&mut all, &a, DOUBT, &[LAST]), [true]);
}

#[test]
fn what_is_in_flight_when_the_record_is_bad_enough_is_waited_for_and_may_mend_it() {
    for mends in [true, false] {
        let mut all = Destinations::new(10, 3);
        let a = Destination::new("a");
        place(&mut all, pending(0, "a", 0, 0), NOW);
        all.started(&a, 0, NOW);
        assert_eq!(fail(&mut all, &a, NOW, &[ONLY; 3]), [false; 3]);
        // A request that was tried, since the others rest.
        let found = place(&mut all, pending(0, "a", 1, 0), NOW);
        assert!(matches!(found, Admission::Queued), "{found:?}");
        if mends {
            all.ended(&a, 0, Answer::Delivered, QUICK, NOW);
        } else {
            all.ended(&a, 0, FAILED, QUICK, NOW);
            assert!(all.judge(&a, NOW, Timestamp::default()));
            assert_eq!(all.release(&a, NOW).len(), 1, "it is placed again, and failed");
        }
        assert_eq!(all.next_parked(NOW).is_some(), mends);
    }
}

#[test]
fn a_pause_is_short_where_requests_were_taken_and_longer_each_time_that_it_is_asked_for_again() {
    let hour = Duration::from_secs(3_600);
    let mut all = Destinations::new(10, 3);
    let a = Destination::new("a");
    place(&mut all, pending(0, "a", 0, 0), NOW);
    assert_eq!(
        all.pause(&a, "429", hour, NOW, Timestamp::default()),
        Some(hour),
        "nothing else is known of it"
    );
    all.started(&a, 0, hour);
    all.ended(&a, 0, Answer::Delivered, QUICK, hour);
    let mut now = hour;
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        let wait = Duration::from_secs(60 * minutes);
        assert_eq!(all.pause(&a, "429", hour, now, Timestamp::default()), Some(wait));
        assert_eq!(
            all.pause(&a, "429", hour / 60, now, Timestamp::default()),
            None,
            "others that were in flight"
        );
        now += wait;
    }
    assert_eq!(
        all.pause(&a, "429", QUICK, now, Timestamp::default()),
        Some(QUICK),
        "never longer than it asks"
    );
    all.started(&a, 0, now);
    all.ended(&a, 0, Answer::Delivered, QUICK, now);
    now += QUICK;
    assert_eq!(
        all.pause(&a, "429", hour, now, Timestamp::default()),
        Some(Duration::from_secs(60))
    );
}

#[test]
fn what_is_parked_is_bounded_in_bytes_but_one_always_fits() {
    let mut all = Destinations::new(10, 3);
    fill(&mut all, "a", NOW);
    all.release_all();
    let found = place(&mut all, pending(0, "a", 0, PARK_BYTES + 1), NOW);
    assert!(matches!(found, Admission::Queued), "{found:?}");
    let found = place(&mut all, pending(0, "a", 0, 1), NOW);
    assert!(matches!(found, Admission::Backpressure(..)), "{found:?}");
}

#[test]
fn what_is_parked_is_bounded_over_all_destinations() {
    let mut all = Destinations::new(2, 3);
    fill(&mut all, "a", NOW);
    fill(&mut all, "b", NOW);
    for number in 0..100 {
        place(&mut all, pending(0, &number.to_string(), 0, 0), NOW);
    }
    assert_eq!(all.parked, 32);
}

#[test]
fn a_million_destinations_are_not_all_remembered() {
    let mut all = Destinations::new(50, 3);
    for number in 0..1_000_000 {
        let to = Destination::new(number.to_string());
        let Admission::Start(_) = place(&mut all, pending(0, to.as_str(), 0, 0), NOW) else {
            panic!("a slot is free");
        };
        all.started(&to, 0, NOW);
        all.ended(&to, 0, Answer::Delivered, QUICK, NOW);
    }
    assert!(all.known.len() <= MANY, "{}", all.known.len());
}

#[derive(Debug, Clone)]
enum Step {
    Claim { to: u8, attempts: u32, bytes: usize },
    End { which: prop::sample::Index, answer: u8, slow: bool },
    Exhaust(u8),
    Pause(u8),
    Release(u8),
    Unpark,
    Pass(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4_u8, 0..3_u32, 0..9_usize)
            .prop_map(|(to, attempts, mib)| Step::Claim { to, attempts, bytes: mib << 20 }),
        6 => (any::<prop::sample::Index>(), 0..3_u8, any::<bool>())
            .prop_map(|(which, answer, slow)| Step::End { which, answer, slow }),
        1 => (0..4_u8).prop_map(Step::Exhaust),
        1 => (0..4_u8).prop_map(Step::Pause),
        1 => (0..4_u8).prop_map(Step::Release),
        4 => Just(Step::Unpark),
        1 => (0..5_000_u16).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn no_order_of_events_breaks_a_bound_or_strands_a_claim(
        cap in 1..9_usize, steps in prop::collection::vec(step(), 0..300),
    ) {
        let mut all = Destinations::new(cap, 3);
        let mut flying: Vec<Destination> = Vec::new();
        let mut now = NOW;
        let name = |to: u8| Destination::new(to.to_string());
        for step in steps {
            match step {
                Step::Claim { to, attempts, bytes } => {
                    let claim = pending(0, name(to).as_str(), attempts, bytes);
                    if let Admission::Start(claim) = place(&mut all, claim, now) {
                        all.started(&claim.subject.destination, 0, now);
                        flying.push(claim.subject.destination);
                    }
                }
                Step::End { which, answer, slow } if !flying.is_empty() => {
                    let to = flying.swap_remove(which.index(flying.len()));
                    let answer =
                        [Answer::Delivered, Answer::Refused, FAILED][usize::from(answer)];
                    all.ended(&to, 0, answer, if slow { PATIENCE } else { QUICK }, now);
                }
                Step::End { .. } => {}
                Step::Exhaust(to) => if all.exhausted(&name(to), "503", now, Timestamp::default()) { all.release(&name(to), now); },
                Step::Pause(to) => {
                    all.pause(&name(to), "429", PATIENCE, now, Timestamp::default());
                    all.release(&name(to), now);
                }
                Step::Release(to) => drop(all.release(&name(to), now)),
                Step::Unpark => while let Some(claim) = all.next_parked(NOW) {
                    all.started(&claim.subject.destination, 0, now);
                    flying.push(claim.subject.destination);
                },
                Step::Pass(millis) => now += Duration::from_millis(millis.into()),
            }
            prop_assert_eq!(all.slots.in_flight, flying.len());
            prop_assert!(all.slots.in_flight <= cap);
            prop_assert!(all.parked <= 16 * cap);
            let parked: usize = all.known.values().map(|health| health.parked.len()).sum();
            let bytes: usize =
                all.known.values().flat_map(|health| &health.parked).map(Pending::size).sum();
            prop_assert_eq!((all.parked, all.parked_bytes), (parked, bytes));
        }
        // Once all that flies has landed, nothing stays parked.
        while let Some(to) = flying.pop() {
            all.ended(&to, 0, FAILED, QUICK, now);
            while let Some(claim) = all.next_parked(NOW) {
                all.started(&claim.subject.destination, 0, now);
                flying.push(claim.subject.destination);
            }
        }
        while let Some(claim) = all.next_parked(NOW) {
            all.started(&claim.subject.destination, 0, now);
            all.ended(&claim.subject.destination, 0, FAILED, QUICK, now);
        }
        prop_assert_eq!(all.parked, 0);
    }
}

#[test]
fn bodies_in_flight_take_no_more_memory_than_they_may() {
    let mut all = Destinations::new(50, 3);
    let a = Destination::new("a");
    all.started(&a, 0, NOW);
    fill(&mut all, "a", NOW);
    all.started(&a, 63 << 20, NOW);
    assert!(all.is_full(NOW).is_none());
    all.started(&a, 8 << 20, NOW);
    assert!(all.is_full(NOW).is_some());
    all.ended(&a, 8 << 20, Answer::Delivered, QUICK, NOW);
    assert!(all.is_full(NOW).is_none());
}

#[test]
fn a_destination_that_gets_slower_with_load_gets_less_and_one_that_is_always_slow_does_not() {
    let limit_after = |first: Duration, then: Duration| {
        let mut all = Destinations::new(50, 3);
        let a = Destination::new("a");
        fill(&mut all, "a", NOW);
        for took in std::iter::repeat_n(first, 60).chain(std::iter::repeat_n(then, 30)) {
            all.ended(&a, 0, Answer::Delivered, took, NOW);
            all.started(&a, 0, NOW);
        }
        all.known[&a].limiter.limit
    };
    assert_eq!(limit_after(QUICK, QUICK), 50);
    assert!(limit_after(QUICK, PATIENCE) < 30, "{}", limit_after(QUICK, PATIENCE));
    assert_eq!(limit_after(3 * PATIENCE, 3 * PATIENCE), 50);
}
