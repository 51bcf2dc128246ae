//! Any scripts for any records: the promises that hold for every run.

use std::time::Duration;

use proptest::prelude::*;
use slipstream_core::{Failure, FailureScope, Outcome, Settlement};
use slipstream_worker::{Ending, Event};

use crate::fakes::{State, record, scene};

/// How one attempt goes.
#[derive(Debug, Clone)]
struct Act {
    millis: u64,
    ending: u8,
    retry_after: Option<u64>,
}

impl Act {
    fn outcome(&self) -> (Duration, Outcome) {
        let mut failure = match self.ending {
            0..4 => return (Duration::from_millis(self.millis), Outcome::Delivered),
            4..7 => Failure::transient(FailureScope::Destination, "by fault of the destination"),
            7..9 => Failure::transient(FailureScope::Request, "by fault of the request"),
            _ => Failure::permanent("never"),
        };
        failure.retry_after = self.retry_after.map(Duration::from_secs);
        (Duration::from_millis(self.millis), Outcome::Failed(failure))
    }
}

fn act() -> impl Strategy<Value = Act> {
    let millis = prop_oneof![3 => 0..50_u64, 1 => 0..40_000_u64];
    let retry_after = prop_oneof![9 => Just(None), 1 => (0..100_u64).prop_map(Some)];
    (millis, 0..10_u8, retry_after).prop_map(|(millis, ending, retry_after)| Act {
        millis,
        ending,
        retry_after,
    })
}

proptest! {
    #[test]
    fn every_record_gets_one_final_verdict_within_the_bounds(
        acts in prop::collection::vec((0..4_u8, prop::collection::vec(act(), 3)), 0..120),
        cap in 1..12_usize,
        budget in prop_oneof![Just(100_000_u64), 1..100_u64],
    ) {
        let count = acts.len();
        let records = acts.iter().zip(0..);
        let records =
            records.map(|((to, _), index)| record(index, &format!("host {to}"))).collect();
        let scene = scene(records, move |seen| {
            let (_, acts) = &acts[usize::try_from(seen.ticket).unwrap()];
            acts[seen.attempt as usize - 1].outcome()
        });
        let mut finals = vec![0; count];
        let summary = scene
            .worker
            .concurrency(cap)
            .spare(3)
            .max_time(Duration::from_secs(budget))
            .run(&mut |event: &Event<'_>| {
                let Event::Settled { id: Some(id), settlement, .. } = event else { return };
                if matches!(settlement, Settlement::Delivered | Settlement::Failed | Settlement::Expired) {
                    let (_, index) = id.as_bytes().split_last_chunk::<8>().unwrap();
                    finals[usize::try_from(u64::from_be_bytes(*index) & 0xffff).unwrap()] += 1;
                }
            })
            .unwrap();
        let (books, log) = (scene.books.borrow(), scene.log.borrow());
        prop_assert!(books.closed);
        let most = if cap == 1 { 1 } else { cap + 3 };
        prop_assert!(log.most <= most);
        prop_assert!(books.attempts.iter().all(|&attempts| attempts <= 3));
        prop_assert_eq!(books.count(State::Claimed), 0);
        prop_assert_eq!(log.seen.len() as u64, summary.attempts);
        prop_assert_eq!(books.count(State::Delivered) as u64, summary.delivered);
        prop_assert_eq!(books.count(State::Failed) as u64, summary.failed);
        for (state, times) in books.states.iter().zip(&finals) {
            prop_assert_eq!(*times, i32::from(*state != State::Waiting));
        }
        match summary.ending {
            Ending::Drained => prop_assert_eq!(books.count(State::Waiting), 0),
            Ending::Waiting(_) | Ending::Budget => prop_assert!(budget < 100_000),
            other => prop_assert!(false, "{other:?}"),
        }
        prop_assert!(summary.elapsed < Duration::from_secs(budget + 41));
    }
}
