//! `slipstream store`: the requests of one command line, of whatever kind, stored in one call, in
//! order.
//!
//! # Invariants
//! - Everything about the request is looked at before the spool is touched, so a refused request
//!   leaves no trace.
//! - This is the whole of a short-lived process: it opens what storing needs and nothing else.

mod batch;
mod spool;

use anyhow::{Context, Result, bail};
use slipstream_core::{Clock, Engine, Record, RecordId, SystemClock, Timestamp};

use crate::args::StoreArgs;
use crate::curl::sending;
use crate::exit::Exit;
use crate::kinds;
use crate::kinds::delivery_options::Given;
use crate::process::owner::Place;
use crate::term::print;

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
    let spool = spool::open(place, args)?;
    let receipt = spool.store(&spool::source(args), &records)?;
    for duplicate in &receipt.duplicates {
        let earlier = duplicate.of;
        tracing::info!(%earlier, "not stored: one with the same dedupe key was a moment ago");
    }
    spool::warn_of_overwritten(&receipt.overwritten);
    spool::warn_if_overdue(&spool, args);
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
