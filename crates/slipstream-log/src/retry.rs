//! Giving failed requests another chance.
//!
//! Guarantees: each chosen record is pending again, with no attempts counted, before its log
//! moves; so wherever this ends early, a record is either retried or still failed. The log goes
//! to processing/, where nothing overwrites it, and the next worker (or the running one, when it
//! looks for new logs) takes it on. Records that were not chosen stay failed in the same log.

use std::io::ErrorKind;

use crate::error::SpoolError;
use crate::frame::{SETTLEMENT_AT, Settlement, State};
use crate::fs::{Lock, Replace};
use crate::name::{LogName, Stage};
use crate::spool::{Spool, log_path};
use crate::walk::Item;

/// What is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retried {
    /// Logs that moved.
    pub logs: u64,
    /// Requests that are pending again.
    pub requests: u64,
}

impl Spool {
    /// Makes failed requests pending again: those of whose bytes (an encoded
    /// [`Record`](slipstream_core::Record)) `choose` says so.
    ///
    /// # Errors
    /// When the file system refuses. What was retried before the error stays retried.
    pub fn retry_failed(
        &self,
        mut choose: impl FnMut(&[u8]) -> bool,
    ) -> Result<Retried, SpoolError> {
        let mut retried = Retried::default();
        for log in self.shared().logs_in(Stage::Failed)? {
            let requests = self.retry_log(log, &mut choose)?;
            retried.requests += requests;
            retried.logs += u64::from(requests > 0);
        }
        Ok(retried)
    }

    fn retry_log(
        &self,
        log: LogName,
        choose: &mut impl FnMut(&[u8]) -> bool,
    ) -> Result<u64, SpoolError> {
        let shared = self.shared();
        let path = log_path(Stage::Failed, log);
        let Some(file) = shared.open_if_there(&path)? else {
            return Ok(0);
        };
        let _held = shared.lock(&*file, Lock::Exclusive, &path)?;
        if !shared.is_at(&*file, &path)? {
            return Ok(0);
        }
        let mut walk = shared.walk(&*file, &path, Some(log))?;
        let mut requests = 0;
        while let Some(item) = walk.next(&*file).map_err(|error| shared.io("read", &path, error))? {
            let Item::Record { at, settlement, payload } = item else {
                continue;
            };
            // A settlement that a flipped bit made pending is as good as failed here.
            if !matches!(settlement.state, State::Failed | State::Pending) || !choose(payload) {
                continue;
            }
            let fresh = file.write_at(&Settlement::FRESH.encode(), at + SETTLEMENT_AT);
            fresh.map_err(|error| shared.io("settle a request in", &path, error))?;
            requests += 1;
        }
        if requests == 0 {
            return Ok(0);
        }
        let processing = log_path(Stage::Processing, log);
        match shared.fs.rename(&path, &processing, Replace::Never) {
            Ok(()) => Ok(requests),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(shared.io("retry", &path, error)),
        }
    }
}
