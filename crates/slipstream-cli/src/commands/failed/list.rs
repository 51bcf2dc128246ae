//! `slipstream failed list`: a line for each dead letter.
//!
//! The JSON's fields are a promise: fields may join, none changes.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;
use slipstream_core::{Clock, SystemClock, Timestamp};
use slipstream_http::masked_url;
use slipstream_log::{Spool, Stage};

use super::choice;
use super::noted::{Last, Noted};
use super::walk::{Kept, Unread, each};

use crate::args::ListArgs;
use crate::exit::Exit;
use crate::kinds;
use crate::term::print;
use crate::term::units::{ago, count, rfc3339};

/// A request. What its envelope would tell is null when that cannot be read.
#[derive(Serialize)]
struct Line {
    id: Option<String>,
    kind: Option<String>,
    to: Option<String>,
    request: Option<String>,
    attempts: u16,
    stored: Option<String>,
    log: String,
    age_seconds: Option<u64>,
    /// Why it failed for good, if that was noted.
    reason: Option<String>,
    /// Of its last answer.
    status: Option<u16>,
}

pub(super) fn run(dir: &Path, spool: Option<&Spool>, args: &ListArgs) -> Result<Exit> {
    let mut lines = print::Lines::new();
    let mut seen = HashSet::new();
    let mut unread = Unread::default();
    let chosen = match spool {
        Some(spool) => choice::select(spool, &args.filter, &mut unread)?,
        None => None,
    };
    let mut shown = false;
    let now = SystemClock::new().now();
    let mut noted = spool.map(Noted::new);
    // A log that was retried in part holds failed requests in processing/ until it is worked. One
    // that moves back while this looks is not shown twice.
    for stage in [Stage::Processing, Stage::Failed] {
        let Some(spool) = spool else { break };
        let mut here = HashSet::new();
        let read = each(spool, stage, &mut unread, |kept| {
            if !kept.is_failed(stage) || seen.contains(&kept.log) {
                return Ok(true);
            }
            here.insert(kept.log);
            if let Some(chosen) = &chosen
                && !kept.record().is_some_and(|record| chosen.has(record.id))
            {
                return Ok(true);
            }
            shown = true;
            let line = Line::of(stage, kept, noted.as_mut(), now);
            lines.put(&if args.json { print::json(&line)? } else { line.to_string() })
        })?;
        if !read {
            return Ok(unread.say(Exit::Success));
        }
        seen.extend(here);
    }
    lines.end()?;
    unread.0.extend(noted.map(|noted| noted.unread.0).unwrap_or_default());
    if !shown && !args.json {
        // Not where lines are counted.
        let like = if chosen.is_some() { "such " } else { "" };
        print::complain(&format!("no {like}failed requests in {}", dir.display()));
    }
    chosen.iter().for_each(choice::Chosen::tell_of_others);
    Ok(unread.say(Exit::Success))
}

impl Line {
    fn of(stage: Stage, kept: &Kept<'_>, noted: Option<&mut Noted<'_>>, now: Timestamp) -> Self {
        let line = Self {
            id: None,
            kind: None,
            to: None,
            request: None,
            attempts: kept.settlement.attempts,
            stored: None,
            log: format!("{stage}/{}", kept.log),
            age_seconds: None,
            reason: None,
            status: None,
        };
        let Some(record) = kept.record() else {
            return line;
        };
        let last = noted.and_then(|noted| noted.last(kept.log, record.id));
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
