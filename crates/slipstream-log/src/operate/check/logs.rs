//! Check of the logs: reads each, and reports what is unreadable in it.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::ops::Range;

use super::{Check, why};
use crate::error::SpoolError;
use crate::format::frame::{FORMAT_VERSION, frame_len};
use crate::format::layout::{collecting_path, damage_path, log_path};
use crate::format::log_name::{LogName, Stage};
use crate::format::scan::{Item, Walk};
use crate::format::settings::WRITE_MAX;
use crate::fs::{File, Open};
use crate::lifecycle::damage::Damage;

impl Check<'_> {
    pub(super) fn read_logs(&mut self) -> Result<(), SpoolError> {
        let mut seen = HashMap::new();
        for slot in self.files().collecting_slots()? {
            self.read_log(&collecting_path(slot), None);
        }
        // The furthest stage first: a log with two names has gone that far.
        for stage in [Stage::Failed, Stage::Processing, Stage::Ready] {
            for log in self.files().logs_in(stage)? {
                let path = log_path(stage, log);
                match seen.get(&log) {
                    None => {
                        seen.insert(log, stage);
                        self.read_log(&path, Some(log));
                    }
                    Some(later) => self.two_names(&path, &log_path(*later, log)),
                }
            }
        }
        Ok(())
    }

    /// A log that is at two stages. A power loss can leave one file with two names.
    fn two_names(&mut self, path: &str, later: &str) {
        let identity = |path: &str| self.files().fs.stat(path).map(|stat| stat.identity).ok();
        if identity(path) == identity(later) {
            self.leave(path, "stands at a later stage, too; it counts as being there", false);
        } else {
            let what = "stands at a later stage, too; remove the one in this place";
            self.find(path, what, false);
        }
    }

    /// Reads a log. What keeps it from being read keeps no other from it.
    fn read_log(&mut self, path: &str, name: Option<LogName>) {
        let file = match self.files().fs.open(path, Open::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            Err(error) => return self.find(path, format!("cannot be opened: {error}"), false),
        };
        if let Err(error) = self.read_open(&*file, path, name, false) {
            self.find(path, format!("cannot be read to its end: {}", why(&error)), false);
        }
    }

    fn read_open(
        &mut self,
        file: &dyn File,
        path: &str,
        name: Option<LogName>,
        quiet: bool,
    ) -> Result<(), SpoolError> {
        let header = self.files().read_header(file, path)?;
        let mut walk = self.files().walk(file, path, name)?;
        let (mut records, mut damage, mut torn) = (0, Stretches::default(), Stretches::default());
        // A writer may be at the end of a log that is being collected, unless its lock is held.
        let busy = name.is_none() && header.is_some() && !quiet;
        let writing =
            WRITE_MAX as u64 + frame_len(self.files().settings.record_max as usize) as u64;
        while let Some(item) =
            walk.next(file).map_err(|error| self.files().io("read", path, error))?
        {
            let (stretches, range) = match item {
                Item::Record { .. } => {
                    records += 1;
                    continue;
                }
                Item::Torn(range) => (&mut torn, range),
                Item::Damage(range) => (&mut damage, range),
            };
            let at_end = range.end == walk.end() + walk.unread();
            if !(busy && at_end && range.end - range.start <= writing) {
                stretches.add(&range);
            } else if let Some(_held) = self.files().lock_if_free(file, path)? {
                return self.read_open(file, path, name, true);
            }
        }
        self.report.parts += 1;
        self.report.bytes += walk.end();
        self.report.records += records;
        match (header, name) {
            (None, _) if records + damage.places == 0 => {
                let what = "has no header and holds nothing, as a power loss may leave it";
                self.leave(path, what, false);
                return Ok(());
            }
            (None, _) => {
                let what =
                    format!("has no header of version {FORMAT_VERSION}; its name stands in for it");
                self.find(path, what, false);
            }
            (Some(header), Some(name)) if LogName::of(&header).salt != name.salt => {
                self.find(path, "has another log's header; was it renamed?", false);
            }
            _ => {}
        }
        self.torn(path, &torn);
        self.damage(file, path, name, &damage, &walk)
    }

    /// What was written for no record that was acknowledged.
    fn torn(&mut self, path: &str, torn: &Stretches) {
        if torn.places > 0 {
            let what = format!(
                "{} bytes from {} on are of writes that were cut short{}; nothing that was acknowledged was in them",
                torn.bytes,
                torn.first,
                torn.in_places()
            );
            self.leave(path, what, false);
        }
    }

    fn damage(
        &mut self,
        file: &dyn File,
        path: &str,
        name: Option<LogName>,
        damage: &Stretches,
        walk: &Walk,
    ) -> Result<(), SpoolError> {
        if damage.places == 0 {
            return Ok(());
        }
        if let Some(name) = name {
            // A part of it is what a killed process has copied.
            let damage = Damage { files: self.files(), file, path, log: name };
            if let Ok(stat) = self.files().fs.stat(&damage_path(name))
                && stat.len == damage.aside_len()?
            {
                return Ok(());
            }
        }
        let unread = match walk.unread() {
            0 => String::new(),
            unread => format!(
                " ({unread} of them are more than a log may have, and are not read; see who wrote them)"
            ),
        };
        let what = format!(
            "{} bytes from {} on are no records{}{unread}; a repair copies them to failed/, and the records around them are delivered",
            damage.bytes,
            damage.first,
            damage.in_places()
        );
        let copied = match name.filter(|_| self.repair) {
            Some(log) => Damage { files: self.files(), file, path, log }.set_aside().map(|()| true),
            None => Ok(false),
        };
        self.find(path, what, matches!(copied, Ok(true)));
        copied.map(drop)
    }
}

/// Stretches of a log that hold no record.
#[derive(Default)]
struct Stretches {
    places: u64,
    bytes: u64,
    /// Where the first begins.
    first: u64,
}

impl Stretches {
    fn add(&mut self, range: &Range<u64>) {
        if self.places == 0 {
            self.first = range.start;
        }
        self.places += 1;
        self.bytes = self.bytes.saturating_add(range.end - range.start);
    }

    fn in_places(&self) -> String {
        match self.places {
            1 => String::new(),
            places => format!(", in {places} places"),
        }
    }
}
