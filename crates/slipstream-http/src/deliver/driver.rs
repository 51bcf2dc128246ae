//! The driver of HTTP requests: sends many at a time, from one thread.
//!
//! Connections are kept and used again.
//!
//! # Invariants
//! - One completion for every job, whatever a server does, within the times of [`HttpOptions`] or
//!   of the request.
//! - A request is checked again before it is sent, so no body that was stored by another program
//!   can reach a scheme but http and https.
//! - Nothing that one request says is left for the next.
//! - Memory follows the number of requests in flight, not what servers answer.
//!
//! # Non-goals
//! A limit on how many jobs are in flight, and retries. Both are the worker's.

use std::sync::Arc;
use std::time::Duration;

use curl::easy::Easy2;
use curl::multi::{Easy2Handle, Multi};
use slipstream_core::{
    Attempt, Clock, Completion, Destination, Driver, Failure, FailureScope, Invalid, Job, Notifier,
    Outcome, Request, SecretRef, SystemClock, Ticket, destination_of,
};
use tracing::debug;

use crate::deliver::options::HttpOptions;
use crate::deliver::policy::AddressPolicy;
use crate::deliver::raw;
use crate::deliver::redirect_chain::RedirectChain;
use crate::deliver::signature::Keys;
use crate::deliver::transfer::Exchange;
use crate::request::HttpRequest;
use crate::url::proxy_host;

mod complete;
mod handle;
mod start;

/// Fewest connections that are kept open between requests. More are when more requests
/// have been in flight at once.
const KEPT_MIN: usize = 64;

/// How many are once descriptors have run short.
const KEPT_SHORT: usize = 4;

/// Performs [`HttpRequest`]s over libcurl.
///
/// A worker is given one for all its requests of this kind:
///
/// ```no_run
/// use std::time::Duration;
///
/// use slipstream_http::{HttpDriver, HttpOptions};
///
/// let mut options = HttpOptions::default();
/// options.total_timeout = Duration::from_secs(20);
/// let driver = HttpDriver::new(options)?;
/// // slipstream_worker::Worker::new(backlog).driver(Box::new(driver)).run(&mut ())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct HttpDriver {
    multi: Multi,
    options: HttpOptions,
    /// What may be connected to; everything, without one.
    policy: Option<Arc<AddressPolicy>>,
    keys: Keys,
    clock: Box<dyn Clock>,
    // A handle's place is its token, so a finished handle is found without a search.
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// For how many transfers libcurl keeps connections.
    kept: usize,
    /// Whether a job was started since libcurl was last asked to make progress.
    fresh: bool,
    /// Jobs that ended before they reached libcurl.
    ended: Vec<Completion>,
    // Scratch space, so that a request costs no allocation for it.
    finished: Vec<(usize, Result<(), curl::Error>)>,
    line: String,
}

/// Where one of libcurl's handles lives.
enum Slot {
    /// No handle has been made, or libcurl would not take it back.
    Empty,
    /// A handle that is ready for a request.
    Idle(Easy2<Exchange>),
    /// A handle that carries a request.
    Busy(Easy2Handle<Exchange>, InFlight),
}

/// Whose request a handle carries.
struct InFlight {
    ticket: Ticket,
    attempt: Attempt,
    /// A request with options has a chain.
    chain: Option<Box<RedirectChain>>,
}

impl HttpDriver {
    /// A driver with these settings. libcurl is initialised by the first one.
    ///
    /// # Errors
    /// When a setting cannot be used.
    ///
    /// # Panics
    /// When libcurl has no memory to begin with.
    pub fn new(options: HttpOptions) -> Result<Self, Invalid> {
        if options.user_agent.contains(char::is_control) {
            return Err(Invalid::new("the user agent holds a control character; leave it out"));
        }
        options.proxy.as_deref().map_or(Ok(String::new()), proxy_host)?;
        let policy = AddressPolicy::new(&options.addresses).map(Arc::new);
        if !raw::can_set_up_multi() {
            return Err(Invalid::new(
                "libcurl cannot start: no descriptors or memory are left; raise `ulimit -n`",
            ));
        }
        let mut multi = Multi::new();
        let first = multi
            .set_max_connects(KEPT_MIN)
            .map_err(|e| e.to_string())
            .and_then(|()| handle::new(&options, policy.as_ref()).map_err(|e| e.to_string()))
            .map_err(|error| {
                Invalid::new(format!(
                    "libcurl does not take a setting: {}; choose another",
                    error.to_lowercase()
                ))
            })?;
        Ok(Self {
            multi,
            options,
            policy,
            keys: Keys::new(|_| Err("this worker was given no way to look up secrets".to_owned())),
            clock: Box::new(SystemClock::new()),
            slots: vec![Slot::Idle(first)],
            free: vec![0],
            kept: KEPT_MIN,
            fresh: false,
            ended: Vec::new(),
            finished: Vec::new(),
            line: String::new(),
        })
    }

    /// The same with a way to look up the secrets that requests are signed with, by their names; or
    /// the words that say why a secret cannot be had, without showing it. Each is asked for once.
    /// The user that stores requests chooses the names, so refuse the names of other users'
    /// secrets.
    #[must_use]
    pub fn secrets(
        mut self,
        look_up: impl Fn(&SecretRef) -> Result<String, String> + Send + 'static,
    ) -> Self {
        self.keys = Keys::new(look_up);
        self
    }

    /// The same with this clock in place of the machine's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Lets libcurl do what it can without waiting, and takes out what has finished.
    fn advance(&mut self, done: &mut Vec<Completion>) {
        self.fresh = false;
        if let Err(error) = self.multi.perform() {
            return self.give_up(&error, done);
        }
        let Self { slots, finished, .. } = self;
        self.multi.messages(|message| {
            let Ok(at) = message.token() else { return };
            if let Some(Slot::Busy(handle, _)) = slots.get(at)
                && let Some(result) = message.result_for2(handle)
            {
                finished.push((at, result));
            }
        });
        let mut finished = std::mem::take(&mut self.finished);
        for (at, result) in finished.drain(..) {
            self.finish(at, result.err().as_ref(), done);
        }
        self.finished = finished;
    }

    /// Ends all that is in flight: libcurl as a whole has failed, and nothing else would
    /// end it.
    fn give_up(&mut self, error: &curl::MultiError, done: &mut Vec<Completion>) {
        let reason = format!("libcurl failed as a whole: {}", error.to_string().to_lowercase());
        let alone = self.slots.len() - self.free.len() == 1;
        // It waits for all of them together; what it cannot wait for says nothing of each.
        let scope = if alone { FailureScope::Request } else { FailureScope::Worker };
        for (at, place) in self.slots.iter_mut().enumerate() {
            if let Slot::Busy(_, InFlight { ticket, .. }) = *place {
                let failure = Failure::transient(scope, reason.clone());
                done.push(Completion::new(ticket, Outcome::Failed(failure)));
                *place = Slot::Empty;
                self.free.push(at);
            }
        }
    }
}

impl Driver for HttpDriver {
    fn kind(&self) -> &str {
        HttpRequest::KIND
    }

    fn destination(&self, body: &[u8]) -> Result<Destination, Invalid> {
        destination_of::<HttpRequest>(body)
    }

    fn start(&mut self, job: Job) {
        if let Err(failure) = self.send(&job) {
            debug!(ticket = job.ticket.0, reason = failure.reason, "not sent");
            self.ended.push(Completion::new(job.ticket, Outcome::Failed(failure)));
        }
    }

    fn poll(&mut self, wait: Duration, done: &mut Vec<Completion>) {
        let before = done.len();
        done.append(&mut self.ended);
        // After a wait libcurl has moved on already; only what is new needs a push.
        if self.fresh || wait.is_zero() {
            self.advance(done);
        }
        if done.len() > before || wait.is_zero() {
            return;
        }
        // A redirect's next hop is new, too: libcurl sees to it when it waits.
        match self.multi.poll(&mut [], whole_millis(wait)) {
            Ok(_) => self.advance(done),
            Err(error) => self.give_up(&error, done),
        }
    }

    fn relieve(&mut self) {
        // libcurl closes idle connections when the next transfer ends.
        self.kept = usize::MAX;
        let _ = self.multi.set_max_connects(KEPT_SHORT);
    }

    fn abandon(&mut self) {
        raw::quit_quickly(&self.multi);
    }

    fn notifier(&self) -> Notifier {
        let notifier = self.multi.waker();
        // It fails when the driver is gone, and then nothing waits.
        Notifier::new(move || drop(notifier.wakeup()))
    }

    /// Every job ends inside [`Driver::poll`], so nothing needs waking.
    fn notify_on_completion(&mut self, _: Notifier) {}
}

impl std::fmt::Debug for HttpDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpDriver")
            .field("in_flight", &(self.slots.len() - self.free.len()))
            .finish_non_exhaustive()
    }
}

/// libcurl waits in whole milliseconds. Rounding down would turn short waits into none,
/// and a waiting worker into a busy one.
fn whole_millis(wait: Duration) -> Duration {
    let millis = wait.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
