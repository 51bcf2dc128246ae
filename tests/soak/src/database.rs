//! The database of a soak: a real MariaDB, killed at random moments and started again.
//!
//! # Invariants
//! - It ends with the soak.
//! - A database which does not come back ends the soak.
//!
//! # Non-goals
//! How a MariaDB is run. That is known where it is tested with, so a program from there has it
//! (tests/examples/soak_database).

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use slipstream_harness::interrupt::{self, Running};
use slipstream_harness::packages;
use slipstream_soak::chance::Chance;

use super::place::Place;

/// How long it may take to come up, or to report what it has.
const PATIENCE: Duration = Duration::from_secs(120);

/// It, and when it is killed next.
pub(super) struct Database {
    _running: Running,
    orders: ChildStdin,
    words: Receiver<String>,
    url: String,
    chance: Chance,
    every: Duration,
    due: Instant,
    /// Since when it has been coming up.
    down: Option<Instant>,
    pub(super) kills: u64,
}

impl Database {
    /// Starts it; `every` is the mean time from one kill to the next.
    pub(super) fn start(program: &Path, place: &Place, seed: u64, every: Duration) -> Result<Self> {
        let dir = place.file("database");
        fs::create_dir(&dir).context("could not make a directory")?;
        let mut command = Command::new(program);
        command.env("TMPDIR", dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.envs(packages::programs());
        let mut running = Running::start(&mut command)?;
        let orders = running.child.stdin.take().context("the database has no input")?;
        let output = running.child.stdout.take().context("the database has no output")?;
        let (said, words) = channel();
        // It ends with the program's output.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        let mut chance = Chance::new(seed, 5);
        let mut database = Self {
            _running: running,
            orders,
            words,
            url: String::new(),
            every,
            due: Instant::now() + chance.about(every),
            chance,
            down: None,
            kills: 0,
        };
        database.url = database.answer()?;
        Ok(database)
    }

    /// Where its tables are.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Does what is due.
    pub(super) fn step(&mut self) -> Result<()> {
        let now = Instant::now();
        if let Some(since) = self.down {
            return self.see(since, Duration::ZERO);
        }
        if now >= self.due {
            self.order("restart")?;
            self.kills += 1;
            self.down = Some(now);
        }
        Ok(())
    }

    /// Waits until it is up, and lets it be from then on.
    pub(super) fn end(&mut self) -> Result<()> {
        while let Some(since) = self.down {
            interrupt::check()?;
            self.see(since, Duration::from_millis(10))?;
        }
        Ok(())
    }

    /// Writes the ids of all rows into a file, and returns how many of the others were not kept in
    /// step with them.
    pub(super) fn rows(&mut self, file: &Path) -> Result<u64> {
        self.order(&format!("rows {}", file.display()))?;
        let number = self.answer()?;
        number.parse().with_context(|| format!("the database said '{number}', which is no number"))
    }

    fn see(&mut self, since: Instant, wait: Duration) -> Result<()> {
        match self.words.recv_timeout(wait) {
            Ok(_) => {
                self.down = None;
                self.due = Instant::now() + self.chance.about(self.every);
            }
            Err(RecvTimeoutError::Timeout) if since.elapsed() < PATIENCE => {}
            Err(_) => bail!("the database does not come back; its words above may say why"),
        }
        Ok(())
    }

    fn order(&mut self, what: &str) -> Result<()> {
        writeln!(self.orders, "{what}").context("the database has ended")
    }

    fn answer(&mut self) -> Result<String> {
        let since = Instant::now();
        loop {
            interrupt::check()?;
            match self.words.recv_timeout(Duration::from_millis(50)) {
                Ok(word) => return Ok(word),
                Err(RecvTimeoutError::Timeout) if since.elapsed() < PATIENCE => {}
                Err(_) => bail!("the database does not answer; its words above may say why"),
            }
        }
    }
}
