use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use slipstream_core::{Clock, DeliveryOptions, Destination, Engine, Record, RecordId, Source};

use super::*;
use crate::Spool;
use crate::fs::fake::Fake;

/// A clock that goes on by so much each time it is read, as on a machine with too much to do.
struct Hasty {
    millis: AtomicU64,
    step: u64,
}

impl Clock for Hasty {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.fetch_add(self.step, Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::Relaxed))
    }
}

#[test]
fn a_request_is_stored_however_slow_the_machine_is_beside_the_rotation() {
    let settings = Settings { rotate_ms: 5, ..Settings::default() };
    for step in [1, 4, 5, 6, 11, 1_000] {
        let clock = Hasty { millis: 1_795_498_920_000.into(), step };
        let spool =
            Spool::on(Path::new("/s"), Box::new(Fake::new()), Box::new(clock), settings.clone());
        for number in 0..20 {
            let record = Record {
                id: RecordId::from_bytes([number; 16]),
                kind: "beep".to_owned(),
                destination: Destination::new("beep://speaker"),
                options: DeliveryOptions::default(),
                body: Vec::new(),
            };
            let stored = spool.store(&Source::named("shop"), &[record]);
            assert!(
                stored.is_ok(),
                "{number} with {step} ms for each look at the clock: {stored:?}"
            );
        }
        assert_eq!(spool.status().unwrap().totals.stored, 20);
    }
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
