use proptest::prelude::*;
use slipstream_core::{Destination, RecordId, Ticket};

use super::*;
use crate::subject::Subject;

fn pending(key: &str, place: u128) -> Pending {
    let order = Some(Ordered { key: key.to_owned(), place });
    let subject = Subject {
        suspect: false,
        id: RecordId::from_bytes([0; 16]),
        destination: Destination::new("a"),
        order,
        expires: None,
        policy: None,
        size: 0,
    };
    Pending { ticket: Ticket(0), subject, body: Vec::new(), attempts: 0, seat: 0 }
}

fn order(key: &str, place: u128) -> Ordered {
    Ordered { key: key.to_owned(), place }
}

fn offer(orders: &mut Orders, place: u128) -> Turn {
    orders.offer(pending("k", place), Duration::ZERO)
}

#[test]
fn one_of_a_key_goes_and_the_next_when_it_is_settled() {
    let mut orders = Orders::default();
    assert!(matches!(offer(&mut orders, 1), Turn::Now(_)));
    assert!(matches!(offer(&mut orders, 2), Turn::Parked));
    assert!(matches!(orders.offer(pending("other", 3), Duration::ZERO), Turn::Now(_)));
    assert!(orders.next().is_none());
    orders.settled(&order("k", 1));
    assert_eq!(orders.next().map(|next| place_of(&next)), Some(2));
    orders.settled(&order("k", 2));
    orders.settled(&order("other", 3));
    assert!(orders.keys.is_empty());
}

#[test]
fn those_behind_one_that_is_put_off_leave_and_come_back_in_order() {
    let mut orders = Orders::default();
    assert!(matches!(offer(&mut orders, 1), Turn::Now(_)));
    assert!(matches!(offer(&mut orders, 2), Turn::Parked));
    assert!(matches!(offer(&mut orders, 3), Turn::Parked));
    assert_eq!(orders.put_off(&order("k", 1)).len(), 2);
    assert!(matches!(offer(&mut orders, 3), Turn::Away(..)));
    assert!(matches!(offer(&mut orders, 2), Turn::Away(..)));
    assert!(matches!(offer(&mut orders, 1), Turn::Now(_)));
    assert!(matches!(offer(&mut orders, 2), Turn::Parked));
    orders.settled(&order("k", 1));
    assert_eq!(orders.next().map(|next| place_of(&next)), Some(2));
}

#[test]
fn one_that_an_earlier_run_put_off_holds_up_those_behind_it() {
    let mut orders = Orders::default();
    let later = orders.offer(pending("k", 1), Duration::from_secs(60));
    assert!(matches!(later, Turn::Away(_, wait) if wait == Duration::from_secs(60)));
    assert!(matches!(offer(&mut orders, 2), Turn::Away(..)));
}

#[test]
fn a_hundred_thousand_of_one_key_are_not_remembered_but_left_for_the_next_run() {
    let mut orders = Orders::default();
    for place in 0..100_000 {
        offer(&mut orders, place);
    }
    let key = &orders.keys["k"];
    assert_eq!((key.parked.len(), key.away.len()), (PARKED_EACH, PLACES_MAX));
    assert_eq!(key.closed_from, Some((1 + PARKED_EACH + PLACES_MAX) as u128));
}

proptest! {
    /// A backlog that gives out in order the first time and then in any order, requests that
    /// are delivered, put off or given up.
    #[test]
    fn whatever_is_put_back_or_off_none_overtakes_another(
        count in 1_u128..300, picks: Vec<(usize, bool)>,
    ) {
        let mut orders = Orders::default();
        let (mut fresh, mut back) = (0..count, Vec::new());
        let mut flying: Option<u128> = None;
        let mut done = Vec::new();
        let mut picks = picks.into_iter().chain((0..).map(|n| (n, false)));
        while done.len() < count as usize {
            let (pick, put_off) = picks.next().unwrap();
            if let Some(place) = flying.take() {
                if put_off {
                    let leaves = orders.put_off(&order("k", place));
                    back.extend(leaves.iter().map(place_of).chain([place]));
                } else {
                    orders.settled(&order("k", place));
                    done.push(place);
                }
                flying = orders.next().map(|next| place_of(&next));
            }
            // All the fresh ones first, or some of those that were put back.
            for turn in 0..3 {
                let place = match fresh.next() {
                    Some(place) if pick % 2 == turn % 2 => place,
                    Some(place) => { fresh = place..count; continue }
                    None if back.is_empty() => break,
                    None => back.swap_remove(pick % back.len()),
                };
                match offer(&mut orders, place) {
                    Turn::Now(_) => { prop_assert!(flying.replace(place).is_none()); }
                    Turn::Parked => {}
                    Turn::Away(..) => back.push(place),
                }
            }
        }
        prop_assert!(done.is_sorted(), "{:?}", done);
    }
}
