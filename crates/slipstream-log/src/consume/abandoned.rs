//! Files that ended processes left: unfinished files, and notes of logs that are gone.
//!
//! What is being made right now may be removed, too; its maker makes it again.

use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::layout::{FILES, NOTES, notes_path};
use crate::format::log_name::{LogName, Stage};
use crate::lifecycle::retiring_log::logs_there;

/// Removes them.
pub(crate) fn clear(files: &SpoolFiles) -> Result<(), SpoolError> {
    for path in half_made(files)? {
        let _ = files.fs.remove(&path);
    }
    clear_notes(files)
}

/// Removes the notes of logs that are gone.
fn clear_notes(files: &SpoolFiles) -> Result<(), SpoolError> {
    let names = files.list(Stage::Failed.name())?;
    let notes = names.iter().filter_map(|name| LogName::parse(name.strip_suffix(NOTES)?));
    let notes: Vec<_> = notes.collect();
    if notes.is_empty() {
        return Ok(());
    }
    let there = logs_there(files)?;
    for log in notes.into_iter().filter(|log| !there.contains(log)) {
        let _ = files.fs.remove(&notes_path(log));
    }
    Ok(())
}

/// The paths of files that were being made when their maker ended.
pub(crate) fn half_made(files: &SpoolFiles) -> Result<Vec<String>, SpoolError> {
    let collecting = files.list(Stage::Collecting.name())?.into_iter();
    let mut paths: Vec<_> = collecting
        .filter(|name| name.contains(".log.new-"))
        .map(|name| format!("{}/{name}", Stage::Collecting.name()))
        .collect();
    paths.extend(
        files.list(".")?.into_iter().filter(|name| {
            FILES.iter().any(|file| name.starts_with(file)) && name.contains(".new-")
        }),
    );
    Ok(paths)
}
