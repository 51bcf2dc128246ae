use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use slipstream_core::operator::Operator;
use slipstream_core::{Clock, DeliveryOptions, Destination, Engine, Record, RecordId, Source};

use super::*;
use crate::fs::fake::Fake;
use crate::{Settings, Spool};

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
        assert_eq!(spool.status(Duration::ZERO).unwrap().totals.stored, 20);
    }
}
