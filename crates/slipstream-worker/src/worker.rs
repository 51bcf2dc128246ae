//! Configuration of a run: drivers and handlers, retry policy and limits.
//!
//! # Non-goals
//! Configuration files and environment variables. A program reads those.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use slipstream_core::{Backlog, Clock, Driver, Handler, RetryPolicy, SystemClock};

use crate::drivers::DriverSet;
use crate::drivers::thread_pool::Threads;
use crate::stop::Stopper;

/// The bounds of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Requests in flight at once, over all destinations. 0 is taken for 1.
    pub concurrency: usize,
    /// Requests in flight beyond the concurrency, each to a destination that holds few, while
    /// others keep silent: so that a destination which hangs keeps no other from being tried. With
    /// a concurrency of one there are none.
    pub spare: usize,
    /// How long the run may begin attempts for, unless it follows. What is in flight then is finished.
    pub max_time: Duration,
    /// How long a run with nothing in flight waits at most for what is due later, unless it follows. What
    /// is due after that is the next run's.
    pub max_idle: Duration,
    /// How long a run that was asked to stop waits for what is in flight. What was not answered by
    /// then is interrupted, as by a kill: it is tried again by the next run.
    pub stop_timeout: Duration,
    /// Requests in a row that a destination must exhaust before it counts as down and
    /// the rest for it is failed untried. 0 is taken for 1.
    pub down_after: u32,
    /// The age at which a request has outlived its use; it is expired then, not attempted.
    /// None means never.
    pub max_age: Option<Duration>,
    /// Whether the run stays when nothing is left, and delivers what is stored as it comes,
    /// until it is stopped, however long that takes.
    pub follow: bool,
}

impl Limits {
    /// How long attempts may be begun for.
    pub(crate) fn budget(&self) -> Duration {
        if self.follow { Duration::MAX } else { self.max_time }
    }
}

impl Default for Limits {
    /// 100 at once (with a receiver that answers at once as quick as 50, with a receiver that takes
    /// 20 ms twice as quick), for 8 minutes, 3 exhausted requests; nothing expires. 10 seconds for
    /// what is due later: three attempts by the default policy are made in one run. 8 seconds for
    /// what is in flight when it is stopped: container managers kill after 10.
    fn default() -> Self {
        Self {
            concurrency: 100,
            spare: 1_500,
            max_time: Duration::from_secs(8 * 60),
            max_idle: Duration::from_secs(10),
            stop_timeout: Duration::from_secs(8),
            down_after: 3,
            max_age: None,
            follow: false,
        }
    }
}

/// Works a backlog until nothing is left that is due in time.
///
/// A worker belongs to one thread, as its drivers and its backlog do. A program that goes on with something
/// else has another thread open the spool and build the worker, and keeps its [`Stopper`]:
///
/// ```
/// use std::sync::mpsc;
/// use std::thread;
///
/// use slipstream_core::Engine;
/// use slipstream_log::Spool;
/// use slipstream_worker::Worker;
///
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path().join("spool");
/// let (tell, told) = mpsc::channel();
/// let thread = thread::spawn(move || {
///     let backlog = Spool::open(dir).map_err(|error| error.to_string())?.backlog();
///     // Add a driver or a handler for each kind.
///     let worker = Worker::new(backlog.map_err(|error| error.to_string())?).follow();
///     let _ = tell.send(worker.stopper());
///     worker.run(&mut ()).map_err(|error| error.to_string())
/// });
/// // The program's own work; then:
/// if let Ok(stopper) = told.recv() {
///     stopper.stop();
/// }
/// let summary = thread.join().expect("the worker does not panic")?;
/// println!("{} delivered", summary.delivered);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Worker {
    pub(crate) backlog: Box<dyn Backlog>,
    pub(crate) drivers: DriverSet,
    pub(crate) policy: RetryPolicy,
    pub(crate) limits: Limits,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) random: Box<dyn FnMut() -> f64>,
    pub(crate) stopper: Stopper,
}

impl Worker {
    /// A worker of this backlog, which performs nothing yet: add a handler or a driver
    /// for each kind.
    pub fn new(backlog: Box<dyn Backlog>) -> Self {
        Self {
            backlog,
            drivers: DriverSet::default(),
            policy: RetryPolicy::default(),
            limits: Limits::default(),
            clock: Box::new(SystemClock::new()),
            random: Box::new(chance()),
            stopper: Stopper::default(),
        }
    }

    /// Performs requests of the handler's kind with it, on up to eight threads, at most four for
    /// one destination. For another number, give [`Threads`] to [`Worker::threads`]. A later
    /// handler or driver of the same kind replaces an earlier one.
    #[must_use]
    pub fn handler(self, handler: impl Handler) -> Self {
        self.threads(Threads::new(handler))
    }

    /// Performs requests of the handler's kind on these threads.
    #[must_use]
    pub fn threads<H: Handler>(self, threads: Threads<H>) -> Self {
        self.with_driver(Box::new(threads), true)
    }

    /// Performs requests of the driver's kind with it.
    #[must_use]
    pub fn driver(self, driver: Box<dyn Driver>) -> Self {
        self.with_driver(driver, false)
    }

    /// Tries and waits by this policy.
    #[must_use]
    pub fn policy(mut self, policy: RetryPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Keeps within these limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Has at most this many requests in flight at once.
    #[must_use]
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.limits.concurrency = concurrency;
        self
    }

    /// Has at most this many more in flight while others keep silent.
    #[must_use]
    pub fn spare(mut self, spare: usize) -> Self {
        self.limits.spare = spare;
        self
    }

    /// Stays, and delivers what is stored as it comes, until it is stopped.
    #[must_use]
    pub fn follow(mut self) -> Self {
        self.limits.follow = true;
        self
    }

    /// Lets requests expire at this age.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.limits.max_age = Some(max_age);
        self
    }

    /// Takes a destination to be down when it has exhausted so many requests in a row.
    #[must_use]
    pub fn down_after(mut self, requests: u32) -> Self {
        self.limits.down_after = requests;
        self
    }

    /// Begins no attempt after this long.
    #[must_use]
    pub fn max_time(mut self, max_time: Duration) -> Self {
        self.limits.max_time = max_time;
        self
    }

    /// Waits this long at most for what is due later, with nothing in flight.
    #[must_use]
    pub fn max_idle(mut self, max_idle: Duration) -> Self {
        self.limits.max_idle = max_idle;
        self
    }

    /// Waits this long at most for what is in flight when it is stopped.
    #[must_use]
    pub fn stop_timeout(mut self, stop_timeout: Duration) -> Self {
        self.limits.stop_timeout = stop_timeout;
        self
    }

    /// Reads the time from this clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Takes the numbers that decide on jitter, each from 0 to 1, from here.
    #[must_use]
    pub fn random(mut self, random: impl FnMut() -> f64 + 'static) -> Self {
        self.random = Box::new(random);
        self
    }

    /// What ends the run early, from any thread.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    fn with_driver(mut self, driver: Box<dyn Driver>, notifies: bool) -> Self {
        self.stopper.add(driver.notifier());
        self.drivers.add(driver, notifies);
        self
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("policy", &self.policy)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Numbers from 0 to 1, good enough for jitter: the standard library's randomly keyed
/// hash of 1, 2, 3, ….
fn chance() -> impl FnMut() -> f64 {
    let keys = RandomState::new();
    let mut count = 0_u64;
    move || {
        count += 1;
        let mut hasher = keys.build_hasher();
        hasher.write_u64(count);
        f64::from(hasher.finish() as u32) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn chance_stays_within_its_bounds_and_moves() {
        let mut chance = super::chance();
        let drawn: Vec<f64> = (0..1_000).map(|_| chance()).collect();
        assert!(drawn.iter().all(|number| (0.0..=1.0).contains(number)));
        let mean = drawn.iter().sum::<f64>() / 1_000.0;
        assert!((0.4..0.6).contains(&mean), "{mean}");
    }
}
