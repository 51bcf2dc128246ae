//! `slipstream store`: one request, made from curl's options.
//!
//! Guaranteed: everything about the request is looked at before the spool is touched, so a
//! refused request leaves no trace. This is the whole of a short-lived process: it opens
//! what one request needs and nothing else.

use std::path::Path;

use anyhow::{Context, Result, bail};
use slipstream_core::{Clock, Collector, Overwritten, Request, Source, SystemClock};
use slipstream_log::Spool;

use crate::args::StoreArgs;
use crate::terms::Given;
use crate::units::count;
use crate::{Ended, batch, print, request};

pub(crate) fn run(dir: &Path, args: &StoreArgs) -> Result<Ended> {
    if let Some(file) = &args.batch {
        return batch::run(dir, args, file);
    }
    let url = args.url.as_deref().or(args.url_option.as_deref()).unwrap_or_default();
    let request = request::of(&args.http, url)?;
    request.check()?;
    let given = Given::of(&args.terms);
    if given.has_idle_window() {
        bail!("--dedupe-window says for how long a key counts; add --dedupe KEY");
    }
    let terms = given.terms(SystemClock::new().now())?;
    let collector = Collector::new(open(dir, args)?).source(source(args));
    let stored = collector.store_on(&request, terms)?;
    if stored.duplicate {
        tracing::info!(earlier = %stored.id, "not stored: one with the same dedupe key was a moment ago");
    }
    warn(&stored.overwritten);
    if args.print_id {
        print::out(&format!("{}\n", stored.id))
            .context("the request is stored, but its id is lost")?;
    }
    Ok(Ended::Well)
}

/// The spool, made if it is not there.
pub(crate) fn open(dir: &Path, args: &StoreArgs) -> Result<Spool> {
    let spool = Spool::open(dir)?;
    Ok(if args.durable { spool.durable() } else { spool })
}

pub(crate) fn source(args: &StoreArgs) -> Source {
    use std::os::unix::ffi::OsStrExt;

    match &args.source {
        Some(name) => Source::named(name.as_bytes()),
        None => Source::parent(),
    }
}

/// Says what had to give way, if anything.
pub(crate) fn warn(overwritten: &[Overwritten]) {
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
