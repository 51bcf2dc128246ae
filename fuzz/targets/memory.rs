//! A worker.memory of any bytes: each destination is remembered in times that do not overflow, and what
//! is written is read back.

use slipstream_core::Timestamp;

use crate::memory::{read, write};

pub(crate) fn check(data: &[u8]) {
    let all = read(data);
    assert!(all.len() <= data.len());
    for now in [0, 1_795_000_000_000, u64::MAX] {
        let now = Timestamp::from_millis(now);
        for one in &all {
            for span in [one.down_for, one.paused_for] {
                assert!(one.left(span, now).as_millis() <= u128::from(span));
            }
            let _ =
                (one.down_at(now), one.failing_at(now), one.destination(), one.is_only_failing());
        }
    }
    let written = write(all.iter().cloned());
    assert!(written.len() <= 1 << 20);
    let back = read(&written);
    assert!(back.len() <= all.len() && back.iter().all(|one| all.contains(one)));
}
