//! `slipstream failed list`: a line for each request that was given up.
//!
//! The JSON's fields are a promise: fields may join, none changes.

use std::collections::HashSet;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use slipstream_http::masked_url;
use slipstream_log::{Spool, Stage};

use super::{Kept, Unread, choice, each};
use crate::args::ListArgs;
use crate::kinds;
use crate::units::{count, rfc3339};
use crate::{Ended, print};

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
}

pub(super) fn run(dir: &Path, spool: Option<&Spool>, args: &ListArgs) -> Result<Ended> {
    let mut lines = print::Lines::new();
    let mut seen = HashSet::new();
    let mut unread = Unread::default();
    let chosen = match spool {
        Some(spool) => choice::select(spool, &args.filter, &mut unread)?,
        None => None,
    };
    let mut shown = false;
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
                && !kept.record().is_some_and(|record| chosen.contains(&record.id))
            {
                return Ok(true);
            }
            shown = true;
            let line = Line::of(stage, kept);
            lines.put(&if args.json { print::json(&line)? } else { line.to_string() })
        })?;
        if !read {
            return Ok(unread.say(Ended::Well));
        }
        seen.extend(here);
    }
    lines.end()?;
    if !shown && !args.json {
        // Not where lines are counted.
        let like = if chosen.is_some() { "such " } else { "" };
        print::complain(&format!("no {like}failed requests in {}", dir.display()));
    }
    Ok(unread.say(Ended::Well))
}

impl Line {
    fn of(stage: Stage, kept: &Kept<'_>) -> Self {
        let line = Self {
            id: None,
            kind: None,
            to: None,
            request: None,
            attempts: kept.settlement.attempts,
            stored: None,
            log: format!("{stage}/{}", kept.log),
        };
        let Some(record) = kept.record() else {
            return line;
        };
        Self {
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
            self.log.clone(),
        ];
        writeln!(f, "{}", print::one_line(&parts.join("  ")))
    }
}
