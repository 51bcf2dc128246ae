//! `slipstream store`: the requests of one command line, of whatever kind, stored in one call, in
//! order.
//!
//! # Invariants
//! - Everything about the request is looked at before the spool is touched, so a refused request
//!   leaves no trace.
//! - This is the whole of a short-lived process: it opens what storing needs and nothing else.

mod batch;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use slipstream_core::{
    Clock, Engine, Overwritten, Record, RecordId, Source, SystemClock, Timestamp,
};
use slipstream_log::{Overdue, Spool};

use crate::args::StoreArgs;
use crate::commands::init;
use crate::commands::status::hangs;
use crate::curl::sending;
use crate::exit::Exit;
use crate::kinds;
use crate::kinds::delivery_options::Given;
use crate::process::owner::Place;
use crate::term::print;
use crate::term::units::{count, rfc3339, spell};

/// Stores what these command lines describe, each with the options that it has.
pub(crate) fn run(place: &Place, lines: &[(&StoreArgs, &[String])]) -> Result<Exit> {
    let (args, options) = *lines.first().context("there is no command line")?;
    if let Some(file) = &args.batch {
        kinds::refuse_beside_batch(options)?;
        return batch::run(place, args, file);
    }
    let now = SystemClock::new().now();
    let mut records = Vec::new();
    for (args, options) in lines {
        records.extend(with_options(args, options, now)?);
    }
    let keeps_cookies = |(args, _): &(&StoreArgs, _)| sending::keeps_cookies(&args.http);
    if records.len() > 1 && lines.iter().any(keeps_cookies) {
        bail!(
            "with a cookie file or a cookie jar, curl sends what an answer sets along with the requests behind it, which cannot be stored; store them one by one, or write the cookies as -b NAME=VALUE"
        );
    }
    let spool = open(place, args)?;
    let receipt = spool.store(&source(args), &records)?;
    for duplicate in &receipt.duplicates {
        let earlier = duplicate.of;
        tracing::info!(%earlier, "not stored: one with the same dedupe key was a moment ago");
    }
    warn(&receipt.overwritten);
    warn_if_overdue(&spool, args);
    if args.print_id {
        let earlier = |id| receipt.duplicates.iter().find(|it| it.id == id).map(|it| it.of);
        let id = |record: &Record| earlier(record.id).unwrap_or(record.id);
        let ids: String = records.iter().map(|record| format!("{}\n", id(record))).collect();
        print::out(&ids).with_context(|| match records.len() {
            1 => "the request is stored, but its id is lost".to_owned(),
            all => format!("the requests are stored, all {all}, but their ids are lost"),
        })?;
    }
    Ok(Exit::Success)
}

/// The records of one command line's requests.
fn with_options(args: &StoreArgs, options: &[String], now: Timestamp) -> Result<Vec<Record>> {
    let records = kinds::records(args, options, || RecordId::generate(now))?;
    let given = Given::of(&args.options);
    if given.has_idle_window() {
        bail!("--dedupe-window says for how long a key counts; add --dedupe KEY");
    }
    if records.len() > 1 && args.options.dedupe.is_some() {
        bail!(
            "--dedupe names one request, and the urls stand for {}; store them one by one, or by --batch",
            records.len()
        );
    }
    let options = given.options(now)?;
    let with_options = |record: Record| Ok(record.with_options(options.clone())?);
    records.into_iter().map(with_options).collect()
}

/// The spool, made if it is not there.
pub(crate) fn open(place: &Place, args: &StoreArgs) -> Result<Spool> {
    let spool = init::open(place)?;
    Ok(if args.durable { spool.durable() } else { spool })
}

pub(crate) fn source(args: &StoreArgs) -> Source {
    use std::os::unix::ffi::OsStrExt;

    match &args.source {
        Some(name) => Source::named(name.as_bytes()),
        None => Source::parent(),
    }
}

/// Says that no worker has finished for too long, if it is so and was not said lately.
pub(crate) fn warn_if_overdue(spool: &Spool, args: &StoreArgs) {
    if args.warn_after.is_zero() {
        return;
    }
    let Some(Overdue { since, worked, hung }) = spool.overdue(args.warn_after) else {
        return;
    };
    let since = match since {
        Some(time) => {
            let ago = SystemClock::new().now().since(time).as_secs();
            format!("since {} ({} ago)", rfc3339(time), spell(Duration::from_secs(ago)))
        }
        None => format!("for more than {}", spell(args.warn_after)),
    };
    let ever = if worked { "has" } else { "has ever" };
    let hung = hung.map(|hung| format!(", and {}", hangs(&hung))).unwrap_or_default();
    print::complain(&format!(
        "what is stored in {} waits: no worker {ever} finished there {since}{hung}; see `slipstream doctor`, and `slipstream setup cron`",
        spool.path().display()
    ));
}

/// Says what was overwritten, if anything.
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
