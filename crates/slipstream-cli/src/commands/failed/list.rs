//! `slipstream failed list`: a line for each dead letter.
//!
//! The JSON's fields are a promise: fields may join, none changes.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use slipstream_core::operator::{Letter, Operator};
use slipstream_core::{Clock, Record, SystemClock, Timestamp};
use slipstream_http::masked_url;

use super::choice::Filter;
use super::noted::{Last, Noted};
use super::unread::Unread;

use crate::args::ListArgs;
use crate::exit::Exit;
use crate::kinds;
use crate::term::print;
use crate::term::units::{ago, count, rfc3339};

/// A request. What its envelope would hold is null when that cannot be read.
#[derive(Serialize)]
struct Line {
    id: Option<String>,
    kind: Option<String>,
    to: Option<String>,
    request: Option<String>,
    attempts: u32,
    stored: Option<String>,
    log: String,
    age_seconds: Option<u64>,
    /// Why it failed for good, if that was noted.
    reason: Option<String>,
    /// Of its last answer.
    status: Option<u16>,
}

pub(super) fn run(dir: &Path, engine: Option<&dyn Operator>, args: &ListArgs) -> Result<Exit> {
    let mut lines = print::Lines::new();
    let mut unread = Unread::default();
    let mut filter = Filter::new(&args.filter);
    let mut noted = Noted::default();
    let now = SystemClock::new().now();
    let (mut shown, mut written) = (false, Ok(true));
    if let Some(engine) = engine {
        let skipped = engine.each_letter(&mut |letter| {
            let record = letter.record().filter(|_| letter.is_failed());
            let meant = match &record {
                _ if filter.is_absent() => letter.is_failed(),
                Some(record) => filter.takes(letter, record),
                None => false,
            };
            if !meant {
                return ControlFlow::Continue(());
            }
            shown = true;
            written = Line::of(letter, record, &mut noted, now)
                .print(args.json)
                .and_then(|line| lines.put(&line));
            if matches!(written, Ok(true)) {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        unread.add(skipped);
    }
    if !written? {
        return Ok(unread.say(Exit::Success));
    }
    lines.end()?;
    unread.0.extend(noted.unread.0);
    if !shown && !args.json {
        // Not where lines are counted.
        let like = if filter.is_absent() { "" } else { "such " };
        print::complain(&format!("no {like}failed requests in {}", dir.display()));
    }
    filter.tell_of_others();
    unread.0.extend(filter.unread().0);
    Ok(unread.say(Exit::Success))
}

impl Line {
    fn of(letter: &Letter<'_>, record: Option<Record>, noted: &mut Noted, now: Timestamp) -> Self {
        let line = Self {
            id: None,
            kind: None,
            to: None,
            request: None,
            attempts: letter.attempts,
            stored: None,
            log: letter.part.to_owned(),
            age_seconds: None,
            reason: None,
            status: None,
        };
        let Some(record) = record else {
            return line;
        };
        let last = noted.last(letter, record.id);
        Self {
            age_seconds: Some(now.since(record.id.stored()).as_secs()),
            reason: last.map(Last::reason),
            status: last.and_then(|last| last.status),
            id: Some(record.id.to_string()),
            to: Some(masked_url(record.destination.as_str())),
            request: Some(kinds::one_line(&record)),
            stored: Some(rfc3339(record.id.stored())),
            kind: Some(record.kind),
            ..line
        }
    }

    fn print(&self, json: bool) -> Result<String> {
        if json { print::json(self) } else { Ok(self.to_string()) }
    }
}

/// What a person reads.
impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |part: &Option<String>| part.clone().unwrap_or_else(|| "-".to_owned());
        let parts = [
            text(&self.id),
            text(&self.kind),
            self.request.clone().unwrap_or_else(|| "unreadable".to_owned()),
            count(self.attempts.into(), "attempt"),
            self.age_seconds.map_or_else(
                || "-".to_owned(),
                |age| format!("stored {} ago", ago(Duration::from_secs(age))),
            ),
            self.log.clone(),
            self.reason.clone().unwrap_or_else(|| "nothing is noted of it".to_owned()),
        ];
        writeln!(f, "{}", print::one_line(&parts.join("  ")))
    }
}
