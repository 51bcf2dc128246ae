//! The stages of a request's life, and what is at each of them.

use std::fmt;
use std::time::Duration;

/// Where a request is on its way. An engine need not have all stages: a stream collects nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// In a part that is being added to.
    Collecting,
    /// Waiting for the worker.
    Ready,
    /// In a part that a worker has, or has left.
    Processing,
    /// In a part that is kept since something in it failed for good.
    Failed,
}

impl Stage {
    /// All of them, in the order of a request's life.
    pub const ALL: [Self; 4] = [Self::Collecting, Self::Ready, Self::Processing, Self::Failed];

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Collecting => "collecting",
            Self::Ready => "ready",
            Self::Processing => "processing",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is at one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct StageStatus {
    /// Parts.
    pub parts: u64,
    /// Requests in them that are not settled (at [`Stage::Failed`]: that failed for good).
    pub requests: u64,
    /// Bytes of the parts.
    pub bytes: u64,
    /// How long ago the oldest part was begun. None without parts.
    pub oldest_age: Option<Duration>,
}

impl StageStatus {
    /// Adds a part that was begun so long ago.
    pub fn add(&mut self, requests: u64, bytes: u64, age: Duration) {
        self.parts += 1;
        self.requests += requests;
        self.bytes += bytes;
        self.oldest_age = Some(self.oldest_age.map_or(age, |oldest| oldest.max(age)));
    }
}
