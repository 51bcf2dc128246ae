//! Which of the failed requests are meant.
//!
//! Guaranteed: a request is meant when all hold that was said of it; one that nobody can read is
//! meant by `--all` alone. What a filter asks of the notes is asked of the newest one: it tells why
//! the request was given up.
//!
//! Absent on purpose: an index. Every failed log is read, and its notes if they are asked for.

use std::collections::{BTreeSet, HashMap, HashSet};

use anyhow::Result;
use slipstream_core::{Clock, Record, RecordId, SystemClock, Timestamp};
use slipstream_log::name::LogName;
use slipstream_log::{Spool, Stage};
use slipstream_worker::Note;

use super::{Unread, each};
use crate::args::{ChoiceArgs, FilterArgs};

/// Which are meant, and which of those that were named are found.
pub(super) struct Choice {
    all: bool,
    pub(super) missing: BTreeSet<RecordId>,
    found: BTreeSet<RecordId>,
    /// Those that the filters let through, if there are filters.
    chosen: Option<HashSet<RecordId>>,
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

    pub(super) fn takes(&mut self, payload: &[u8]) -> bool {
        if self.all && self.chosen.is_none() {
            return true;
        }
        let Ok(record) = Record::decode(payload) else {
            return false;
        };
        if self.chosen.as_ref().is_some_and(|chosen| !chosen.contains(&record.id)) {
            return false;
        }
        // Whoever copies a log by hand has an id twice, and means both.
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
) -> Result<Option<HashSet<RecordId>>> {
    if *filter == FilterArgs::default() {
        return Ok(None);
    }
    let now = SystemClock::new().now();
    let noted = filter.status.is_some() || filter.error.is_some();
    let error = filter.error.as_ref().map(|text| text.to_lowercase());
    let mut chosen = HashSet::new();
    let mut notes: (Option<LogName>, HashMap<RecordId, bool>) = (None, HashMap::new());
    let mut no_notes = Unread::default();
    for stage in [Stage::Processing, Stage::Failed] {
        each(spool, stage, unread, |kept| {
            let record = kept.record().filter(|_| kept.is_failed(stage));
            let Some(record) = record.filter(|record| envelope_fits(record, filter, now)) else {
                return Ok(true);
            };
            if noted && notes.0 != Some(kept.log) {
                notes = (Some(kept.log), HashMap::new());
                let read = spool.notes_of(kept.log, |line| {
                    let Some(note) = Note::parse(line) else { return };
                    let fits = filter.status.is_none_or(|status| note.status == Some(status))
                        && error.as_ref().is_none_or(|e| note.reason.to_lowercase().contains(e));
                    // A later line is a newer one.
                    if let Ok(id) = note.id.parse() {
                        notes.1.insert(id, fits);
                    }
                });
                if let Err(error) = read {
                    no_notes.note(format!("{}.notes", kept.log), error);
                }
            }
            if !noted || notes.1.get(&record.id) == Some(&true) {
                chosen.insert(record.id);
            }
            Ok(true)
        })?;
    }
    unread.0.extend(no_notes.0);
    Ok(Some(chosen))
}

fn envelope_fits(record: &Record, filter: &FilterArgs, now: Timestamp) -> bool {
    filter.kind.as_ref().is_none_or(|kind| *kind == record.kind)
        && filter.older_than.is_none_or(|age| now.since(record.id.stored()) > age)
        && filter.host.as_ref().is_none_or(|host| is_to(record.destination.as_str(), host))
}

/// Whether a destination (scheme, host and port) is this host, with or without its port.
fn is_to(destination: &str, host: &str) -> bool {
    // Behind a space stands the way that it goes.
    let destination = destination.split(' ').next().unwrap_or_default();
    let place = destination.split_once("://").map_or(destination, |(_, place)| place);
    let place = place.split('/').next().unwrap_or_default();
    let name = match place.rsplit_once(':') {
        // Not amid an IPv6 address.
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => place,
    };
    [place, name].iter().any(|it| it.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::is_to;

    #[test]
    fn a_host_is_meant_with_or_without_its_port() {
        for (to, host, is) in [
            ("http://example.com:80", "example.com", true),
            ("http://example.com:80", "EXAMPLE.com:80", true),
            ("http://example.com:80", "example.com:81", false),
            ("http://www.example.com:80", "example.com", false),
            ("http://[::1]:8080", "[::1]", true),
            ("http://[::1]", "[::1]", true),
            ("beep://speaker", "speaker", true),
            ("http://example.com:80 via unix:/run/a", "example.com", true),
            ("http://example.com:80 via 10.0.0.7:3128", "10.0.0.7", false),
        ] {
            assert_eq!(is_to(to, host), is, "{to} {host}");
        }
    }
}
