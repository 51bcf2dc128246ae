//! `slipstream inspect`: the records of log files as lines of JSON.
//!
//! # Invariants
//! - Without `--show-secrets` nothing of a body is shown, of an HTTP request no user, password and
//!   query value of its URL, and no header that speaks of a secret.
//! - Memory holds one record.
//! - The JSON's fields are a promise: fields may join, none changes.
//!
//! # Non-goals
//! The spool. A log describes itself completely, wherever it is.

use std::path::Path;

use anyhow::{Error, Result};
use serde::Serialize;
use slipstream_core::Record;
use slipstream_http::masked_url;
use slipstream_log::LogReader;
use slipstream_log::frame::{SettlementField, State};
use slipstream_log::walk::Item;

use crate::args::InspectArgs;
use crate::exit::Exit;
use crate::kinds::Masked;
use crate::kinds::delivery_options;
use crate::term::print;
use crate::term::shown::Shown;
use crate::term::units::rfc3339;

/// A record. What its envelope would hold is null when that cannot be read.
#[derive(Serialize)]
struct Line<'a> {
    log: &'a str,
    offset: u64,
    state: &'static str,
    attempts: u16,
    due: Option<String>,
    id: Option<String>,
    kind: Option<String>,
    to: Option<String>,
    stored: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "terms")]
    options: Option<delivery_options::Shown>,
    body: Body,
}

/// A request's body, as far as it may be shown.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Body {
    Whole(Shown),
    Masked(Masked),
}

#[derive(Serialize)]
struct Damage<'a> {
    log: &'a str,
    offset: u64,
    length: u64,
    damage: bool,
}

/// A write that was cut short, of which nothing was acknowledged.
#[derive(Serialize)]
struct Torn<'a> {
    log: &'a str,
    offset: u64,
    length: u64,
    torn: bool,
}

pub(crate) fn run(args: &InspectArgs) -> Result<Exit> {
    let mut lines = print::Lines::new();
    let (mut damaged, mut unread) = (false, false);
    for path in &args.logs {
        let mut log = match LogReader::open(path) {
            Ok(log) => log,
            Err(error) => {
                unread = true;
                print::complain(&format!("{:#}", Error::new(error)));
                continue;
            }
        };
        loop {
            let line = match log.next_item() {
                Ok(None) => break,
                Ok(Some(item)) => line(path, &item, args.show_secrets, &mut damaged)?,
                Err(error) => {
                    unread = true;
                    print::complain(&format!("{:#}", Error::new(error)));
                    break;
                }
            };
            if !lines.put(&line)? {
                return Ok(Exit::Success);
            }
        }
    }
    lines.end()?;
    Ok(match (unread, damaged) {
        (true, _) => Exit::Error,
        (_, true) => Exit::Incomplete,
        _ => Exit::Success,
    })
}

fn line(path: &Path, item: &Item<'_>, secrets: bool, damaged: &mut bool) -> Result<String> {
    let log = &*path.to_string_lossy();
    match item {
        Item::Damage(range) => {
            *damaged = true;
            let length = range.end - range.start;
            print::json(&Damage { log, offset: range.start, length, damage: true })
        }
        Item::Torn(range) => {
            let length = range.end - range.start;
            print::json(&Torn { log, offset: range.start, length, torn: true })
        }
        Item::Record { at, settlement, payload } => {
            print::json(&Line::of(log, *at, *settlement, payload, secrets))
        }
    }
}

impl<'a> Line<'a> {
    fn of(
        log: &'a str,
        at: u64,
        settlement: SettlementField,
        payload: &[u8],
        secrets: bool,
    ) -> Self {
        let SettlementField { state, attempts, due, .. } = settlement;
        let line = Self {
            log,
            offset: at,
            state: word(state),
            attempts,
            due: (due.as_millis() > 0).then(|| rfc3339(due)),
            id: None,
            kind: None,
            to: None,
            stored: None,
            options: None,
            body: Body::Masked(Masked::Unknown { bytes: payload.len() }),
        };
        let Ok(record) = Record::decode(payload) else {
            return if secrets { Self { body: whole(payload), ..line } } else { line };
        };
        let to = record.destination.as_str();
        Self {
            id: Some(record.id.to_string()),
            to: Some(if secrets { to.to_owned() } else { masked_url(to) }),
            stored: Some(rfc3339(record.id.stored())),
            options: delivery_options::Shown::of(&record.options),
            body: Body::of(&record, secrets),
            kind: Some(record.kind),
            ..line
        }
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Pending => "pending",
        State::Delivered => "delivered",
        State::Failed => "failed",
        State::Expired => "expired",
        State::Dropped => "dropped",
    }
}

impl Body {
    /// The body of a record; without its secrets unless they are asked for.
    pub(crate) fn of(record: &Record, secrets: bool) -> Self {
        if secrets { whole(&record.body) } else { Self::Masked(Masked::of(record)) }
    }

    /// What people read of it: names and values.
    pub(crate) fn lines(&self) -> Result<Vec<(&'static str, String)>> {
        Ok(match self {
            Self::Whole(shown) => vec![("body", serde_json::to_string(shown)?)],
            Self::Masked(masked) => masked.lines(),
        })
    }
}

fn whole(bytes: &[u8]) -> Body {
    Body::Whole(Shown::of(bytes).unwrap_or_else(|| Shown::Bytes(bytes.to_vec())))
}
