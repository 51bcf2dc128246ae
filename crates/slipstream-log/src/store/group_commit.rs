//! One sync for all threads that wait for it.
//!
//! # Invariants
//! - A waiting store succeeds only by a sync that began after its write had ended.
//! - When a sync fails, every store that it was to cover fails, and none succeeds
//!   by a later one: a second sync may report success for what the first one lost.
//!
//! # Non-goals
//! Processes. The kernel joins the syncs of several processes by itself.

use std::io;
use std::sync::PoisonError;
#[cfg(not(all(test, loom)))]
use std::sync::{Condvar, Mutex, MutexGuard};

#[cfg(all(test, loom))]
use loom::sync::{Condvar, Mutex, MutexGuard};

/// The syncs of one open log.
#[derive(Debug, Default)]
pub(crate) struct GroupSync {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Writes that have ended.
    written: u64,
    /// Writes that are on the disk for sure.
    synced: u64,
    /// Whether a thread is syncing.
    syncing: bool,
    /// The kind of error that a sync has ended with. It is final.
    broken: Option<io::ErrorKind>,
}

/// A write that has ended, by its number in its log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written(u64);

impl GroupSync {
    /// Notes that a write has ended.
    pub(crate) fn written(&self) -> Written {
        let mut state = self.state();
        state.written += 1;
        Written(state.written)
    }

    /// Returns when that write is on the disk: by `sync` if no thread is syncing, or by another
    /// else's.
    ///
    /// # Errors
    /// What a sync that was to cover the write ended with.
    pub(crate) fn wait(
        &self,
        Written(number): Written,
        sync: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let mut state = self.state();
        loop {
            if state.synced >= number {
                return Ok(());
            }
            if let Some(kind) = state.broken {
                return Err(kind.into());
            }
            if !state.syncing {
                break;
            }
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.syncing = true;
        let covered = state.written;
        drop(state);
        let result = sync();
        let mut state = self.state();
        state.syncing = false;
        match &result {
            Ok(()) => state.synced = covered,
            Err(error) => state.broken = Some(error.kind()),
        }
        self.ended.notify_all();
        result
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that panics runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(all(test, loom))]
mod interleavings;

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

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
}
