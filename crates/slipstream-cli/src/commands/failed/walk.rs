//! A walk over the requests of a stage's logs.

use std::collections::BTreeMap;

use anyhow::Result;
use slipstream_core::Record;
use slipstream_log::frame::{SettlementField, State};
use slipstream_log::name::LogName;
use slipstream_log::walk::Item;
use slipstream_log::{Spool, Stage};

use crate::exit::Exit;
use crate::term::print;

/// A request in a log that is not being collected.
pub(super) struct Kept<'a> {
    pub(super) log: LogName,
    pub(super) settlement: SettlementField,
    pub(super) payload: &'a [u8],
}

impl Kept<'_> {
    pub(super) fn record(&self) -> Option<Record> {
        Record::decode(self.payload).ok()
    }

    pub(super) fn is_failed(&self, stage: Stage) -> bool {
        is_failed(self.settlement.state, stage)
    }
}

/// Whether a request is a dead letter. In failed/ nothing waits, whatever a flipped bit says.
pub(super) fn is_failed(state: State, stage: Stage) -> bool {
    match state {
        State::Failed => true,
        State::Pending => stage == Stage::Failed,
        State::Delivered | State::Expired | State::Dropped => false,
    }
}

/// Files that could not be read, and why. Each is told once, at the end.
#[derive(Default)]
pub(super) struct Unread(pub(super) BTreeMap<String, String>);

impl Unread {
    pub(super) fn note(&mut self, path: impl Into<String>, error: impl Into<anyhow::Error>) {
        self.0.insert(path.into(), format!("{:#}", error.into()));
    }

    /// Says which they are, and how the command ends that would else end like this.
    pub(super) fn say(&self, ended: Exit) -> Exit {
        for why in self.0.values() {
            print::complain(&format!("passed over: {why}"));
        }
        if self.0.is_empty() { ended } else { Exit::Error }
    }
}

/// Shows each request of a stage's logs, oldest log first, until `look` has seen enough. Says
/// whether it has. A log that cannot be read is passed over.
pub(super) fn each(
    spool: &Spool,
    stage: Stage,
    unread: &mut Unread,
    mut look: impl FnMut(&Kept<'_>) -> Result<bool>,
) -> Result<bool> {
    for log in spool.sealed_logs(stage)? {
        let mut reader = match spool.read_log(stage, log) {
            Ok(Some(reader)) => reader,
            Ok(None) => continue,
            Err(error) => {
                unread.note(format!("{stage}/{log}"), error);
                continue;
            }
        };
        loop {
            let item = match reader.next_item() {
                Ok(Some(item)) => item,
                Ok(None) => break,
                Err(error) => {
                    unread.note(format!("{stage}/{log}"), error);
                    break;
                }
            };
            if let Item::Record { settlement, payload, .. } = item
                && !look(&Kept { log, settlement, payload })?
            {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
