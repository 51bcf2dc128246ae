//! What became of attempts, in words, beside the log that the requests are in.
//!
//! failed/NAME.log.notes, a line for each note, whatever stage the log is at: it is found by the
//! log's name and goes when the log goes. Notes tell an operator why something failed; they
//! are no promise. They are not synced, and what finds no room is left out: a log's notes take no
//! more than the log itself, or [`LEAST`].

use std::io::ErrorKind;

use crate::error::SpoolError;
use crate::format::log_name::{LogName, Stage};
use crate::fs::Open;
use crate::spool::{Shared, Spool};

/// What the name of a log's notes has behind that of the log.
pub(crate) const NOTES: &str = ".notes";

/// What the notes of the smallest log may take, in bytes.
const LEAST: u64 = 64 * 1024;

/// Longest line that is read. A writer of longer ones has no room for many.
const LINE_MAX: usize = 64 * 1024;

impl Spool {
    /// Shows each line that was noted about a log's requests, oldest first. One at a time, for
    /// there may be as many bytes of them as of the log; one that is too long is passed over, and
    /// what is behind as many bytes as the longest log may have.
    ///
    /// # Errors
    /// When they cannot be read. A log without notes is no error.
    pub fn notes_of(&self, log: LogName, mut look: impl FnMut(&str)) -> Result<(), SpoolError> {
        let (shared, path) = (self.shared(), notes_path(log));
        let file = match shared.fs.open(&path, Open::Read) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|error| shared.io("open", &path, error))?,
        };
        let most = longest(shared);
        let mut buffer = vec![0; LINE_MAX];
        let mut at = 0;
        // Whether what is read next is the rest of a line that is passed over.
        let mut amid = false;
        while at < most {
            let read = file.read_at(&mut buffer, at);
            let read = read.map_err(|error| shared.io("read", &path, error))?;
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
}

/// What the notes of the longest log may take.
fn longest(shared: &Shared) -> u64 {
    shared.settings.limits().log.max(LEAST)
}

/// The path of a log's notes.
pub(crate) fn notes_path(log: LogName) -> String {
    format!("{}/{log}{NOTES}", Stage::Failed.dir())
}

impl Shared {
    /// Adds a line to a log's notes, if there is room for it beside a log of this length.
    pub(super) fn add_note(&self, log: LogName, line: &str, log_len: u64) {
        let line = format!("{}\n", line.replace('\n', " "));
        if let Err(error) = self.try_add_note(log, &line, log_len) {
            tracing::debug!(%log, %error, "a note is not kept");
        }
    }

    fn try_add_note(&self, log: LogName, line: &str, log_len: u64) -> std::io::Result<()> {
        let path = notes_path(log);
        let file = match self.fs.open(&path, Open::Append) {
            Err(error) if error.kind() == ErrorKind::NotFound => self.fs.create(&path)?,
            other => other?,
        };
        let room = log_len.max(LEAST).saturating_sub(file.stat()?.len);
        if line.len() as u64 <= room {
            file.append(line.as_bytes()).map_err(|error| error.error)?;
        }
        Ok(())
    }
}
