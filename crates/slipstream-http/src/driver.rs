//! Sends HTTP requests, many at a time, from one thread.
//!
//! Guarantees: one completion for every job, whatever a server does, within the times of
//! [`HttpOptions`]. A request is checked again before it is sent, so no body that was
//! stored by another program can reach a scheme but http and https. Memory follows the
//! number of requests in flight, not what servers answer.
//!
//! Connections are kept and used again. Absent on purpose: a limit on how many jobs are in
//! flight, and retries. Both are the worker's.

use std::time::{Duration, SystemTime};

use curl::easy::Easy2;
use curl::multi::{Easy2Handle, Multi};
use slipstream_core::{
    Blame, Completion, Driver, Failure, Invalid, Job, Outcome, Request, Ticket, Waker, decode_body,
};
use tracing::debug;

use crate::transfer::{self, Exchange};
use crate::url::Authority;
use crate::verdict::{End, judge};
use crate::{HttpOptions, HttpRequest, retry_after};

/// Most connections at a time, idle ones included; what is beyond waits its turn inside
/// libcurl. As the `curl` crate builds it, libcurl waits with select(2), which cannot hold
/// a descriptor above 1,023, and fails as a whole when it meets one.
const CONNECTIONS_MAX: usize = 800;

/// Fewest connections that are kept open between requests. More are when more requests
/// have been in flight at once.
const KEPT_MIN: usize = 64;

/// Performs [`HttpRequest`]s over libcurl.
pub struct HttpDriver {
    multi: Multi,
    options: HttpOptions,
    // A handle's place is its token, so a finished one is found without a search.
    places: Vec<Place>,
    free: Vec<usize>,
    /// How many connections libcurl keeps.
    kept: usize,
    /// Whether a job was started that libcurl has not been told to move on.
    fresh: bool,
    /// Jobs that ended before they reached libcurl.
    ended: Vec<Completion>,
    // Scratch space, so that a request costs no allocation for it.
    finished: Vec<(usize, Result<(), curl::Error>)>,
    line: String,
}

/// Where one of libcurl's handles lives.
enum Place {
    /// No handle has been made, or libcurl would not take it back.
    Empty,
    /// A handle that is ready for a request.
    Idle(Easy2<Exchange>),
    /// A handle that carries the request of this ticket.
    Busy(Easy2Handle<Exchange>, Ticket),
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
        let texts = [Some(&options.user_agent), options.proxy.as_ref()];
        if texts.into_iter().flatten().any(|t| t.contains(char::is_control)) {
            return Err(Invalid::new(
                "the user agent or the proxy holds a control character; leave it out",
            ));
        }
        let mut multi = Multi::new();
        let first = multi
            .set_max_total_connections(CONNECTIONS_MAX)
            .and_then(|()| multi.set_max_connects(KEPT_MIN))
            .map_err(|e| e.to_string())
            .and_then(|()| new_handle(&options).map_err(|e| e.to_string()))
            .map_err(|error| {
                Invalid::new(format!(
                    "libcurl does not take a setting: {}; choose another",
                    error.to_lowercase()
                ))
            })?;
        Ok(Self {
            multi,
            options,
            places: vec![Place::Idle(first)],
            free: vec![0],
            kept: KEPT_MIN,
            fresh: false,
            ended: Vec::new(),
            finished: Vec::new(),
            line: String::new(),
        })
    }

    /// Hands a job to libcurl, or says why it ends here.
    fn send(&mut self, job: &Job) -> Result<(), Failure> {
        let request: HttpRequest = decode_body(&job.body).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            Failure::permanent(format!("{error}: {}", cause.unwrap_or_default()))
        })?;
        request.check().map_err(|error| Failure::permanent(error.to_string()))?;

        let at = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::Empty);
            self.places.len() - 1
        });
        let busy = self.start_at(at, request, job);
        if busy.is_err() {
            self.free.push(at);
        }
        self.places[at] = busy.map_err(|words| {
            let words = words.to_lowercase();
            Failure::transient(Blame::Request, format!("libcurl does not start: {words}"))
        })?;
        self.fresh = true;
        Ok(())
    }

    fn start_at(&mut self, at: usize, request: HttpRequest, job: &Job) -> Result<Place, String> {
        let mut easy = match std::mem::replace(&mut self.places[at], Place::Empty) {
            Place::Idle(easy) => easy,
            _ => new_handle(&self.options).map_err(|e| e.to_string())?,
        };
        transfer::load(&mut easy, request, job.attempt.id, &mut self.line)
            .map_err(|e| e.to_string())?;
        // With fewer than are in flight, every request would close one and open one.
        if self.places.len() > self.kept {
            self.kept = self.places.len().next_power_of_two();
            self.multi.set_max_connects(self.kept).map_err(|e| e.to_string())?;
        }
        let mut handle = self.multi.add2(easy).map_err(|e| e.to_string())?;
        handle.set_token(at).map_err(|e| e.to_string())?;
        Ok(Place::Busy(handle, job.ticket))
    }

    /// Lets libcurl do what it can without waiting, and takes out what has finished.
    fn advance(&mut self, done: &mut Vec<Completion>) {
        self.fresh = false;
        if let Err(error) = self.multi.perform() {
            return self.give_up(&error, done);
        }
        let Self { places, finished, .. } = self;
        self.multi.messages(|message| {
            let Ok(at) = message.token() else { return };
            if let Some(Place::Busy(handle, _)) = places.get(at)
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

    fn finish(&mut self, at: usize, error: Option<&curl::Error>, done: &mut Vec<Completion>) {
        let Place::Busy(handle, ticket) = std::mem::replace(&mut self.places[at], Place::Empty)
        else {
            return;
        };
        let outcome = outcome(&handle, error, &self.options);
        if let Outcome::Failed(failure) = &outcome {
            debug!(ticket = ticket.0, reason = failure.reason, "attempt failed");
        }
        done.push(Completion { ticket, outcome });
        if let Ok(mut easy) = self.multi.remove2(handle) {
            easy.get_mut().release();
            self.places[at] = Place::Idle(easy);
        }
        self.free.push(at);
    }

    /// Ends all that is in flight: libcurl as a whole has failed, and nothing else would
    /// end it.
    fn give_up(&mut self, error: &curl::MultiError, done: &mut Vec<Completion>) {
        let reason = format!("libcurl failed: {}", error.to_string().to_lowercase());
        for (at, place) in self.places.iter_mut().enumerate() {
            if let Place::Busy(_, ticket) = *place {
                let failure = Failure::transient(Blame::Request, reason.clone());
                done.push(Completion { ticket, outcome: Outcome::Failed(failure) });
                *place = Place::Empty;
                self.free.push(at);
            }
        }
    }
}

impl Driver for HttpDriver {
    fn kind(&self) -> &str {
        HttpRequest::KIND
    }

    fn start(&mut self, job: Job) {
        if let Err(failure) = self.send(&job) {
            debug!(ticket = job.ticket.0, reason = failure.reason, "not sent");
            self.ended.push(Completion { ticket: job.ticket, outcome: Outcome::Failed(failure) });
        }
    }

    fn turn(&mut self, wait: Duration, done: &mut Vec<Completion>) {
        let before = done.len();
        done.append(&mut self.ended);
        // After a wait libcurl has moved on already; only what is new needs a push.
        if self.fresh || wait.is_zero() {
            self.advance(done);
        }
        if done.len() > before || wait.is_zero() {
            return;
        }
        match self.multi.poll(&mut [], whole_millis(wait)) {
            Ok(_) => self.advance(done),
            Err(error) => self.give_up(&error, done),
        }
    }

    fn waker(&self) -> Waker {
        let waker = self.multi.waker();
        // It fails when the driver is gone, and then nobody waits.
        Waker::new(move || drop(waker.wakeup()))
    }

    /// Every job ends inside [`Driver::turn`], so nobody needs waking.
    fn wake_on_completion(&mut self, _: Waker) {}
}

impl std::fmt::Debug for HttpDriver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpDriver")
            .field("in_flight", &(self.places.len() - self.free.len()))
            .finish_non_exhaustive()
    }
}

fn new_handle(options: &HttpOptions) -> Result<Easy2<Exchange>, curl::Error> {
    let mut easy = Easy2::new(Exchange::new(options.response_limit));
    options.apply(&mut easy)?;
    Ok(easy)
}

fn outcome(
    handle: &Easy2Handle<Exchange>,
    error: Option<&curl::Error>,
    options: &HttpOptions,
) -> Outcome {
    // Asked of libcurl, not read from status lines: a proxy's answer to CONNECT has one.
    let status = handle.response_code().unwrap_or_default();
    if (200..300).contains(&status) {
        return Outcome::Delivered;
    }
    let exchange = handle.get_ref();
    let peer = Authority::of(exchange.url())
        .map(|to| format!("{}:{}", to.host, to.port))
        .unwrap_or_default();
    let end = End {
        status,
        retry_after: exchange
            .retry_after()
            .and_then(|value| retry_after::parse(value, SystemTime::now())),
        error,
        errno: handle.os_errno().unwrap_or_default(),
        connected: handle.pretransfer_time().is_ok_and(|t| !t.is_zero()),
        peer: &peer,
    };
    judge(&end, options)
}

/// libcurl waits in whole milliseconds. Rounding down would turn short waits into none,
/// and a waiting worker into a busy one.
fn whole_millis(wait: Duration) -> Duration {
    let millis = wait.as_nanos().div_ceil(1_000_000);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
