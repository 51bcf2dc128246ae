//! The contents of the slots of a spool, by stage.

use std::time::Duration;

use slipstream_core::Timestamp;
use slipstream_core::operator::StageStatus;

/// A log, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStatus {
    /// When it was begun.
    pub begun: Timestamp,
    /// Requests in it that are not settled.
    pub requests: u64,
    /// Its size.
    pub bytes: u64,
}

/// The contents of a slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SlotStatus {
    /// Its number.
    pub slot: u16,
    /// The log that is appended to.
    pub collecting: Option<LogStatus>,
    /// The logs that wait for the worker, the oldest first: it is evicted first.
    pub ready: Vec<LogStatus>,
    /// What the worker has claimed.
    pub processing: StageStatus,
    /// What failed for good. Its requests are also those that failed in logs of processing/.
    pub failed: StageStatus,
    /// When the oldest of `ready` must be evicted if no worker comes, or, where nothing is
    /// overwritten, when the slot refuses what is new. None while that is not near.
    pub full_in: Option<Duration>,
}
