//! Which of the failed requests are meant.
//!
//! # Invariants
//! - A request is meant when all hold that was said of it.
//! - One that cannot be read is meant by `--all` alone.
//! - `--status` is asked of the last answer, whatever came after it.
//! - `--error` of the last attempt, and of why none was made after it.
//!
//! # Non-goals
//! An index. Every failed log is read, and its notes if they are asked for.

use std::collections::{BTreeSet, HashSet};

use anyhow::Result;
use slipstream_core::{Clock, Record, RecordId, SystemClock, Timestamp};
use slipstream_log::{Spool, Stage};

use super::noted::Noted;
use super::walk::{Unread, each};

use crate::args::{ChoiceArgs, FilterArgs};
use crate::kinds::destination::is_to;
use crate::term::print;
use crate::term::units::count;

/// Which are meant, and which of those that were named are found.
pub(super) struct Choice {
    all: bool,
    pub(super) missing: BTreeSet<RecordId>,
    found: BTreeSet<RecordId>,
    /// Those that the filters let through, if there are filters.
    chosen: Option<Chosen>,
}

/// The failed requests that filters let through.
#[derive(Default)]
pub(super) struct Chosen {
    ids: HashSet<RecordId>,
    /// Others that were never tried, so that they have no status to be chosen by.
    never_tried: u64,
    /// Others of which nothing is noted.
    unnoted: u64,
}

impl Chosen {
    pub(super) fn has(&self, id: RecordId) -> bool {
        self.ids.contains(&id)
    }

    /// Says which requests a filter of the notes could not be asked of.
    pub(super) fn tell_of_others(&self) {
        if self.never_tried > 0 {
            let others = count(self.never_tried, "other request");
            let (were, they_have, them) = match self.never_tried {
                1 => ("was", "it has", "it"),
                _ => ("were", "they have", "them"),
            };
            print::complain(&format!(
                "{others} {were} never tried, so {they_have} no status; `--error 'not tried'` chooses {them}"
            ));
        }
        if self.unnoted > 0 {
            let others = count(self.unnoted, "other request");
            print::complain(&format!(
                "nothing is noted of {others}; --host, --kind, --older-than or an ID choose such"
            ));
        }
    }
}

impl Choice {
    pub(super) fn of(
        args: &ChoiceArgs,
        spool: Option<&Spool>,
        unread: &mut Unread,
    ) -> Result<Self> {
        let chosen = match spool {
            Some(spool) => select(spool, &args.filter, unread)?,
            None => None,
        };
        let missing = args.ids.iter().copied().collect();
        Ok(Self { all: args.ids.is_empty(), missing, found: BTreeSet::new(), chosen })
    }

    /// Says which requests the filters could not be asked of.
    pub(super) fn tell_of_others(&self) {
        self.chosen.iter().for_each(Chosen::tell_of_others);
    }

    pub(super) fn takes(&mut self, payload: &[u8]) -> bool {
        if self.all && self.chosen.is_none() {
            return true;
        }
        let Ok(record) = Record::decode(payload) else {
            return false;
        };
        if self.chosen.as_ref().is_some_and(|chosen| !chosen.has(record.id)) {
            return false;
        }
        // A log that was copied by hand has an id twice, and both are meant.
        if self.missing.remove(&record.id) {
            self.found.insert(record.id);
        }
        self.all || self.found.contains(&record.id)
    }
}

/// The failed requests that the filters let through. None without filters: all.
pub(super) fn select(
    spool: &Spool,
    filter: &FilterArgs,
    unread: &mut Unread,
) -> Result<Option<Chosen>> {
    if *filter == FilterArgs::default() {
        return Ok(None);
    }
    let now = SystemClock::new().now();
    let asks_notes = filter.status.is_some() || filter.error.is_some();
    let error = filter.error.as_ref().map(|text| text.to_lowercase());
    let mut chosen = Chosen::default();
    let mut noted = Noted::new(spool);
    for stage in [Stage::Processing, Stage::Failed] {
        each(spool, stage, unread, |kept| {
            let record = kept.record().filter(|_| kept.is_failed(stage));
            let Some(record) = record.filter(|record| envelope_fits(record, filter, now)) else {
                return Ok(true);
            };
            let id = record.id;
            if !asks_notes {
                chosen.ids.insert(id);
                return Ok(true);
            }
            match noted.last(kept.log, id) {
                None => chosen.unnoted += 1,
                Some(last) if error.as_ref().is_some_and(|text| !last.says(text)) => {}
                Some(last) if filter.status.is_none() || last.status == filter.status => {
                    chosen.ids.insert(id);
                }
                Some(last) => chosen.never_tried += u64::from(last.was_never_tried()),
            }
            Ok(true)
        })?;
    }
    unread.0.extend(noted.unread.0);
    Ok(Some(chosen))
}

fn envelope_fits(record: &Record, filter: &FilterArgs, now: Timestamp) -> bool {
    filter.kind.as_ref().is_none_or(|kind| *kind == record.kind)
        && filter.older_than.is_none_or(|age| now.since(record.id.stored()) > age)
        && filter.host.as_ref().is_none_or(|host| is_to(record.destination.as_str(), host))
}
