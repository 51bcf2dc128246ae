//! Every order in which a few threads may come to write, sync and wait: none succeeds too early or
//! waits for ever, and a failure reaches all threads that it concerns.
//!
//! The same source once more, with loom's locks in place of the standard library's: loom tries the
//! orders one by one. It fails when all threads wait.

use std::io;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use self::group_commit::GroupSync;

#[allow(clippy::duplicate_mod, reason = "the second copy has other locks")]
#[path = "../group_commit.rs"]
mod group_commit;

mod locks {
    pub(super) use loom::sync::{Condvar, Mutex, MutexGuard};
}

/// How often threads may be interrupted where they need not wait. Five showed no more, and take
/// nearly a minute.
const INTERRUPTIONS: usize = 3;

/// The error of a sync that fails.
const FAILURE: io::ErrorKind = io::ErrorKind::StorageFull;

/// A disk with a cache, and the group that syncs it.
struct World {
    group: GroupSync,
    /// Writes that are in the cache.
    cached: AtomicU64,
    /// Writes that are on the disk.
    safe: AtomicU64,
    syncs: AtomicU64,
    /// The sync that fails, counted from 1. What it was to bring to the disk is lost, though
    /// later ones say that all is well.
    fails: Option<u64>,
}

impl World {
    fn new(fails: Option<u64>) -> Self {
        let zero = || AtomicU64::new(0);
        Self { group: GroupSync::default(), cached: zero(), safe: zero(), syncs: zero(), fails }
    }

    fn sync(&self) -> io::Result<()> {
        let number = self.syncs.fetch_add(1, Ordering::SeqCst) + 1;
        let cached = self.cached.load(Ordering::SeqCst);
        match self.fails {
            Some(fails) if number == fails => return Err(FAILURE.into()),
            Some(fails) if number > fails => {}
            _ => self.safe.store(cached, Ordering::SeqCst),
        }
        Ok(())
    }

    fn failed(&self) -> bool {
        self.fails.is_some_and(|fails| self.syncs.load(Ordering::SeqCst) >= fails)
    }

    /// Writes, waits, and compares what is reported with the disk.
    fn store(&self) {
        let mine = self.cached.fetch_add(1, Ordering::SeqCst) + 1;
        let written = self.group.written();
        match self.group.wait(written, || self.sync()) {
            Ok(()) => assert!(self.safe.load(Ordering::SeqCst) >= mine, "told too early"),
            Err(error) => assert!(self.failed() && error.kind() == FAILURE, "{error}"),
        }
    }
}

/// Lets threads store so many times each, in every order.
fn explore(fails: Option<u64>, stores: &'static [usize]) {
    let tried = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let count = std::sync::Arc::clone(&tried);
    let mut orders = loom::model::Builder::new();
    orders.preemption_bound = Some(INTERRUPTIONS);
    orders.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        let world = Arc::new(World::new(fails));
        let (own, others) = stores.split_first().unwrap();
        let threads: Vec<_> = others
            .iter()
            .map(|times| {
                let world = Arc::clone(&world);
                thread::spawn(move || (0..*times).for_each(|_| world.store()))
            })
            .collect();
        (0..*own).for_each(|_| world.store());
        for thread in threads {
            thread.join().unwrap();
        }
        let broken = world.failed();
        let last = world.group.wait(world.group.written(), || Ok(()));
        assert_eq!(last.is_err(), broken, "a store after a failure");
    });
    println!("{stores:?} stores, sync {fails:?} failing: {tried:?} orders");
}

#[test]
fn a_store_succeeds_only_by_a_sync_that_began_after_its_write() {
    explore(None, &[1, 1, 1]);
    explore(None, &[2, 2]);
}

#[test]
fn a_failure_is_told_to_all_it_was_to_cover_and_to_all_later_ones() {
    for fails in 1..=3 {
        explore(Some(fails), &[1, 1, 1]);
        explore(Some(fails), &[2, 2]);
    }
}
