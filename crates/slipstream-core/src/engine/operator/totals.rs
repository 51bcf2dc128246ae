//! The counters that must add up.
//!
//! # Invariants
//! stored = pending + failed + the sum of the outcomes, at every quiet moment. Stored is counted for itself,
//! not derived from the others.

use serde::{Deserialize, Serialize};

/// Sums over an engine's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Totals {
    /// Stored.
    pub stored: u64,
    /// Waiting to be delivered.
    pub pending: u64,
    /// Failed for good, and still there.
    pub failed: u64,
    /// What became of the others.
    pub outcomes: Outcomes,
}

impl Totals {
    /// Everything that is accounted for.
    pub fn accounted(&self) -> u64 {
        self.pending.saturating_add(self.failed).saturating_add(self.outcomes.sum())
    }

    /// Whether everything that was stored is accounted for.
    pub fn balanced(&self) -> bool {
        self.stored == self.accounted()
    }
}

/// Requests that are gone, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Outcomes {
    /// Delivered.
    pub delivered: u64,
    /// Outlived their use.
    pub expired: u64,
    /// Unreadable, kept for inspection.
    pub set_aside: u64,
    /// Overwritten by newer ones.
    pub overwritten: u64,
    /// Removed by an operator.
    pub purged: u64,
}

impl Outcomes {
    /// Adds others to these.
    pub fn add(&mut self, other: &Self) {
        // Saturating: whatever numbers a damaged engine holds, they only have to be reported.
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.expired = self.expired.saturating_add(other.expired);
        self.set_aside = self.set_aside.saturating_add(other.set_aside);
        self.overwritten = self.overwritten.saturating_add(other.overwritten);
        self.purged = self.purged.saturating_add(other.purged);
    }

    /// All of them together.
    pub fn sum(&self) -> u64 {
        let outcomes =
            [self.delivered, self.expired, self.set_aside, self.overwritten, self.purged];
        outcomes.into_iter().fold(0, u64::saturating_add)
    }
}
