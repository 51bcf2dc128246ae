//! Counting a log's records by what has become of them.

use std::time::Duration;

use crate::error::SpoolError;
use crate::format::frame::{SettlementField, State};
use crate::format::log_name::{LogName, Stage};
use crate::format::scan::{Item, Walk};
use crate::fs::File;
use crate::lifecycle::ledger::{Account, Sealed};
use crate::spool::{Shared, log_path};

/// For how long failed logs are counted that were not counted when they were sealed. What is left
/// then is counted by a later run.
const COUNT_FOR: Duration = Duration::from_secs(2);

/// The records of one log by what has become of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) pending: u64,
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
    pub(crate) expired: u64,
    /// Counted as purged.
    pub(crate) dropped: u64,
    /// Stretches of bytes that may have been a record.
    pub(crate) damaged: u64,
    /// Stretches that were written for none that was acknowledged.
    pub(crate) torn: u64,
    pub(crate) bytes: u64,
}

impl Tally {
    pub(crate) fn readable(&self) -> u64 {
        self.pending + self.delivered + self.failed + self.expired + self.dropped
    }

    /// What the log holds, for its entry when it is sealed.
    pub(crate) fn sealed(&self) -> Sealed {
        Sealed { requests: self.readable() + self.damaged, bytes: self.bytes }
    }

    /// How many of the records that it held when it was sealed cannot be read any more. Where every
    /// byte belongs to a record none may be missing, so a difference then is not hidden here.
    pub(crate) fn set_aside(&self, sealed: Sealed) -> u64 {
        if self.damaged + self.torn == 0 && self.bytes >= sealed.bytes {
            return 0;
        }
        sealed.requests.saturating_sub(self.readable())
    }
}

impl Shared {
    /// A walk over all of a log, as far as one may reach.
    pub(crate) fn walk(
        &self,
        file: &dyn File,
        path: &str,
        name: Option<LogName>,
    ) -> Result<Walk, SpoolError> {
        let len = file.stat().map_err(|error| self.io("look at", path, error))?.len;
        let limits = self.settings.limits();
        let header = self.read_header(file, path)?;
        // What the header can no longer tell stands in the name, too.
        let salt = header.map(|header| header.salt).or(name.map(|name| name.salt));
        Ok(match salt {
            Some(salt) => Walk::new(salt, len, limits),
            None => Walk::unreadable(len, limits),
        })
    }

    /// Counts the records of a log.
    pub(crate) fn tally(
        &self,
        file: &dyn File,
        path: &str,
        name: Option<LogName>,
    ) -> Result<Tally, SpoolError> {
        self.tally_with(file, path, name, |_, _| ())
    }

    /// The same, and shows what it counts: the settlement and the bytes of each record.
    pub(crate) fn tally_with(
        &self,
        file: &dyn File,
        path: &str,
        name: Option<LogName>,
        mut show: impl FnMut(SettlementField, &[u8]),
    ) -> Result<Tally, SpoolError> {
        let mut walk = self.walk(file, path, name)?;
        let mut tally = Tally { bytes: walk.end(), ..Tally::default() };
        while let Some(item) = walk.next(file).map_err(|error| self.io("read", path, error))? {
            match item {
                Item::Damage(_) => tally.damaged += 1,
                Item::Torn(_) => tally.torn += 1,
                Item::Record { settlement, payload, .. } => {
                    show(settlement, payload);
                    match settlement.state {
                        State::Pending => tally.pending += 1,
                        State::Delivered => tally.delivered += 1,
                        State::Failed => tally.failed += 1,
                        State::Expired => tally.expired += 1,
                        State::Dropped => tally.dropped += 1,
                    }
                }
            }
        }
        Ok(tally)
    }

    /// Enters what a sealed log holds. Call it with the log's lock.
    pub(crate) fn count_stored(
        &self,
        file: &dyn File,
        path: &str,
        name: LogName,
    ) -> Result<(), SpoolError> {
        let tally = self.tally(file, path, Some(name))?;
        self.enter_stored(name, tally.sealed())
    }

    /// Enters what a sealed log holds unless that was done. What keeps it from being entered now (a
    /// full disk, say) leaves that to when the log goes. Call it with the log's lock.
    pub(crate) fn count_if_not_yet(&self, file: &dyn File, path: &str, name: LogName) {
        let counted = match self.account(name) {
            Ok(Account { stored: Some(_), .. }) => Ok(()),
            Ok(_) => self.count_stored(file, path, name),
            Err(error) => Err(error),
        };
        if let Err(error) = counted {
            tracing::warn!(log = %name, %error, "claimed, but not counted yet");
        }
    }

    /// Enters the failed logs that could not be counted when they were sealed. They may stay where
    /// they are for long.
    pub(crate) fn count_failed(&self) -> Result<(), SpoolError> {
        let began = self.clock.elapsed();
        let ledger = self.read_ledger()?;
        let counted =
            |log: &LogName| ledger.logs.get(log).is_some_and(|account| account.stored.is_some());
        for log in self.logs_in(Stage::Failed)?.into_iter().filter(|log| !counted(log)) {
            if self.clock.elapsed() - began > COUNT_FOR {
                break;
            }
            let path = log_path(Stage::Failed, log);
            let Ok(Some(file)) = self.open_if_there(&path) else {
                continue;
            };
            let held = self.lock_if_free(&*file, &path);
            if matches!(held, Ok(Some(_))) && self.is_at(&*file, &path).unwrap_or(false) {
                self.count_if_not_yet(&*file, &path, log);
            }
        }
        Ok(())
    }
}
