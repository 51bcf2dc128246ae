use std::path::Path;

use slipstream_core::{SystemClock, Timestamp};

use super::*;
use crate::fs::Fs;
use crate::fs::fake::Fake;
use crate::{Settings, Spool};

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
    let waiting = spool.shared().waiting(3).unwrap();
    // As a retry by hand does, which needs no worker's lock for it.
    wait_in_processing(&fake, [10]);
    assert_eq!(spool.shared().overwrite(Stage::Processing, waiting.surplus()).unwrap(), None);
    assert_eq!(spool.shared().logs_in(Stage::Processing).unwrap(), [30, 20, 10].map(log));
}

#[test]
fn the_oldest_of_those_that_wait_give_way_beyond_the_bound() {
    let (fake, spool) = scene();
    let most = WAITING_LOGS_MAX as u64;
    wait_in_processing(&fake, 1..=most + 2);
    let waiting = spool.shared().waiting(3).unwrap();
    assert_eq!(waiting.surplus(), [most + 2, most + 1].map(log));
}
