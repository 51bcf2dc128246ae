//! The spool's fsck: a check of everything, and a repair of what can be repaired.
//!
//! # Invariants
//! - A check alone changes nothing.
//! - What a killed process or a power loss leaves in the normal course of things is distinguished
//!   from what is wrong: docs/format.md has a table of it.
//! - A repair loses no readable record: it finishes what was begun, moves away what does not
//!   belong, and writes entries.
//! - It never cuts, moves or removes bytes of a log that holds a record.

use std::io::ErrorKind;
use std::time::Duration;

use slipstream_core::operator::{Checked, Problem};

use crate::consume::abandoned;
use crate::consume::worker_lock::WorkerLock;
use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::layout::{DAMAGED, LEDGER, NOTES, REMOVING};
use crate::format::log_name::{LogName, Stage, parse_collecting};
use crate::fs::Open;
use crate::lifecycle::retiring_log::RetiringLog;
use crate::lifecycle::rotation::Rotation;
use crate::operate::survey::Survey;

mod accounts;
mod logs;

/// How many names of a directory that are not names of logs are reported.
const STRANGERS_MAX: usize = 100;

struct Check<'a> {
    rotation: &'a Rotation,
    repair: bool,
    report: Checked,
}

/// Reads every log and every entry, and reports what is wrong. With `repair`, repairs it, too.
pub(crate) fn check(rotation: &Rotation, repair: bool) -> Result<Checked, SpoolError> {
    // A worker changes what a repair changes.
    let _worker = repair.then(|| WorkerLock::take(rotation.files())).transpose()?;
    let mut check = Check { rotation, repair, report: Checked::default() };
    check.leftovers()?;
    check.strangers()?;
    check.read_logs()?;
    check.accounts()?;
    match Survey::new(rotation.ledger()).look(Duration::ZERO) {
        Ok(seen) => check.report.totals = seen.status.totals,
        // Why was found above.
        Err(error) if check.report.problems.is_empty() => return Err(error),
        Err(_) => return Ok(check.report),
    }
    let totals = check.report.totals;
    if !totals.balanced() {
        let accounted = totals.pending + totals.failed + totals.outcomes.sum();
        check.find(
            LEDGER,
            format!("{} requests were stored and {accounted} are accounted for", totals.stored),
            false,
        );
    }
    Ok(check.report)
}

impl<'a> Check<'a> {
    fn files(&self) -> &'a SpoolFiles {
        self.rotation.files()
    }

    fn find(&mut self, path: &str, what: impl Into<String>, mended: bool) {
        self.report.problems.push(Problem::new(path, what, mended));
    }

    /// A file that an ended process left: a problem only where it cannot be dealt with.
    fn left(&mut self, path: &str, what: &str, mended: bool) {
        match self.files().fs.open(path, Open::Read) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                self.find(path, format!("cannot be opened: {error}"), mended);
            }
            _ if self.repair && !mended => self.find(path, what, false),
            _ => self.leave(path, what, mended),
        }
    }

    /// Notes what is normal after a kill or a power loss.
    fn leave(&mut self, path: &str, what: impl Into<String>, mended: bool) {
        self.report.leftovers.push(Problem::new(path, what, mended));
    }

    /// What ended processes left.
    fn leftovers(&mut self) -> Result<(), SpoolError> {
        let retiring = RetiringLog::list(self.files())?;
        let mut left = Vec::new();
        if self.repair {
            self.rotation.retirement.finish_all_within(Duration::MAX)?;
            left = RetiringLog::list(self.files())?;
        }
        for retiring in retiring {
            self.left(
                &retiring.path(),
                "was being removed when a process ended; the next worker, or a repair, finishes that",
                self.repair && !left.iter().any(|left| left.log == retiring.log),
            );
        }
        for path in abandoned::half_made(self.files())? {
            let mended = self.repair && self.files().fs.remove(&path).is_ok();
            self.left(
                &path,
                "was being made when a process ended; the next worker, or a repair, removes it",
                mended,
            );
        }
        Ok(())
    }

    /// Files whose names have no meaning in a spool. They belong to something else, so they stay.
    fn strangers(&mut self) -> Result<(), SpoolError> {
        for stage in Stage::ALL {
            self.strangers_in(stage.name(), |name| match stage {
                Stage::Collecting => parse_collecting(name).is_some() || name.contains(".log.new-"),
                Stage::Failed => {
                    let log = [DAMAGED, NOTES].iter().find_map(|end| name.strip_suffix(end));
                    LogName::parse(log.unwrap_or(name)).is_some()
                }
                Stage::Ready | Stage::Processing => LogName::parse(name).is_some(),
            })?;
        }
        self.strangers_in(REMOVING, |name| RetiringLog::parse(name).is_some())
    }

    fn strangers_in(&mut self, dir: &str, ours: impl Fn(&str) -> bool) -> Result<(), SpoolError> {
        let names = self.files().list(dir)?;
        let mut strangers = names.iter().filter(|name| !ours(name));
        for name in strangers.by_ref().take(STRANGERS_MAX) {
            self.find(&format!("{dir}/{name}"), "not a log; move it out of the spool", false);
        }
        let more = strangers.count();
        if more > 0 {
            self.find(dir, format!("{more} more in it are not logs; move them out"), false);
        }
        Ok(())
    }
}

/// An error with what lies behind it, for the middle of a sentence.
fn why(error: &SpoolError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
