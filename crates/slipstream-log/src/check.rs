//! The spool's fsck: reads everything, says what is wrong, and mends what can be mended.
//!
//! Guarantees: a check alone changes nothing. A repair loses no readable record: it finishes
//! what was begun, moves away what does not belong, and writes entries; it never cuts, moves or
//! removes bytes of a log that holds a record.

use std::collections::HashSet;
use std::io::ErrorKind;

use crate::backlog::NOTES;
use crate::depart::{DAMAGED, Leaving, aside_len};
use crate::error::SpoolError;
use crate::frame::FORMAT_VERSION;
use crate::fs::{Lock, Open};
use crate::ledger::{Counts, Gone, LEDGER, Ledger, Outcomes};
use crate::name::{LogName, Stage, parse_collecting};
use crate::spool::{REMOVING, Shared, Spool, log_path};
use crate::status::Totals;
use crate::walk::Item;

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
    /// The sums as they are now.
    pub totals: Totals,
}

/// One thing that is wrong.
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
        let _worker = repair.then(|| crate::worker_lock::take_worker_lock(shared)).transpose()?;
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

    /// What ended processes left.
    fn leftovers(&mut self) -> Result<(), SpoolError> {
        let leaving = self.shared.logs_leaving()?;
        let mut left = Vec::new();
        if self.repair {
            self.shared.finish_departures()?;
            left = self.shared.logs_leaving()?;
        }
        for leaving in leaving {
            self.find(
                &leaving.path(),
                "was being removed when a process ended; a repair finishes that",
                self.repair && !left.iter().any(|left| left.log == leaving.log),
            );
        }
        for path in self.shared.abandoned()? {
            let mended = self.repair && self.shared.fs.remove(&path).is_ok();
            self.find(&path, "was being made when a process ended; a repair removes it", mended);
        }
        Ok(())
    }

    /// Files whose names say nothing to a spool. They are somebody's, so they stay.
    fn strangers(&mut self) -> Result<(), SpoolError> {
        for stage in Stage::ALL {
            for name in self.shared.list(stage.dir())? {
                let ours = match stage {
                    Stage::Collecting => {
                        parse_collecting(&name).is_some() || name.contains(".log.new-")
                    }
                    Stage::Failed => {
                        let log = [DAMAGED, NOTES].iter().find_map(|end| name.strip_suffix(end));
                        LogName::parse(log.unwrap_or(&name)).is_some()
                    }
                    Stage::Ready | Stage::Processing => LogName::parse(&name).is_some(),
                };
                if !ours {
                    self.find(
                        &format!("{stage}/{name}"),
                        "is no log; move it out of the spool",
                        false,
                    );
                }
            }
        }
        for name in self.shared.list(REMOVING)? {
            if Leaving::parse(&name).is_none() {
                self.find(
                    &format!("{REMOVING}/{name}"),
                    "is no log; move it out of the spool",
                    false,
                );
            }
        }
        Ok(())
    }

    fn read_logs(&mut self) -> Result<(), SpoolError> {
        let mut seen = HashSet::new();
        for name in self.shared.list(Stage::Collecting.dir())? {
            if parse_collecting(&name).is_some() {
                self.read_log(&format!("collecting/{name}"), None)?;
            }
        }
        // The furthest stage first: a log with two names has gone that far.
        for stage in [Stage::Failed, Stage::Processing, Stage::Ready] {
            for log in self.shared.logs_in(stage)? {
                let path = log_path(stage, log);
                if !seen.insert(log) {
                    self.find(
                        &path,
                        "stands at a later stage, too; remove the one in this place",
                        false,
                    );
                    continue;
                }
                self.read_log(&path, Some(log))?;
            }
        }
        Ok(())
    }

    fn read_log(&mut self, path: &str, name: Option<LogName>) -> Result<(), SpoolError> {
        let file = match self.shared.fs.open(path, Open::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                self.find(path, format!("cannot be opened: {error}"), false);
                return Ok(());
            }
        };
        let header = self.shared.read_header(&*file, path)?;
        match (header, name) {
            (None, _) => {
                self.find(
                    path,
                    format!("has no header of version {FORMAT_VERSION}; its name stands in for it"),
                    false,
                );
            }
            (Some(header), Some(name)) if LogName::of(&header).salt != name.salt => {
                self.find(path, "has another log's header; was it renamed?", false);
            }
            _ => {}
        }
        self.report.logs += 1;
        let mut walk = self.shared.walk(&*file, path, name)?;
        self.report.bytes += walk.end();
        let mut damage = Vec::new();
        loop {
            match walk.next(&*file) {
                Ok(Some(Item::Record { .. })) => self.report.records += 1,
                Ok(Some(Item::Damage(range))) => damage.push(range),
                Ok(None) => break,
                Err(error) => {
                    self.find(path, format!("cannot be read to its end: {error}"), false);
                    return Ok(());
                }
            }
        }
        // A writer may be at the end of a log that is being collected.
        if name.is_none() {
            damage.retain(|range| range.end < walk.end());
        }
        let bytes: u64 = damage.iter().map(|range| range.end - range.start).sum();
        let aside = name.map(|name| format!("{}/{name}{DAMAGED}", Stage::Failed.dir()));
        // A part of it is what a killed process has copied.
        let whole = aside_len(&damage);
        let known = aside
            .is_some_and(|aside| self.shared.fs.stat(&aside).is_ok_and(|stat| stat.len == whole));
        if let (Some(first), false) = (damage.first(), known) {
            let what = format!(
                "{bytes} bytes from {} on are no records{}; a repair copies them to failed/, and the records around them are delivered",
                first.start,
                if damage.len() > 1 {
                    format!(", in {} places", damage.len())
                } else {
                    String::new()
                }
            );
            let mended = self.repair && name.is_some();
            if let (true, Some(name)) = (mended, name) {
                self.shared.set_damage_aside(&*file, path, name)?;
            }
            self.find(path, what, mended);
        }
        Ok(())
    }

    /// Holds the ledger against what is there.
    fn accounts(&mut self) -> Result<(), SpoolError> {
        let ledger = self.shared.read_ledger()?;
        if ledger.spoiled > 0 {
            let what =
                format!("{} entries cannot be read; a repair leaves them out", ledger.spoiled);
            self.find(LEDGER, what, self.repair);
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
                self.account_of(stage, log, &ledger)?;
            }
        }
        if self.repair && ledger.spoiled > 0 {
            self.shared.rewrite_ledger()?;
        }
        Ok(())
    }

    fn account_of(
        &mut self,
        stage: Stage,
        log: LogName,
        ledger: &Ledger,
    ) -> Result<(), SpoolError> {
        let path = log_path(stage, log);
        let file = match self.shared.fs.open(&path, Open::Update) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                // Mostly it could not be opened before, either.
                if !self.report.findings.iter().any(|finding| finding.path == path) {
                    self.find(&path, format!("cannot be opened: {error}"), false);
                }
                return Ok(());
            }
        };
        let _held =
            self.repair.then(|| self.shared.lock(&*file, Lock::Exclusive, &path)).transpose()?;
        if !self.shared.is_at(&*file, &path)? {
            return Ok(());
        }
        let tally = self.shared.tally(&*file, &path, Some(log))?;
        let Some(sealed) = ledger.logs.get(&log).and_then(|account| account.stored) else {
            self.find(&path, "was not counted when it was sealed; a repair counts it", self.repair);
            if self.repair {
                self.shared.enter_stored(log, tally.sealed())?;
            }
            return Ok(());
        };
        let accounted = tally.readable() + tally.set_aside(sealed);
        if accounted != sealed.requests {
            let what = format!(
                "held {} requests when it was sealed and holds {accounted}; a repair counts what it holds",
                sealed.requests
            );
            self.find(&path, what, self.repair);
            if self.repair {
                self.shared.enter_stored(log, tally.sealed())?;
            }
        }
        Ok(())
    }
}
