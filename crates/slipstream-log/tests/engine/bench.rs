//! A spool in a temporary directory, a clock that tests move, and a worker in a few lines.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use slipstream_core::operator::{Operator, Totals};
use slipstream_core::{
    Backlog, Claim, Clock, DeliveryOptions, Destination, Engine, Next, Record, RecordId,
    Settlement, Source, StoreError, Timestamp,
};
use slipstream_log::{Settings, Spool, Stage};

/// A clock that does not move until a test moves it.
#[derive(Clone)]
pub(crate) struct Hands {
    wall: Arc<AtomicU64>,
    elapsed: Arc<AtomicU64>,
}

impl Hands {
    pub(crate) fn new() -> Self {
        let start = 1_795_498_920_000;
        Self { wall: Arc::new(start.into()), elapsed: Arc::new(0.into()) }
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by = by.as_millis() as u64;
        self.wall.fetch_add(by, Ordering::Relaxed);
        self.elapsed.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn step_back(&self, by: Duration) {
        self.wall.fetch_sub(by.as_millis() as u64, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall.load(Ordering::Relaxed))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed.load(Ordering::Relaxed))
    }
}

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: Hands,
    pub(crate) spool: Spool,
    pub(crate) stored: u64,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Hands::new();
        let spool = Spool::builder()
            .settings(settings)
            .clock(clock.clone())
            .open(dir.path().join("spool"))
            .unwrap();
        Self { dir, clock, spool, stored: 0 }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("spool")
    }

    /// Another process's view.
    pub(crate) fn other(&self) -> Spool {
        Spool::builder().clock(self.clock.clone()).open(self.path()).unwrap()
    }

    pub(crate) fn record(&mut self) -> Record {
        self.stored += 1;
        let mut id = [0; 16];
        id[8..].copy_from_slice(&self.stored.to_be_bytes());
        Record {
            id: RecordId::from_bytes(id),
            kind: "beep".to_owned(),
            destination: Destination::new("beep://speaker"),
            options: DeliveryOptions::default(),
            body: vec![b'x'; 100],
        }
    }

    pub(crate) fn store(&mut self) -> Result<u64, StoreError> {
        let record = self.record();
        let receipt = self.spool.store(&source(), &[record])?;
        Ok(receipt.overwritten.iter().map(|gone| gone.requests).sum())
    }

    pub(crate) fn totals(&self) -> Totals {
        let totals = self.other().status(Duration::ZERO).unwrap().totals;
        assert!(totals.balanced(), "{totals:?}");
        totals
    }

    pub(crate) fn files(&self, stage: Stage) -> Vec<String> {
        let dir = std::fs::read_dir(self.path().join(stage.name())).unwrap();
        let mut names: Vec<_> =
            dir.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn backlog(&self) -> Box<dyn Backlog> {
        self.other().backlog().unwrap()
    }
}

pub(crate) fn source() -> Source {
    Source::named("shop.example")
}

pub(crate) fn number(claim: &Claim) -> u64 {
    let id = Record::decode(&claim.payload).unwrap().id;
    u64::from_be_bytes(id.as_bytes()[8..].try_into().unwrap())
}

pub(crate) fn next(backlog: &mut dyn Backlog) -> Option<Claim> {
    match backlog.next().unwrap() {
        Next::Work(claim) => Some(claim),
        Next::Asked(_) => next(backlog),
        Next::Wait(_) | Next::Empty => None,
    }
}

/// Settles everything that is due as `settlement` says, and returns which requests came out.
pub(crate) fn drain(backlog: &mut dyn Backlog, settlement: impl Fn(u64) -> Settlement) -> Vec<u64> {
    let mut seen = Vec::new();
    while let Some(claim) = next(backlog) {
        let number = number(&claim);
        backlog.begin(claim.ticket).unwrap();
        backlog.settle(claim.ticket, settlement(number)).unwrap();
        seen.push(number);
    }
    seen
}
