//! The run of a scenario, and what is known of each request afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use slipstream_core::operator::Operator;
use slipstream_core::{
    Backlog, Clock, DeliveryOptions, Destination, Engine, Next, Record, RecordId, Settlement,
    Source, Timestamp,
};

use crate::format::frame::State;
use crate::format::log_name::LogName;
use crate::format::scan::{Item, Limits, Walk};
use crate::fs::fake::Fake;
use crate::fs::{Fs, Open};
use crate::{Settings, Spool, Stage};

/// A clock that a scenario moves.
#[derive(Clone)]
pub(super) struct Hands {
    elapsed: Arc<AtomicU64>,
    /// How far the wall clock is from where it would be had it not been set.
    wall: Arc<AtomicI64>,
}

impl Hands {
    pub(super) fn new() -> Self {
        Self { elapsed: Arc::new(1_795_498_920_000.into()), wall: Arc::default() }
    }

    fn fork(&self) -> Self {
        Self {
            elapsed: Arc::new(self.elapsed.load(Ordering::Relaxed).into()),
            wall: Arc::new(self.wall.load(Ordering::Relaxed).into()),
        }
    }

    /// Sets the wall clock; elapsed time goes on as it was.
    pub(super) fn step(&self, by: i64) {
        self.wall.fetch_add(by, Ordering::Relaxed);
    }

    pub(super) fn advance(&self, by: Duration) {
        self.elapsed.fetch_add(by.as_millis() as u64, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        let elapsed = self.elapsed.load(Ordering::Relaxed);
        Timestamp::from_millis(elapsed.saturating_add_signed(self.wall.load(Ordering::Relaxed)))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed.load(Ordering::Relaxed))
    }
}

/// One run of a scenario, on a disk that may fail.
pub(super) struct Run {
    pub(super) fake: Fake,
    pub(super) clock: Hands,
    pub(super) settings: Settings,
    /// Two handles, as two processes have them.
    pub(super) writers: [Spool; 2],
    next: u64,
    /// Requests whose storing was acknowledged.
    pub(super) acknowledged: BTreeSet<u64>,
    /// How often each request was given out to be delivered.
    pub(super) deliveries: BTreeMap<u64, u32>,
    /// Requests that were given out, and whose settling did not succeed.
    pub(super) unsettled: BTreeSet<u64>,
    /// Whether the disk may have lost what was not synced: then deliveries may repeat.
    power_lost: bool,
}

impl Run {
    pub(super) fn new(settings: Settings) -> Self {
        let (fake, clock) = (Fake::new(), Hands::new());
        let writers = [(); 2].map(|()| handle(&fake, &clock, &settings));
        Self {
            fake,
            clock,
            settings,
            writers,
            next: 0,
            acknowledged: BTreeSet::new(),
            deliveries: BTreeMap::new(),
            unsettled: BTreeSet::new(),
            power_lost: false,
        }
    }

    /// A spool whose writers wait until what they store would survive a power loss.
    pub(super) fn durable(settings: Settings) -> Self {
        let mut run = Self::new(settings);
        run.writers = run.writers.map(Spool::durable);
        run
    }

    /// The same requests as of now, on a disk and with a clock of its own.
    pub(super) fn on(&self, fake: Fake) -> Self {
        let clock = self.clock.fork();
        Self {
            writers: [(); 2].map(|()| handle(&fake, &clock, &self.settings)),
            fake,
            clock,
            power_lost: true,
            settings: self.settings.clone(),
            next: self.next,
            acknowledged: self.acknowledged.clone(),
            deliveries: self.deliveries.clone(),
            unsettled: self.unsettled.clone(),
        }
    }

    /// A new process's handle.
    pub(super) fn spool(&self) -> Spool {
        handle(&self.fake, &self.clock, &self.settings)
    }

    /// Stores one request through a handle; that it fails is no failure of the scenario.
    pub(super) fn store_by(&mut self, writer: usize) {
        let spool = self.writers[writer].clone();
        self.store_through(&spool);
    }

    /// Stores a request with a dedupe key, as a new process. The number that denotes it from now
    /// on, if it was acknowledged: an earlier request's if the two are said to be the same.
    pub(super) fn store_once(&mut self, key: &str) -> Option<u64> {
        self.next += 1;
        let number = self.next;
        let options = DeliveryOptions::new().dedupe(key, Duration::from_secs(3600));
        let record = Record { options, ..record(number) };
        let receipt = self.spool().store(&Source::named("shop"), &[record]).ok()?;
        let stands = receipt.duplicates.first().map_or(number, |of| number_of_id(of.of));
        self.acknowledged.insert(stands);
        Some(stands)
    }

    pub(super) fn store_through(&mut self, spool: &Spool) {
        self.next += 1;
        let number = self.next;
        if spool.store(&Source::named("shop"), &[record(number)]).is_ok() {
            self.acknowledged.insert(number);
        }
    }

    pub(super) fn store(&mut self) {
        self.store_by(0);
    }

    pub(super) fn pass(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Gives out one request, and what becomes of it.
    pub(super) fn work_one(&mut self, backlog: &mut dyn Backlog, settlement: Settlement) -> bool {
        let mut next = backlog.next();
        if matches!(next, Ok(Next::Asked(_))) {
            next = backlog.next();
        }
        let Ok(Next::Work(claim)) = next else {
            return false;
        };
        if !claim.visible_in.is_zero() {
            // The worker only has to see it.
            let _ = backlog.settle(claim.ticket, Settlement::Release { after: claim.visible_in });
            return true;
        }
        let number = number_of(&claim.payload);
        if backlog.begin(claim.ticket).is_err() {
            return false;
        }
        if settlement == Settlement::Delivered {
            *self.deliveries.entry(number).or_default() += 1;
        }
        if backlog.settle(claim.ticket, settlement).is_err() {
            self.unsettled.insert(number);
        }
        true
    }

    /// Works all that is due.
    pub(super) fn work(&mut self, backlog: &mut dyn Backlog, settlement: &Settlement) {
        // Bounded: an engine that gives out the same again and again is to be noticed.
        for _ in 0..1_000 {
            if !self.work_one(backlog, settlement.clone()) {
                return;
            }
        }
        panic!("there is no end of work: {:#?}", self.fake.trace());
    }

    /// Opens the spool anew after a crash and checks it against the promises.
    pub(super) fn check(&mut self, what: &str) {
        let balanced = |run: &Self, when: &str| {
            let totals = run.spool().status(Duration::ZERO).unwrap().totals;
            assert!(totals.balanced(), "{what}, {when}: {totals:?}\n{:#?}", run.fake.names());
            totals
        };
        balanced(self, "opened again");
        let sound = |run: &Self, when: &str| {
            let found = run.spool().check(false).unwrap().problems;
            assert!(found.is_empty(), "{what}, {when}: {found:#?}\n{:#?}", run.fake.names());
        };
        sound(self, "opened again");
        let mut backlog = self
            .spool()
            .backlog()
            .unwrap_or_else(|error| panic!("{what}: no worker may begin: {error}"));
        self.work(&mut *backlog, &Settlement::Delivered);
        // What was deferred comes out later.
        self.pass(Duration::from_secs(86_400));
        self.work(&mut *backlog, &Settlement::Delivered);
        backlog.close().unwrap_or_else(|error| panic!("{what}: {error}"));
        sound(self, "worked");
        let totals = balanced(self, "worked");
        assert_eq!(totals.pending, 0, "{what}");
        let failed = self.in_failed();
        let missing: Vec<_> = self
            .acknowledged
            .iter()
            .filter(|number| !self.deliveries.contains_key(number) && !failed.contains(number))
            .collect();
        let outcomes = totals.outcomes;
        let given_up = outcomes.overwritten + outcomes.purged + outcomes.expired;
        assert!(missing.len() as u64 <= given_up, "{what}: lost {missing:?}, {totals:?}");
        for (number, times) in &self.deliveries {
            let allowed = 1 + u32::from(self.unsettled.contains(number));
            assert!(
                *times <= allowed || self.power_lost,
                "{what}: request {number} was delivered {times} times"
            );
        }
        let left: Vec<_> =
            self.fake.names().into_iter().filter(|name| name.starts_with("removing/")).collect();
        assert!(left.is_empty(), "{what}: {left:?}");
    }

    /// Works what is left of a damaged spool, checks the totals, and returns how many acknowledged
    /// requests are neither delivered nor failed, and how many were set aside.
    pub(super) fn check_damaged(&mut self, what: &str) -> (u64, u64) {
        let before = self.spool().status(Duration::ZERO).unwrap().totals;
        assert!(before.balanced(), "{what}: {before:?}");
        let mut backlog = self.spool().backlog().unwrap();
        self.work(&mut *backlog, &Settlement::Delivered);
        self.pass(Duration::from_secs(86_400));
        self.work(&mut *backlog, &Settlement::Delivered);
        backlog.close().unwrap();
        let after = self.spool().status(Duration::ZERO).unwrap().totals;
        assert!(after.balanced(), "{what}: {after:?}");
        assert_eq!(after.pending, 0, "{what}");
        let failed = self.in_failed();
        let there = |number: &&u64| self.deliveries.contains_key(number) || failed.contains(number);
        let kept = self.acknowledged.iter().filter(there).count();
        let lost = self.acknowledged.len() - kept;
        (lost as u64, after.outcomes.set_aside)
    }

    /// The requests that are in failed/.
    fn in_failed(&self) -> BTreeSet<u64> {
        let mut numbers = BTreeSet::new();
        for name in self.fake.list(Stage::Failed.name()).unwrap() {
            let Some(log) = LogName::parse(&name) else {
                continue;
            };
            let file = self.fake.open(&format!("failed/{name}"), Open::Read).unwrap();
            let mut walk = Walk::new(log.salt, file.stat().unwrap().len, Limits::WIDEST);
            while let Some(item) = walk.next(&*file).unwrap() {
                if let Item::Record { settlement, payload, .. } = item
                    && matches!(settlement.state, State::Failed | State::Pending)
                {
                    numbers.insert(number_of(payload));
                }
            }
        }
        numbers
    }
}

pub(super) fn number_of(payload: &[u8]) -> u64 {
    number_of_id(Record::decode(payload).unwrap().id)
}

fn number_of_id(id: RecordId) -> u64 {
    u64::from_be_bytes(id.as_bytes()[8..].try_into().unwrap())
}

pub(super) fn record(number: u64) -> Record {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    Record {
        id: RecordId::from_bytes(id),
        kind: "beep".to_owned(),
        destination: Destination::new("beep://speaker"),
        options: DeliveryOptions::default(),
        body: vec![0xC1; 40],
    }
}

fn handle(fake: &Fake, clock: &Hands, settings: &Settings) -> Spool {
    Spool::on(
        Path::new("/spool"),
        Box::new(fake.clone()),
        Box::new(clock.clone()),
        settings.clone(),
    )
}
