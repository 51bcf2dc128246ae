//! The logs that a process has open to append to, by slot.
//!
//! # Invariants
//! - A process appends only through descriptors that it opened itself. flock belongs to the open file
//!   description, and fork shares that: a child's unlock would give back its parent's lock.
//! - A child waits for no mutex that fork copied: the thread that held it does not exist there.
//! - What a child inherited is never unlocked, only closed, when the child stores first: a lock that a
//!   killed parent held would stay for as long as the child has it open.
//!
//! # Non-goals
//! A fork in the middle of a store, by the storing thread itself (a signal handler that returns in
//! both processes, say): both would go on with the same store. And a child with its parent's
//! process id, which a pid namespace of its own can give it.

use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::store::writer::Writer;

/// The slots of one process, and behind them the slots of a process that was forked off it.
pub(crate) struct Writers {
    pid: u32,
    slots: Vec<Mutex<Option<Writer>>>,
    /// The process that makes `forked`, once one does.
    maker: AtomicU32,
    forked: OnceLock<Box<Self>>,
}

/// The slots of this process.
pub(crate) enum Own<'a> {
    Kept(&'a Writers),
    /// For one call: the process was forked while another thread was making the slots to keep, and
    /// nothing here finishes that.
    Once(Box<Writers>),
}

impl Writers {
    /// For the process with this id, nothing open.
    pub(crate) fn new(pid: u32, slots: usize) -> Self {
        let slots = (0..slots).map(|_| Mutex::new(None)).collect();
        Self { pid, slots, maker: AtomicU32::new(0), forked: OnceLock::new() }
    }

    /// The writers of the process with this id, which is the calling process.
    pub(crate) fn of(&self, pid: u32) -> Own<'_> {
        let mut newest = self;
        while let Some(forked) = newest.forked.get() {
            newest = forked;
        }
        if newest.pid == pid {
            return Own::Kept(newest);
        }
        let fresh = || Box::new(Self::new(pid, self.slots.len()));
        match newest.maker.compare_exchange(0, pid, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => {
                newest.close();
                Own::Kept(newest.forked.get_or_init(fresh))
            }
            // Another thread of this process makes them right now.
            Err(maker) if maker == pid => Own::Kept(newest.forked.wait()),
            Err(_) => Own::Once(fresh()),
        }
    }

    /// Closes what is open, but for what a thread had in hand.
    fn close(&self) {
        for slot in &self.slots {
            if let Ok(mut writer) = slot.try_lock() {
                *writer = None;
            }
        }
    }

    /// A slot's log if it is open.
    pub(crate) fn slot(&self, slot: u16) -> MutexGuard<'_, Option<Writer>> {
        // A panic leaves at worst a writer that finds its log moved.
        self.slots[usize::from(slot)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Own<'_> {
    type Target = Writers;

    fn deref(&self) -> &Writers {
        match self {
            Self::Kept(writers) => writers,
            Self::Once(writers) => writers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(own: &Own<'_>) -> *const Writers {
        &raw const **own
    }

    #[test]
    fn each_process_of_a_line_of_forks_keeps_slots_of_its_own() {
        let parent = Writers::new(7, 4);
        let first = address(&parent.of(7));
        assert_eq!(first, &raw const parent);
        // From here on this is a child's memory, then a grandchild's.
        for pid in [8, 9, 7] {
            let own = parent.of(pid);
            assert!(matches!(own, Own::Kept(_)));
            assert_eq!((own.pid, own.slots.len()), (pid, 4));
            assert_ne!(address(&own), first);
            assert_eq!(address(&own), address(&parent.of(pid)));
        }
    }

    #[test]
    fn a_mutex_that_another_thread_held_at_the_fork_is_not_waited_for() {
        let parent = Writers::new(7, 1);
        let _of_a_thread_that_is_gone = parent.slot(0);
        assert!(parent.of(8).slot(0).is_none());
    }

    #[test]
    fn a_fork_while_the_slots_are_made_leaves_the_child_slots_for_one_call_each() {
        let child = Writers::new(7, 1);
        child.maker.store(8, Ordering::SeqCst);
        let own = child.of(9);
        assert!(matches!(own, Own::Once(_)));
        assert!(own.pid == 9 && own.slot(0).is_none());
    }

    #[test]
    fn threads_that_store_first_at_the_same_moment_share_the_slots() {
        for _ in 0..200 {
            let parent = Writers::new(7, 1);
            let seen: Vec<_> = std::thread::scope(|scope| {
                let asked = || address(&parent.of(8)) as usize;
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(asked)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(seen.iter().all(|at| *at == seen[0]));
        }
    }
}
