//! The driver and the clock that the tests run against. Nothing here waits: time moves when the
//! driver is asked to wait.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use slipstream_core::{
    Clock, Completion, DeliveryOptions, Destination, Driver, Failure, FailureScope, Invalid, Job,
    Notifier, Outcome, Record, RecordId, Ticket, Timestamp,
};
use slipstream_worker::{RetryPolicy, Worker};

pub(crate) use crate::backlog::{Books, State};

/// What the wall clock shows when the monotonic one shows zero.
pub(crate) const EPOCH: Timestamp = Timestamp::from_millis(1_795_498_157_482);

#[derive(Clone, Default)]
pub(crate) struct FakeClock(Arc<AtomicU64>);

impl FakeClock {
    pub(crate) fn set(&self, elapsed: Duration) {
        let micros = u64::try_from(elapsed.as_micros()).expect("a test is short");
        self.0.store(micros, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        EPOCH.after(self.elapsed())
    }

    fn elapsed(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// A record of kind `test` for a destination. Its body begins with the destination; only the script
/// reads what follows a `#`.
pub(crate) fn record(index: u64, to: &str) -> Record {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&index.to_be_bytes());
    Record {
        id: RecordId::new(EPOCH, random),
        kind: "test".into(),
        destination: Destination::new(to),
        options: DeliveryOptions::default(),
        body: to.as_bytes().to_vec(),
    }
}

/// One attempt as the driver saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) ticket: u64,
    pub(crate) to: String,
    pub(crate) attempt: u32,
    pub(crate) at: Duration,
}

/// What the driver saw.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) seen: Vec<Seen>,
    /// Whether every attempt is kept, or only the counts below.
    pub(crate) brief: bool,
    pub(crate) in_flight: BTreeMap<String, usize>,
    pub(crate) most_for: BTreeMap<String, usize>,
    pub(crate) most: usize,
    /// When the last delivery to a destination was made.
    pub(crate) last_delivery: BTreeMap<String, Duration>,
}

impl Log {
    /// When this record's attempts were begun, in seconds.
    pub(crate) fn times(&self, ticket: u64) -> Vec<f64> {
        let seen = self.seen.iter().filter(|seen| seen.ticket == ticket);
        seen.map(|seen| seen.at.as_secs_f64()).collect()
    }
}

/// How an attempt goes: how long it takes, and how it ends.
pub(crate) type Script = Box<dyn FnMut(&Seen) -> (Duration, Outcome)>;

/// Performs by a script, and moves the clock when it waits.
pub(crate) struct FakeDriver {
    clock: FakeClock,
    script: Rc<RefCell<Script>>,
    log: Rc<RefCell<Log>>,
    ends: BinaryHeap<Reverse<(Duration, u64)>>,
    jobs: BTreeMap<u64, (String, Outcome)>,
}

impl Driver for FakeDriver {
    fn kind(&self) -> &str {
        "test"
    }

    fn destination(&self, body: &[u8]) -> Result<Destination, Invalid> {
        let text = std::str::from_utf8(body).map_err(|_| Invalid::new("the body is no text"))?;
        Ok(Destination::new(text.split('#').next().unwrap_or_default()))
    }

    fn start(&mut self, job: Job) {
        let seen = Seen {
            ticket: job.ticket.0,
            to: String::from_utf8(job.body).expect("bodies are names here"),
            attempt: job.attempt.number,
            at: self.clock.elapsed(),
        };
        let (took, outcome) = (self.script.borrow_mut())(&seen);
        self.ends.push(Reverse((seen.at + took, seen.ticket)));
        let mut log = self.log.borrow_mut();
        let now = log.in_flight.entry(seen.to.clone()).or_default();
        *now += 1;
        let now = *now;
        let most = log.most_for.entry(seen.to.clone()).or_default();
        *most = now.max(*most);
        let doubled = self.jobs.insert(seen.ticket, (seen.to.clone(), outcome));
        assert!(doubled.is_none(), "a claim is in flight once");
        log.most = log.most.max(self.jobs.len());
        if !log.brief {
            log.seen.push(seen);
        }
    }

    fn poll(&mut self, wait: Duration, done: &mut Vec<Completion>) {
        let limit = self.clock.elapsed() + wait;
        let first = self.ends.peek().map_or(limit, |&Reverse((end, _))| end);
        self.clock.set(first.min(limit).max(self.clock.elapsed()));
        while let Some(&Reverse((end, ticket))) = self.ends.peek() {
            if end > self.clock.elapsed() {
                break;
            }
            self.ends.pop();
            let (to, outcome) = self.jobs.remove(&ticket).expect("it was started");
            let mut log = self.log.borrow_mut();
            *log.in_flight.get_mut(&to).expect("it was started") -= 1;
            if outcome == Outcome::Delivered {
                log.last_delivery.insert(to, end);
            }
            let ticket = Ticket(ticket);
            done.push(Completion::new(ticket, outcome));
        }
    }

    fn notifier(&self) -> Notifier {
        Notifier::new(|| ())
    }

    fn notify_on_completion(&mut self, _: Notifier) {}
}

/// A worker with all of these, and what a test looks at afterwards.
pub(crate) struct Scene {
    pub(crate) clock: FakeClock,
    pub(crate) books: Rc<RefCell<Books>>,
    pub(crate) log: Rc<RefCell<Log>>,
    pub(crate) worker: Worker,
    script: Rc<RefCell<Script>>,
}

impl Scene {
    /// Has attempts go another way.
    pub(crate) fn rescript(&self, script: impl FnMut(&Seen) -> (Duration, Outcome) + 'static) {
        *self.script.borrow_mut() = Box::new(script);
    }
}

/// A scene with these records.
pub(crate) fn scene(
    records: Vec<Record>,
    script: impl FnMut(&Seen) -> (Duration, Outcome) + 'static,
) -> Scene {
    let count = records.len();
    let at = move |index| records[Books::at(Ticket(index))].encode();
    scene_of(count, at, script)
}

/// A scene with so many records, made as they are claimed.
pub(crate) fn scene_of(
    count: usize,
    payload: impl Fn(u64) -> Vec<u8> + 'static,
    script: impl FnMut(&Seen) -> (Duration, Outcome) + 'static,
) -> Scene {
    let (clock, log) = (FakeClock::default(), Rc::<RefCell<Log>>::default());
    let (books, backlog) = crate::backlog::of(count, payload, clock.clone());
    let script: Rc<RefCell<Script>> = Rc::new(RefCell::new(Box::new(script)));
    let driver = FakeDriver {
        clock: clock.clone(),
        script: script.clone(),
        log: log.clone(),
        ends: BinaryHeap::new(),
        jobs: BTreeMap::new(),
    };
    let worker = Worker::new(backlog)
        .driver(Box::new(driver))
        .clock(clock.clone())
        // The tests' numbers are for 50 slots.
        .concurrency(50)
        // Waiting costs them nothing.
        .max_idle(Duration::MAX)
        .policy(RetryPolicy::default().amended("jitter=0").unwrap());
    Scene { clock, books, log, worker, script }
}

/// What a healthy destination takes for an answer.
pub(crate) const QUICK: Duration = Duration::from_millis(10);

pub(crate) fn delivered() -> (Duration, Outcome) {
    (QUICK, Outcome::Delivered)
}

pub(crate) fn refused() -> (Duration, Outcome) {
    let failure = Failure::transient(FailureScope::Destination, "connection refused");
    (QUICK, Outcome::Failed(failure))
}

pub(crate) fn timed_out() -> (Duration, Outcome) {
    let failure = Failure::transient(FailureScope::Destination, "no answer in time");
    (Duration::from_secs(30), Outcome::Failed(failure))
}

/// Fails for a reason of the request's own.
pub(crate) fn rejected(transient: bool) -> (Duration, Outcome) {
    let mut failure = Failure::transient(FailureScope::Request, "the answer was no");
    failure.transient = transient;
    (QUICK, Outcome::Failed(failure))
}

pub(crate) fn asked_to_wait(wait: Duration) -> (Duration, Outcome) {
    let mut failure = Failure::transient(FailureScope::Destination, "too many requests");
    failure.retry_after = Some(wait);
    (QUICK, Outcome::Failed(failure))
}
