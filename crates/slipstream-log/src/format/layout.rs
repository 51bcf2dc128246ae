//! Names of a spool's files and directories, and the paths that are made of them. Pure.
//!
//! Paths are relative to the spool, as [`Fs`](crate::fs::Fs) takes them.

use crate::format::log_name::{LogName, Stage, collecting_name};

/// Where a spool is unless configured otherwise.
pub(crate) const DEFAULT_DIR: &str = "/tmp/slipstream";

/// What writers and workers agree on.
pub(crate) const SETTINGS_FILE: &str = "settings.json";
/// The accounts of logs that are gone.
pub(crate) const LEDGER: &str = "ledger";
/// The table of dedupe keys. It is made when it is first needed.
pub(crate) const DEDUPE: &str = "dedupe";
/// The file that a worker holds locked while it runs.
pub(crate) const WORKER_LOCK: &str = "worker.lock";
/// State that one worker leaves for the next.
pub(crate) const MEMORY: &str = "worker.memory";
/// The report of the last run, for the operator.
pub(crate) const LAST_RUN: &str = "worker.run";
/// Which time of the last run was noticed as long ago, and when.
pub(crate) const WARNED: &str = "worker.warned";
/// The prefix of the names of files that hold what an operator asks of a worker.
pub(crate) const ASKED: &str = "worker.asked";
/// The files that are in a spool beside its directories. While a file is being made, its name has a
/// suffix.
pub(crate) const FILES: [&str; 8] =
    [SETTINGS_FILE, LEDGER, WORKER_LOCK, MEMORY, LAST_RUN, WARNED, DEDUPE, ASKED];

/// The directory of logs that are being removed.
pub(crate) const REMOVING: &str = "removing";

/// What the name of a log's notes has behind that of the log.
pub(crate) const NOTES: &str = ".notes";
/// What the name of a file of unreadable bytes has behind that of their log.
pub(crate) const DAMAGED: &str = ".damaged";

/// The path of the log that a slot is appending to.
pub(crate) fn collecting_path(slot: u16) -> String {
    format!("{}/{}", Stage::Collecting.name(), collecting_name(slot))
}

/// The path of a sealed log at some stage.
pub(crate) fn log_path(stage: Stage, log: LogName) -> String {
    format!("{}/{log}", stage.name())
}

/// The path of a log's notes.
pub(crate) fn notes_path(log: LogName) -> String {
    format!("{}/{log}{NOTES}", Stage::Failed.name())
}

/// The path of what was set aside of a log.
pub(crate) fn damage_path(log: LogName) -> String {
    format!("{}/{log}{DAMAGED}", Stage::Failed.name())
}
