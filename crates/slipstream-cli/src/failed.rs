//! `slipstream failed`: what was given up, why, and what becomes of it.
//!
//! Guaranteed: what is listed is what can be retried or dropped, and no listing shows a secret.

mod choice;
mod list;
mod retry;
mod show;

use anyhow::Result;
use slipstream_core::Record;
use slipstream_log::frame::{Settlement, State};
use slipstream_log::name::LogName;
use slipstream_log::walk::Item;
use slipstream_log::{Spool, Stage};

use self::retry::Act;
use crate::Ended;
use crate::args::{FailedArgs, FailedCommand};
use crate::owner::Place;

pub(crate) fn run(place: &Place, args: &FailedArgs) -> Result<Ended> {
    place.become_owner()?;
    let spool = place.find()?;
    match &args.command {
        FailedCommand::List(args) => list::run(place.path(), spool.as_ref(), args),
        FailedCommand::Retry(args) => retry::run(place.path(), spool.as_ref(), args, Act::Retry),
        FailedCommand::Drop(args) => retry::run(place.path(), spool.as_ref(), args, Act::Drop),
        FailedCommand::Show(args) => show::run(place.path(), spool.as_ref(), args),
    }
}

/// A request in a log that is not being collected.
struct Kept<'a> {
    log: LogName,
    settlement: Settlement,
    payload: &'a [u8],
}

impl Kept<'_> {
    fn record(&self) -> Option<Record> {
        Record::decode(self.payload).ok()
    }

    fn is_failed(&self, stage: Stage) -> bool {
        is_failed(self.settlement.state, stage)
    }
}

/// Whether a request was given up. In failed/ nothing waits, whatever a flipped bit says.
fn is_failed(state: State, stage: Stage) -> bool {
    match state {
        State::Failed => true,
        State::Pending => stage == Stage::Failed,
        State::Delivered | State::Expired | State::Dropped => false,
    }
}

/// Shows each request of a stage's logs, oldest log first, until `look` has seen enough. Says
/// whether it has.
fn each(
    spool: &Spool,
    stage: Stage,
    mut look: impl FnMut(&Kept<'_>) -> Result<bool>,
) -> Result<bool> {
    for log in spool.sealed_logs(stage)? {
        let Some(mut reader) = spool.read_log(stage, log)? else {
            continue;
        };
        while let Some(item) = reader.next_item()? {
            if let Item::Record { settlement, payload, .. } = item
                && !look(&Kept { log, settlement, payload })?
            {
                return Ok(false);
            }
        }
    }
    Ok(true)
}
