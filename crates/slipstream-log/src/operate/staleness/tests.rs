use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use slipstream_core::operator::{Holder, Operator};
use slipstream_core::{Clock, Engine};

use super::*;
use crate::format::layout::WORKER_LOCK;
use crate::fs::Fs;
use crate::fs::fake::Fake;
use crate::{Settings, Spool};

const NOON: Timestamp = Timestamp::from_millis(1_795_521_600_000);
const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct Wall(Arc<AtomicU64>);

impl Wall {
    fn set(&self, time: Timestamp) {
        self.0.store(time.as_millis(), Ordering::Relaxed);
    }
}

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// A spool that was made at noon.
fn scene() -> (Fake, Wall, Spool) {
    let (fake, wall) = (Fake::new(), Wall(Arc::new(NOON.as_millis().into())));
    fake.create(SETTINGS_FILE).unwrap();
    fake.touch(SETTINGS_FILE, NOON);
    let spool = another(&fake, &wall);
    (fake, wall, spool)
}

fn another(fake: &Fake, wall: &Wall) -> Spool {
    let settings = Settings::default();
    Spool::on(Path::new("/s"), Box::new(fake.clone()), Box::new(wall.clone()), settings)
}

fn ended(fake: &Fake, time: Timestamp) {
    let _ = fake.create(LAST_RUN);
    fake.touch(LAST_RUN, time);
}

fn back(time: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_millis(time.as_millis() - by.as_millis() as u64)
}

#[test]
fn a_spool_is_young_for_as_long_as_a_worker_may_be_away() {
    let (_, wall, spool) = scene();
    wall.set(NOON.after(HOUR));
    assert_eq!(spool.overdue(HOUR), None);
    wall.set(NOON.after(HOUR + MINUTE));
    let expected = Overdue::new(Some(NOON), false, None);
    assert_eq!(spool.overdue(HOUR), Some(expected));
}

#[test]
fn one_of_all_who_ask_is_told_once_in_each_such_time() {
    let (fake, wall, _) = scene();
    ended(&fake, NOON);
    let told = |minutes| {
        wall.set(NOON.after(minutes * MINUTE));
        (0..50).filter(|_| another(&fake, &wall).overdue(HOUR).is_some()).count()
    };
    assert_eq!([59, 60, 61, 62, 121].map(told), [0, 0, 1, 0, 0]);
    assert_eq!([122, 123, 200].map(told), [1, 0, 1]);
    // A worker has finished since, and then none for an hour.
    ended(&fake, NOON.after(201 * MINUTE));
    assert_eq!([202, 261, 262].map(told), [0, 0, 1]);
}

#[test]
fn nothing_is_overdue_while_a_worker_runs() {
    let (fake, wall, spool) = scene();
    wall.set(NOON.after(2 * HOUR));
    let backlog = another(&fake, &wall).backlog().unwrap();
    fake.touch(WORKER_LOCK, wall.now());
    assert_eq!(spool.overdue(HOUR), None);
    drop(backlog);
    assert!(spool.overdue(HOUR).is_some());
}

#[test]
fn a_worker_that_begins_and_reports_is_at_it_and_one_that_stops_to_is_told_of() {
    let (fake, wall, spool) = scene();
    let begun = NOON.after(2 * HOUR);
    wall.set(begun);
    let _backlog = another(&fake, &wall).backlog().unwrap();
    fake.touch(WORKER_LOCK, begun);
    let hung = |minutes: u64| {
        let silent = u32::try_from(minutes).unwrap() * MINUTE;
        Some(Holder::new(Some(std::process::id()), silent))
    };
    let at = |minutes: u64| begun.after(Duration::from_secs(minutes * 60));
    let told = |minutes, reported: Option<u64>| {
        reported.inspect(|minutes| ended(&fake, at(*minutes)));
        wall.set(at(minutes));
        spool.overdue(HOUR)
    };
    assert_eq!(told(5, None), None);
    let never = Overdue::new(Some(NOON), false, hung(6));
    assert_eq!(told(6, None), Some(never));
    // For hours, as long as it reports.
    assert_eq!([told(7, Some(7)), told(400, Some(399)), told(459, None)], [None; 3]);
    let silent = Overdue::new(Some(at(399)), true, hung(61));
    assert_eq!(told(460, None), Some(silent));
}

#[test]
fn a_clock_that_was_set_back_is_told_of_once_in_each_such_time() {
    let (fake, wall, spool) = scene();
    ended(&fake, NOON);
    let start = back(NOON, 1_000 * HOUR);
    let told = |minutes| {
        wall.set(start.after(minutes * MINUTE));
        (0..50).filter_map(|_| spool.overdue(HOUR)).collect::<Vec<_>>()
    };
    let unknown = Overdue::new(None, true, None);
    assert_eq!([0, 60].map(told), [vec![], vec![]]);
    assert_eq!([61, 100, 122].map(told), [vec![unknown], vec![], vec![unknown]]);
    // It ran with the clock ahead once more, and that was noticed when the clock was back.
    ended(&fake, NOON.after(MINUTE));
    assert_eq!([200, 260].map(told), [vec![], vec![]]);
    assert_eq!(told(261), [unknown]);
    // What was reported in a time that is yet to come keeps no later case from being reported.
    ended(&fake, start);
    wall.set(start.after(130 * MINUTE));
    assert_eq!(spool.overdue(HOUR), Some(Overdue::new(Some(start), true, None)));
    assert_eq!(spool.overdue(HOUR), None);
}

#[test]
fn what_cannot_be_looked_at_or_written_down_is_not_told() {
    for plan in [crate::fs::fake::Plan::Full, crate::fs::fake::Plan::FailFrom(1, 5)] {
        let (fake, wall, spool) = scene();
        wall.set(NOON.after(2 * HOUR));
        fake.plan(plan);
        assert_eq!(spool.overdue(HOUR), None);
        fake.restart();
        assert!(spool.overdue(HOUR).is_some());
    }
}

#[test]
fn as_long_as_workers_finish_in_time_one_look_is_all() {
    let (fake, _, spool) = scene();
    ended(&fake, NOON);
    fake.plan(crate::fs::fake::Plan::Well);
    assert_eq!(spool.overdue(HOUR), None);
    assert_eq!(fake.trace(), ["1 modified worker.run"]);
}
