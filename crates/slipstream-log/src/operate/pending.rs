//! The number of requests that wait to be delivered, counted within a bounded time.

use std::time::Duration;

use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::layout::{collecting_path, log_path};
use crate::format::log_name::Stage;
use crate::lifecycle::tally::Tally;

/// How many requests wait; none when the logs that hold them could not all be read within `most`. The time
/// is looked at before each log, so one log more may be read.
pub(crate) fn pending_within(
    files: &SpoolFiles,
    most: Duration,
) -> Result<Option<u64>, SpoolError> {
    let until = files.clock.elapsed().saturating_add(most);
    let collecting = files.collecting_slots()?.into_iter();
    let mut logs: Vec<_> = collecting.map(|slot| (collecting_path(slot), None)).collect();
    for stage in [Stage::Ready, Stage::Processing] {
        let sealed = files.logs_in(stage)?.into_iter();
        logs.extend(sealed.map(|log| (log_path(stage, log), Some(log))));
    }
    let mut pending = 0_u64;
    for (path, log) in logs {
        if files.clock.elapsed() >= until {
            return Ok(None);
        }
        let Some(file) = files.open_to_read(&path)? else {
            continue;
        };
        pending = pending.saturating_add(Tally::of(files, &*file, &path, log)?.pending);
    }
    Ok(Some(pending))
}
