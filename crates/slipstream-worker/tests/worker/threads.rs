//! Handlers on real threads: every wait here ends when a thread is done, none by a clock.

use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipstream_core::{
    Attempt, Completion, Destination, Driver, Failure, FailureScope, Handler, Invalid, Job,
    Outcome, Record, RecordId, Request, Ticket,
};
use slipstream_worker::{Ending, Event, RetryPolicy, Threads, Worker};

use crate::fakes::{FakeClock, scene_of};

/// Longer than any test takes: a wait that lasts so long is a hang.
const LONG: Duration = Duration::from_secs(600);

#[derive(Serialize, Deserialize)]
struct Task(String);

impl Request for Task {
    const KIND: &'static str = "task";

    fn destination(&self) -> Destination {
        Destination::new("task://here")
    }

    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

/// Does what the task says; counts how many are at it at once.
#[derive(Clone, Default)]
struct Doer(Arc<(Mutex<(usize, usize)>, Condvar)>);

impl Handler for Doer {
    type Request = Task;

    fn perform(&self, task: &Task, _: &Attempt) -> Outcome {
        match &*task.0 {
            "panic" => panic!("out of paper"),
            "meet" => {
                // Ends when four are here together.
                let (lock, met) = &*self.0;
                let mut count = lock.lock().unwrap();
                count.0 += 1;
                count.1 = count.1.max(count.0);
                met.notify_all();
                let _all = met.wait_while(count, |count| count.1 < 4).unwrap();
                Outcome::Delivered
            }
            _ => Outcome::Delivered,
        }
    }
}

fn job(ticket: u64, body: Vec<u8>) -> Job {
    let id = RecordId::from_bytes([7; 16]);
    Job::new(Ticket(ticket), Attempt::new(id, 1), body)
}

fn body(task: &str) -> Vec<u8> {
    let id = RecordId::from_bytes([7; 16]);
    Record::new(&Task(task.into()), id).unwrap().body
}

fn finish(driver: &mut dyn Driver, count: usize) -> Vec<Completion> {
    let mut done = Vec::new();
    while done.len() < count {
        driver.poll(LONG, &mut done);
    }
    done.sort_by_key(|completion| completion.ticket);
    done
}

#[test]
fn four_requests_are_performed_at_once() {
    let mut driver = Threads::new(Doer::default());
    for ticket in 0..4 {
        driver.start(job(ticket, body("meet")));
    }
    let done = finish(&mut driver, 4);
    assert!(done.iter().all(|each| each.outcome == Outcome::Delivered));
}

#[test]
fn a_panic_fails_its_attempt_and_the_thread_goes_on() {
    let mut driver = Threads::new(Doer::default()).threads(1);
    driver.start(job(0, body("panic")));
    driver.start(job(1, body("work")));
    let done = finish(&mut driver, 2);
    let expected = Failure::transient(FailureScope::Request, "the handler panicked: out of paper");
    assert_eq!(done[0].outcome, Outcome::Failed(expected));
    assert_eq!(done[1].outcome, Outcome::Delivered);
}

#[test]
fn a_body_that_is_no_request_of_the_kind_fails_for_good() {
    let mut driver = Threads::new(Doer::default());
    driver.start(job(0, b"\xc1".to_vec()));
    let done = finish(&mut driver, 1);
    let Outcome::Failed(failure) = &done[0].outcome else {
        panic!("{done:?}");
    };
    assert!(!failure.transient);
    assert!(failure.reason.starts_with("invalid body of kind 'task': "), "{failure:?}");
}

/// Returns so many fewer outcomes than it is given requests; a lone request it holds until it is
/// let go.
struct Sloppy {
    untold: usize,
    gate: Arc<Barrier>,
}

impl Sloppy {
    /// One thread of it, which is at its first job, with three more behind.
    fn at_work(untold: usize) -> (Threads<Self>, Arc<Barrier>) {
        let gate = Arc::new(Barrier::new(2));
        let mut driver = Threads::new(Self { untold, gate: gate.clone() }).threads(1);
        driver.start(job(0, body("a")));
        gate.wait();
        (1..4).for_each(|ticket| driver.start(job(ticket, body("b"))));
        (driver, gate)
    }
}

impl Handler for Sloppy {
    type Request = Task;

    fn perform(&self, _: &Task, _: &Attempt) -> Outcome {
        self.gate.wait();
        self.gate.wait();
        Outcome::Delivered
    }

    fn max_batch(&self) -> usize {
        3
    }

    fn perform_batch(&self, requests: &[(Task, Attempt)]) -> Vec<Outcome> {
        vec![Outcome::Delivered; requests.len() - self.untold]
    }
}

#[test]
fn what_a_handler_did_not_come_to_is_given_again() {
    let (mut driver, gate) = Sloppy::at_work(1);
    // It lets the first go, and then the last, which comes alone.
    for _ in 0..3 {
        gate.wait();
    }
    let done = finish(&mut driver, 4);
    assert!(done.iter().all(|each| each.outcome == Outcome::Delivered), "{done:?}");
}

#[test]
fn where_a_handler_tells_nothing_at_all_all_have_failed() {
    let (mut driver, gate) = Sloppy::at_work(3);
    gate.wait();
    let done = finish(&mut driver, 4);
    let untold = "the handler did not tell what became of it";
    let untold = Outcome::Failed(Failure::transient(FailureScope::Request, untold));
    assert!(done[1..].iter().all(|each| each.outcome == untold), "{done:?}");
}

#[test]
fn a_waiting_turn_returns_when_it_is_woken() {
    let mut driver = Threads::new(Doer::default());
    driver.notifier().notify();
    driver.poll(LONG, &mut Vec::new());
    let notifier = driver.notifier();
    let waking = std::thread::spawn(move || notifier.notify());
    driver.poll(LONG, &mut Vec::new());
    waking.join().unwrap();
}

#[test]
fn a_job_that_ends_wakes_a_driver_that_waits_elsewhere() {
    let (mut host, mut driver) = (Threads::new(Doer::default()), Threads::new(Doer::default()));
    driver.notify_on_completion(host.notifier());
    driver.start(job(0, body("work")));
    host.poll(LONG, &mut Vec::new());
    assert_eq!(finish(&mut driver, 1).len(), 1);
}

#[test]
fn dropping_the_driver_ends_its_threads() {
    let doer = Doer::default();
    let mut driver = Threads::new(doer.clone());
    driver.start(job(0, body("work")));
    drop(driver);
    assert_eq!(Arc::strong_count(&doer.0), 1);
}

#[test]
fn two_kinds_are_worked_in_one_run() {
    let payload = |index| {
        let mut random = [0; 10];
        random[9] = u8::try_from(index).unwrap();
        let id = RecordId::new(crate::fakes::EPOCH, random);
        match index % 2 {
            0 => crate::fakes::record(index, "a").encode(),
            _ => Record::new(&Task("work".into()), id).unwrap().encode(),
        }
    };
    let scene = scene_of(100, payload, |_| crate::fakes::delivered());
    let summary = scene.worker.handler(Doer::default()).run(&mut ()).unwrap();
    assert_eq!((summary.delivered, summary.failed), (100, 0));
}

#[test]
fn a_stop_from_another_thread_cuts_a_wait_for_a_retry_short() {
    let id = RecordId::new(crate::fakes::EPOCH, [0; 10]);
    let payload = move |_| Record::new(&Task("panic".into()), id).unwrap().encode();
    let (_, backlog) = crate::backlog::of(1, payload, FakeClock::default());
    let policy = RetryPolicy::default().amended("base=10m").unwrap();
    // The waits are real ones, in the threads' turn.
    let worker = Worker::new(backlog).policy(policy).max_time(LONG * 2);
    let worker = worker.max_idle(LONG * 2).handler(Doer::default());
    let stopper = worker.stopper();
    let summary = worker
        .run(&mut |event: &Event<'_>| {
            if let Event::Waiting { .. } = event {
                let stopper = stopper.clone();
                std::thread::spawn(move || stopper.stop());
            }
        })
        .unwrap();
    assert_eq!(summary.ending, Ending::Stopped);
    assert!(summary.elapsed < Duration::from_secs(30), "{:?}", summary.elapsed);
}

/// Performs when the other end of its channel is dropped.
struct Stuck(Mutex<std::sync::mpsc::Receiver<()>>);

impl Handler for Stuck {
    type Request = Task;

    fn perform(&self, _: &Task, _: &Attempt) -> Outcome {
        let _ = self.0.lock().unwrap().recv();
        Outcome::Delivered
    }
}

#[test]
fn a_handler_that_hangs_holds_up_no_run_that_is_stopped() {
    let id = RecordId::new(crate::fakes::EPOCH, [0; 10]);
    let payload = move |_| Record::new(&Task("hang".into()), id).unwrap().encode();
    let (books, backlog) = crate::backlog::of(1, payload, FakeClock::default());
    let (release, stuck) = std::sync::mpsc::channel();
    let worker =
        Worker::new(backlog).handler(Stuck(Mutex::new(stuck))).stop_timeout(Duration::ZERO);
    let stopper = worker.stopper();
    let summary = worker
        .run(&mut |event: &Event<'_>| {
            if let Event::Started { .. } = event {
                stopper.stop();
            }
        })
        .unwrap();
    // It hangs still.
    drop(release);
    assert_eq!((summary.interrupted, summary.ending), (1, Ending::Stopped));
    assert_eq!(books.borrow().states, [crate::backlog::State::Claimed]);
}
