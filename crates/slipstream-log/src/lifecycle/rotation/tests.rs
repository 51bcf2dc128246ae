use std::path::Path;

use slipstream_core::SystemClock;

use super::*;
use crate::Spool;
use crate::fs::Fs;
use crate::fs::fake::Fake;

fn log(age: u64) -> LogName {
    LogName { slot: 3, stamp: Timestamp::from_millis(1_000_000 - age), salt: age }
}

fn wait_in_processing(fake: &Fake, ages: impl IntoIterator<Item = u64>) {
    for age in ages {
        fake.create(&log_path(Stage::Processing, log(age))).unwrap();
    }
}

fn scene() -> (Fake, Spool) {
    let fake = Fake::new();
    let clock = Box::new(SystemClock::new());
    let spool = Spool::on(Path::new("/s"), Box::new(fake.clone()), clock, Settings::default());
    (fake, spool)
}

#[test]
fn a_log_that_comes_to_wait_behind_the_look_takes_the_place_of_no_other() {
    let (fake, spool) = scene();
    wait_in_processing(&fake, [30, 20]);
    let waiting = spool.rotation().waiting(3).unwrap();
    // As a retry by hand does, which needs no worker's lock for it.
    wait_in_processing(&fake, [10]);
    assert_eq!(spool.rotation().evict(Stage::Processing, waiting.surplus()).unwrap(), None);
    assert_eq!(spool.rotation().files().logs_in(Stage::Processing).unwrap(), [30, 20, 10].map(log));
}

#[test]
fn the_oldest_of_those_that_wait_are_evicted_beyond_the_bound() {
    let (fake, spool) = scene();
    let most = WAITING_LOGS_MAX as u64;
    wait_in_processing(&fake, 1..=most + 2);
    let waiting = spool.rotation().waiting(3).unwrap();
    assert_eq!(waiting.surplus(), [most + 2, most + 1].map(log));
}

#[test]
fn a_log_is_due_at_the_edge_of_its_minute_or_of_its_size() {
    let header = |opened| LogHeader {
        slot: 0,
        salt: 0,
        opened: Timestamp::from_millis(opened),
        stamp: Timestamp::from_millis(opened),
    };
    let settings = Settings::default();
    let due = |opened, now, len, more| {
        is_due(&settings, &header(opened), Timestamp::from_millis(now), len, more)
    };
    let max = settings.log_max;
    // opened, now, length, bytes to append, due
    for (opened, now, len, more, expected) in [
        (600_000, 600_000, 144, 100, false),
        (600_000, 659_999, 144, 100, false),
        (659_999, 660_000, 144, 100, true),
        // Another writer's clock, read just before the edge.
        (660_000, 659_999, 144, 100, false),
        (660_000, 600_000, 144, 100, false),
        // Set back by more than a rotation.
        (660_000, 599_999, 144, 100, true),
        (660_000, 0, 144, 100, true),
        (600_000, 600_000, max - 100, 100, false),
        (600_000, 600_000, max - 99, 100, true),
        // An empty log takes any record, or the record could never be stored.
        (600_000, 600_000, 144, max as usize, false),
    ] {
        assert_eq!(due(opened, now, len, more), expected, "{opened} {now} {len} {more}");
    }
}
