//! Operators' instructions to a worker, the running one or the next: small files in the spool.
//!
//! A file `worker.asked-…` for each command, so that two at the same moment lose nothing. It has a destination in
//! each line, `*` for all.
//!
//! # Invariants
//! - A worker receives an instruction before it sees what the command did afterwards: it looks for
//!   these files after each listing of logs.
//! - A file is removed when a run that received it has ended. A run that is killed leaves it to the
//!   next.
//! - In a shared spool only files of the worker's own user count: a member could have a destination
//!   tried again and again.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use slipstream_core::{Destination, TryNow};

use crate::consume::state_files;
use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::layout::ASKED;
use crate::fs::Open;

/// The text that means all destinations.
const ALL: &str = "*";

/// How many destinations are distinguished. More count as all.
pub(crate) const DESTINATIONS_MAX: usize = 1_000;

/// How often the files are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How many files are kept for the next run, in case that this one is killed.
const KEPT_MAX: usize = 100;

/// What operators asked for, as far as this run has received it.
#[derive(Default)]
pub(crate) struct Asked {
    /// The files that were looked at, the latest last.
    heard: VecDeque<String>,
    /// What was not passed to the worker yet.
    untold: Vec<TryNow>,
    looked: Option<Duration>,
}

impl Asked {
    /// Looks for what is asked. What cannot be read is looked at no more.
    pub(crate) fn look(&mut self, files: &SpoolFiles) {
        for name in asked(files) {
            if self.heard.contains(&name) {
                continue;
            }
            self.untold.extend(read(files, &name));
            self.heard.push_back(name);
            if self.heard.len() > KEPT_MAX
                && let Some(oldest) = self.heard.pop_front()
                && files.fs.remove(&oldest).is_err()
            {
                self.heard.push_back(oldest);
            }
        }
    }

    /// Whether there is something that was not passed to the worker yet.
    pub(crate) fn is_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// What was not passed to the worker yet, looked for again once a while.
    pub(crate) fn take(&mut self, files: &SpoolFiles, now: Duration) -> Vec<TryNow> {
        if self.looked.is_none_or(|looked| now >= looked + LOOK_EVERY) {
            self.looked = Some(now);
            self.look(files);
        }
        std::mem::take(&mut self.untold)
    }

    /// Removes what was heard: the run has ended.
    pub(crate) fn forget(&mut self, files: &SpoolFiles) {
        for name in self.heard.drain(..) {
            let _ = files.fs.remove(&name);
        }
    }
}

/// Leaves what an operator asks for.
pub(crate) fn ask(files: &SpoolFiles, destinations: &[Destination]) -> Result<(), SpoolError> {
    let lines: BTreeSet<&str> = destinations.iter().map(Destination::as_str).collect();
    let all = lines.is_empty() || lines.len() > DESTINATIONS_MAX;
    let lines: Vec<&str> = if all { vec![ALL] } else { lines.into_iter().collect() };
    let bytes = lines.join("\n").into_bytes();
    let name = format!("{ASKED}-{:016x}", files.fs.random());
    // Files that say no more are of no use beside it.
    let earlier = asked(files);
    let covered = |name: &String| all || left(files, name).is_some_and(|left| left == bytes);
    let covered: Vec<_> = earlier.into_iter().filter(covered).collect();
    state_files::write(files, &name, &bytes).map_err(|error| files.io("write", &name, error))?;
    for name in covered {
        let _ = files.fs.remove(&name);
    }
    Ok(())
}

/// The files that hold what is asked.
fn asked(files: &SpoolFiles) -> Vec<String> {
    let names = files.fs.list(".").unwrap_or_default().into_iter();
    names.filter(|name| is_complete(name)).collect()
}

fn left(files: &SpoolFiles, name: &str) -> Option<Vec<u8>> {
    state_files::read(files, name, Open::Own)
}

fn read(files: &SpoolFiles, name: &str) -> Vec<TryNow> {
    let Some(bytes) = left(files, name) else {
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

/// Whether this is the name of such a file, and not of a file that is being made.
fn is_complete(name: &str) -> bool {
    let digits = name.strip_prefix(ASKED).and_then(|rest| rest.strip_prefix('-'));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
