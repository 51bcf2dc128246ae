//! What `cargo xtask bench store` starts and times: one loop over one way to store.
//!
//! It prints `ready`, waits for a line, runs, and prints one line of JSON. Absent on
//! purpose: anything between two records but the clock.

use std::env;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use slipstream_core::{
    Clock, Collector, Destination, Engine, Invalid, Record, RecordId, Request, Source, SystemClock,
};
use slipstream_log::Spool;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A record's size, envelope and body together.
const SIZE: usize = 300;
/// Records a call, where there are several.
const BATCH: usize = 100;

#[derive(Serialize, Deserialize)]
struct Event {
    text: String,
}

impl Request for Event {
    const KIND: &'static str = "bench";

    fn destination(&self) -> Destination {
        Destination::new("http://127.0.0.1:9")
    }

    fn check(&self) -> std::result::Result<(), Invalid> {
        Ok(())
    }
}

fn main() -> Result<()> {
    let words = env::args().skip(1).collect::<Vec<_>>();
    match &words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["spawn", count, program, args @ ..] => spawn(count.parse()?, program, args),
        [mode, directory, count] => store(mode, Path::new(directory), count.parse()?),
        _ => {
            Err("usage: store_bench MODE DIR COUNT | store_bench spawn COUNT PROGRAM ARG...".into())
        }
    }
}

fn store(mode: &str, directory: &Path, count: usize) -> Result<()> {
    if mode.starts_with("floor") {
        // Ours makes its own, as every program's does.
        fs::create_dir_all(directory)?;
    }
    let path = directory.join("floor");
    let file = || OpenOptions::new().append(true).create(true).open(&path);
    let record = vec![b'x'; SIZE];
    match mode {
        "floor-write" => {
            let mut file = file()?;
            run(count, 1, || Ok(file.write_all(&record)?))
        }
        "floor-lock" => {
            let file = file()?;
            run(count, 1, || locked(&file, &record))
        }
        "floor-open" => run(count, 1, || locked(&file()?, &record)),
        "floor-batch" => {
            let file = file()?;
            let records = record.repeat(BATCH);
            run(count, BATCH, || locked(&file, &records))
        }
        "floor-sync" => {
            let mut file = file()?;
            run(count, 1, || {
                file.write_all(&record)?;
                Ok(file.sync_data()?)
            })
        }
        "ours" => ours(&Spool::open(directory)?, count, 1),
        "ours-batch" => ours(&Spool::open(directory)?, count, BATCH),
        "ours-durable" => ours(&Spool::open(directory)?.durable(), count, 1),
        "ours-collector" => {
            let collector = Collector::new(Spool::open(directory)?);
            let event = event()?;
            run(count, 1, || {
                collector.store(&event)?;
                Ok(())
            })
        }
        _ => Err(format!("no mode '{mode}'; the modes are in this program's source").into()),
    }
}

fn locked(file: &File, bytes: &[u8]) -> Result<()> {
    flock(file, FlockOperation::LockExclusive)?;
    let mut writer = file;
    writer.write_all(bytes)?;
    Ok(flock(file, FlockOperation::Unlock)?)
}

fn ours(spool: &Spool, count: usize, batch: usize) -> Result<()> {
    let source = Source::process();
    let clock = SystemClock::new();
    let record = Record::new(&event()?, RecordId::generate(clock.now()))?;
    let mut records = vec![record; batch];
    run(count, batch, || {
        // Each has an id of its own, as it must; that is part of the price.
        for record in &mut records {
            record.id = RecordId::generate(clock.now());
        }
        spool.store(&source, &records)?;
        Ok(())
    })
}

/// An event whose record has the size that is measured.
fn event() -> Result<Event> {
    let of_length = |length| Event { text: "x".repeat(length) };
    let id = RecordId::generate(SystemClock::new().now());
    let size = |length| Ok::<_, Invalid>(Record::new(&of_length(length), id)?.encode().len());
    // Texts of 32 to 255 bytes have a head of the same length.
    let event = of_length(100 + SIZE - size(100)?);
    assert_eq!(Record::new(&event, id)?.encode().len(), SIZE);
    Ok(event)
}

fn spawn(count: usize, program: &str, args: &[&str]) -> Result<()> {
    let nowhere = OpenOptions::new().write(true).open("/dev/null")?;
    let one = || {
        let status = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(nowhere.try_clone()?)
            .status()?;
        if !status.success() {
            return Err(format!("'{program}' failed ({status})").into());
        }
        Ok(())
    };
    // The first one reads the program from disk and makes the file.
    one()?;
    run(count, 1, one)
}

/// Runs `one` until `count` records are stored, `batch` at a time, and reports.
fn run(count: usize, batch: usize, mut one: impl FnMut() -> Result<()>) -> Result<()> {
    let mut nanos = Vec::with_capacity(count / batch);
    println!("ready");
    io::stdin().read_line(&mut String::new())?;
    let start = Instant::now();
    let mut before = start;
    for _ in 0..count / batch {
        one()?;
        let now = Instant::now();
        nanos.push((now - before).as_nanos() as u64);
        before = now;
    }
    let seconds = start.elapsed().as_secs_f64();
    nanos.sort_unstable();
    let micros =
        |percent: usize| nanos[(nanos.len() * percent / 100).min(nanos.len() - 1)] as f64 / 1e3;
    println!(
        r#"{{"records": {count}, "seconds": {seconds}, "p50_us": {}, "p99_us": {}}}"#,
        micros(50),
        micros(99)
    );
    Ok(())
}
