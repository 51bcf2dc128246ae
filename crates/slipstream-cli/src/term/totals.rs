//! The sums over an engine's life, and whether they agree, for people and for programs.
//!
//! The JSON's fields are a promise: fields may join, none changes.

use serde::Serialize;
use slipstream_core::operator;

use crate::term::units::thousands;

#[derive(Default, Serialize)]
pub(crate) struct Totals {
    stored: u64,
    delivered: u64,
    pending: u64,
    failed: u64,
    set_aside: u64,
    overwritten: u64,
    expired: u64,
    purged: u64,
}

impl Totals {
    pub(crate) fn of(totals: &operator::Totals) -> Self {
        Self {
            stored: totals.stored,
            delivered: totals.outcomes.delivered,
            pending: totals.pending,
            failed: totals.failed,
            set_aside: totals.outcomes.set_aside,
            overwritten: totals.outcomes.overwritten,
            expired: totals.outcomes.expired,
            purged: totals.outcomes.purged,
        }
    }

    /// Every way a stored request can have gone.
    fn parts(&self) -> [(u64, &'static str); 7] {
        [
            (self.delivered, "delivered"),
            (self.pending, "pending"),
            (self.failed, "failed"),
            (self.set_aside, "set aside"),
            (self.overwritten, "overwritten"),
            (self.expired, "expired"),
            (self.purged, "purged"),
        ]
    }
}

/// Two lines.
impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = self.parts();
        let sum: Vec<_> =
            parts.iter().map(|(number, name)| format!("{} {name}", thousands(*number))).collect();
        let stored = thousands(self.stored);
        writeln!(f, "{stored} stored = {}", sum.join(" + "))?;
        let accounted = parts.iter().map(|(number, _)| number).sum();
        if accounted == self.stored {
            return writeln!(f, "the counters add up");
        }
        let accounted = thousands(accounted);
        writeln!(f, "the counters do NOT add up: stored {stored}, accounted for {accounted}")
    }
}
