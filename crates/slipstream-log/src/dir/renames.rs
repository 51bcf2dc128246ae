//! Moves of logs from one place of a spool to another. Each commits with one rename(2).

use std::io;

use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::layout::log_path;
use crate::format::log_name::{LogName, Stage};
use crate::fs::Replace;

impl SpoolFiles {
    /// Moves a log to a path that belongs to its name alone. What is in the way there does not
    /// belong to the spool, and is put aside.
    pub(crate) fn move_log(
        &self,
        doing: &'static str,
        from: &str,
        to: &str,
    ) -> Result<(), SpoolError> {
        if self.rename_if_free(doing, from, to)? {
            return Ok(());
        }
        self.displace(to)?;
        let renamed = self.fs.rename(from, to, Replace::Never);
        renamed.map_err(|error| self.io(doing, from, error))
    }

    /// Moves a log to processing/. A log that has its name there is the worker's, and stays.
    pub(crate) fn bring_to_processing(
        &self,
        doing: &'static str,
        from: &str,
        log: LogName,
    ) -> Result<(), SpoolError> {
        let to = log_path(Stage::Processing, log);
        if self.rename_if_free(doing, from, &to)? {
            return Ok(());
        }
        match self.open_if_there(&to) {
            Err(error) if error.is_no_log() => self.move_log(doing, from, &to),
            _ => Err(self.io(doing, from, io::ErrorKind::AlreadyExists.into())),
        }
    }

    /// Renames a log; false if another file has that name. After a power loss both names may be
    /// the log's own: then it only loses the earlier one.
    pub(crate) fn rename_if_free(
        &self,
        doing: &'static str,
        from: &str,
        to: &str,
    ) -> Result<bool, SpoolError> {
        let failed = |error| self.io(doing, from, error);
        match self.fs.rename(from, to, Replace::Never) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let (own, there) = (self.fs.stat(from), self.fs.stat(to));
                let same = own.map_err(failed)?.identity == there.map_err(failed)?.identity;
                if same {
                    self.fs.remove(from).map_err(failed)?;
                }
                Ok(same)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Moves what is in a log's place, and is not a log, to a name that no log has.
    fn displace(&self, path: &str) -> Result<(), SpoolError> {
        let aside = format!("{path}.displaced-{:016x}", self.fs.random());
        tracing::warn!(path, aside, "a file stands in a log's place, and is put aside");
        let renamed = self.fs.rename(path, &aside, Replace::Never);
        renamed.map_err(|error| self.io("put aside", path, error))
    }
}
