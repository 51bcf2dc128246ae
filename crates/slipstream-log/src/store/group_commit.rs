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

use super::locks::{Condvar, Mutex, MutexGuard};

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
