//! The status that only a spool has, beside the status that any engine has. Pure.

use std::collections::BTreeMap;

use slipstream_core::operator::Status;

use crate::format::settings::Settings;
use crate::lifecycle::entries::OverwrittenSum;
use crate::operate::forecast::{self, Forecast};
use crate::operate::slots::SlotStatus;

/// A spool as it was seen at one moment: the status that any engine has, its settings and its slots.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolStatus {
    /// What any engine reports.
    pub status: Status,
    /// Its settings.
    pub settings: Settings,
    /// Each slot that is not empty.
    pub slots: Vec<SlotStatus>,
    /// What was overwritten, by slot.
    pub overwritten: BTreeMap<u16, OverwrittenSum>,
    /// Entries of the ledger that cannot be read.
    pub spoiled_entries: u64,
}

impl SpoolStatus {
    /// A spool whose slots are empty.
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
