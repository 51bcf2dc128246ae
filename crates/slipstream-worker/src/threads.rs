//! A driver for handlers: a few threads that call one.
//!
//! Guaranteed: at most as many threads as asked for, started as work comes; all of them are
//! gone when the driver is. No destination holds more than half of what the others leave it, even
//! when there are no others yet, so one that hangs leaves threads for the rest. A handler that
//! panics fails its attempt and nothing else (in a program that is built to abort on panic, the
//! attempt was counted on disk before).
//! Absent on purpose: a time limit. A thread cannot be stopped from outside, so a handler
//! ends its own waits.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use slipstream_core::{
    Attempt, Blame, Completion, Destination, Driver, Failure, Handler, Job, Outcome, Request,
    Waker, decode_body,
};

use self::queue::{Queue, Task};

use crate::reason;

mod queue;

/// Threads that a handler gets unless told otherwise.
const THREADS: usize = 8;

/// Runs a [`Handler`] on threads of its own.
pub struct Threads<H: Handler> {
    shared: Arc<Shared<H>>,
    limit: usize,
    threads: Vec<JoinHandle<()>>,
    in_flight: usize,
    notes: Receiver<Note>,
    pen: Sender<Note>,
    waker: Option<Waker>,
}

struct Shared<H: Handler> {
    handler: H,
    queue: Mutex<Queue<H::Request>>,
    more: Condvar,
}

/// What a waiting turn is told.
enum Note {
    Done(Completion),
    Wake,
}

impl<H: Handler> Threads<H> {
    /// A driver with up to eight threads, of which one destination holds at most four.
    pub fn new(handler: H) -> Self {
        let (pen, notes) = channel();
        let queue = Mutex::new(Queue::new(THREADS));
        let shared = Shared { handler, queue, more: Condvar::new() };
        Self {
            shared: Arc::new(shared),
            limit: THREADS,
            threads: Vec::new(),
            in_flight: 0,
            notes,
            pen,
            waker: None,
        }
    }

    /// The same with up to this many threads, of which one destination holds at most half, rounded
    /// up; 0 is taken for 1.
    #[must_use]
    pub fn threads(mut self, limit: usize) -> Self {
        self.limit = limit.max(1);
        self.shared.queue().threads = self.limit;
        self
    }

    fn grow(&mut self) {
        let (shared, pen, waker) = (self.shared.clone(), self.pen.clone(), self.waker.clone());
        let name = format!("slipstream-{}", H::Request::KIND);
        let spawned = std::thread::Builder::new()
            .name(name)
            .spawn(move || shared.serve(&pen, waker.as_ref()));
        match spawned {
            Ok(thread) => self.threads.push(thread),
            // Those that run take the job; with none, it must not wait for ever.
            Err(error) if self.threads.is_empty() => self.refuse(&error),
            Err(error) => tracing::debug!(%error, "no further thread"),
        }
    }

    fn refuse(&self, error: &std::io::Error) {
        let reason = format!("no thread could be started: {error}");
        for task in self.shared.queue().drain() {
            let outcome = Outcome::Failed(Failure::transient(Blame::Request, reason.clone()));
            let ticket = task.ticket;
            let _ = self.pen.send(Note::Done(Completion { ticket, outcome }));
        }
    }

    fn note(&mut self, note: Note, done: &mut Vec<Completion>) {
        if let Note::Done(completion) = note {
            self.in_flight = self.in_flight.saturating_sub(1);
            done.push(completion);
        }
    }
}

impl<H: Handler> Shared<H> {
    fn queue(&self) -> MutexGuard<'_, Queue<H::Request>> {
        // Were a handler to panic under the lock, the queue would still be whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each thread does until the driver is dropped.
    fn serve(&self, pen: &Sender<Note>, waker: Option<&Waker>) {
        while let Some((destination, tasks)) = self.take() {
            let (tickets, mut requests): (Vec<_>, Vec<_>) =
                tasks.into_iter().map(|task| (task.ticket, (task.request, task.attempt))).unzip();
            let outcomes = self.perform(&requests);
            let left = requests.drain(outcomes.len()..).zip(&tickets[outcomes.len()..]);
            let left = left.map(|((request, attempt), ticket)| Task {
                ticket: *ticket,
                attempt,
                destination: destination.clone(),
                request,
                alone: false,
            });
            self.queue().leave(&destination, left);
            // A share may be free now for whoever waited for one, and more may have come back.
            self.more.notify_all();
            for (ticket, outcome) in tickets.into_iter().zip(outcomes) {
                if pen.send(Note::Done(Completion { ticket, outcome })).is_err() {
                    return;
                }
            }
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    fn take(&self) -> Option<(Destination, Vec<Task<H::Request>>)> {
        let at_once = self.handler.at_once().max(1);
        let mut queue = self.queue();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(taken) = queue.take(at_once, |a, b| self.handler.together(a, b)) {
                return Some(taken);
            }
            queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The outcomes of the first so many of these: of one at least.
    fn perform(&self, requests: &[(H::Request, Attempt)]) -> Vec<Outcome> {
        let attempt = || match requests {
            [(request, attempt)] => vec![self.handler.perform(request, attempt)],
            many => self.handler.perform_all(many),
        };
        let failed = |reason: String| {
            let failure = Failure::transient(Blame::Request, reason);
            vec![Outcome::Failed(failure); requests.len()]
        };
        // Whatever a handler shares between calls is its own to keep whole.
        let mut outcomes = catch_unwind(AssertUnwindSafe(attempt))
            .unwrap_or_else(|panic| failed(format!("the handler panicked: {}", words(&*panic))));
        outcomes.truncate(requests.len());
        if outcomes.is_empty() {
            // Given again, it would be for ever.
            return failed("the handler did not tell what became of it".to_owned());
        }
        outcomes
    }
}

/// The job as a task, or why it can be none.
fn task<R: Request>(job: &Job) -> Result<Task<R>, Failure> {
    let read = || {
        let request = decode_body::<R>(&job.body);
        let request = request.map_err(|error| Failure::permanent(reason::of(&error)))?;
        let (ticket, attempt) = (job.ticket, job.attempt);
        Ok(Task { ticket, attempt, destination: request.destination(), request, alone: false })
    };
    catch_unwind(read).unwrap_or_else(|panic| {
        let reason = format!("reading the request panicked: {}", words(&*panic));
        Err(Failure::transient(Blame::Request, reason))
    })
}

impl<H: Handler> Driver for Threads<H> {
    fn kind(&self) -> &str {
        H::Request::KIND
    }

    fn start(&mut self, job: Job) {
        self.in_flight += 1;
        let task = match task(&job) {
            Ok(task) => task,
            Err(failure) => {
                let (ticket, outcome) = (job.ticket, Outcome::Failed(failure));
                let _ = self.pen.send(Note::Done(Completion { ticket, outcome }));
                return;
            }
        };
        let may_start = self.shared.queue().add(task);
        self.shared.more.notify_one();
        // What must wait for its share waits for a thread that runs.
        if may_start && self.threads.len() < self.limit.min(self.in_flight) {
            self.grow();
        }
    }

    fn turn(&mut self, wait: Duration, done: &mut Vec<Completion>) {
        match self.notes.recv_timeout(wait) {
            Ok(note) => self.note(note, done),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
        while let Ok(note) = self.notes.try_recv() {
            self.note(note, done);
        }
    }

    fn waker(&self) -> Waker {
        let pen = self.pen.clone();
        Waker::new(move || drop(pen.send(Note::Wake)))
    }

    fn wake_on_completion(&mut self, waker: Waker) {
        // Threads that run already keep the old one: it is set before any job comes.
        self.waker = Some(waker);
    }
}

impl<H: Handler> Drop for Threads<H> {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.more.notify_all();
        for thread in self.threads.drain(..) {
            // A thread catches its handler's panics; there is nothing to learn from it.
            let _ = thread.join();
        }
    }
}

/// What a panic said, when it said it in words.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
}
