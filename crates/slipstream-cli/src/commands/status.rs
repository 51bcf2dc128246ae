//! `slipstream status`: what is stuck, why, and what to do; what became of the rest, and whether
//! the counters add up.
//!
//! # Invariants
//! - Nothing that was stored drives the terminal, and looking keeps no writer waiting.
//! - What is to be done comes first, so that it is seen whatever the screen's height.
//!
//! # Non-goals
//! What a slot or a destination is. The engine tells; this draws.

mod hints;
mod paint;
mod picture;
mod plugin;
mod report;
mod stuck;
mod table;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use slipstream_core::{Clock, SystemClock, Timestamp};
use slipstream_log::{Destinations, Settings, Spool, Stage, Status};
use slipstream_worker::LastRun;

pub(crate) use self::hints::{NAMED, PATIENCE, end_it, hangs, hints, last_seen};
use self::report::Report;
pub(crate) use self::stuck::{Stuck, stuck};
use crate::args::StatusArgs;
use crate::exit::Exit;
use crate::process::owner::Place;
use crate::term::print;

/// How long envelopes are read for.
pub(crate) const READ_FOR: Duration = Duration::from_secs(1);

/// A spool as it was seen.
struct Seen {
    path: PathBuf,
    settings: Settings,
    status: Status,
    destinations: Destinations,
    last_run: Option<LastRun>,
    at: Timestamp,
}

impl Seen {
    fn of(spool: &Spool, read_for: Duration) -> Result<Self> {
        let (status, destinations) = spool.status_by_destination(read_for)?;
        Ok(Self {
            path: spool.path().to_owned(),
            settings: spool.settings().clone(),
            status,
            destinations,
            last_run: last_run(spool),
            at: SystemClock::new().now(),
        })
    }
}

/// What the last run left.
pub(crate) fn last_run(spool: &Spool) -> Option<LastRun> {
    LastRun::read(&spool.last_run()?)
}

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
    let seen = Seen::of(&spool, read_for)?;
    if args.json {
        print::out(&print::json(&Report::of(&seen, args.picture.top))?)?;
    } else {
        let screen = paint::Screen::stdout(args.picture.color);
        let lines = picture::draw(&seen, &screen, args.picture.top);
        print::out(&screen.text(&lines))?;
    }
    let status = &seen.status;
    let well = status.totals.balanced() && status.skipped.is_empty();
    Ok(if well { Exit::Success } else { Exit::Incomplete })
}

/// Requests that failed while others in their log wait: not in failed/ yet.
pub(crate) fn failed_in_processing(status: &Status) -> u64 {
    let kept = status.stages.iter().filter(|(stage, _)| *stage == Stage::Failed);
    let kept: u64 = kept.map(|(_, seen)| seen.requests).sum();
    status.totals.failed.saturating_sub(kept)
}

/// To the second.
fn whole(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}
