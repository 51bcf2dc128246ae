//! Which of the failed requests are meant.
//!
//! # Invariants
//! - A request is meant when all hold that was said of it.
//! - A request that cannot be read is meant by `--all` alone.
//! - `--status` is asked of the last answer, whatever came after it.
//! - `--error` of the last attempt, and of why none was made after it.
//!
//! # Non-goals
//! An index. Every dead letter is read, and its part's notes if they are asked for.

use std::collections::{BTreeMap, BTreeSet};

use slipstream_core::operator::{Letter, Stage, Standing};
use slipstream_core::{Clock, Record, RecordId, SystemClock, Timestamp};

use super::noted::Noted;
use super::unread::Unread;
use crate::args::FilterArgs;
use crate::term::print;
use crate::term::units::count;

/// What the filters let through.
pub(super) struct Filter<'a> {
    args: &'a FilterArgs,
    /// The text of `--error`, in lower case.
    error: Option<String>,
    now: Timestamp,
    noted: Noted,
    /// Others that were never tried, so that they have no status to be chosen by.
    never_tried: u64,
    /// Others of which nothing is noted.
    unnoted: u64,
}

impl<'a> Filter<'a> {
    pub(super) fn new(args: &'a FilterArgs) -> Self {
        let error = args.error.as_ref().map(|text| text.to_lowercase());
        let (now, noted) = (SystemClock::new().now(), Noted::default());
        Self { args, error, now, noted, never_tried: 0, unnoted: 0 }
    }

    /// Whether there are none.
    pub(super) fn is_absent(&self) -> bool {
        *self.args == FilterArgs::default()
    }

    /// Whether a failed request fits all of them.
    pub(super) fn takes(&mut self, letter: &Letter<'_>, record: &Record) -> bool {
        if !envelope_fits(record, self.args, self.now) {
            return false;
        }
        if self.args.status.is_none() && self.args.error.is_none() {
            return true;
        }
        let Some(last) = self.noted.last(letter, record.id) else {
            self.unnoted += 1;
            return false;
        };
        if self.error.as_ref().is_some_and(|text| !last.says(text)) {
            return false;
        }
        if self.args.status.is_none() || last.status == self.args.status {
            return true;
        }
        self.never_tried += u64::from(last.was_never_tried());
        false
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

    /// Notes that could not be read.
    pub(super) fn unread(self) -> Unread {
        self.noted.unread
    }
}

/// Which requests are meant, and which of the named ones are found.
pub(super) struct Choice<'a> {
    all: bool,
    pub(super) missing: BTreeSet<RecordId>,
    found: BTreeSet<RecordId>,
    /// The standing of requests that are named and missing, as far as they are there at all.
    pub(super) standing: BTreeMap<RecordId, Standing>,
    pub(super) filter: Filter<'a>,
}

impl<'a> Choice<'a> {
    pub(super) fn new(ids: &[RecordId], filter: &'a FilterArgs) -> Self {
        Self {
            all: ids.is_empty(),
            missing: ids.iter().copied().collect(),
            found: BTreeSet::new(),
            standing: BTreeMap::new(),
            filter: Filter::new(filter),
        }
    }

    pub(super) fn takes(&mut self, letter: &Letter<'_>) -> bool {
        if self.all && (!letter.is_failed() || self.filter.is_absent()) {
            return letter.is_failed();
        }
        let Some(record) = letter.record() else {
            return false;
        };
        if !letter.is_failed() {
            self.is_no_dead_letter(record.id, letter);
            return false;
        }
        if !self.filter.is_absent() && !self.filter.takes(letter, &record) {
            return false;
        }
        if self.all {
            return true;
        }
        if letter.standing == Standing::HeldByWorker {
            self.is_no_dead_letter(record.id, letter);
            return false;
        }
        // A log that was copied by hand has an id twice, and both are meant.
        if self.missing.remove(&record.id) {
            self.found.insert(record.id);
        }
        self.found.contains(&record.id)
    }

    /// Notes the standing of a request that is named, where a worker has it or will have it.
    fn is_no_dead_letter(&mut self, id: RecordId, letter: &Letter<'_>) {
        if letter.stage != Stage::Failed && self.missing.contains(&id) {
            self.standing.insert(id, letter.standing);
        }
    }
}

fn envelope_fits(record: &Record, filter: &FilterArgs, now: Timestamp) -> bool {
    filter.kind.as_ref().is_none_or(|kind| *kind == record.kind)
        && filter.older_than.is_none_or(|age| now.since(record.id.stored()) > age)
        && filter.host.as_ref().is_none_or(|host| record.destination.is_host(host))
}
