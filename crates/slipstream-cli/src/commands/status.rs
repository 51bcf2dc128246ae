//! `slipstream status`: what is stuck, why, and what to do; what became of the rest, and whether
//! the counters add up.
//!
//! # Invariants
//! - Nothing that was stored drives the terminal, and looking keeps no writer waiting.
//! - What is to be done comes first, so that it is seen whatever the screen's height.
//!
//! # Non-goals
//! What a slot or a destination is. The engine reports; this draws: what any engine has, and the
//! slots of a spool beside it.

mod hints;
mod paint;
mod picture;
mod plugin;
mod report;
mod table;
mod watch;

use std::time::Duration;

use anyhow::Result;

use self::report::Report;
use crate::args::StatusArgs;
use crate::exit::Exit;
use crate::health::READ_FOR;
use crate::process::owner::Place;
use crate::term::print;

pub(crate) fn run(place: &Place, args: &StatusArgs) -> Result<Exit> {
    if args.health.check {
        return plugin::run(place, &args.health);
    }
    place.become_owner()?;
    if args.picture.watch {
        return watch::run(place, &args.picture);
    }
    let read_for = if args.picture.all { Duration::MAX } else { READ_FOR };
    let Some(spool) = place.find()? else {
        print::complain(&format!("nothing stored yet in {}", place.path().display()));
        if args.json {
            print::out(&print::json(&Report::of_nothing())?)?;
        }
        return Ok(Exit::Success);
    };
    let spool = spool.spool_status(read_for)?;
    let status = &spool.status;
    if args.json {
        print::out(&print::json(&Report::of(status, Some(&spool), args.picture.top))?)?;
    } else {
        let screen = paint::Screen::stdout(args.picture.color);
        let lines = picture::draw(status, Some(&spool), &screen, args.picture.top);
        print::out(&screen.text(&lines))?;
    }
    let well = status.totals.balanced() && status.skipped.is_empty();
    Ok(if well { Exit::Success } else { Exit::Incomplete })
}

#[cfg(test)]
pub(crate) mod tests;
