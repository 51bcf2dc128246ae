//! The settings that writers and workers of one spool must agree on. They are in the spool, written
//! once when the spool is made, so two programs with different defaults cannot disagree.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::format::frame::{FORMAT_VERSION, LOG_HEADER, frame_len};

/// The longest time between two rotations: 100 years.
const ROTATE_MOST: u64 = 36_525 * 24 * 60 * 60 * 1_000;
/// The largest log.
const LOG_MOST: u64 = 1 << 40;

/// A spool's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The version of the format that the spool's files have.
    pub format: u16,
    /// Logs that are appended to side by side; a source always uses the same one. 1 to 999.
    pub slots: u16,
    /// A slot changes to a new log after this many milliseconds of wall time. 1 to 100 years'.
    pub rotate_ms: u64,
    /// How many sealed logs a slot may have waiting, and how many failed. 1 to 10,000.
    pub logs: u32,
    /// What to do when a slot has as many as that.
    pub on_full: OnFull,
    /// The largest record, in bytes.
    pub record_max: u64,
    /// The largest log, in bytes; a slot changes to a new one before it would get larger. Up to 1 TiB.
    pub log_max: u64,
    /// The id of the group that shares the spool, if it is shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
    /// Whether it may be on a network file system, where locks may not hold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub network_fs: bool,
}

/// How much of a log is read, whatever its length and its bytes claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest payload. A frame that claims more is damage.
    pub record: u64,
    /// The longest log. What follows is damage that is not read.
    pub log: u64,
}

impl Limits {
    /// The limits of a log whose spool is not known.
    pub const WIDEST: Self = Self { record: RECORD_MAX, log: u64::MAX };
}

/// What to do when a slot is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFull {
    /// The slot's oldest waiting log is evicted.
    Overwrite,
    /// New requests are refused.
    Reject,
}

impl Default for Settings {
    /// 16 slots of 10 logs, a minute each, overwriting; records to 8 MiB, logs to 64 MiB.
    fn default() -> Self {
        Self {
            format: FORMAT_VERSION,
            slots: 16,
            rotate_ms: 60_000,
            logs: 10,
            on_full: OnFull::Overwrite,
            record_max: 8 << 20,
            log_max: 64 << 20,
            group: None,
            network_fs: false,
        }
    }
}

/// Several small records go into one write up to this many bytes.
pub(crate) const WRITE_MAX: usize = 1 << 20;

/// What the writers of one moment may add to a log together, beside what `log_max` says.
const OVERSHOOT: u64 = if cfg!(test) { 2 << 20 } else { 16 << 20 };

/// A ledger of more bytes than this is worth shortening.
pub(crate) const LEDGER_LONG: u64 = if cfg!(test) { 512 } else { 256 * 1024 };

/// The largest limit that a spool may set for a record.
pub(crate) const RECORD_MAX: u64 = 1 << 30;

/// How many logs of a slot may wait for a later run: those of a day, at one a minute.
pub(crate) const WAITING_LOGS_MAX: usize = 1_440;

/// More than a log's two entries in the ledger take.
const ENTRIES: u64 = 512;

impl Settings {
    /// How much of a log is read, whatever length it has.
    ///
    /// Writers look at a log's length before they append, and do not exclude each other: so a log
    /// grows beyond `log_max` by what is written at the same moment. A large write that ended
    /// behind the bound is not acknowledged; small ones would have to be thousands at the same
    /// moment to get there.
    pub fn limits(&self) -> Limits {
        // Settings that were not checked yet may say anything.
        let frame = frame_len(self.record_max.min(RECORD_MAX) as usize) as u64;
        let log = self.log_max.saturating_mul(2).saturating_add(frame + OVERSHOOT);
        Limits { record: self.record_max, log }
    }

    /// How much of the ledger is read: twice the entries of all logs that can be there, and what
    /// may gather before it is shortened.
    pub(crate) fn ledger_max(&self) -> u64 {
        let waiting = u64::from(self.logs).max(WAITING_LOGS_MAX as u64);
        let logs = u64::from(self.slots) * (2 * u64::from(self.logs) + waiting + 4);
        4 * LEDGER_LONG + 2 * logs * ENTRIES
    }

    /// How long a slot uses one log.
    pub fn rotate(&self) -> Duration {
        Duration::from_millis(self.rotate_ms)
    }

    /// What is impossible about these settings, in words.
    ///
    /// # Errors
    /// The words.
    pub fn check(&self) -> Result<(), String> {
        if self.format != FORMAT_VERSION {
            return Err(format!(
                "the spool has format {} and this program knows format {FORMAT_VERSION}; use the program that made it",
                self.format
            ));
        }
        if !(1..=999).contains(&self.slots) {
            return Err(format!("{} slots; there can be 1 to 999", self.slots));
        }
        if !(1..=10_000).contains(&self.logs) {
            return Err(format!("{} logs a slot; there can be 1 to 10000", self.logs));
        }
        if self.rotate_ms == 0 {
            return Err("a log that rotates after 0 ms; the shortest is 1ms".to_owned());
        }
        if self.rotate_ms > ROTATE_MOST {
            return Err(format!(
                "a log that rotates after {} ms; the longest is 100 years, {ROTATE_MOST}",
                self.rotate_ms
            ));
        }
        if self.record_max == 0 || self.record_max > RECORD_MAX {
            return Err(format!(
                "records of at most {} bytes; the limit can be 1 byte to 1 GiB",
                self.record_max
            ));
        }
        let least = LOG_HEADER + frame_len(self.record_max as usize) as u64;
        if self.log_max < least {
            return Err(format!(
                "logs of at most {} bytes; one record may need {least}",
                self.log_max
            ));
        }
        if self.log_max > LOG_MOST {
            return Err(format!(
                "logs of at most {} bytes; the limit can be up to 1 TiB, {LOG_MOST}",
                self.log_max
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_possible_and_read_back() {
        let settings = Settings::default();
        assert_eq!(settings.check(), Ok(()));
        let text = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
    }

    #[test]
    fn impossible_settings_are_refused_with_a_reason() {
        let with = |change: fn(&mut Settings)| {
            let mut settings = Settings::default();
            change(&mut settings);
            settings.check().unwrap_err()
        };
        assert!(with(|s| s.format = 2).contains("use the program that made it"));
        assert!(with(|s| s.slots = 0).contains("1 to 999"));
        assert!(with(|s| s.slots = 1000).contains("1 to 999"));
        assert!(with(|s| s.logs = 0).contains("1 to 10000"));
        assert!(with(|s| s.rotate_ms = 0).contains("1ms"));
        assert!(with(|s| s.rotate_ms = u64::MAX).contains("100 years"));
        assert!(with(|s| s.log_max = u64::MAX).contains("1 TiB"));
        assert!(with(|s| s.record_max = 2 << 30).contains("1 GiB"));
        assert!(with(|s| s.log_max = s.record_max).contains("one record may need"));
    }
}
