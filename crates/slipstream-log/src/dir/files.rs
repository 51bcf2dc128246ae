//! The files of an opened spool, its clock and its settings, for every other part.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use slipstream_core::Clock;

use crate::error::SpoolError;
use crate::format::frame::{LOG_HEADER, LogHeader};
use crate::format::layout::collecting_path;
use crate::format::log_name::{LogName, Stage, parse_collecting};
use crate::format::scan::Walk;
use crate::format::settings::Settings;
use crate::fs::{File, Fs, Open};

/// How often a step is begun anew because another process was faster. Each time, another's
/// step went through, so this is only reached when something is wrong.
pub(crate) const TRIES: usize = 1000;

/// The files of an opened spool.
pub(crate) struct SpoolFiles {
    pub(crate) path: PathBuf,
    pub(crate) fs: Arc<dyn Fs>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
}

impl SpoolFiles {
    /// An error about a file of this spool.
    pub(crate) fn io(&self, doing: &'static str, path: &str, source: io::Error) -> SpoolError {
        SpoolError::io(doing, self.path.join(path), source)
    }

    /// That other processes were faster at a file of this spool each time.
    pub(crate) fn contended(&self, path: &str) -> SpoolError {
        SpoolError::Contended { path: self.path.join(path) }
    }

    /// The names in one of the spool's directories.
    pub(crate) fn list(&self, dir: &str) -> Result<Vec<String>, SpoolError> {
        self.fs.list(dir).map_err(|error| match error.kind() {
            // A cleaner of /tmp takes empty ones.
            io::ErrorKind::NotFound => {
                SpoolError::Gone { spool: self.path.clone(), dir: dir.to_owned() }
            }
            _ => self.io("list", dir, error),
        })
    }

    /// The sealed logs of a stage, oldest first.
    pub(crate) fn logs_in(&self, stage: Stage) -> Result<Vec<LogName>, SpoolError> {
        let names = self.list(stage.name())?;
        let mut logs: Vec<_> = names.iter().filter_map(|name| LogName::parse(name)).collect();
        logs.sort_unstable();
        Ok(logs)
    }

    /// The sealed logs of a slot at a stage, oldest first.
    pub(crate) fn logs_of_slot(&self, stage: Stage, slot: u16) -> Result<Vec<LogName>, SpoolError> {
        let mut logs = self.logs_in(stage)?;
        logs.retain(|log| log.slot == slot);
        Ok(logs)
    }

    /// The slots that have a collecting log.
    pub(crate) fn collecting_slots(&self) -> Result<Vec<u16>, SpoolError> {
        let names = self.list(Stage::Collecting.name())?;
        Ok(names.iter().filter_map(|name| parse_collecting(name)).collect())
    }

    /// Opens a log to settle records in it; none if it is not there any more.
    pub(crate) fn open_if_there(&self, path: &str) -> Result<Option<Box<dyn File>>, SpoolError> {
        self.open_for(path, Open::Update)
    }

    /// Opens a log to read it; none if it is not there any more.
    pub(crate) fn open_to_read(&self, path: &str) -> Result<Option<Box<dyn File>>, SpoolError> {
        self.open_for(path, Open::Read)
    }

    fn open_for(&self, path: &str, how: Open) -> Result<Option<Box<dyn File>>, SpoolError> {
        match self.fs.open(path, how) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io("open", path, error)),
        }
    }

    /// Whether a path leads to this open file.
    pub(crate) fn is_at(&self, file: &dyn File, path: &str) -> Result<bool, SpoolError> {
        let own = file.stat().map_err(|error| self.io("look at", path, error))?;
        match self.fs.stat(path) {
            Ok(stat) => Ok(stat.identity == own.identity),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(self.io("look at", path, error)),
        }
    }

    /// Whether a log holds no more than its header.
    pub(crate) fn is_empty(&self, file: &dyn File, path: &str) -> Result<bool, SpoolError> {
        let stat = file.stat().map_err(|error| self.io("look at", path, error))?;
        Ok(stat.len <= LOG_HEADER)
    }

    /// The header of a log, if it can be read.
    pub(crate) fn read_header(
        &self,
        file: &dyn File,
        path: &str,
    ) -> Result<Option<LogHeader>, SpoolError> {
        let mut bytes = [0; LOG_HEADER as usize];
        let read = file.read_at(&mut bytes, 0).map_err(|error| self.io("read", path, error))?;
        Ok(LogHeader::parse(&bytes[..read]))
    }

    /// A walk over all of a log, as far as one may reach.
    pub(crate) fn walk(
        &self,
        file: &dyn File,
        path: &str,
        name: Option<LogName>,
    ) -> Result<Walk, SpoolError> {
        let len = file.stat().map_err(|error| self.io("look at", path, error))?.len;
        let limits = self.settings.limits();
        let header = self.read_header(file, path)?;
        // What the header no longer shows is in the name, too.
        let salt = header.map(|header| header.salt).or(name.map(|name| name.salt));
        Ok(match salt {
            Some(salt) => Walk::new(salt, len, limits),
            None => Walk::unreadable(len, limits),
        })
    }

    /// The name that a collecting log gets when it is sealed.
    pub(crate) fn sealed_name(&self, slot: u16, header: Option<LogHeader>) -> LogName {
        match header {
            Some(header) => LogName { slot, ..LogName::of(&header) },
            None => LogName { slot, stamp: self.clock.now(), salt: self.fs.random() },
        }
    }

    /// The names that the collecting logs would get if they were sealed, as far as their headers
    /// show.
    pub(crate) fn collecting_names(&self) -> Result<HashSet<LogName>, SpoolError> {
        let mut names = HashSet::new();
        for slot in self.collecting_slots()? {
            let path = collecting_path(slot);
            if let Ok(file) = self.fs.open(&path, Open::Read)
                && let Ok(header) = self.read_header(&*file, &path)
            {
                names.extend(header.map(|header| LogName { slot, ..LogName::of(&header) }));
            }
        }
        Ok(names)
    }
}
