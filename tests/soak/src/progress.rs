//! The progress report of a soak.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

use super::crew::Crew;
use super::verdict::thousands;

/// A line a second on a terminal, a line every five seconds elsewhere.
pub(super) struct Progress {
    start: Instant,
    due: Instant,
    terminal: bool,
}

impl Progress {
    /// Begins to count the time.
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), due: Instant::now(), terminal: stderr().is_terminal() }
    }

    /// Reports how it goes, if it is time to.
    pub(super) fn show(&mut self, crew: &Crew<'_>, received: u64) {
        if Instant::now() < self.due {
            return;
        }
        self.due += Duration::from_secs(if self.terminal { 1 } else { 5 });
        let received = match received {
            0 => String::new(),
            some => format!(", {} received", thousands(some)),
        };
        let line = format!(
            "{:4} s: {} stored{received}, {} writers and {} workers killed, run {}",
            self.start.elapsed().as_secs(),
            thousands(crew.acknowledged()),
            crew.tally.writers_killed,
            crew.tally.workers_killed,
            crew.tally.runs
        );
        let (before, behind) = if self.terminal { ("\r", "\x1b[K") } else { ("", "\n") };
        // A soak does not end because its progress is not read.
        let _ = write!(stderr(), "{before}{line}{behind}");
    }

    /// Leaves the line as it is.
    pub(super) fn end(&self) {
        if self.terminal {
            eprintln!();
        }
    }
}
