//! A driver for handlers: a few threads that call one.
//!
//! # Invariants
//! - At most as many threads as asked for, started as work comes, unless all of them hang: then
//!   each destination that has no thread gets one more (see `queue`).
//! - All of them are gone when the driver is.
//! - No destination holds more than half of the threads that the others leave it, even when there
//!   are no others yet, so a destination that hangs leaves threads for the rest.
//! - A handler that panics fails its attempt and nothing else (in a program that is built to abort
//!   on panic, the attempt was counted on disk before).
//!
//! # Non-goals
//! A time limit. A thread cannot be stopped from outside, so a handler ends its own waits.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use slipstream_core::{
    Attempt, Completion, Destination, Driver, Failure, FailureScope, Handler, Invalid, Job,
    Notifier, Outcome, Request, decode_body, destination_of,
};

use self::queue::{Queue, Task};

use crate::reason;

mod queue;

/// The number of threads of a handler, unless configured otherwise.
const THREADS: usize = 8;

/// The shortest wait of a thread for the threads that hang.
const SHORTEST: Duration = Duration::from_millis(1);

/// Runs a [`Handler`] on threads of its own.
pub struct Threads<H: Handler> {
    shared: Arc<Shared<H>>,
    messages: Receiver<Message>,
    sender: Sender<Message>,
    notifier: Option<Notifier>,
}

struct Shared<H: Handler> {
    handler: H,
    queue: Mutex<Queue<H::Request>>,
    more: Condvar,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What a waiting poll receives.
enum Message {
    Done(Completion),
    Notified,
}

impl<H: Handler> Threads<H> {
    /// A driver with up to eight threads, of which one destination holds at most four.
    pub fn new(handler: H) -> Self {
        let (sender, messages) = channel();
        let queue = Mutex::new(Queue::new(THREADS));
        let shared = Shared { handler, queue, more: Condvar::new(), threads: Mutex::default() };
        Self { shared: Arc::new(shared), messages, sender, notifier: None }
    }

    /// The same with up to this many threads, of which one destination holds at most half, rounded
    /// up; 0 is taken for 1. While all of them hang, there are more for other destinations, unless
    /// it is one.
    #[must_use]
    pub fn threads(self, limit: usize) -> Self {
        self.shared.queue().threads = limit.max(1);
        self
    }

    fn refuse(&self, error: &io::Error) {
        let reason = format!("no thread could be started: {error}");
        for task in self.shared.queue().drain() {
            let outcome = Outcome::Failed(Failure::short(reason.clone()));
            let ticket = task.ticket;
            let _ = self.sender.send(Message::Done(Completion::new(ticket, outcome)));
        }
    }

    fn take_in(&self, message: Message, done: &mut Vec<Completion>) {
        if let Message::Done(completion) = message {
            done.push(completion);
        }
    }
}

impl<H: Handler> Shared<H> {
    fn queue(&self) -> MutexGuard<'_, Queue<H::Request>> {
        // Were a handler to panic under the lock, the queue would still be whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a thread more, which is counted as started.
    ///
    /// # Errors
    /// There is no thread at all.
    fn grow(
        self: &Arc<Self>,
        sender: &Sender<Message>,
        notifier: Option<&Notifier>,
    ) -> io::Result<()> {
        let (shared, sender, notifier) = (self.clone(), sender.clone(), notifier.cloned());
        let name = format!("slipstream-{}", H::Request::KIND);
        let spawned = std::thread::Builder::new()
            .name(name)
            .spawn(move || shared.serve(&sender, notifier.as_ref()));
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                self.queue().started -= 1;
                if threads.is_empty() {
                    return Err(error);
                }
                // The threads that run take the job.
                tracing::debug!(%error, "no further thread");
            }
        }
        Ok(())
    }

    /// What each thread does until the driver is dropped.
    fn serve(self: &Arc<Self>, sender: &Sender<Message>, notifier: Option<&Notifier>) {
        while let Some((destination, tasks)) = self.take() {
            if self.wants_another() {
                let _ = self.grow(sender, notifier);
            }
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
            self.queue().leave(&destination, left, Instant::now());
            // A share may be free now for a destination that waited for one, and more may have come back.
            self.more.notify_all();
            for (ticket, outcome) in tickets.into_iter().zip(outcomes) {
                if sender.send(Message::Done(Completion::new(ticket, outcome))).is_err() {
                    return;
                }
            }
            if let Some(notifier) = notifier {
                notifier.notify();
            }
        }
    }

    fn take(&self) -> Option<(Destination, Vec<Task<H::Request>>)> {
        let max_batch = self.handler.max_batch().max(1);
        let mut queue = self.queue();
        loop {
            if queue.closed {
                return None;
            }
            let now = Instant::now();
            if let Some(taken) = queue.take(max_batch, |a, b| self.handler.can_batch(a, b), now) {
                return Some(taken);
            }
            queue = match queue.patience(now) {
                Some(patience) => {
                    let waited = self.more.wait_timeout(queue, patience.max(SHORTEST));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.more.wait(queue).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Whether a thread more is of use. It is counted as started then.
    fn wants_another(&self) -> bool {
        let mut queue = self.queue();
        let wanted = !queue.closed && queue.needs_another();
        queue.started += usize::from(wanted);
        wanted
    }

    /// The outcomes of the first so many of these requests: of at least one request.
    fn perform(&self, requests: &[(H::Request, Attempt)]) -> Vec<Outcome> {
        let attempt = || match requests {
            [(request, attempt)] => vec![self.handler.perform(request, attempt)],
            many => self.handler.perform_batch(many),
        };
        let failed = |reason: String| {
            let failure = Failure::transient(FailureScope::Request, reason);
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
        let request = request.map_err(|error| Failure::permanent(reason::with_causes(&error)))?;
        let (ticket, attempt) = (job.ticket, job.attempt);
        Ok(Task { ticket, attempt, destination: request.destination(), request, alone: false })
    };
    catch_unwind(read).unwrap_or_else(|panic| {
        let reason = format!("reading the request panicked: {}", words(&*panic));
        Err(Failure::transient(FailureScope::Request, reason))
    })
}

impl<H: Handler> Driver for Threads<H> {
    fn kind(&self) -> &str {
        H::Request::KIND
    }

    fn destination(&self, body: &[u8]) -> Result<Destination, Invalid> {
        catch_unwind(|| destination_of::<H::Request>(body)).unwrap_or_else(|panic| {
            Err(Invalid::new(format!("reading the request panicked: {}", words(&*panic))))
        })
    }

    fn start(&mut self, job: Job) {
        let task = match task(&job) {
            Ok(task) => task,
            Err(failure) => {
                let (ticket, outcome) = (job.ticket, Outcome::Failed(failure));
                let _ = self.sender.send(Message::Done(Completion::new(ticket, outcome)));
                return;
            }
        };
        let wanted = {
            let mut queue = self.shared.queue();
            let wanted = queue.add(task);
            queue.started += usize::from(wanted);
            wanted
        };
        self.shared.more.notify_one();
        // What must wait for its share waits for a thread that runs.
        if wanted && let Err(error) = self.shared.grow(&self.sender, self.notifier.as_ref()) {
            // With none, it must not wait for ever.
            self.refuse(&error);
        }
    }

    fn poll(&mut self, wait: Duration, done: &mut Vec<Completion>) {
        match self.messages.recv_timeout(wait) {
            Ok(message) => self.take_in(message, done),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
        }
        while let Ok(message) = self.messages.try_recv() {
            self.take_in(message, done);
        }
    }

    fn abandon(&mut self) {
        self.shared.queue().closed = true;
        self.shared.more.notify_all();
        // Not joined: they end by themselves, when their handler's waits do.
        self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn notifier(&self) -> Notifier {
        let sender = self.sender.clone();
        Notifier::new(move || drop(sender.send(Message::Notified)))
    }

    fn notify_on_completion(&mut self, notifier: Notifier) {
        // Threads that run already keep the old one: it is set before any job comes.
        self.notifier = Some(notifier);
    }
}

impl<H: Handler> Drop for Threads<H> {
    fn drop(&mut self) {
        self.shared.queue().closed = true;
        self.shared.more.notify_all();
        let threads = || self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner).pop();
        // A thread that ends may have started another a moment ago.
        while let Some(thread) = threads() {
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
