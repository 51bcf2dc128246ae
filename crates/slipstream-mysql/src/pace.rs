//! Which servers are slow, so that what goes there is not committed together.
//!
//! A group holds its locks, and keeps a worker that is to stop, for as long as all of it takes. Where a
//! statement takes longer than a commit would save, a group has nothing to win.
//!
//! Guaranteed: a bound on memory; and one look at a flag, while nothing is slow.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A request that takes so long is slow; one that takes half of it is not any more.
const SLOW: Duration = Duration::from_millis(100);

/// Most servers that are remembered. Further ones are taken for quick.
const MOST: usize = 1_000;

/// What is known of servers, by their URLs.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    any: AtomicBool,
    slow: Mutex<HashSet<String>>,
}

impl Pace {
    /// A request took so long.
    pub(crate) fn note(&self, url: &str, took: Duration) {
        if took < SLOW && !self.any.load(Ordering::Relaxed) {
            return;
        }
        let mut slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        if took >= SLOW && slow.len() < MOST {
            slow.insert(url.to_owned());
        } else if took < SLOW / 2 {
            slow.remove(url);
        }
        self.any.store(!slow.is_empty(), Ordering::Relaxed);
    }

    /// Whether they took long lately.
    pub(crate) fn is_slow(&self, url: &str) -> bool {
        self.any.load(Ordering::Relaxed)
            && self.slow.lock().unwrap_or_else(PoisonError::into_inner).contains(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_slow_until_it_is_twice_as_quick_and_speaks_for_no_other() {
        let pace = Pace::default();
        for (took, slow) in [(99, false), (100, true), (99, true), (50, true), (49, false)] {
            pace.note("mysql://a/", Duration::from_millis(took));
            assert_eq!(pace.is_slow("mysql://a/"), slow, "{took} ms");
            assert!(!pace.is_slow("mysql://b/"));
        }
    }

    #[test]
    fn no_more_than_so_many_are_remembered() {
        let pace = Pace::default();
        (0..2 * MOST).for_each(|n| pace.note(&n.to_string(), SLOW));
        assert!(pace.is_slow("0") && !pace.is_slow(&MOST.to_string()));
        (0..MOST).for_each(|n| pace.note(&n.to_string(), Duration::ZERO));
        assert!(!pace.any.load(Ordering::Relaxed));
    }
}
