//! `slipstream failed show`: one request, and all that is known of why it was not delivered.
//!
//! # Invariants
//! - Without `--show-secrets` nothing of its body is shown, and what `inspect` leaves out.
//! - What a destination answered cannot move the cursor.
//! - The JSON's fields are a promise: fields may join, none changes.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;
use slipstream_core::operator::{Letter, Operator, OperatorError, Standing};
use slipstream_core::{Record, RecordId, Timestamp};
use slipstream_http::masked_url;
use slipstream_worker::Note;

use super::noted;
use super::unread::Unread;
use crate::args::ShowArgs;
use crate::commands::inspect::Body;
use crate::exit::Exit;
use crate::kinds::delivery_options;
use crate::term::print;
use crate::term::units::{count, rfc3339};

/// Most notes that are shown: the newest.
const NOTES_MAX: usize = 1_000;

#[derive(Serialize)]
struct Report {
    id: String,
    state: &'static str,
    attempts: u32,
    due: Option<String>,
    stored: String,
    kind: String,
    to: String,
    log: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "terms")]
    options: Option<delivery_options::Shown>,
    body: Body,
    notes: Vec<Line>,
    notes_left_out: u64,
}

#[derive(Serialize)]
struct Line {
    at: String,
    attempt: u32,
    reason: String,
    status: Option<u16>,
    answer: Option<String>,
}

pub(super) fn run(dir: &Path, engine: Option<&dyn Operator>, args: &ShowArgs) -> Result<Exit> {
    let mut unread = Unread::default();
    let found = match engine {
        Some(engine) => find(engine, args.id, &mut unread)?,
        None => None,
    };
    let Some(found) = found else {
        print::complain(&format!(
            "{} is neither among the failed requests in {} nor among those that wait for another attempt; `slipstream failed list` shows the failed ones",
            args.id,
            dir.display()
        ));
        return Ok(unread.say(Exit::Incomplete));
    };
    let Found { part, is_failed, attempts, due, record, notes: (notes, notes_left_out) } = found;
    let to = record.destination.as_str();
    let report = Report {
        id: record.id.to_string(),
        state: if is_failed { "failed" } else { "pending" },
        attempts,
        due: due.map(rfc3339),
        stored: rfc3339(record.id.stored()),
        to: if args.show_secrets { to.to_owned() } else { masked_url(to) },
        log: part,
        options: delivery_options::Shown::of(&record.options),
        body: Body::of(&record, args.show_secrets),
        kind: record.kind,
        notes,
        notes_left_out,
    };
    print::out(&if args.json { print::json(&report)? } else { report.text()? })?;
    // What was found is all that was asked for, but for the notes.
    Ok(unread.say(Exit::Success))
}

/// A request that was looked for.
struct Found {
    part: String,
    is_failed: bool,
    attempts: u32,
    due: Option<Timestamp>,
    record: Record,
    notes: (Vec<Line>, u64),
}

/// The request, wherever it failed or waits for another attempt.
fn find(engine: &dyn Operator, id: RecordId, unread: &mut Unread) -> Result<Option<Found>> {
    let mut found = None;
    // Twice: what is retried may move to where was looked already, and back.
    for _ in 0..2 {
        let skipped = engine.each_letter(&mut |letter| {
            if letter.standing == Standing::Settled {
                return ControlFlow::Continue(());
            }
            let Some(record) = letter.record().filter(|record| record.id == id) else {
                return ControlFlow::Continue(());
            };
            let notes = notes(letter, id).unwrap_or_else(|error| {
                unread.note(format!("{}.notes", letter.part), error);
                Default::default()
            });
            found = Some(Found {
                part: letter.part.to_owned(),
                is_failed: letter.is_failed(),
                attempts: letter.attempts,
                due: letter.due,
                record,
                notes,
            });
            ControlFlow::Break(())
        })?;
        unread.add(skipped);
        if found.is_some() {
            break;
        }
    }
    Ok(found)
}

/// What was noted about it, and how many older notes are left out.
fn notes(letter: &Letter<'_>, id: RecordId) -> Result<(Vec<Line>, u64), OperatorError> {
    let id = id.to_string();
    let (mut notes, mut left_out) = (VecDeque::new(), 0);
    letter.each_note(|line| {
        let Some(note) = Note::parse(line).filter(|note| note.id == id) else {
            return;
        };
        if notes.len() == NOTES_MAX {
            notes.pop_front();
            left_out += 1;
        }
        notes.push_back(Line {
            at: rfc3339(Timestamp::from_millis(note.at)),
            attempt: note.attempt,
            reason: note.reason,
            status: note.status,
            answer: note.answer,
        });
    })?;
    Ok((notes.into(), left_out))
}

impl Report {
    /// What a person reads.
    fn text(&self) -> Result<String> {
        let attempts = count(self.attempts.into(), "attempt");
        let state = match (self.state, &self.due) {
            ("failed", _) => format!("failed after {attempts}"),
            (_, Some(due)) => format!("waits after {attempts}, due {due}"),
            (_, None) => format!("waits after {attempts}"),
        };
        let mut rows = vec![
            ("id", self.id.clone()),
            ("state", state),
            ("stored", self.stored.clone()),
            ("kind", self.kind.clone()),
            ("to", self.to.clone()),
            ("log", self.log.clone()),
        ];
        rows.extend(self.options.iter().flat_map(delivery_options::Shown::lines));
        rows.extend(self.body.lines()?);
        let mut text = String::new();
        for (name, value) in rows {
            let _ = writeln!(text, "{name:<10}  {}", print::one_line(&value));
        }
        text.push('\n');
        if self.notes.is_empty() {
            text.push_str("nothing is noted about it\n");
        }
        if self.notes_left_out > 0 {
            let _ = writeln!(text, "{} left out", count(self.notes_left_out, "older note"));
        }
        for note in &self.notes {
            let line = format!("{}  {}", note.at, noted::words(note.attempt, &note.reason));
            let _ = writeln!(text, "{}", print::one_line(&line));
            for line in note.answer.iter().flat_map(|answer| answer.lines()) {
                let line = format!("    {}", print::one_line(line));
                let _ = writeln!(text, "{}", line.trim_end());
            }
        }
        Ok(text)
    }
}
