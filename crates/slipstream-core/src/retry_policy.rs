//! The retry policy: how often a request is tried, and how long it waits in between.
//!
//! A policy is data: one line of text says it, on a command line, in the environment or in a stored
//! request, and [`RetryPolicy::schedule`] returns what follows from it. Attempts come in rounds:
//! attempts of one round are seconds or minutes apart, rounds hours or days, so that a long
//! schedule needs two numbers and not a table.
//!
//! # Invariants
//! The same numbers give the same delay, no setting makes it panic or overflow, and it never falls
//! short of the back-off it was asked for.
//!
//! # Non-goals
//! A source of randomness. Jitter is passed in, so that tests own it.

use std::fmt;
use std::time::Duration;

use crate::invalid::Invalid;

/// Longest wait that a policy may ask for. The spool cannot distinguish a longer wait from a clock
/// that was set back.
const WAIT_MAX: Duration = Duration::from_secs(6 * 24 * 3600);

/// Most attempts, of all rounds together: as many as the spool counts.
const ATTEMPTS_MAX: u32 = 65_535;

/// How often to try, and how long to wait after each failure.
///
/// ```
/// use slipstream_core::RetryPolicy;
///
/// let patient = RetryPolicy::default().amended("attempts=5,base=1m,rounds=3,every=1d")?;
/// assert_eq!(patient.all_attempts(), 15);
/// # Ok::<(), slipstream_core::Invalid>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Attempts in a round. 0 is taken for 1.
    pub attempts: u32,
    /// The wait after the first failed attempt of a round.
    pub base: Duration,
    /// What each further wait is multiplied by.
    pub factor: f64,
    /// The longest back-off within a round, before jitter.
    pub cap: Duration,
    /// The largest share of a wait that chance adds to it: 0.2 makes 2 s into 2 s to 2.4 s.
    /// It keeps requests that failed together from coming back together.
    pub jitter: f64,
    /// How many rounds there are. 0 is taken for 1.
    pub rounds: u32,
    /// The wait between the last attempt of a round and the first one of the next.
    pub every: Duration,
    /// The longest time that a destination may ask its clients to wait (Retry-After).
    pub retry_after_cap: Duration,
    /// Answers that no further attempt would change, in the destination's own numbers (an HTTP
    /// status).
    pub permanent: Statuses,
}

impl Default for RetryPolicy {
    /// 3 attempts, 2 s and 4 s apart, in one round; no answer is permanent.
    fn default() -> Self {
        Self {
            attempts: 3,
            base: Duration::from_secs(2),
            factor: 2.0,
            cap: Duration::from_secs(10 * 60),
            jitter: 0.2,
            rounds: 1,
            every: Duration::from_secs(60 * 60),
            retry_after_cap: Duration::from_secs(60 * 60),
            permanent: Statuses::default(),
        }
    }
}

/// One attempt of a schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// 1 for the first.
    pub attempt: u32,
    /// 1 for the first.
    pub round: u32,
    /// The wait before it, without jitter. Zero for the first.
    pub wait: Duration,
    /// When it is made, counted from the first one: at the earliest, with no jitter,
    pub earliest: Duration,
    /// and at the latest, with all of it.
    pub latest: Duration,
}

impl RetryPolicy {
    /// The wait after the failure of attempt number `attempt` (1 for the first).
    /// `random` is a number from 0 to 1 that decides on the jitter.
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let plain = if self.ends_round(attempt) && !self.is_spent(attempt) {
            self.every.as_secs_f64()
        } else {
            let before = attempt.saturating_sub(1) % self.attempts.max(1);
            let exponent = i32::try_from(before).unwrap_or(i32::MAX);
            // An overflow is infinite and ends at the cap; nonsense (NaN, negative) does not wait
            // less than the base.
            let grown = self.base.as_secs_f64() * self.factor.powi(exponent);
            grown.max(self.base.as_secs_f64()).min(self.cap.as_secs_f64())
        };
        let jittered = plain * (1.0 + fraction(self.jitter) * fraction(random));
        Duration::try_from_secs_f64(jittered).unwrap_or(self.cap)
    }

    /// The wait after a failure when the destination may have asked for one: what it asked
    /// for, at most [`RetryPolicy::retry_after_cap`], and never less than the back-off.
    pub fn wait(&self, attempt: u32, asked: Option<Duration>, random: f64) -> Duration {
        let asked = asked.unwrap_or_default().min(self.retry_after_cap);
        self.delay(attempt, random).max(asked)
    }

    /// Attempts of all rounds together.
    pub fn all_attempts(&self) -> u32 {
        self.attempts.max(1).saturating_mul(self.rounds.max(1))
    }

    /// Whether a request that was tried this often is dead-lettered.
    pub fn is_spent(&self, attempts: u32) -> bool {
        attempts >= self.all_attempts()
    }

    /// Whether this attempt is the last one of its round.
    pub fn ends_round(&self, attempt: u32) -> bool {
        attempt > 0 && attempt.is_multiple_of(self.attempts.max(1))
    }

    /// How long the rounds that come after the first last together. A request that was not tried
    /// because its destination is down is dead-lettered when it is older.
    pub fn later_rounds(&self) -> Duration {
        self.every.saturating_mul(self.rounds.saturating_sub(1))
    }

    /// Every attempt that it allows, and when.
    pub fn schedule(&self) -> impl Iterator<Item = Step> + '_ {
        let (mut earliest, mut latest) = (Duration::ZERO, Duration::ZERO);
        (1..=self.all_attempts()).map(move |attempt| {
            let wait = |random| match attempt {
                1 => Duration::ZERO,
                _ => self.delay(attempt - 1, random),
            };
            earliest = earliest.saturating_add(wait(0.0));
            latest = latest.saturating_add(wait(1.0));
            let round = (attempt - 1) / self.attempts.max(1) + 1;
            Step { attempt, round, wait: wait(0.0), earliest, latest }
        })
    }

    /// The same with what this text says: `attempts=3,base=2s,factor=2,cap=10m,jitter=0.2,
    /// rounds=4,every=1d,permanent=400-407+410`, in any order, what is not named staying as it is.
    /// A base above the cap raises the cap.
    ///
    /// # Errors
    /// Which part cannot be read, and what would be right.
    pub fn amended(&self, text: &str) -> Result<Self, Invalid> {
        let mut policy = self.clone();
        let mut capped = false;
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| Invalid::new(format!("invalid retry policy '{part}'; {KNOWN}")))?;
            let value = value.trim();
            match name.trim() {
                "attempts" => policy.attempts = number(name, value)?,
                "rounds" => policy.rounds = number(name, value)?,
                "base" => policy.base = wait(name, value)?,
                "cap" => {
                    policy.cap = wait(name, value)?;
                    capped = true;
                }
                "every" => policy.every = wait(name, value)?,
                "retry-after-cap" => policy.retry_after_cap = wait(name, value)?,
                "factor" => policy.factor = real(name, value, 1.0, 100.0)?,
                "jitter" => policy.jitter = real(name, value, 0.0, 1.0)?,
                "permanent" => policy.permanent = Statuses::parse(value)?,
                other => {
                    return Err(Invalid::new(format!(
                        "unknown key '{other}' in the retry policy; {KNOWN}"
                    )));
                }
            }
        }
        if !capped {
            policy.cap = policy.cap.max(policy.base);
        }
        if u64::from(policy.attempts) * u64::from(policy.rounds) > ATTEMPTS_MAX.into() {
            return Err(Invalid::new(format!(
                "invalid retry policy: more than {ATTEMPTS_MAX} attempts in all; ask for fewer"
            )));
        }
        Ok(policy)
    }
}

/// The text of a message about the names.
const KNOWN: &str = "expected NAME=VALUE, such as attempts=3,base=2s,factor=2,cap=10m,jitter=0.2,rounds=4,every=1d,permanent=400+404";

fn number(name: &str, value: &str) -> Result<u32, Invalid> {
    let number = value.parse().ok().filter(|number| (1..=ATTEMPTS_MAX).contains(number));
    number.ok_or_else(|| {
        Invalid::new(format!(
            "invalid {name} '{value}' in the retry policy; expected a whole number from 1 to {ATTEMPTS_MAX}"
        ))
    })
}

fn real(name: &str, value: &str, least: f64, most: f64) -> Result<f64, Invalid> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| {
        Invalid::new(format!(
            "invalid {name} '{value}' in the retry policy; expected a number from {least} to {most}"
        ))
    })
}

fn wait(name: &str, value: &str) -> Result<Duration, Invalid> {
    let seconds = value.parse().ok().map(Duration::from_secs);
    let wait = seconds.or_else(|| humantime::parse_duration(value).ok());
    wait.filter(|wait| *wait <= WAIT_MAX).ok_or_else(|| {
        Invalid::new(format!(
            "invalid {name} '{value}' in the retry policy; expected a time up to 6 days, such as 500ms, 30s, 10m, 12h, 1d"
        ))
    })
}

/// The text that [`RetryPolicy::amended`] reads.
impl fmt::Display for RetryPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spell = |wait: Duration| humantime::format_duration(wait).to_string().replace(' ', "");
        write!(
            f,
            "attempts={},base={},factor={},cap={},jitter={}",
            self.attempts,
            spell(self.base),
            self.factor,
            spell(self.cap),
            self.jitter
        )?;
        if self.rounds > 1 {
            write!(f, ",rounds={},every={}", self.rounds, spell(self.every))?;
        }
        write!(f, ",retry-after-cap={}", spell(self.retry_after_cap))?;
        if self.permanent != Statuses::default() {
            write!(f, ",permanent={}", self.permanent)?;
        }
        Ok(())
    }
}

/// A set of a destination's answers, as ranges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statuses(Vec<(u16, u16)>);

impl Statuses {
    /// Whether it is one of them.
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }

    /// The set that this text says: `400-407+410`; `none` is the empty one.
    ///
    /// # Errors
    /// What part of it is invalid.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text == "none" {
            return Ok(Self::default());
        }
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then_some((first, last))
        };
        let ranges = text.split('+').map(|part| {
            range(part).ok_or_else(|| {
                Invalid::new(format!(
                    "invalid status '{part}'; expected 404, 400-407+410, or the word none"
                ))
            })
        });
        Ok(Self(ranges.collect::<Result<_, _>>()?))
    }
}

impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, (first, last)) in self.0.iter().enumerate() {
            let plus = if index > 0 { "+" } else { "" };
            match first == last {
                true => write!(f, "{plus}{first}")?,
                false => write!(f, "{plus}{first}-{last}")?,
            }
        }
        Ok(())
    }
}

/// A number as a fraction; what is not a number counts as 0.
fn fraction(number: f64) -> f64 {
    if number.is_nan() {
        return 0.0;
    }
    number.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests;
