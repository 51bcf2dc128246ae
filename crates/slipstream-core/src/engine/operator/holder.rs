//! The process that works an engine, or keeps others from it; and the case that none has finished
//! for too long.

use std::time::Duration;

use crate::clock::Timestamp;

/// For how long a worker that works reports nothing at most, with much to spare: it reports once a
/// minute.
pub const WORKER_SILENCE: Duration = Duration::from_secs(5 * 60);

/// What has the right to work an engine: a worker, or a process that keeps workers away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// Its process id, if it is known.
    pub pid: Option<u32>,
    /// For how long no worker has begun or [reported](crate::Backlog::report).
    pub silent: Duration,
}

impl Holder {
    /// A process that has reported nothing for so long.
    pub fn new(pid: Option<u32>, silent: Duration) -> Self {
        Self { pid, silent }
    }

    /// Whether it hangs, is stopped, or is not a worker.
    pub fn hangs(&self) -> bool {
        self.silent > WORKER_SILENCE
    }
}

/// That no worker has finished for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Overdue {
    /// Since when. None when the clock was set back since, and that is all that is known.
    pub since: Option<Timestamp>,
    /// Whether one ever finished. If not, the time is that of the engine's making.
    pub worked: bool,
    /// What keeps others from working, if something has the right to work and reports nothing.
    pub hung: Option<Holder>,
}

impl Overdue {
    /// No worker has finished since then, or ever.
    pub fn new(since: Option<Timestamp>, worked: bool, hung: Option<Holder>) -> Self {
        Self { since, worked, hung }
    }
}
