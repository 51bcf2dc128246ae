//! A writer: says what it is about to store, stores it, says that it was acknowledged.
//!
//! Both files are plain appends of ids, one write for each call of the engine. A process that is
//! killed in between leaves an intent without acknowledgement, never the reverse. What was
//! certainly not stored, because a slot or the disk was full, goes into a third.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use slipstream_core::{
    Clock, Engine, Record, RecordId, Source, StoreError, SystemClock, Timestamp,
};
use slipstream_log::Spool;
use slipstream_soak::chance::Chance;
use slipstream_soak::ids::{LENGTH, Name};

use crate::requests::Requests;
use crate::{Result, stop_flag};

#[derive(Clone, clap::Args)]
pub(crate) struct Args {
    dir: PathBuf,
    /// Where it says what it is about to store
    #[arg(long)]
    intents: PathBuf,
    /// Where it says what was acknowledged
    #[arg(long)]
    acks: PathBuf,
    /// Where it says what was refused
    #[arg(long)]
    refused: PathBuf,
    /// Which writer this is, of all that were started
    #[arg(long)]
    life: u32,
    #[arg(long)]
    seed: u64,
    /// Records a second; as many as it can unless given
    #[arg(long)]
    rate: Option<u64>,
    /// Threads that store through one handle
    #[arg(long, default_value_t = 1)]
    threads: u64,
    /// Sources that it stores for
    #[arg(long, default_value_t = 4)]
    sources: u64,
    #[command(flatten)]
    requests: Requests,
    /// The file that tells by how many milliseconds the clock is wrong
    #[arg(long)]
    offset: Option<PathBuf>,
    /// Go on when the disk is full
    #[arg(long)]
    may_be_full: bool,
    /// Go on when a slot is full
    #[arg(long)]
    may_refuse: bool,
}

/// More than this may go into the spool with several writes, of which some may succeed.
const ONE_WRITE: usize = 1 << 19;

/// The machine's clock, wrong by as much as a file says.
#[derive(Clone)]
struct WrongClock {
    right: SystemClock,
    offset: Arc<AtomicI64>,
}

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        let now = self.right.now().as_millis();
        Timestamp::from_millis(now.saturating_add_signed(self.offset.load(Relaxed)))
    }

    fn elapsed(&self) -> Duration {
        self.right.elapsed()
    }
}

struct Writer {
    args: Args,
    spool: Spool,
    durable: Spool,
    clock: WrongClock,
    intents: File,
    acks: File,
    refused: File,
    next: AtomicU32,
    stop: Arc<AtomicBool>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let stop = stop_flag()?;
    let clock = WrongClock { right: SystemClock::new(), offset: Arc::default() };
    if let Some(path) = &args.offset {
        follow(path, Arc::clone(&clock.offset))?;
    }
    let spool = Spool::builder().clock(clock.clone()).open(&args.dir)?;
    let writer = Writer {
        args: args.clone(),
        durable: spool.clone().durable(),
        spool,
        clock,
        intents: append_to(&args.intents)?,
        acks: append_to(&args.acks)?,
        refused: append_to(&args.refused)?,
        next: AtomicU32::new(0),
        stop,
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..args.threads)
            .map(|thread| {
                let writer = &writer;
                scope.spawn(move || writer.store_with(thread).map_err(|error| tell(&*error)))
            })
            .collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(_) => Err("a thread panicked".to_owned()),
        });
        ended.collect::<Vec<_>>().into_iter().collect::<std::result::Result<(), String>>()
    })?;
    Ok(())
}

impl Writer {
    fn store_with(&self, thread: u64) -> Result<()> {
        let mut chance = Chance::new(self.args.seed, (u64::from(self.args.life) << 8) | thread);
        let start = Instant::now();
        let (mut stored, mut ids) = (0u64, Vec::new());
        while !self.stop.load(Relaxed) {
            if let Some(rate) = self.args.rate {
                let due =
                    Duration::from_secs_f64((stored * self.args.threads) as f64 / rate as f64);
                let early = due.saturating_sub(start.elapsed());
                if !early.is_zero() {
                    thread::sleep(early.min(Duration::from_millis(50)));
                    continue;
                }
            }
            let records = self.records(&mut chance)?;
            ids.clear();
            ids.extend(records.iter().flat_map(|record| record.id.as_bytes()));
            debug_assert_eq!(ids.len(), records.len() * LENGTH);
            let source = Source::named(format!("source {}", chance.below(self.args.sources)));
            let spool = match chance.one_in(64) {
                true => &self.durable,
                false => &self.spool,
            };
            (&self.intents).write_all(&ids)?;
            match spool.store(&source, &records) {
                Ok(_) => (&self.acks).write_all(&ids)?,
                Err(error) if self.may_meet(&error) => {
                    if nothing_stored(&error, &records) {
                        (&self.refused).write_all(&ids)?;
                    }
                    // As a program would that tries again later.
                    thread::sleep(Duration::from_millis(1));
                }
                Err(error) => return Err(error.into()),
            }
            stored += records.len() as u64;
        }
        Ok(())
    }

    fn may_meet(&self, error: &StoreError) -> bool {
        match error {
            StoreError::Full(_) => self.args.may_refuse,
            _ => self.args.may_be_full && is_full(error),
        }
    }

    /// One record, or now and then a batch.
    fn records(&self, chance: &mut Chance) -> Result<Vec<Record>> {
        let count = match chance.below(100) {
            0..90 => 1,
            90..99 => 2 + chance.below(10),
            _ => 100,
        };
        (0..count)
            .map(|_| {
                let name = Name { life: self.args.life, number: self.next.fetch_add(1, Relaxed) };
                let id = RecordId::new(self.clock.now(), name.as_chance());
                self.args.requests.record(name, id, size(chance))
            })
            .collect()
    }
}

/// Mostly small; large enough to be torn now and then.
fn size(chance: &mut Chance) -> usize {
    let most = match chance.below(1000) {
        0..960 => 400,
        960..995 => 8 << 10,
        _ => 200 << 10,
    };
    50 + chance.below(most) as usize
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Keeps the offset as the file says, from before the first record.
fn follow(path: &Path, offset: Arc<AtomicI64>) -> Result<()> {
    let file = File::open(path)?;
    let read = move || {
        let mut bytes = [0; 8];
        if file.read_exact_at(&mut bytes, 0).is_ok() {
            offset.store(i64::from_le_bytes(bytes), Relaxed);
        }
    };
    read();
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_millis(5));
            read();
        }
    });
    Ok(())
}

/// Whether this error promises that none of the records was stored. A full disk may cut a write
/// short behind the first records of a batch; a full slot is noticed before anything is written.
fn nothing_stored(error: &StoreError, records: &[Record]) -> bool {
    let size: usize = records.iter().map(|record| record.body.len() + 200).sum();
    match error {
        StoreError::DurabilityUnknown(_) => false,
        StoreError::Full(_) => size < ONE_WRITE,
        _ => records.len() == 1,
    }
}

/// Whether what went wrong is that the disk is full.
fn is_full(error: &StoreError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>()
            && matches!(io.kind(), io::ErrorKind::StorageFull | io::ErrorKind::WriteZero)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

fn tell(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}
