//! What operators ask a worker for, the one that runs or the next: small files in the spool.
//!
//! A file `worker.asked-…` for each command, so that two at the same moment lose nothing. It has a destination in
//! each line, `*` for all.
//!
//! # Invariants
//! - A worker hears of what was asked before it sees what the command did afterwards: it looks for these
//!   files behind each listing of logs.
//! - A file goes when a run that heard of it has ended. A run that is killed leaves it to the next.
//! - In a shared spool only those of the worker's own user count: a member could have a destination tried
//!   again and again.

use std::cmp::Reverse;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use slipstream_core::{Destination, TryNow};

use super::{LOOK_EVERY, SpoolBacklog};
use crate::error::SpoolError;
use crate::fs::Open;
use crate::spool::{Shared, Spool};

/// What the names of such files begin with.
pub(crate) const ASKED: &str = "worker.asked";

/// What stands for all destinations.
const ALL: &str = "*";

/// How many destinations are told apart. More are all.
pub(crate) const DESTINATIONS_MAX: usize = 1_000;

/// How many files are kept for the next run, in case that this one is killed.
const KEPT_MAX: usize = 100;

/// What operators asked for, as far as this run has heard.
#[derive(Default)]
pub(super) struct Asked {
    /// The files that were looked at, the latest last.
    heard: VecDeque<String>,
    /// What the worker was not told yet.
    news: Vec<TryNow>,
    looked: Option<Duration>,
}

impl Asked {
    /// Looks for what is asked. What cannot be read is looked at no more.
    pub(super) fn look(&mut self, shared: &Shared) {
        for name in shared.asked() {
            if self.heard.contains(&name) {
                continue;
            }
            self.news.extend(shared.read_asked(&name));
            self.heard.push_back(name);
            if self.heard.len() > KEPT_MAX
                && let Some(oldest) = self.heard.pop_front()
                && shared.fs.remove(&oldest).is_err()
            {
                self.heard.push_back(oldest);
            }
        }
    }

    /// Whether there is something that the worker was not told yet.
    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// Removes what was heard: the run has ended.
    pub(super) fn forget(&mut self, shared: &Shared) {
        for name in self.heard.drain(..) {
            let _ = shared.fs.remove(&name);
        }
    }
}

impl SpoolBacklog {
    /// What operators asked for since this was called last. Everything that waits comes out once, since
    /// only the worker knows what it is about.
    pub(super) fn listen_to_operators(&mut self, now: Duration) -> Option<Vec<TryNow>> {
        if self.asked.looked.is_none_or(|looked| now >= looked + LOOK_EVERY) {
            self.asked.looked = Some(now);
            self.asked.look(&self.shared);
        }
        if self.asked.news.is_empty() {
            return None;
        }
        self.waiting = std::mem::take(&mut self.waiting)
            .into_iter()
            .map(|Reverse(mut waiting)| {
                waiting.early |= waiting.due > now;
                waiting.due = waiting.due.min(now);
                Reverse(waiting)
            })
            .collect();
        for (_, name) in std::mem::take(&mut self.rereads) {
            if let Some(log) = self.logs.get_mut(&name) {
                log.hurried = true;
                log.again = Some(now);
                self.rereads.insert((now, name));
            }
        }
        Some(std::mem::take(&mut self.asked.news))
    }
}

impl Spool {
    /// Has what waits for these destinations tried now, none for all of them: a circuit that is open, a
    /// pause that was asked for, and the time until the next attempt end. The worker that runs heeds it
    /// within a second, else the next one does.
    ///
    /// # Errors
    /// When the spool cannot be written.
    pub fn try_now(&self, destinations: &[Destination]) -> Result<(), SpoolError> {
        self.shared().ask(destinations)
    }
}

impl Shared {
    /// Leaves what an operator asks for.
    pub(crate) fn ask(&self, destinations: &[Destination]) -> Result<(), SpoolError> {
        let lines: BTreeSet<&str> = destinations.iter().map(Destination::as_str).collect();
        let all = lines.is_empty() || lines.len() > DESTINATIONS_MAX;
        let lines: Vec<&str> = if all { vec![ALL] } else { lines.into_iter().collect() };
        let bytes = lines.join("\n").into_bytes();
        let name = format!("{ASKED}-{:016x}", self.fs.random());
        // Those that say no more are of no use beside it.
        let earlier = self.asked();
        let covered = |name: &String| all || self.left(name).is_some_and(|left| left == bytes);
        let covered: Vec<_> = earlier.into_iter().filter(covered).collect();
        self.leave(&name, &bytes).map_err(|error| self.io("write", &name, error))?;
        for name in covered {
            let _ = self.fs.remove(&name);
        }
        Ok(())
    }

    /// The files that tell what is asked.
    fn asked(&self) -> Vec<String> {
        let names = self.fs.list(".").unwrap_or_default().into_iter();
        names.filter(|name| is_complete(name)).collect()
    }

    fn left(&self, name: &str) -> Option<Vec<u8>> {
        self.read_left(name, Open::Own)
    }

    fn read_asked(&self, name: &str) -> Vec<TryNow> {
        let Some(bytes) = self.left(name) else {
            tracing::debug!(name, "is not readable, or another user's");
            return Vec::new();
        };
        let text = String::from_utf8_lossy(&bytes);
        let asked = |line: &str| match line {
            ALL => TryNow::All,
            to => TryNow::To(Destination::new(to)),
        };
        text.lines().filter(|line| !line.is_empty()).take(DESTINATIONS_MAX).map(asked).collect()
    }
}

/// Whether this is the name of such a file, and not of one that is being made.
fn is_complete(name: &str) -> bool {
    let digits = name.strip_prefix(ASKED).and_then(|rest| rest.strip_prefix('-'));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
