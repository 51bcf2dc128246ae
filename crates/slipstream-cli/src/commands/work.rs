//! `slipstream work`: delivers what is stored, then exits, or stays until it is stopped.
//!
//! # Invariants
//! - With `--quiet` a run that delivered everything says nothing, so cron mails nothing.
//! - Whatever was not delivered is said in words and, when it failed, in the exit code.
//!
//! # Non-goals
//! How work is done. This names the drivers and hands over.

mod explain;
mod follow;
mod metrics;
mod ping;

use std::io::{self, IsTerminal};
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Uid;
use slipstream_core::operator::{Operator, Stage};
use slipstream_core::{BacklogError, Engine};
use slipstream_log::{Spool, SpoolError};
use slipstream_worker::{Ending, Event, Limits, Observer, RetryPolicy, RunError, Summary, Worker};

use crate::args::WorkArgs;
use crate::commands::init;
use crate::commands::work::follow::Failures;
use crate::commands::work::metrics::Metrics;
use crate::commands::work::ping::Ping;
use crate::exit::Exit;
use crate::exit::code;
use crate::health::hangs;
use crate::kinds;
use crate::kinds::Trust;
use crate::kinds::late;
use crate::process::environment;
use crate::process::owner::Place;
use crate::process::signals;
use crate::term::print;
use crate::term::progress::{self, Progress, Show};
use crate::term::units::{count, spell, thousands};

pub(crate) fn run(place: &Place, args: &WorkArgs) -> Result<Exit> {
    let policy = policy(args)?;
    if args.policy.explain {
        return explain::run(&policy, &args.policy);
    }
    // What is allowed to no purpose is refused whether there is a spool or not.
    let allowed = kinds::allowed_secrets(&args.delivery)?;
    let started_as = Uid::effective();
    place.become_owner()?;
    raise_descriptor_limit();
    let became_another = Uid::effective() != started_as;
    if became_another {
        environment::clear(allowed.iter())?;
    }
    let mut metrics = args.operate.metrics.as_deref().map(|path| Metrics::new(path, args.follow));
    // A file may name one for the runs that end.
    let ping = args.operate.ping.as_deref().filter(|_| !args.follow);
    let ping = ping.map(|url| Ping::new(url, args.delivery.proxy.as_deref())).transpose()?;
    let (mut latest, mut tries) = (None, 0);
    let ran = loop {
        let place = latest.as_ref().unwrap_or(place);
        match deliver(place, args, policy.clone(), became_another, &mut metrics, ping.as_ref()) {
            Err(error) if args.follow && !signals::came() && is_elsewhere(&error) => {
                print::complain(&format!("{error:#}; goes on with what is there now"));
                tries = TRIES;
            }
            // What removes or moves it may not be done yet.
            Err(error) if tries > 0 && !signals::came() && !error.is::<RunError>() => tries -= 1,
            ran => break ran,
        }
        latest = Some(place.anew());
        std::thread::sleep(SETTLES);
    };
    let ending = ran.as_ref().map_or(Some(Ending::Broken), |(_, ending)| *ending);
    // Where another worker is running, that worker reports the run.
    let told = match (metrics, ending) {
        (Some(metrics), Some(ending)) => {
            let spool = place.find().ok().flatten();
            metrics.finish(ending, spool.as_ref().map(|spool| spool as &dyn Operator))
        }
        _ => true,
    };
    let ended = match ran {
        // What watches over the run must not take an old file for news.
        Ok((Exit::Success, _)) if !told => Ok(Exit::Incomplete),
        ran => ran.map(|(ended, _)| ended),
    };
    if let (Some(ping), Some(_)) = (ping, ending) {
        // If it broke off before that. Then there is no other thread yet.
        late::start()?;
        ping.ended(code(&ended));
    }
    ended
}

/// Allows this process as many descriptors as it may have: each connection takes one, and a login
/// shell or a service starts with 1,024.
fn raise_descriptor_limit() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    if soft < hard
        && let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
    {
        tracing::debug!(%error, soft, hard, "the limit of descriptors stays as it is");
    }
}

/// How often, and how far apart, a worker that stays looks for what has come in place of a spool that was
/// moved or emptied.
const TRIES: u32 = 20;
const SETTLES: Duration = Duration::from_millis(200);

/// Whether a run broke off since its spool is not in its place any more, or made anew.
fn is_elsewhere(error: &anyhow::Error) -> bool {
    let Some(RunError { source: BacklogError::Engine(source), .. }) = error.downcast_ref() else {
        return false;
    };
    matches!(source.downcast_ref(), Some(SpoolError::Moved { .. }))
}

/// A run, and what ended it: nothing, if another worker is running.
fn deliver(
    place: &Place,
    args: &WorkArgs,
    policy: RetryPolicy,
    became_another: bool,
    metrics: &mut Option<Metrics>,
    ping: Option<&Ping>,
) -> Result<(Exit, Option<Ending>)> {
    let say = |text: String| match args.quiet {
        true => Ok(()),
        false => print::out(&format!("{}\n", print::one_line(&text))),
    };
    let spool = match place.find()? {
        Some(spool) => spool,
        // What will come needs a place to come to.
        None if args.follow => init::open(place)?,
        None => {
            say(format!("nothing stored yet in {}", place.path().display()))?;
            return Ok((Exit::Success, Some(Ending::Drained)));
        }
    };
    let backlog = match spool.backlog() {
        Err(busy @ BacklogError::Busy { .. }) => {
            if let Some(hung) = spool.status(Duration::ZERO)?.hung_worker() {
                if let Some(metrics) = metrics.take() {
                    metrics.kept_away(&spool);
                }
                print::complain(&format!("{}: see `slipstream doctor`", hangs(&hung)));
                return Ok((Exit::Error, None));
            }
            say(busy.to_string())?;
            return Ok((Exit::Success, None));
        }
        other => other.with_context(|| format!("cannot work {}", place.path().display()))?,
    };
    late::start()?;
    if let Some(ping) = ping {
        ping.begins();
    }
    let worker = Worker::new(backlog).policy(policy).limits(limits(args));
    let trust = Trust::of(&spool, became_another);
    let worker = kinds::with_all(worker, &args.delivery, trust)?;
    signals::stop_on(worker.stopper())?;
    let mut count = |event: &Event<'_>| {
        if let Some(metrics) = metrics {
            metrics.event(event, &spool);
        }
    };
    if args.follow {
        return follow(worker, args.quiet, count);
    }
    let mut progress = Progress::new(show(&spool, args.quiet));
    let ran = worker.run(&mut |event: &Event<'_>| {
        progress.event(event);
        count(event);
    });
    progress.finish(ran.is_ok());
    let summary = ran.map_err(broke_off)?;
    report(&spool, args, &summary, &progress)?;
    let ended = if summary.failed == 0 { Exit::Success } else { Exit::Incomplete };
    Ok((ended, Some(summary.ending)))
}

/// Stays until it is asked to stop. What failed was said when it did; that it stops is no failure.
fn follow(
    worker: Worker,
    quiet: bool,
    mut count: impl FnMut(&Event<'_>),
) -> Result<(Exit, Option<Ending>)> {
    let mut failures = Failures::new();
    let ran = worker.run(&mut |event: &Event<'_>| {
        if !quiet {
            failures.event(event);
        }
        count(event);
    });
    failures.finish();
    let summary = ran.map_err(broke_off)?;
    Ok((Exit::Success, Some(summary.ending)))
}

fn broke_off(error: RunError) -> anyhow::Error {
    let delivered = thousands(error.summary.delivered);
    anyhow::Error::new(error).context(format!("the run broke off after {delivered} delivered"))
}

fn show(engine: &dyn Operator, quiet: bool) -> Show {
    if quiet {
        return Show::Nothing;
    }
    if !io::stdout().is_terminal() {
        return Show::Dots(0);
    }
    // Only for the bar's length: what cannot be read now is reported by the run itself.
    progress::bar(engine.pending_within(COUNT_FOR).ok().flatten().unwrap_or_default())
}

fn policy(args: &WorkArgs) -> Result<RetryPolicy> {
    let attempts = args.attempts.map(|attempts| format!("attempts={attempts}"));
    let backoff = args.backoff.map(|backoff| format!("base={}", spell(backoff).replace(' ', "")));
    let flags: Vec<_> = attempts.into_iter().chain(backoff).collect();
    let policy = args.policy.retry.clone().unwrap_or_default();
    Ok(policy.amended(&flags.join(","))?)
}

fn limits(args: &WorkArgs) -> Limits {
    let mut limits = Limits::default();
    if let Some(concurrency) = args.concurrency {
        limits.concurrency = concurrency.get();
    }
    if let Some(max_time) = args.max_time {
        limits.max_time = max_time;
    }
    if let Some(max_idle) = args.max_idle {
        limits.max_idle = max_idle;
    }
    if let Some(stop_timeout) = args.stop_timeout {
        limits.stop_timeout = stop_timeout;
    }
    limits.max_age = args.policy.max_age;
    limits.follow = args.follow;
    limits
}

/// Says what was not delivered, if anything.
fn report(spool: &Spool, args: &WorkArgs, summary: &Summary, progress: &Progress) -> Result<()> {
    let failed = failed(spool, summary);
    let left = left(spool, summary);
    if args.quiet {
        if let Some(failed) = failed {
            let why = progress.failures();
            print::complain(&format!("{failed}: {}", why.join("; ")));
        }
        // A retry that is due later is as it should be; time that ran out is not.
        if let (Ending::Budget, Some(left)) = (summary.ending, left) {
            print::complain(&left);
        }
        return Ok(());
    }
    let mut text = String::new();
    if let Some(failed) = failed {
        text = format!("{}\n", print::one_line(&failed));
        for line in progress.failures() {
            text.push_str(&format!("  {line}\n"));
        }
    }
    if summary.expired > 0 {
        let expired = count(summary.expired, "request");
        text.push_str(&format!("{expired} expired before delivery\n"));
    }
    if let Some(left) = left {
        text.push_str(&format!("{left}\n"));
    }
    print::out(&text)
}

fn failed(spool: &Spool, summary: &Summary) -> Option<String> {
    let all = summary.delivered + summary.failed + summary.expired;
    let kept = spool.path().join(Stage::Failed.name());
    (summary.failed > 0).then(|| {
        let failed = progress::failed(summary.failed, all);
        format!("{failed}, kept in {}", kept.display())
    })
}

/// What waits for the next run, if anything, and why.
fn left(engine: &dyn Operator, summary: &Summary) -> Option<String> {
    let why = match summary.ending {
        Ending::Waiting(due) => format!("the first is due in {}", spell(whole(due))),
        Ending::Budget => format!("the time was up after {}", spell(whole(summary.elapsed))),
        // A stopped run does not wait for a count.
        Ending::Stopped if summary.interrupted > 0 => {
            let number = count(summary.interrupted, "request");
            return Some(format!(
                "stopped; {number} had no answer in time, and may be sent again; what is left waits for the next run"
            ));
        }
        Ending::Stopped => return Some("stopped; what is left waits for the next run".to_owned()),
        _ => return None,
    };
    let pending = match engine.pending_within(COUNT_FOR).ok()? {
        Some(0) => return None,
        Some(pending) => thousands(pending),
        None => "requests are".to_owned(),
    };
    Some(format!("{pending} deferred to the next run; {why}"))
}

/// How long what is left is counted at most: the run's time is up.
const COUNT_FOR: Duration = Duration::from_secs(1);

/// To the second, and not to none.
fn whole(duration: Duration) -> Duration {
    let seconds = duration.as_secs_f64().ceil().max(1.0);
    Duration::try_from_secs_f64(seconds).unwrap_or(duration)
}
