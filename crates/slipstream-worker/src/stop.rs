//! Ending a run from another thread, or from a signal's.
//!
//! # Invariants
//! - A stop that comes before the run, or in any part of it, is seen.
//! - What is in flight is finished.
//!
//! # Non-goals
//! Signal handling, which belongs to the program.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use slipstream_core::Notifier;

/// Ends a run: what is in flight is finished and settled, nothing more is begun.
#[derive(Debug, Clone, Default)]
pub struct Stopper(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    notifiers: Mutex<Vec<Notifier>>,
}

impl Stopper {
    /// Ends the run. Safe on any thread, any number of times, before, during and after the
    /// run. It takes a lock, so do not call it inside a signal handler: call it from a
    /// thread that waits for signals.
    pub fn stop(&self) {
        // The flag first: the run that is woken looks at it.
        self.0.stopped.store(true, Ordering::SeqCst);
        for notifier in self.notifiers().iter() {
            notifier.notify();
        }
    }

    /// Whether the run was asked to end.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::SeqCst)
    }

    /// Wakes this one too.
    pub(crate) fn add(&self, notifier: Notifier) {
        self.notifiers().push(notifier);
    }

    fn notifiers(&self) -> std::sync::MutexGuard<'_, Vec<Notifier>> {
        self.0.notifiers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
