//! `slipstream retry-now`: has what waits for a destination tried without waiting any longer.
//!
//! # Invariants
//! What is said to be tried is what the worker will take for that: it heeds only what its own user asks,
//! so another user is refused. The JSON's fields are a promise: fields may join, none changes.
//!
//! # Non-goals
//! Trying it here. A worker does, the running worker or the next.

use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::unistd::{Uid, User};
use serde::Serialize;
use slipstream_core::operator::{Destinations, Operator};
use slipstream_core::{Destination, UrlParts};
use slipstream_http::masked_url;
use slipstream_log::Spool;

use crate::args::RetryNowArgs;
use crate::exit::Exit;
use crate::process::owner::Place;
use crate::term::print;
use crate::term::units::count;

/// What a worker reports in; its owner is the worker's user.
const WORKER_RUN: &str = "worker.run";

#[derive(Default, Serialize)]
struct Report {
    requests: u64,
    destinations: Vec<String>,
    worker_running: bool,
    missing: Vec<String>,
}

pub(crate) fn run(place: &Place, args: &RetryNowArgs) -> Result<Exit> {
    place.become_owner()?;
    let mut report = Report { missing: args.hosts.clone(), ..Report::default() };
    if let Some(spool) = place.find()? {
        refuse_to_another(&spool)?;
        report.ask(&spool, args)?;
    }
    print::out(&if args.json { print::json(&report)? } else { report.text() })?;
    for host in &report.missing {
        print::complain(&format!(
            "no requests wait for '{host}'; `slipstream status` shows for whom"
        ));
    }
    let well = report.missing.is_empty() && report.requests > 0;
    Ok(if well { Exit::Success } else { Exit::Incomplete })
}

/// Refuses what the worker would not heed: in a spool that others can write to, it heeds its own
/// user alone.
fn refuse_to_another(spool: &Spool) -> Result<()> {
    let Ok(report) = spool.path().join(WORKER_RUN).symlink_metadata() else { return Ok(()) };
    let (worker, us) = (Uid::from_raw(report.uid()), Uid::effective());
    if worker == us {
        return Ok(());
    }
    let name = User::from_uid(worker).ok().flatten().map_or(worker.to_string(), |user| user.name);
    let who = if worker.is_root() { name.clone() } else { format!("{name} or root") };
    bail!(
        "the worker of {} runs as {name}, and other users cannot ask it; run this as {who}",
        spool.path().display()
    )
}

impl Report {
    /// Has the destinations tried that are meant.
    fn ask(&mut self, engine: &dyn Operator, args: &RetryNowArgs) -> Result<()> {
        let status = engine.status(Duration::MAX)?;
        self.worker_running = status.worker.is_some();
        let chosen = self.choose(args, &status.destinations);
        if !chosen.is_empty() {
            let asked = if args.all { Vec::new() } else { chosen };
            engine.try_now(&asked).context("cannot tell the worker")?;
        }
        Ok(())
    }

    /// Takes in what waits for the destinations that are meant: their names.
    fn choose(&mut self, args: &RetryNowArgs, waiting: &Destinations) -> Vec<Destination> {
        let mut chosen = Vec::new();
        for each in &waiting.each {
            let pending: u64 = each.pending.iter().sum();
            let destination = Destination::new(&*each.destination);
            let meant = |host: &String| destination.is_host(bare(host));
            if pending == 0 || !(args.all || args.hosts.iter().any(meant)) {
                continue;
            }
            self.missing.retain(|host| !meant(host));
            self.requests += pending;
            self.destinations.push(masked_url(&each.destination));
            chosen.push(destination);
        }
        chosen
    }

    /// What a person reads.
    fn text(&self) -> String {
        if self.requests == 0 {
            return "nothing waits that could be tried\n".to_owned();
        }
        let requests = count(self.requests, "request");
        let to = match &self.destinations[..] {
            [one] => one.clone(),
            many => count(many.len() as u64, "destination"),
        };
        let by = match self.worker_running {
            true => "the worker that runs tries them now",
            false => "the next run tries them first: `slipstream work`",
        };
        format!("{requests} for {to}: {by}\n")
    }
}

/// Host and port of a URL, or what there is of them.
fn bare(host: &str) -> &str {
    let place = UrlParts::guessed(host).place();
    place.split(' ').next().unwrap_or_default()
}
