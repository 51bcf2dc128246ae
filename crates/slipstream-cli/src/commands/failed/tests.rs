//! The filters of `failed`, asked of an engine without logs.

use std::time::Duration;

use slipstream_core::operator::{Operator, Standing};

use super::choice::Choice;
use super::*;
use crate::args::FilterArgs;
use crate::commands::memory::Memory;

const ALL: Duration = Duration::MAX;

fn engine() -> Memory {
    Memory::default().with(1, "http://a:1", true, 3).with(2, "http://b:1", true, 3).with(
        3,
        "http://a:1",
        false,
        1,
    )
}

#[test]
fn what_a_filter_takes_of_an_engine_without_logs_is_retried_or_dropped_and_the_rest_stays() {
    for (act, pending, failed, purged) in [(Act::Retry, 2, 1, 0), (Act::Drop, 1, 1, 1)] {
        let engine = engine();
        let to_a = FilterArgs {
            host: Some("a".to_owned()),
            status: Some(503),
            error: Some("STATUS".to_owned()),
            ..FilterArgs::default()
        };
        let mut choice = Choice::new(&[], &to_a);
        let planned = engine.plan(&mut |letter| choice.takes(letter)).unwrap();
        assert_eq!(engine.status(ALL).unwrap().totals.failed, 2, "a plan changes nothing");
        let mut choice = Choice::new(&[], &to_a);
        let applied = engine.apply(act, &mut |letter| choice.takes(letter)).unwrap();
        assert_eq!(planned, applied);
        assert_eq!((applied.requests, applied.to.each["http://a:1"]), (1, 1));
        let totals = engine.status(ALL).unwrap().totals;
        assert_eq!((totals.pending, totals.failed), (pending, failed));
        assert_eq!(totals.outcomes.purged, purged);
        assert!(totals.balanced());
    }
}

#[test]
fn a_request_that_is_named_and_waits_already_is_told_from_one_that_is_not_there() {
    let engine = engine();
    let mut ids = Vec::new();
    engine
        .each_letter(&mut |letter| {
            ids.push(letter.record().unwrap().id);
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    let no_filter = FilterArgs::default();
    let mut choice = Choice::new(&ids[1..], &no_filter);
    assert_eq!(engine.plan(&mut |letter| choice.takes(letter)).unwrap().requests, 1);
    assert_eq!(choice.missing, [ids[2]].into());
    assert_eq!(choice.standing[&ids[2]], Standing::Waiting);
}
