//! Comparison of the ledger with the logs that are there.

use slipstream_core::operator::Outcomes;

use super::{Check, why};
use crate::error::SpoolError;
use crate::format::layout::{LEDGER, log_path};
use crate::format::log_name::{LogName, Stage};
use crate::fs::Lock;
use crate::lifecycle::entries::{Accounts, Counts, Gone};
use crate::lifecycle::retiring_log::logs_there;
use crate::lifecycle::tally::Tally;

impl Check<'_> {
    /// Holds the ledger against what is there.
    pub(super) fn accounts(&mut self) -> Result<(), SpoolError> {
        let accounts = self.rotation.ledger().read()?;
        if accounts.spoiled > 0 {
            let what =
                format!("{} entries cannot be read; a repair leaves them out", accounts.spoiled);
            self.find(LEDGER, what, self.repair);
        }
        if accounts.unread > 0 {
            let what = format!(
                "{} bytes behind the first {} are more than it may have, and are not read; see who wrote them, and a repair makes it anew",
                accounts.unread,
                self.files().settings.ledger_max()
            );
            self.find(LEDGER, what, self.repair);
        }
        if accounts.torn > 0 {
            let what = format!(
                "{} entries were cut short when a process ended; they are written again, and a repair leaves these out",
                accounts.torn
            );
            self.leave(LEDGER, what, self.repair);
        }
        let there = logs_there(self.files())?;
        let collected = self.files().collecting_names()?;
        for (log, account) in &accounts.logs {
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
                    let mut outcomes = Outcomes::default();
                    outcomes.purged = sealed.requests;
                    let gone = Gone { bytes: sealed.bytes, outcomes };
                    self.rotation.ledger().enter_gone(*log, &Counts { sealed, gone })?;
                }
            }
        }
        for stage in [Stage::Ready, Stage::Processing, Stage::Failed] {
            for log in self.files().logs_in(stage)? {
                let path = log_path(stage, log);
                // Mostly it could not be opened before, either.
                if let Err(error) = self.account_of(&path, log, &accounts)
                    && !self.report.problems.iter().any(|problem| problem.part == path)
                {
                    self.find(&path, format!("cannot be counted: {}", why(&error)), false);
                }
            }
        }
        if self.repair && accounts.spoiled + accounts.torn + accounts.unread > 0 {
            self.rotation.ledger().rewrite(u64::MAX)?;
        }
        Ok(())
    }

    fn account_of(
        &mut self,
        path: &str,
        log: LogName,
        accounts: &Accounts,
    ) -> Result<(), SpoolError> {
        let Some(file) = self.files().open_if_there(path)? else {
            return Ok(());
        };
        let _held =
            self.repair.then(|| self.files().lock(&*file, Lock::Exclusive, path)).transpose()?;
        if !self.files().is_at(&*file, path)? {
            return Ok(());
        }
        let tally = Tally::of(self.files(), &*file, path, Some(log))?;
        let Some(sealed) = accounts.logs.get(&log).and_then(|account| account.stored) else {
            if self.repair {
                self.rotation.ledger().enter_stored(log, tally.sealed())?;
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
                self.rotation.ledger().enter_stored(log, tally.sealed())?;
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
