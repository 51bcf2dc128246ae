//! How many requests wait to be delivered, counted within a bounded time.

use std::time::Duration;

use crate::error::SpoolError;
use crate::format::log_name::{Stage, parse_collecting};
use crate::spool::{Shared, Spool, log_path};

impl Spool {
    /// How many requests wait to be delivered; none when the logs that hold them could not all be
    /// read within `most`. The time is looked at before each log, so one log more may be read.
    ///
    /// # Errors
    /// When a directory or a log cannot be read.
    pub fn pending_within(&self, most: Duration) -> Result<Option<u64>, SpoolError> {
        self.shared().pending_within(most)
    }
}

impl Shared {
    fn pending_within(&self, most: Duration) -> Result<Option<u64>, SpoolError> {
        let until = self.clock.elapsed().saturating_add(most);
        let mut logs = Vec::new();
        for name in self.list(Stage::Collecting.dir())? {
            if parse_collecting(&name).is_some() {
                logs.push((format!("{}/{name}", Stage::Collecting.dir()), None));
            }
        }
        for stage in [Stage::Ready, Stage::Processing] {
            let sealed = self.logs_in(stage)?.into_iter();
            logs.extend(sealed.map(|log| (log_path(stage, log), Some(log))));
        }
        let mut pending = 0_u64;
        for (path, log) in logs {
            if self.clock.elapsed() >= until {
                return Ok(None);
            }
            let Some(file) = self.open_to_read(&path)? else {
                continue;
            };
            pending = pending.saturating_add(self.tally(&*file, &path, log)?.pending);
        }
        Ok(Some(pending))
    }
}
