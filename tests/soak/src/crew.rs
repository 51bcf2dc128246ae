//! The processes of a soak: started, killed at random moments, started again.
//!
//! # Invariants
//! - None outlives the soak.
//! - A program which ends in a way it should not, or does not get on, ends the soak with its last
//!   words.

use std::fs::{self, File, OpenOptions};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use slipstream_harness::interrupt::{self, Running};
use slipstream_soak::chance::{Chance, mix};

use super::operator::says_full;
use super::place::Place;
use super::plan::Plan;

/// How long a writer may store nothing, or a worker run on after its time was up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was done to the crew.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) lives: u32,
    pub(super) writers_killed: u64,
    pub(super) workers_killed: u64,
    pub(super) workers_asked: u64,
    pub(super) runs: u64,
    /// Runs that could not go on because the disk was full.
    pub(super) runs_cut_short: u64,
}

struct Worker {
    running: Running,
    /// When it is called stuck.
    until: Instant,
    /// Where what it says begins in the workers' common file.
    words_at: u64,
}

struct Writer {
    running: Running,
    acks: PathBuf,
    acknowledged: u64,
    since: Instant,
}

/// All of them.
pub(super) struct Crew<'a> {
    plan: &'a Plan,
    place: &'a Place,
    chance: Chance,
    writers: Vec<Writer>,
    worker: Option<Worker>,
    worker_due: Instant,
    kill_due: Instant,
    pub(super) tally: Tally,
}

impl<'a> Crew<'a> {
    /// Starts the writers.
    pub(super) fn start(plan: &'a Plan, place: &'a Place) -> Result<Self> {
        let now = Instant::now();
        let mut chance = Chance::new(plan.seed, 1);
        let mut crew = Self {
            plan,
            place,
            kill_due: now + chance.about(plan.kill),
            chance,
            writers: Vec::new(),
            worker: None,
            worker_due: now,
            tally: Tally::default(),
        };
        for number in 0..plan.writers {
            let writer = crew.writer(number)?;
            crew.writers.push(writer);
        }
        Ok(crew)
    }

    /// What has been acknowledged so far.
    pub(super) fn acknowledged(&self) -> u64 {
        self.writers.iter().map(|writer| writer.acknowledged).sum()
    }

    /// Does what is due.
    pub(super) fn step(&mut self) -> Result<()> {
        let now = Instant::now();
        if now >= self.kill_due {
            self.kill_due = now + self.chance.about(self.plan.kill);
            self.kill()?;
        }
        self.see_worker(self.plan.run_for(), self.plan.enospc)?;
        for number in 0..self.writers.len() {
            let writer = &mut self.writers[number];
            if let Some(status) = writer.running.ended().context("could not wait")? {
                bail!("a writer ended by itself ({status}): {}", self.words("writers", 0));
            }
        }
        Ok(())
    }

    /// Looks whether every writer gets on; not needed at every step.
    pub(super) fn look(&mut self) -> Result<()> {
        for writer in &mut self.writers {
            let length = fs::metadata(&writer.acks).map_or(0, |meta| meta.len());
            if length / 16 > writer.acknowledged || self.plan.enospc {
                writer.since = Instant::now();
            }
            writer.acknowledged = length / 16;
            if writer.since.elapsed() > PATIENCE {
                let pid = writer.running.child.id();
                bail!("writer {pid} has stored nothing for {} s", PATIENCE.as_secs());
            }
        }
        Ok(())
    }

    /// Lets the writers end between two stores.
    pub(super) fn end_writers(&mut self) -> Result<()> {
        for writer in &self.writers {
            writer.running.ask_to_end();
        }
        for mut writer in std::mem::take(&mut self.writers) {
            let status = end(&mut writer.running, "a writer that was asked to end")?;
            // A writer that was started just now may be asked before it listens, so before it
            // stores.
            if !status.success() && status.signal() != Some(15) {
                bail!("a writer failed ({status}): {}", self.words("writers", 0));
            }
        }
        Ok(())
    }

    /// Runs the worker until a run that was begun after the last store has nothing more to do.
    pub(super) fn drain(&mut self) -> Result<()> {
        // The worker that runs now has less time, and perhaps met a full disk.
        while self.worker.is_some() {
            self.rest(self.plan.enospc)?;
        }
        let before = self.tally.runs;
        while self.tally.runs == before || self.worker.is_some() {
            self.rest(false)?;
        }
        Ok(())
    }

    fn rest(&mut self, may_be_full: bool) -> Result<()> {
        interrupt::check()?;
        thread::sleep(Duration::from_millis(2));
        self.see_worker(Duration::from_secs(300), may_be_full)
    }

    fn kill(&mut self) -> Result<()> {
        if self.chance.one_in(3)
            && let Some(mut worker) = self.worker.take()
        {
            // Now and then it is asked, as an operator would.
            let asked = self.chance.one_in(8);
            if asked {
                worker.running.ask_to_end();
            } else {
                let killed = worker.running.child.kill();
                killed.context("could not kill the worker")?;
            }
            let status = end(&mut worker.running, "a worker that was to end")?;
            match status.signal() {
                Some(9) => self.tally.workers_killed += 1,
                // Asked before it listened, which is before it began.
                Some(15) if asked => self.tally.workers_asked += 1,
                _ => {
                    self.tally.workers_asked += u64::from(asked);
                    self.judge_run(&worker, status, self.plan.enospc)?;
                }
            }
            return Ok(());
        }
        let number = self.chance.below(self.writers.len() as u64) as usize;
        let running = &mut self.writers[number].running;
        running.child.kill().context("could not kill a writer")?;
        let status = end(running, "a writer that was killed")?;
        if status.code().is_some() {
            bail!("a writer ended by itself ({status}): {}", self.words("writers", 0));
        }
        self.tally.writers_killed += 1;
        let acknowledged = self.writers[number].acknowledged;
        self.writers[number] = self.writer(number)?;
        self.writers[number].acknowledged = acknowledged;
        Ok(())
    }

    fn see_worker(&mut self, run_for: Duration, may_be_full: bool) -> Result<()> {
        let now = Instant::now();
        let Some(mut worker) = self.worker.take() else {
            if now >= self.worker_due {
                self.worker = Some(self.worker(run_for)?);
                self.tally.runs += 1;
            }
            return Ok(());
        };
        if let Some(status) = worker.running.ended().context("could not wait")? {
            self.worker_due = now + self.chance.about(Duration::from_millis(20));
            return self.judge_run(&worker, status, may_be_full);
        }
        if now > worker.until {
            bail!("a worker went on {} s after its time was up", PATIENCE.as_secs());
        }
        self.worker = Some(worker);
        Ok(())
    }

    fn judge_run(&mut self, worker: &Worker, status: ExitStatus, may_be_full: bool) -> Result<()> {
        let words = self.words("worker", worker.words_at);
        match status.code() {
            // 1: something was dead-lettered, as it should be.
            Some(0 | 1) => Ok(()),
            Some(2) if may_be_full && says_full(&words) => {
                self.tally.runs_cut_short += 1;
                Ok(())
            }
            _ => bail!("a worker failed ({status}): {words}"),
        }
    }

    fn worker(&self, run_for: Duration) -> Result<Worker> {
        let log = self.log("worker")?;
        let words_at = log.metadata().context("could not look at a file")?.len();
        let seed = mix(self.plan.seed);
        let mut command = self.plan.work(self.place, run_for, seed)?;
        Ok(Worker {
            running: Running::start(command.stdout(Stdio::null()).stderr(log))?,
            until: Instant::now() + run_for + PATIENCE,
            words_at,
        })
    }

    fn writer(&mut self, number: usize) -> Result<Writer> {
        let acks = self.place.file(&format!("acks-{number}"));
        let mut command = self.plan.write(self.place, number, self.tally.lives)?;
        let log = self.log("writers")?;
        let running = Running::start(command.stdout(Stdio::null()).stderr(log))?;
        self.tally.lives += 1;
        Ok(Writer { running, acks, acknowledged: 0, since: Instant::now() })
    }

    fn log(&self, name: &str) -> Result<File> {
        let path = log_path(self.place, name);
        let file = OpenOptions::new().append(true).create(true).open(&path);
        file.with_context(|| format!("could not open {}", path.display()))
    }

    /// What was said since a place in a file, shortened.
    fn words(&self, name: &str, at: u64) -> String {
        let text = fs::read(log_path(self.place, name)).unwrap_or_default();
        let text = String::from_utf8_lossy(text.get(at as usize..).unwrap_or_default());
        let lines: Vec<_> = text.lines().rev().take(3).collect();
        match lines.is_empty() {
            true => "it said nothing".to_owned(),
            false => lines.join("; "),
        }
    }
}

fn log_path(place: &Place, name: &str) -> PathBuf {
    place.file(&format!("{name}.log"))
}

/// The end of a process that is about to end.
fn end(running: &mut Running, what: &str) -> Result<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = running.ended().context("could not wait")? {
            return Ok(status);
        }
        thread::sleep(Duration::from_micros(200));
    }
    bail!("{what} has not ended after {} s", PATIENCE.as_secs())
}
