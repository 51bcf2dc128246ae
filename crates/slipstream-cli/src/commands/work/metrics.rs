//! `work --metrics`: the run and its engine as a text file for Prometheus.
//!
//! # Invariants
//! - A reader of the file finds all of it, or what was there before.
//! - It is written when the run breaks off, too.
//! - Any user may read it, whatever the umask.
//! - That it cannot be written is said once, and shows in the exit code.
//! - What is delivered does not depend on it.
//! - While a run stays, counting a large spool takes no more than a twentieth of its time.
//! - Names of metrics are a promise: some may join, none changes.
//!
//! # Non-goals
//! A thread, and a server that is asked. The run's events drive it.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use slipstream_core::operator::{Blocked, Finding, Operator, Severity, Status, Thresholds};
use slipstream_core::{Clock, LastRun, RecordId, Settlement, SystemClock, Timestamp};
use slipstream_http::masked_url;
use slipstream_worker::{Ending, Event};

use crate::health::READ_FOR;
use crate::process::replace::replace;
use crate::term::print;

/// How often it is written while a run stays.
const EVERY: Duration = Duration::from_secs(15);

/// How many times as long as writing it took is waited until it is written again.
const REST: u32 = 20;

/// Watches a run, and writes the file.
pub(crate) struct Metrics {
    path: PathBuf,
    /// Whether it is written while the run lasts.
    follow: bool,
    clock: SystemClock,
    run: Run,
    /// When it is written next, while the run lasts.
    next: Duration,
    /// Whether the last try failed, and that was said.
    failed: bool,
}

/// What the file says of the run.
#[derive(Default)]
struct Run {
    start: Timestamp,
    /// None while it lasts.
    end: Option<Timestamp>,
    lasted: Duration,
    /// As [`Ending::word`] has it; none while it lasts.
    ending: Option<String>,
    delivered: u64,
    failed: u64,
    expired: u64,
    retried: u64,
    deferred: u64,
    /// The request whose attempt failed last: what is settled next is that.
    landed: Option<RecordId>,
}

impl Metrics {
    pub(crate) fn new(path: &Path, follow: bool) -> Self {
        let clock = SystemClock::new();
        let run = Run { start: clock.now(), ..Run::default() };
        let (path, next) = (path.to_owned(), Duration::ZERO);
        Self { path, follow, clock, run, next, failed: false }
    }

    /// Writes what can be reported while something that is no worker, or hangs, keeps this run
    /// away: the spool, and the run before.
    pub(crate) fn kept_away(mut self, engine: &dyn Operator) {
        if let Some(last) = engine.last_run() {
            self.run = Run::before(&last);
        }
        self.write(Some(engine));
    }

    /// Takes in what happened, and writes the file when it is time to.
    pub(crate) fn event(&mut self, event: &Event<'_>, engine: &dyn Operator) {
        self.run.event(event);
        if self.follow && self.clock.elapsed() >= self.next {
            self.run.lasted = self.clock.elapsed();
            self.write(Some(engine));
            let now = self.clock.elapsed();
            let took = now.saturating_sub(self.run.lasted);
            self.next = now + EVERY.max(took * REST);
        }
    }

    /// Writes it for the last time. Whether it could be written.
    pub(crate) fn finish(mut self, ending: Ending, engine: Option<&dyn Operator>) -> bool {
        self.run.end = Some(self.clock.now());
        self.run.ending = Some(ending.word().to_owned());
        self.run.lasted = self.clock.elapsed();
        self.write(engine);
        !self.failed
    }

    fn write(&mut self, engine: Option<&dyn Operator>) {
        let seen = engine.map(|engine| engine.status(READ_FOR)).transpose();
        let written = seen.map_err(anyhow::Error::from).and_then(|seen| {
            let place = seen.as_ref().map_or("", |seen| &seen.place);
            let mut text = render(&self.run, place, seen.as_ref());
            if let Some(seen) = &seen {
                text.push_str(&render_blocked(place, &seen.blocked()));
                text.push_str(&render_findings(place, seen));
            }
            // The collector is another user. A service's umask often shuts it out.
            Ok(replace(&self.path, text.as_bytes(), Some(0o644))?)
        });
        if let Err(error) = &written
            && !self.failed
        {
            let (path, next) = (self.path.display(), next(error, &self.path));
            print::complain(&format!("cannot write the metrics to {path}: {error:#}{next}"));
        }
        self.failed = written.is_err();
    }
}

impl Run {
    /// A run as it was reported.
    fn before(last: &LastRun) -> Self {
        Self {
            start: Timestamp::from_millis(last.began),
            end: last.ended.map(Timestamp::from_millis),
            lasted: Duration::from_millis(last.elapsed),
            ending: last.ending.clone(),
            delivered: last.delivered,
            failed: last.failed,
            expired: last.expired,
            retried: last.retried,
            deferred: last.deferred,
            landed: None,
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::AttemptFailed { id, .. } => self.landed = Some(*id),
            Event::Settled { id, settlement, .. } => match settlement {
                Settlement::Delivered => self.delivered += 1,
                Settlement::Failed => self.failed += 1,
                Settlement::Expired => self.expired += 1,
                Settlement::Release { after: _ } | Settlement::Spill => self.deferred += 1,
                // A request that is deferred to a later round untried is no retry.
                Settlement::Retry { after: _ } => {
                    let landed = self.landed.take();
                    self.retried += u64::from(landed.is_some() && landed == *id);
                }
            },
            _ => {}
        }
    }
}

/// What to do when it could not be written, where that is not plain: a service that may not write
/// there gets the same error as if the disk were read-only.
fn next(error: &anyhow::Error, path: &Path) -> String {
    let read_only = error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::ReadOnlyFilesystem);
    let denied = error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    match path.parent() {
        Some(dir) if read_only && dir.is_absolute() => {
            let dir = dir.display();
            format!("; a service needs ReadWritePaths={dir} in its unit (`systemctl edit`)")
        }
        Some(dir) if denied => {
            let dir = dir.display();
            format!(
                "; the worker's user must be allowed to make files in {dir} (`chgrp` it, and `chmod g+w`)"
            )
        }
        _ => String::new(),
    }
}

const ENDINGS: [&str; 6] = ["drained", "waiting", "budget", "stopped", "broken", "running"];

fn seconds(time: Timestamp) -> f64 {
    time.as_millis() as f64 / 1_000.0
}

/// The text of the file. Without a status, there is no spool yet.
fn render(run: &Run, spool: &str, status: Option<&Status>) -> String {
    let mut text = Text { text: String::new(), spool: escaped(spool) };
    text.gauge("last_run_start_timestamp_seconds", "When the last run began.", seconds(run.start));
    if let Some(end) = run.end {
        text.gauge("last_run_end_timestamp_seconds", "When the last run ended.", seconds(end));
    }
    let lasted = run.lasted.as_secs_f64();
    text.gauge("last_run_duration_seconds", "How long the last run lasted.", lasted);
    let ended = run.ending.as_deref().unwrap_or("running");
    let endings = ENDINGS.map(|ending| (ending, f64::from(u8::from(ending == ended))));
    text.family("last_run_ending", "gauge", "How the last run ended.", "ending", &endings);
    let outcomes = [
        ("delivered", run.delivered as f64),
        ("failed", run.failed as f64),
        ("expired", run.expired as f64),
    ];
    let help = "Requests that the last run settled.";
    text.family("last_run_requests", "gauge", help, "outcome", &outcomes);
    let help = "Attempts of the last run after which the request had another one left.";
    text.gauge("last_run_retried", help, run.retried as f64);
    let help = "How often the last run put a request back without an attempt.";
    text.gauge("last_run_put_off", help, run.deferred as f64);
    let Some(status) = status else {
        return text.text;
    };
    let totals = &status.totals;
    text.gauge("pending_requests", "Requests that wait.", totals.pending as f64);
    text.gauge("failed_requests", "Requests that failed for good.", totals.failed as f64);
    let ages: Vec<_> = status
        .stages
        .iter()
        .map(|(stage, seen)| (stage.name(), seen.oldest_age.unwrap_or_default().as_secs_f64()))
        .collect();
    let help = "Age of the oldest log of a stage, 0 without one.";
    text.family("oldest_age_seconds", "gauge", help, "stage", &ages);
    let gone = &totals.outcomes;
    for (name, help, number) in [
        ("stored_requests_total", "Requests that were stored.", totals.stored),
        ("delivered_requests_total", "Requests that were delivered.", gone.delivered),
        ("expired_requests_total", "Requests that outlived their use.", gone.expired),
        ("overwritten_requests_total", "Requests lost to the bound.", gone.overwritten),
        ("purged_requests_total", "Requests that were removed by hand.", gone.purged),
        ("set_aside_requests_total", "Requests that cannot be read.", gone.set_aside),
    ] {
        text.add(name, "counter", help, number as f64);
    }
    let help = "For how long what holds worker.lock has not reported; 0 when nothing does.";
    let silent = status.worker.map_or(0.0, |worker| worker.silent.as_secs_f64());
    text.gauge("worker_silent_seconds", help, silent);
    let help = "1 when all that was stored is accounted for.";
    text.gauge("balanced", help, f64::from(u8::from(totals.balanced())));
    text.text
}

/// Most destinations that have a label of their own.
const LABELS: usize = 20;

/// What waits because of destinations.
fn render_blocked(spool: &str, blocked: &[Blocked]) -> String {
    let mut text = Text { text: String::new(), spool: escaped(spool) };
    let help = "Destinations that take no requests, while some wait for them.";
    text.gauge("destinations_in_trouble", help, blocked.len() as f64);
    let labels: Vec<_> =
        blocked.iter().take(LABELS).map(|it| escaped(&masked_url(&it.destination))).collect();
    let first = || labels.iter().map(String::as_str).zip(blocked);
    let waiting: Vec<_> =
        first().map(|(to, it)| (to, it.pending.unwrap_or_default() as f64)).collect();
    let help =
        "Requests that wait for such a destination; the twenty that are in trouble for longest.";
    text.family("destination_waiting_requests", "gauge", help, "destination", &waiting);
    let since: Vec<_> = first().map(|(to, it)| (to, seconds(it.since))).collect();
    let help = "Since when such a destination takes none.";
    text.family(
        "destination_trouble_since_timestamp_seconds",
        "gauge",
        help,
        "destination",
        &since,
    );
    let next: Vec<_> = first().map(|(to, it)| (to, seconds(it.next))).collect();
    let help = "When it is tried again.";
    text.family("destination_next_attempt_timestamp_seconds", "gauge", help, "destination", &next);
    text.text
}

/// How much is wrong, by how bad it is, by the default thresholds of `status --check`.
fn render_findings(spool: &str, seen: &Status) -> String {
    let mut text = Text { text: String::new(), spool: escaped(spool) };
    let findings = seen.findings(&Thresholds::default());
    let number = |severity| {
        findings.iter().map(Finding::severity).filter(|it| *it == severity).count() as f64
    };
    let each = [("critical", number(Severity::Critical)), ("warning", number(Severity::Warning))];
    let help = "What is wrong with the spool; `slipstream status --check` has it in words.";
    text.family("findings", "gauge", help, "severity", &each);
    text.text
}

struct Text {
    text: String,
    spool: String,
}

impl Text {
    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.add(name, "gauge", help, value);
    }

    fn add(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.head(name, kind, help);
        let _ = writeln!(self.text, "slipstream_{name}{{spool=\"{}\"}} {value}", self.spool);
    }

    fn family(&mut self, name: &str, kind: &str, help: &str, label: &str, of: &[(&str, f64)]) {
        self.head(name, kind, help);
        for (is, value) in of {
            let spool = &self.spool;
            let _ = writeln!(
                self.text,
                "slipstream_{name}{{spool=\"{spool}\",{label}=\"{is}\"}} {value}"
            );
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP slipstream_{name} {help}");
        let _ = writeln!(self.text, "# TYPE slipstream_{name} {kind}");
    }
}

/// A label's value.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(run: &mut Run, id: RecordId, settlement: Settlement) {
        let (settlement, id) = (&settlement, Some(id));
        run.event(&Event::Settled { id, destination: None, settlement, attempts: 1, reason: None });
    }

    #[test]
    fn only_an_attempt_that_failed_makes_a_later_one_a_retry() {
        let (mut run, id) = (Run::default(), RecordId::from_bytes([7; 16]));
        settled(&mut run, id, Settlement::Retry { after: EVERY });
        assert_eq!(run.retried, 0);
        let failure = slipstream_core::Failure::permanent("no");
        let destination = &slipstream_core::Destination::new("http://a");
        let failed =
            Event::AttemptFailed { id, destination, attempt: 1, failure: &failure, took: EVERY };
        run.event(&failed);
        settled(&mut run, id, Settlement::Retry { after: EVERY });
        settled(&mut run, id, Settlement::Delivered);
        assert_eq!((run.retried, run.delivered), (1, 1));
    }

    #[test]
    fn where_a_service_may_not_write_it_says_what_its_unit_needs() {
        let told = |errno| {
            let error = anyhow::Error::from(io::Error::from_raw_os_error(errno));
            next(&error, Path::new("/srv/metrics/x.prom"))
        };
        assert!(told(30).contains("ReadWritePaths=/srv/metrics in its unit"));
        assert!(told(13).contains("make files in /srv/metrics"));
        assert_eq!(told(2), "");
    }

    #[test]
    fn a_label_holds_any_path() {
        let text = render(&Run::default(), "/a\\b\"c\nd", None);
        assert!(text.contains(r#"duration_seconds{spool="/a\\b\"c\nd"} 0"#), "{text}");
        assert!(text.contains(r#"ending="running"} 1"#) && text.contains(r#""broken"} 0"#));
        assert!(!text.contains("end_timestamp"), "{text}");
    }
}
