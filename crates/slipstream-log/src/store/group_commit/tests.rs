//! Threads that share a sync, and what a failed sync means for them.

use std::io;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use super::group_commit::GroupSync;

#[test]
fn threads_that_write_while_one_syncs_share_the_next_sync() {
    let group = GroupSync::default();
    let (syncs, on_disk, written) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..1_000 {
                    let mine = written.fetch_add(1, Ordering::SeqCst) + 1;
                    let ticket = group.written();
                    let sync = || {
                        syncs.fetch_add(1, Ordering::SeqCst);
                        let now = written.load(Ordering::SeqCst);
                        std::thread::yield_now();
                        on_disk.fetch_max(now, Ordering::SeqCst);
                        Ok(())
                    };
                    group.wait(ticket, sync).unwrap();
                    assert!(on_disk.load(Ordering::SeqCst) >= mine, "told too early");
                }
            });
        }
    });
    let syncs = syncs.into_inner();
    assert!(syncs < 8_000, "{syncs} syncs for 8000 writes");
}

#[test]
fn a_failed_sync_is_told_to_all_it_was_to_cover_and_not_made_good_by_a_later_one() {
    let group = GroupSync::default();
    let (early, first, second) = (group.written(), group.written(), group.written());
    group.wait(early, || Ok(())).unwrap();
    let late = group.written();
    let failed = || Err(io::ErrorKind::Other.into());
    // The first sync covered all that were written by then, so these are on the disk.
    assert!(group.wait(first, failed).is_ok() && group.wait(second, failed).is_ok());
    assert!(group.wait(late, failed).is_err());
    assert!(group.wait(late, || Ok(())).is_err());
    assert!(group.wait(group.written(), || Ok(())).is_err());
    assert!(group.wait(early, || Ok(())).is_ok());
}
