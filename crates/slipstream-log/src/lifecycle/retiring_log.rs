//! Logs within removing/: the name holds the log, why it goes, and how far that is.

use std::collections::HashSet;

use crate::dir::files::SpoolFiles;
use crate::error::SpoolError;
use crate::format::layout::REMOVING;
use crate::format::log_name::{LogName, RetireReason, Stage, split_retiring};
use crate::lifecycle::entries::Counts;

/// A log within removing/.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RetiringLog {
    pub(crate) log: LogName,
    pub(crate) step: Step,
}

/// How far the removal of a log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// It has left its place, and its records are in it.
    For(RetireReason),
    /// Its records are counted, and may be gone.
    Counted(Counts),
}

impl RetiringLog {
    /// A log that has just left its place.
    pub(crate) fn new(log: LogName, why: RetireReason) -> Self {
        Self { log, step: Step::For(why) }
    }

    /// All that are there.
    pub(crate) fn list(files: &SpoolFiles) -> Result<Vec<Self>, SpoolError> {
        let names = files.list(REMOVING)?;
        Ok(names.iter().filter_map(|name| Self::parse(name)).collect())
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (log, word) = split_retiring(text)?;
        let step = RetireReason::of_word(word).map(Step::For);
        let step = step.or_else(|| Counts::of_word(word).map(Step::Counted))?;
        Some(Self { log, step })
    }

    pub(crate) fn path(&self) -> String {
        let word = match &self.step {
            Step::For(why) => why.word().to_owned(),
            Step::Counted(counts) => counts.word(),
        };
        format!("{REMOVING}/{}.{word}", self.log)
    }
}

/// Every sealed log that is there, at whatever stage. A log that moves on while the directories are
/// read one after the other is seen in the later one.
pub(crate) fn logs_there(files: &SpoolFiles) -> Result<HashSet<LogName>, SpoolError> {
    let mut there = HashSet::new();
    // Twice: a retried log moves back, and may slip through the first look.
    for _ in 0..2 {
        for stage in [Stage::Ready, Stage::Processing, Stage::Failed] {
            there.extend(files.logs_in(stage)?);
        }
        there.extend(RetiringLog::list(files)?.into_iter().map(|retiring| retiring.log));
    }
    Ok(there)
}
