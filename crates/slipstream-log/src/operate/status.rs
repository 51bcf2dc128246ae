//! What only a spool has to tell of itself, beside the status that any engine has. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use slipstream_core::Timestamp;
use slipstream_core::operator::{StageStatus, Status};

use crate::format::settings::Settings;
use crate::lifecycle::entries::OverwrittenSum;
use crate::operate::forecast::{self, Forecast};

/// A spool as it was seen at one moment: the status that any engine has, its settings and its slots.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolStatus {
    /// What any engine tells.
    pub status: Status,
    /// Its settings.
    pub settings: Settings,
    /// Each slot in which something stands.
    pub slots: Vec<SlotStatus>,
    /// What was overwritten, by slot.
    pub overwritten: BTreeMap<u16, OverwrittenSum>,
    /// Entries of the ledger that cannot be read.
    pub spoiled_entries: u64,
}

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

/// What stands in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SlotStatus {
    /// Its number.
    pub slot: u16,
    /// The log that is appended to.
    pub collecting: Option<LogStatus>,
    /// Those that wait for the worker, the oldest first: it is evicted first.
    pub ready: Vec<LogStatus>,
    /// What the worker has claimed.
    pub processing: StageStatus,
    /// What failed for good. Its requests are also those that failed in logs of processing/.
    pub failed: StageStatus,
    /// When the oldest of `ready` must be evicted if no worker comes, or, where nothing is
    /// overwritten, when the slot refuses what is new. None while that is not near.
    pub full_in: Option<Duration>,
}

impl SpoolStatus {
    /// A spool in whose slots nothing stands.
    pub fn new(status: Status, settings: Settings) -> Self {
        let (slots, overwritten) = (Vec::new(), BTreeMap::new());
        Self { status, settings, slots, overwritten, spoiled_entries: 0 }
    }

    /// The same with these slots, and what is full first of them.
    #[must_use]
    pub fn with_slots(mut self, slots: Vec<SlotStatus>) -> Self {
        self.slots = slots;
        let near = self.forecast();
        self.status.nearly_full = near.map(|near| near.nearly_full(self.settings.on_full));
        self
    }

    /// The slot whose oldest log must be evicted first if no worker comes; none while that is not
    /// near.
    pub fn forecast(&self) -> Option<Forecast> {
        forecast::forecast(&self.slots)
    }
}
