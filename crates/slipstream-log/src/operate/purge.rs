//! Purging: logs that are removed because an operator asked for it.

use slipstream_core::operator::Purged;

use crate::consume::worker_lock::WorkerLock;
use crate::dir::locks::Patience;
use crate::error::SpoolError;
use crate::format::layout::{collecting_path, log_path};
use crate::format::log_name::{RetireReason, Stage};
use crate::lifecycle::retirement::Retired;
use crate::lifecycle::retiring_log::RetiringLog;
use crate::lifecycle::rotation::Rotation;

/// Removes every log at a stage, and counts what it still held as purged.
pub(crate) fn purge(rotation: &Rotation, stage: Stage) -> Result<Purged, SpoolError> {
    let files = rotation.files();
    // What a worker holds is its own.
    let _worker = match stage {
        Stage::Processing => Some(WorkerLock::take(files)?),
        _ => None,
    };
    let (mut purged, mut patience) = (Purged::default(), Patience::usual());
    if stage == Stage::Collecting {
        for slot in files.collecting_slots()? {
            let gone = purge_collecting(rotation, slot, &mut patience);
            add(&mut purged, &collecting_path(slot), gone)?;
        }
    } else {
        for log in files.logs_in(stage)? {
            let retirement = &rotation.retirement;
            let gone = retirement.retire(stage, log, RetireReason::Purged, &mut patience);
            add(&mut purged, &log_path(stage, log), gone)?;
        }
    }
    rotation.ledger().shorten_if_long();
    Ok(purged)
}

fn purge_collecting(
    rotation: &Rotation,
    slot: u16,
    patience: &mut Patience,
) -> Result<Option<Retired>, SpoolError> {
    let (files, path) = (rotation.files(), collecting_path(slot));
    let Some(file) = files.open_if_there(&path)? else {
        return Ok(None);
    };
    let _held = patience.lock(files, &*file, &path)?;
    if !files.is_at(&*file, &path)? {
        return Ok(None);
    }
    let there = |log| RetiringLog::new(log, RetireReason::Purged).path();
    let log = rotation.leave_collecting(&*file, &path, slot, there, |_| true)?;
    rotation.retirement.finish(&*file, log, RetireReason::Purged)
}

fn add(
    purged: &mut Purged,
    path: &str,
    gone: Result<Option<Retired>, SpoolError>,
) -> Result<(), SpoolError> {
    match gone {
        Ok(None) => {}
        Ok(Some(Retired { bytes, requests })) => {
            purged.parts += 1;
            purged.requests += requests;
            purged.bytes += bytes;
        }
        Err(error) if error.is_of_the_spool() => return Err(error),
        Err(error) => purged.skipped.push(error.skipped(path)),
    }
    Ok(())
}
