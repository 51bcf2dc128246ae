//! `slipstream failed`: the dead letters, why they failed, and what becomes of them.
//!
//! # Invariants
//! What is listed is what can be retried or dropped, and no listing shows a secret.

mod choice;
mod list;
mod noted;
mod retry;
mod show;
#[cfg(test)]
mod tests;
mod unread;

use anyhow::Result;
use slipstream_core::operator::{Act, Operator};

use crate::args::{FailedArgs, FailedCommand};
use crate::exit::Exit;
use crate::process::owner::Place;

pub(crate) fn run(place: &Place, args: &FailedArgs) -> Result<Exit> {
    place.become_owner()?;
    let spool = place.find()?;
    let engine = spool.as_ref().map(|spool| spool as &dyn Operator);
    match &args.command {
        FailedCommand::List(args) => list::run(place.path(), engine, args),
        FailedCommand::Retry(args) => retry::run(place.path(), engine, args, Act::Retry),
        FailedCommand::Drop(args) => retry::run(place.path(), engine, args, Act::Drop),
        FailedCommand::Show(args) => show::run(place.path(), engine, args),
    }
}
