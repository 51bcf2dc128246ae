//! A collector for async code: a bounded channel, and one thread that stores what is in it.
//!
//! Storing takes microseconds, so most async programs can call
//! [`Collector::store`](crate::Collector::store) where they are. This is for programs whose spool
//! is [durable](slipstream_log::Spool::durable), where each store waits for the disk, and for
//! programs that store so much that tasks would contend for it.
//!
//! # Invariants
//! - All that waits when the thread is free is stored by one call of the engine: one write and one sync for
//!   many tasks. None waits for a timer.
//! - A task that receives success has its request acknowledged. A task that is dropped before it
//!   receives a result may have its request stored all the same.
//! - When the channel is full, tasks wait.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use slipstream_core::{
    Clock, DeliveryOptions, Engine, Record, RecordId, Request, Source, StoreError, Stored,
    SystemClock,
};
use tokio::sync::{mpsc, oneshot};

/// How many requests may wait for the thread.
const WAITING_MAX: usize = 1_024;

/// How many requests are given to the engine at once.
const BATCH_MAX: usize = 256;

/// Stores requests on behalf of tasks. Cheap to clone.
///
/// ```
/// # use slipstream_spool::{AsyncCollector, Spool};
/// # use slipstream_spool::http::HttpRequest;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let path = home.path().join("spool");
/// let collector = AsyncCollector::new(Spool::open(&path)?.durable())?;
/// let stored = collector.store(&HttpRequest::get("http://example.com/")).await?;
/// println!("stored as {}", stored.id);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AsyncCollector {
    // Dropped before the thread is waited for, which ends when no sender is left.
    waiting: mpsc::Sender<Waiting>,
    clock: Arc<dyn Clock>,
    _thread: Arc<Thread>,
}

/// A record whose task waits for the answer.
struct Waiting {
    record: Record,
    answer: oneshot::Sender<Result<Stored, StoreError>>,
}

impl AsyncCollector {
    /// A collector for this process.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn new(engine: impl Engine + 'static) -> io::Result<Self> {
        Self::with_source(engine, Source::process())
    }

    /// The same for another source: a site, a tenant, any group of requests that belong together.
    ///
    /// # Errors
    /// As for [`AsyncCollector::new`].
    pub fn with_source(engine: impl Engine + 'static, source: Source) -> io::Result<Self> {
        let (waiting, taken) = mpsc::channel(WAITING_MAX);
        let store = move || store_all(&engine, &source, taken);
        let thread = thread::Builder::new().name("slipstream-store".to_owned()).spawn(store)?;
        let thread = Arc::new(Thread(Some(thread)));
        Ok(Self { waiting, clock: Arc::new(SystemClock::new()), _thread: thread })
    }

    /// The same with another clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Stores one request. When this returns, it will be delivered, or accounted for.
    ///
    /// # Errors
    /// As for [`Collector::store`](slipstream_core::Collector::store).
    pub async fn store<R: Request>(&self, request: &R) -> Result<Stored, StoreError> {
        self.store_with(request, DeliveryOptions::default()).await
    }

    /// Stores one request that is delivered with these options.
    ///
    /// # Errors
    /// As for [`Collector::store_with`](slipstream_core::Collector::store_with).
    pub async fn store_with<R: Request>(
        &self,
        request: &R,
        options: DeliveryOptions,
    ) -> Result<Stored, StoreError> {
        let record = Record::new(request, RecordId::generate(self.clock.now()))?;
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { record: record.with_options(options)?, answer };
        self.waiting.send(waiting).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl fmt::Debug for AsyncCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncCollector").finish_non_exhaustive()
    }
}

/// Waited for by the last collector, so that what its tasks gave away is stored before the program ends.
struct Thread(Option<JoinHandle<()>>);

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

fn store_all(engine: &impl Engine, source: &Source, mut taken: mpsc::Receiver<Waiting>) {
    let mut waiting = Vec::with_capacity(BATCH_MAX);
    while taken.blocking_recv_many(&mut waiting, BATCH_MAX) > 0 {
        let (records, answers): (Vec<_>, Vec<_>) =
            waiting.drain(..).map(|Waiting { record, answer }| (record, answer)).unzip();
        let stored = store(engine, source, &records);
        for (answer, stored) in answers.into_iter().zip(stored) {
            // The task may be gone.
            let _ = answer.send(stored);
        }
    }
}

/// Stores all records at once, or each by itself if one is too large: then none was stored.
fn store(
    engine: &impl Engine,
    source: &Source,
    records: &[Record],
) -> Vec<Result<Stored, StoreError>> {
    match engine.store(source, records) {
        Ok(receipt) => Stored::from_receipt(receipt, records).into_iter().map(Ok).collect(),
        Err(error) if records.len() == 1 => vec![Err(error)],
        Err(StoreError::TooLarge { .. }) => {
            records.chunks(1).flat_map(|record| store(engine, source, record)).collect()
        }
        Err(error) => {
            let error = Arc::new(error);
            records.iter().map(|_| Err(shared(&error))).collect()
        }
    }
}

/// The same error for one of many.
fn shared(error: &Arc<StoreError>) -> StoreError {
    let shared = |text: String| Box::new(Shared { text, of: Arc::clone(error) });
    match &**error {
        StoreError::Full(why) => StoreError::Full(why.clone()),
        StoreError::DurabilityUnknown(why) => {
            StoreError::DurabilityUnknown(shared(why.to_string()))
        }
        other => StoreError::Engine(shared(other.to_string())),
    }
}

/// An error that is returned to many tasks.
#[derive(Debug)]
struct Shared {
    text: String,
    of: Arc<StoreError>,
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for Shared {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.of {
            StoreError::DurabilityUnknown(why) => why.source(),
            other => other.source(),
        }
    }
}

fn gone() -> StoreError {
    StoreError::Engine(
        "the thread that stores has ended; its panic is in the program's output".into(),
    )
}
