//! The spool's fsck: reads everything, says what is wrong, and mends what can be mended.
//!
//! # Invariants
//! - A check alone changes nothing.
//! - What a killed process or a power loss leaves in the normal course of things is told apart from
//!   what is wrong: docs/format.md has a table of it.
//! - A repair loses no readable record: it finishes what was begun, moves away what does not
//!   belong, and writes entries.
//! - It never cuts, moves or removes bytes of a log that holds a record.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::ops::Range;
use std::time::Duration;

use crate::consume::backlog::NOTES;
use crate::error::SpoolError;
use crate::format::frame::{FORMAT_VERSION, frame_len};
use crate::format::log_name::{LogName, Stage, parse_collecting};
use crate::format::scan::{Item, Walk};
use crate::format::settings::WRITE_MAX;
use crate::fs::{File, Lock, Open};
use crate::lifecycle::ledger::{Counts, Gone, LEDGER, Ledger, Outcomes};
use crate::lifecycle::retirement::{DAMAGED, Leaving};
use crate::operate::status::Totals;
use crate::spool::{REMOVING, Shared, Spool, log_path};

/// How many names of a directory that are none of a log are told.
const STRANGERS_MAX: usize = 100;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Logs that were read.
    pub logs: u64,
    /// Records in them, settled or not.
    pub records: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// What is wrong, in the order it was found. Empty when all is well.
    pub findings: Vec<Finding>,
    /// What a killed process or a power loss left in the normal course of things: nothing that was
    /// acknowledged, or a step that the next process finishes.
    pub leftovers: Vec<Finding>,
    /// The sums as they are now.
    pub totals: Totals,
}

/// One thing that is wrong, or was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Where, beneath the spool.
    pub path: String,
    /// What, lower case, with what a repair does about it.
    pub what: String,
    /// Whether it was mended.
    pub mended: bool,
}

impl Spool {
    /// Reads every log and every entry, and says what is wrong. With `repair`, mends it, too.
    ///
    /// # Errors
    /// [`SpoolError::Busy`] when a repair finds a worker running; else when the file system
    /// refuses.
    pub fn check(&self, repair: bool) -> Result<Report, SpoolError> {
        let shared = self.shared();
        // A worker changes what a repair mends.
        let _worker =
            repair.then(|| crate::consume::worker_lock::take_worker_lock(shared)).transpose()?;
        let mut check = Check { shared, repair, report: Report::default() };
        check.leftovers()?;
        check.strangers()?;
        check.read_logs()?;
        check.accounts()?;
        match self.status() {
            Ok(status) => check.report.totals = status.totals,
            // Why was found above.
            Err(error) if check.report.findings.is_empty() => return Err(error),
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
}

struct Check<'a> {
    shared: &'a Shared,
    repair: bool,
    report: Report,
}

impl Check<'_> {
    fn find(&mut self, path: &str, what: impl Into<String>, mended: bool) {
        self.report.findings.push(Finding { path: path.to_owned(), what: what.into(), mended });
    }

    /// A file that an ended process left: a problem only where it cannot be dealt with.
    fn left(&mut self, path: &str, what: &str, mended: bool) {
        match self.shared.fs.open(path, Open::Read) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                self.find(path, format!("cannot be opened: {error}"), mended);
            }
            _ if self.repair && !mended => self.find(path, what, false),
            _ => self.leave(path, what, mended),
        }
    }

    /// Notes what is normal after a kill or a power loss.
    fn leave(&mut self, path: &str, what: impl Into<String>, mended: bool) {
        self.report.leftovers.push(Finding { path: path.to_owned(), what: what.into(), mended });
    }

    /// What ended processes left.
    fn leftovers(&mut self) -> Result<(), SpoolError> {
        let leaving = self.shared.logs_leaving()?;
        let mut left = Vec::new();
        if self.repair {
            self.shared.finish_departures_for(Duration::MAX)?;
            left = self.shared.logs_leaving()?;
        }
        for leaving in leaving {
            self.left(
                &leaving.path(),
                "was being removed when a process ended; the next worker, or a repair, finishes that",
                self.repair && !left.iter().any(|left| left.log == leaving.log),
            );
        }
        for path in self.shared.abandoned()? {
            let mended = self.repair && self.shared.fs.remove(&path).is_ok();
            self.left(
                &path,
                "was being made when a process ended; the next worker, or a repair, removes it",
                mended,
            );
        }
        Ok(())
    }

    /// Files whose names say nothing to a spool. They belong to something else, so they stay.
    fn strangers(&mut self) -> Result<(), SpoolError> {
        for stage in Stage::ALL {
            self.strangers_in(stage.dir(), |name| match stage {
                Stage::Collecting => parse_collecting(name).is_some() || name.contains(".log.new-"),
                Stage::Failed => {
                    let log = [DAMAGED, NOTES].iter().find_map(|end| name.strip_suffix(end));
                    LogName::parse(log.unwrap_or(name)).is_some()
                }
                Stage::Ready | Stage::Processing => LogName::parse(name).is_some(),
            })?;
        }
        self.strangers_in(REMOVING, |name| Leaving::parse(name).is_some())
    }

    fn strangers_in(&mut self, dir: &str, ours: impl Fn(&str) -> bool) -> Result<(), SpoolError> {
        let names = self.shared.list(dir)?;
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

    fn read_logs(&mut self) -> Result<(), SpoolError> {
        let mut seen = HashMap::new();
        for name in self.shared.list(Stage::Collecting.dir())? {
            if parse_collecting(&name).is_some() {
                self.read_log(&format!("collecting/{name}"), None);
            }
        }
        // The furthest stage first: a log with two names has gone that far.
        for stage in [Stage::Failed, Stage::Processing, Stage::Ready] {
            for log in self.shared.logs_in(stage)? {
                let path = log_path(stage, log);
                match seen.get(&log) {
                    None => {
                        seen.insert(log, stage);
                        self.read_log(&path, Some(log));
                    }
                    Some(later) => self.two_names(&path, &log_path(*later, log)),
                }
            }
        }
        Ok(())
    }

    /// A log that stands at two stages. A power loss can leave one file with two names.
    fn two_names(&mut self, path: &str, later: &str) {
        let identity = |path: &str| self.shared.fs.stat(path).map(|stat| stat.identity).ok();
        if identity(path) == identity(later) {
            self.leave(path, "stands at a later stage, too; it counts as being there", false);
        } else {
            let what = "stands at a later stage, too; remove the one in this place";
            self.find(path, what, false);
        }
    }

    /// Reads a log. What keeps it from being read keeps no other from it.
    fn read_log(&mut self, path: &str, name: Option<LogName>) {
        let file = match self.shared.fs.open(path, Open::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => return self.find(path, format!("cannot be opened: {error}"), false),
        };
        if let Err(error) = self.read_open(&*file, path, name, false) {
            self.find(path, format!("cannot be read to its end: {}", why(&error)), false);
        }
    }

    fn read_open(
        &mut self,
        file: &dyn File,
        path: &str,
        name: Option<LogName>,
        quiet: bool,
    ) -> Result<(), SpoolError> {
        let header = self.shared.read_header(file, path)?;
        let mut walk = self.shared.walk(file, path, name)?;
        let (mut records, mut damage, mut torn) = (0, Stretches::default(), Stretches::default());
        // A writer may be at the end of a log that is being collected, unless its lock is held.
        let busy = name.is_none() && header.is_some() && !quiet;
        let writing = WRITE_MAX as u64 + frame_len(self.shared.settings.record_max as usize) as u64;
        while let Some(item) =
            walk.next(file).map_err(|error| self.shared.io("read", path, error))?
        {
            let (stretches, range) = match item {
                Item::Record { .. } => {
                    records += 1;
                    continue;
                }
                Item::Torn(range) => (&mut torn, range),
                Item::Damage(range) => (&mut damage, range),
            };
            let at_end = range.end == walk.end() + walk.unread();
            if !(busy && at_end && range.end - range.start <= writing) {
                stretches.add(&range);
            } else if let Some(_held) = self.shared.lock_if_free(file, path)? {
                return self.read_open(file, path, name, true);
            }
        }
        self.report.logs += 1;
        self.report.bytes += walk.end();
        self.report.records += records;
        match (header, name) {
            (None, _) if records + damage.places == 0 => {
                let what = "has no header and holds nothing, as a power loss may leave it";
                self.leave(path, what, false);
                return Ok(());
            }
            (None, _) => {
                let what =
                    format!("has no header of version {FORMAT_VERSION}; its name stands in for it");
                self.find(path, what, false);
            }
            (Some(header), Some(name)) if LogName::of(&header).salt != name.salt => {
                self.find(path, "has another log's header; was it renamed?", false);
            }
            _ => {}
        }
        self.torn(path, &torn);
        self.damage(file, path, name, &damage, &walk)
    }

    /// What was written for no record that was acknowledged.
    fn torn(&mut self, path: &str, torn: &Stretches) {
        if torn.places > 0 {
            let what = format!(
                "{} bytes from {} on are of writes that were cut short{}; nothing that was acknowledged was in them",
                torn.bytes,
                torn.first,
                torn.in_places()
            );
            self.leave(path, what, false);
        }
    }

    fn damage(
        &mut self,
        file: &dyn File,
        path: &str,
        name: Option<LogName>,
        damage: &Stretches,
        walk: &Walk,
    ) -> Result<(), SpoolError> {
        if damage.places == 0 {
            return Ok(());
        }
        if let Some(name) = name {
            // A part of it is what a killed process has copied.
            let aside = format!("{}/{name}{DAMAGED}", Stage::Failed.dir());
            if let Ok(stat) = self.shared.fs.stat(&aside)
                && stat.len == self.shared.aside_len(file, path, name)?
            {
                return Ok(());
            }
        }
        let unread = match walk.unread() {
            0 => String::new(),
            unread => format!(
                " ({unread} of them are more than a log may have, and are not read; see who wrote them)"
            ),
        };
        let what = format!(
            "{} bytes from {} on are no records{}{unread}; a repair copies them to failed/, and the records around them are delivered",
            damage.bytes,
            damage.first,
            damage.in_places()
        );
        let copied = match name.filter(|_| self.repair) {
            Some(name) => self.shared.set_damage_aside(file, path, name).map(|()| true),
            None => Ok(false),
        };
        self.find(path, what, matches!(copied, Ok(true)));
        copied.map(drop)
    }

    /// Holds the ledger against what is there.
    fn accounts(&mut self) -> Result<(), SpoolError> {
        let ledger = self.shared.read_ledger()?;
        if ledger.spoiled > 0 {
            let what =
                format!("{} entries cannot be read; a repair leaves them out", ledger.spoiled);
            self.find(LEDGER, what, self.repair);
        }
        if ledger.unread > 0 {
            let what = format!(
                "{} bytes behind the first {} are more than it may have, and are not read; see who wrote them, and a repair makes it anew",
                ledger.unread,
                self.shared.settings.ledger_max()
            );
            self.find(LEDGER, what, self.repair);
        }
        if ledger.torn > 0 {
            let what = format!(
                "{} entries were cut short when a process ended; they are written again, and a repair leaves these out",
                ledger.torn
            );
            self.leave(LEDGER, what, self.repair);
        }
        let there = self.shared.logs_there()?;
        let collected = self.shared.collecting_names()?;
        for (log, account) in &ledger.logs {
            let Some(sealed) = account.stored else {
                continue;
            };
            if account.gone.is_none() && !there.contains(log) && !collected.contains(log) {
                let what = format!(
                    "{log}: {} requests were in it, and it is gone; a repair counts them as purged",
                    sealed.requests
                );
                self.find(LEDGER, what, self.repair);
                if self.repair {
                    let outcomes = Outcomes { purged: sealed.requests, ..Outcomes::default() };
                    let gone = Gone { bytes: sealed.bytes, outcomes };
                    self.shared.enter_gone(*log, &Counts { sealed, gone })?;
                }
            }
        }
        for stage in [Stage::Ready, Stage::Processing, Stage::Failed] {
            for log in self.shared.logs_in(stage)? {
                let path = log_path(stage, log);
                // Mostly it could not be opened before, either.
                if let Err(error) = self.account_of(&path, log, &ledger)
                    && !self.report.findings.iter().any(|finding| finding.path == path)
                {
                    self.find(&path, format!("cannot be counted: {}", why(&error)), false);
                }
            }
        }
        if self.repair && ledger.spoiled + ledger.torn + ledger.unread > 0 {
            self.shared.rewrite_ledger(u64::MAX)?;
        }
        Ok(())
    }

    fn account_of(&mut self, path: &str, log: LogName, ledger: &Ledger) -> Result<(), SpoolError> {
        let Some(file) = self.shared.open_if_there(path)? else {
            return Ok(());
        };
        let _held =
            self.repair.then(|| self.shared.lock(&*file, Lock::Exclusive, path)).transpose()?;
        if !self.shared.is_at(&*file, path)? {
            return Ok(());
        }
        let tally = self.shared.tally(&*file, path, Some(log))?;
        let Some(sealed) = ledger.logs.get(&log).and_then(|account| account.stored) else {
            if self.repair {
                self.shared.enter_stored(log, tally.sealed())?;
            }
            let what =
                "was not counted when it was sealed; the next worker, or a repair, counts it";
            self.leave(path, what, self.repair);
            return Ok(());
        };
        let set_aside = tally.set_aside(sealed);
        if tally.bytes < sealed.bytes || (tally.damaged == 0 && set_aside > 0) {
            let what = format!(
                "lost {set_aside} of the {} requests that it held when it was sealed ({} bytes of {} are left); they count as set aside",
                sealed.requests, tally.bytes, sealed.bytes
            );
            self.find(path, what, false);
        }
        let accounted = tally.readable() + set_aside;
        if accounted != sealed.requests {
            if self.repair {
                self.shared.enter_stored(log, tally.sealed())?;
            }
            let what = format!(
                "held {} requests when it was sealed and holds {accounted}; a repair counts what it holds",
                sealed.requests
            );
            self.find(path, what, self.repair);
        }
        Ok(())
    }
}

/// Stretches of a log that hold no record.
#[derive(Default)]
struct Stretches {
    places: u64,
    bytes: u64,
    /// Where the first begins.
    first: u64,
}

impl Stretches {
    fn add(&mut self, range: &Range<u64>) {
        if self.places == 0 {
            self.first = range.start;
        }
        self.places += 1;
        self.bytes = self.bytes.saturating_add(range.end - range.start);
    }

    fn in_places(&self) -> String {
        match self.places {
            1 => String::new(),
            places => format!(", in {places} places"),
        }
    }
}

/// An error with what lies behind it, for the middle of a sentence.
fn why(error: &SpoolError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
