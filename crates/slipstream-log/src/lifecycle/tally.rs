//! Count of a log's records by what has become of them.

use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::frame::{SettlementField, State};
use crate::format::log_name::LogName;
use crate::format::scan::Item;
use crate::fs::File;
use crate::lifecycle::entries::Sealed;

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
    /// Stretches that belong to no acknowledged record.
    pub(crate) torn: u64,
    pub(crate) bytes: u64,
}

impl Tally {
    /// Counts the records of a log.
    pub(crate) fn of(
        files: &SpoolFiles,
        file: &dyn File,
        path: &str,
        name: Option<LogName>,
    ) -> Result<Self, SpoolError> {
        Self::showing(files, file, path, name, |_, _| ())
    }

    /// The same, and shows what it counts: the settlement and the bytes of each record.
    pub(crate) fn showing(
        files: &SpoolFiles,
        file: &dyn File,
        path: &str,
        name: Option<LogName>,
        mut show: impl FnMut(SettlementField, &[u8]),
    ) -> Result<Self, SpoolError> {
        let mut walk = files.walk(file, path, name)?;
        let mut tally = Self { bytes: walk.end(), ..Self::default() };
        while let Some(item) = walk.next(file).map_err(|error| files.io("read", path, error))? {
            match item {
                Item::Damage(_) => tally.damaged += 1,
                Item::Torn(_) => tally.torn += 1,
                Item::Record { settlement, payload, .. } => {
                    show(settlement, payload);
                    tally.add(settlement.state);
                }
            }
        }
        Ok(tally)
    }

    fn add(&mut self, state: State) {
        match state {
            State::Pending => self.pending += 1,
            State::Delivered => self.delivered += 1,
            State::Failed => self.failed += 1,
            State::Expired => self.expired += 1,
            State::Dropped => self.dropped += 1,
        }
    }

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
