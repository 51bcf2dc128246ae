//! The operator of a soak, beside everything: now and then it purges a state, or retries all that
//! failed, and is killed at it as well.
//!
//! # Invariants
//! - What its programs said they did is added up.
//! - A program which ends in a way it should not ends the soak with its last words.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use slipstream_harness::interrupt::{self, Running};
use slipstream_soak::chance::Chance;

use super::place::Place;
use super::plan::Plan;

/// How long an errand may take: as long as it waits for a lock, and some more.
const PATIENCE: Duration = Duration::from_secs(60);
/// When an errand that is killed is killed, on average.
const KILLED_AFTER: Duration = Duration::from_millis(6);
const STATES: [&str; 4] = ["collecting", "ready", "processing", "failed"];

/// What it did.
#[derive(Debug, Default)]
pub(super) struct Done {
    pub(super) errands: u64,
    pub(super) killed: u64,
    /// Errands that could not go on because the disk was full.
    pub(super) cut_short: u64,
    /// Requests, as far as the errands that came to their end reported them.
    pub(super) requests: u64,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Purge(&'static str),
    Retry,
}

/// One kind of errand: at most one at a time.
struct Habit {
    every: Duration,
    due: Instant,
    running: Option<Errand>,
    done: Done,
}

struct Errand {
    what: What,
    running: Running,
    output: PathBuf,
    kill_at: Option<Instant>,
    until: Instant,
}

/// The operator.
pub(super) struct Operator<'a> {
    plan: &'a Plan,
    place: &'a Place,
    chance: Chance,
    purges: Option<Habit>,
    retries: Option<Habit>,
}

impl<'a> Operator<'a> {
    /// Begins to wait.
    pub(super) fn new(plan: &'a Plan, place: &'a Place) -> Self {
        let mut chance = Chance::new(plan.seed, 4);
        let mut habit = |every: Option<Duration>| {
            every.map(|every| Habit {
                every,
                due: Instant::now() + chance.about(every),
                running: None,
                done: Done::default(),
            })
        };
        let (purges, retries) = (habit(plan.purge), habit(plan.retry));
        Self { plan, place, chance, purges, retries }
    }

    /// Does what is due.
    pub(super) fn step(&mut self) -> Result<()> {
        let Self { plan, place, chance, purges, retries } = self;
        if let Some(habit) = purges {
            habit.see(plan)?;
            if habit.is_due() {
                let state = STATES[chance.below(STATES.len() as u64) as usize];
                habit.start(What::Purge(state), plan, place, chance)?;
            }
        }
        if let Some(habit) = retries {
            habit.see(plan)?;
            if habit.is_due() {
                habit.start(What::Retry, plan, place, chance)?;
            }
        }
        Ok(())
    }

    /// Lets what runs come to its end, and begins nothing more.
    pub(super) fn end(&mut self) -> Result<()> {
        for habit in [&mut self.purges, &mut self.retries].into_iter().flatten() {
            while habit.running.is_some() {
                interrupt::check()?;
                habit.see(self.plan)?;
                thread::sleep(Duration::from_millis(1));
            }
        }
        Ok(())
    }

    /// What the purges did, if there were to be any.
    pub(super) fn purges(&self) -> Option<&Done> {
        self.purges.as_ref().map(|habit| &habit.done)
    }

    /// What the retries did, if there were to be any.
    pub(super) fn retries(&self) -> Option<&Done> {
        self.retries.as_ref().map(|habit| &habit.done)
    }
}

impl Habit {
    fn is_due(&self) -> bool {
        self.running.is_none() && Instant::now() >= self.due
    }

    fn start(&mut self, what: What, plan: &Plan, place: &Place, chance: &mut Chance) -> Result<()> {
        let now = Instant::now();
        self.due = now + chance.about(self.every);
        let by_writer = chance.one_in(2);
        let (name, mut command) = match what {
            What::Purge(state) => ("purge", plan.purge(place, by_writer, state)),
            What::Retry => ("retry", plan.retry(place, by_writer)),
        };
        let output = place.file(&format!("{name}.log"));
        let file = File::create(&output).context("could not make a file for output")?;
        let said = file.try_clone().context("could not share a file for output")?;
        self.running = Some(Errand {
            what,
            running: Running::start(command.stdout(file).stderr(said))?,
            output,
            kill_at: chance.one_in(3).then(|| now + chance.about(KILLED_AFTER)),
            until: now + PATIENCE,
        });
        self.done.errands += 1;
        Ok(())
    }

    fn see(&mut self, plan: &Plan) -> Result<()> {
        let Some(mut errand) = self.running.take() else {
            return Ok(());
        };
        if let Some(status) = errand.running.ended().context("could not wait")? {
            return self.judge(&errand, status, plan);
        }
        let now = Instant::now();
        if now >= errand.until {
            bail!("{} has not ended after {} s", errand.name(), PATIENCE.as_secs());
        }
        if errand.kill_at.is_some_and(|at| now >= at) {
            errand.kill_at = None;
            errand
                .running
                .child
                .kill()
                .with_context(|| format!("could not kill {}", errand.name()))?;
        }
        self.running = Some(errand);
        Ok(())
    }

    fn judge(&mut self, errand: &Errand, status: ExitStatus, plan: &Plan) -> Result<()> {
        let words = fs::read_to_string(&errand.output).context("could not read the output")?;
        let busy = matches!(errand.what, What::Purge("processing"));
        let left =
            matches!(errand.what, What::Retry) && words.contains("left alone: a running worker");
        match status.code() {
            Some(0) => self.done.requests += requests(&words)?,
            // What a running worker holds is not retried, and that is said.
            Some(1) if left => self.done.requests += requests(&words)?,
            None if status.signal() == Some(9) => self.done.killed += 1,
            Some(2) if busy && words.contains("worker is running") => {}
            Some(2) if plan.enospc && says_full(&words) => self.done.cut_short += 1,
            _ => bail!("{} failed ({status}): {}", errand.name(), words.trim()),
        }
        Ok(())
    }
}

impl Errand {
    fn name(&self) -> String {
        match self.what {
            What::Purge(state) => format!("a purge of {state}"),
            What::Retry => "a retry".to_owned(),
        }
    }
}

/// Whether a program says that the disk was full: by the system's number, or since a write was
/// cut short.
pub(super) fn says_full(words: &str) -> bool {
    words.contains("os error 28") || words.contains("is the disk full?")
}

/// The number before 'requests'.
fn requests(words: &str) -> Result<u64> {
    let mut before = "";
    for word in words.split_whitespace() {
        if word.starts_with("request") {
            let number = before.replace(',', "").parse();
            return number.with_context(|| format!("'{words}' tells no number of requests"));
        }
        before = word;
    }
    bail!("'{words}' tells of no requests")
}

#[cfg(test)]
mod tests {
    use super::requests;

    #[test]
    fn the_number_of_requests_is_read_from_what_either_program_says() {
        for (words, number) in [
            ("ready       1,234 requests in 3 logs, 5.6 KiB\n", 1234),
            ("failed      1 request in 1 log, 300 B\n", 1),
            ("ready 12 requests in 3 logs\n", 12),
            ("0 requests in 0 logs will be delivered by the next worker\n", 0),
        ] {
            assert_eq!(requests(words).ok(), Some(number), "{words}");
        }
        assert!(requests("").is_err());
    }
}
