//! The spool that requests are stored in, and what is said of it while they are.

use anyhow::Result;
use slipstream_core::operator::{Operator, Overdue};
use slipstream_core::{Clock, Overwritten, Source, SystemClock};
use slipstream_log::Spool;

use crate::args::StoreArgs;
use crate::commands::init;
use crate::health::hangs;
use crate::process::owner::Place;
use crate::term::print;
use crate::term::units::{ago, count, rfc3339, spell};

/// The spool, made if it is not there.
pub(super) fn open(place: &Place, args: &StoreArgs) -> Result<Spool> {
    let spool = init::open(place)?;
    Ok(if args.durable { spool.durable() } else { spool })
}

pub(super) fn source(args: &StoreArgs) -> Source {
    use std::os::unix::ffi::OsStrExt;

    match &args.source {
        Some(name) => Source::named(name.as_bytes()),
        None => Source::parent(),
    }
}

/// Says that no worker has finished for too long, if it is so and was not said lately.
pub(super) fn warn_if_overdue(engine: &dyn Operator, args: &StoreArgs) {
    if args.warn_after.is_zero() {
        return;
    }
    let Some(Overdue { since, worked, hung, .. }) = engine.overdue(args.warn_after) else {
        return;
    };
    let since = match since {
        Some(time) => {
            let age = SystemClock::new().now().since(time);
            format!("since {} ({} ago)", rfc3339(time), ago(age))
        }
        None => format!("for more than {}", spell(args.warn_after)),
    };
    let ever = if worked { "has" } else { "has ever" };
    let (hung, next) = match hung {
        Some(hung) => (format!(", and {}", hangs(&hung)), "`slipstream doctor`"),
        None => (String::new(), "`slipstream doctor`, and `slipstream setup cron`"),
    };
    print::complain(&format!(
        "what is stored in {} waits: no worker {ever} finished there {since}{hung}; see {next}",
        engine.place()
    ));
}

/// Says what was overwritten, if anything.
pub(super) fn warn_of_overwritten(overwritten: &[Overwritten]) {
    let requests = overwritten.iter().map(|gone| gone.requests).sum();
    let which = match overwritten {
        [] => return,
        [gone] => format!("the oldest log ({})", gone.log),
        many => format!("the {} oldest logs", many.len()),
    };
    print::complain(&format!(
        "overwrote {} of {which}, which nothing had delivered yet; is the worker running?",
        count(requests, "request")
    ));
}
