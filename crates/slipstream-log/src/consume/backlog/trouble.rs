//! Logs and directories that cannot be used now: the error of each, and the time of the next try.
//!
//! # Invariants
//! Nothing in here ends a run: what cannot be used is skipped for [`SKIP_FOR`], the others go on,
//! and the end of the run reports it unless it went through by then.

use std::collections::HashMap;
use std::time::Duration;

use super::found::Found;
use crate::error::SpoolError;

/// How long a log that could not be used is left alone.
pub(super) const SKIP_FOR: Duration = Duration::from_secs(60);

/// How many are remembered. A member of the spool's group can make as many as there is disk for.
const REMEMBERED_MAX: usize = 1 << 14;

/// What cannot be used now.
#[derive(Default)]
pub(super) struct Troubles {
    known: HashMap<Found, Trouble>,
    noted: u64,
}

struct Trouble {
    /// Numbers them in order.
    number: u64,
    since: Duration,
    error: SpoolError,
    /// Whether it is reported at the end whatever comes of it: something was lost.
    lasting: bool,
}

impl Troubles {
    /// Notes what keeps a log from being used, for it to be tried again later.
    pub(super) fn note(&mut self, found: Found, now: Duration, error: SpoolError) {
        tracing::error!(%found, error = error.with_cause(), "is skipped for now; the others go on");
        self.insert(found, now, error, false);
    }

    /// Notes what will most likely be over soon.
    pub(super) fn note_passing(&mut self, found: Found, now: Duration, error: SpoolError) {
        tracing::debug!(%found, error = error.with_cause(), "has to wait");
        self.insert(found, now, error, false);
    }

    /// Notes what can no longer be repaired in this run.
    pub(super) fn note_lasting(&mut self, found: Found, now: Duration, error: SpoolError) {
        tracing::error!(%found, error = error.with_cause(), "cannot be worked to its end; the others go on");
        self.insert(found, now, error, true);
    }

    fn insert(&mut self, found: Found, now: Duration, error: SpoolError, lasting: bool) {
        if self.known.len() >= REMEMBERED_MAX && !self.known.contains_key(&found) {
            return;
        }
        self.noted += 1;
        let trouble = Trouble { number: self.noted, since: now, error, lasting };
        let known = self.known.entry(found).or_insert(trouble);
        known.since = now;
        known.lasting |= lasting;
    }

    /// Whether this had trouble before.
    pub(super) fn knows(&self, found: Found) -> bool {
        self.known.contains_key(&found)
    }

    /// Whether this is not to be tried yet.
    pub(super) fn rests(&self, found: Found, now: Duration) -> bool {
        self.known.get(&found).is_some_and(|trouble| now < trouble.since + SKIP_FOR)
    }

    /// It went through.
    pub(super) fn clear(&mut self, found: Found) {
        if self.known.get(&found).is_some_and(|trouble| !trouble.lasting) {
            self.known.remove(&found);
        }
    }

    /// What is to be reported at the end.
    pub(super) fn take(&mut self) -> Option<SpoolError> {
        let known = std::mem::take(&mut self.known);
        let others = known.len().checked_sub(1)?;
        let first = known.into_values().min_by_key(|trouble| trouble.number)?;
        Some(first.error.and_others(others))
    }
}
