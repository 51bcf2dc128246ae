//! Attempt logs: the outcomes of attempts, in words, beside the log that the requests are in.
//!
//! failed/NAME.log.notes, a line for each note, whatever stage the log is at: it is found by the
//! log's name and goes when the log goes. Notes show an operator why something failed. Best effort:
//! they are not synced, and what finds no room is left out: a log's notes take no more than the log
//! itself, or [`LEAST`].

use std::io::ErrorKind;

use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::layout::notes_path;
use crate::format::log_name::LogName;
use crate::fs::Open;

/// What the notes of the smallest log may take, in bytes.
const LEAST: u64 = 64 * 1024;

/// Longest line that is read. A writer of longer ones has no room for many.
const LINE_MAX: usize = 64 * 1024;

/// Shows each line that was noted about a log's requests, oldest first. One at a time, for there
/// may be as many bytes of them as of the log; a line that is too long is skipped, and so is what
/// follows as many bytes as the longest log may have.
///
/// # Errors
/// When they cannot be read. A log without notes is no error.
pub(crate) fn each_line(
    files: &SpoolFiles,
    log: LogName,
    mut look: impl FnMut(&str),
) -> Result<(), SpoolError> {
    let path = notes_path(log);
    let file = match files.fs.open(&path, Open::Read) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(|error| files.io("open", &path, error))?,
    };
    let most = longest(files);
    let mut buffer = vec![0; LINE_MAX];
    let mut at = 0;
    // Whether what is read next is the rest of a line that is skipped.
    let mut amid = false;
    while at < most {
        let read = file.read_at(&mut buffer, at);
        let read = read.map_err(|error| files.io("read", &path, error))?;
        let Some(end) = buffer[..read].iter().rposition(|byte| *byte == b'\n') else {
            if read < buffer.len() {
                // The end, or the beginning of a line that is just being written.
                return Ok(());
            }
            amid = true;
            at += read as u64;
            continue;
        };
        for line in buffer[..end].split(|byte| *byte == b'\n') {
            if !std::mem::take(&mut amid)
                && let Ok(line) = std::str::from_utf8(line)
            {
                look(line);
            }
        }
        at += end as u64 + 1;
    }
    Ok(())
}

/// What the notes of the longest log may take.
fn longest(files: &SpoolFiles) -> u64 {
    files.settings.limits().log.max(LEAST)
}

/// Adds a line to a log's notes, if there is room for it beside a log of this length.
pub(crate) fn add(files: &SpoolFiles, log: LogName, line: &str, log_len: u64) {
    let line = format!("{}\n", line.replace('\n', " "));
    if let Err(error) = try_to_add(files, log, &line, log_len) {
        tracing::debug!(%log, %error, "a note is not kept");
    }
}

fn try_to_add(files: &SpoolFiles, log: LogName, line: &str, log_len: u64) -> std::io::Result<()> {
    let path = notes_path(log);
    let file = match files.fs.open(&path, Open::Append) {
        Err(error) if error.kind() == ErrorKind::NotFound => files.fs.create(&path)?,
        other => other?,
    };
    let room = log_len.max(LEAST).saturating_sub(file.stat()?.len);
    if line.len() as u64 <= room {
        file.append(line.as_bytes()).map_err(|error| error.error)?;
    }
    Ok(())
}
