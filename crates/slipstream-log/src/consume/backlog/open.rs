//! The few claimed logs that are open. Any other log is opened again when one of its records is due
//! or settled: a spool may hold thousands of logs that wait, and a process a thousand descriptors,
//! most of which its connections need.
//!
//! # Invariants
//! At most [`OPEN_MAX`] logs are open. What is opened again is the file that was claimed, or an
//! error.

use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::layout::log_path;
use crate::format::log_name::{LogName, Stage};
use crate::fs::File;

/// How many claimed logs are open at most.
const OPEN_MAX: usize = 16;

/// Claimed logs that are open, the most recently used last.
#[derive(Default)]
pub(super) struct OpenLogs(Vec<(LogName, Box<dyn File>)>);

impl OpenLogs {
    /// The file of a claimed log, opened again if need be.
    ///
    /// # Errors
    /// [`SpoolError::Taken`] when another file, or none, is in its place.
    pub(super) fn get(
        &mut self,
        files: &SpoolFiles,
        log: LogName,
        identity: (u64, u64),
    ) -> Result<&dyn File, SpoolError> {
        match self.0.iter().position(|(open, _)| *open == log) {
            Some(at) => self.0[at..].rotate_left(1),
            None => {
                let file = self.reopen(files, log, identity)?;
                self.put(log, file);
            }
        }
        let (_, file) = self.0.last().expect("it was put or moved there");
        Ok(&**file)
    }

    /// Keeps a log that was just opened.
    pub(super) fn put(&mut self, log: LogName, file: Box<dyn File>) {
        self.close(log);
        if self.0.len() >= OPEN_MAX {
            self.0.remove(0);
        }
        self.0.push((log, file));
    }

    /// Closes a log.
    pub(super) fn close(&mut self, log: LogName) {
        self.0.retain(|(open, _)| *open != log);
    }

    /// Closes the log that was not used for longest, since descriptors are short. False when none
    /// is open.
    pub(super) fn shed(&mut self) -> bool {
        let any = !self.0.is_empty();
        self.0.drain(..usize::from(any));
        any
    }

    fn reopen(
        &mut self,
        files: &SpoolFiles,
        log: LogName,
        identity: (u64, u64),
    ) -> Result<Box<dyn File>, SpoolError> {
        let path = log_path(Stage::Processing, log);
        let taken = || SpoolError::Taken { path: files.path.join(&path) };
        let file = loop {
            match files.open_if_there(&path) {
                Ok(file) => break file.ok_or_else(taken)?,
                Err(error) if error.is_out_of_descriptors() && self.shed() => {}
                Err(error) => return Err(error),
            }
        };
        let stat = file.stat().map_err(|error| files.io("look at", &path, error))?;
        if stat.identity == identity { Ok(file) } else { Err(taken()) }
    }
}
