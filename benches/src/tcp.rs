//! Delivering lines over TCP, beside the standard library in a bare loop.
//!
//! # Invariants
//! The receiver got every line that counts.
//!
//! # Non-goals
//! A receiver in a process of its own. Ours takes lines and closes, which costs it as little as
//! there is, for floor and ours alike.

use std::fs;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use slipstream_harness::{interrupt, project};

use super::report::{Report, Row, Sample};
use super::scratch;

/// How to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often each is measured, in turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Requests a round
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Threads that send
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    threads: u32,
    /// Where spools are made [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const FLOOR: &str = "floor: a bare loop, a connection each";

/// Measures it.
pub(crate) fn run(args: &Args) -> Result<()> {
    eprintln!("building in release mode; the first time takes some minutes");
    let example =
        |name| project::build(&["--release", "-p", "slipstream-tcp", "--example", name], name);
    let (bare, ours) = (example("bare_stream")?, example("spool_stream")?);
    let scratch = scratch::dir(args.dir.as_deref())?;
    let receiver = Receiver::start().context("could not start a receiver")?;
    let spool = scratch.path().join("spool");
    let measure = |program: &PathBuf, more: &[&str]| -> Result<Sample> {
        interrupt::check()?;
        let before = receiver.lines.load(Ordering::SeqCst);
        let mut command = Command::new(program);
        command.arg(receiver.address.to_string());
        command.args([args.count, args.threads].map(|number| number.to_string()));
        if program == &ours {
            command.arg(&spool);
        }
        let sample = sample(&project::output(command.args(more))?, args.count)?;
        let got = receiver.lines.load(Ordering::SeqCst) - before;
        ensure!(
            got == u64::from(args.count),
            "the receiver got {got} lines instead of {}; the measurement means nothing",
            args.count
        );
        if program == &ours {
            fs::remove_dir_all(&spool).context("could not remove the spool")?;
        }
        Ok(sample)
    };
    let mut rows = [
        (Row::new(FLOOR, None), &bare, &[][..]),
        (Row::new("ours: work, a connection each", Some(FLOOR)), &ours, &[]),
        (Row::new("ours: work, connections shared", Some(FLOOR)), &ours, &["share"]),
    ];
    for round in 1..=args.rounds {
        eprintln!("round {round} of {}", args.rounds);
        for (row, program, more) in &mut rows {
            row.samples.push(measure(program, more)?);
        }
    }
    let report = Report {
        title: format!(
            "Delivering {} lines of 100 bytes over TCP, {} threads, {} rounds",
            args.count, args.threads, args.rounds
        ),
        rows: rows.into_iter().map(|(row, ..)| row).collect(),
    };
    report.print(args.json)
}

fn sample(text: &str, count: u32) -> Result<Sample> {
    let value: Value = serde_json::from_str(text).context("the result cannot be read")?;
    let number =
        |name: &str| value[name].as_f64().with_context(|| format!("the result lacks '{name}'"));
    let count = f64::from(count);
    Ok(Sample {
        rate: count / number("seconds")?,
        cpu: Some(number("cpu_seconds")? * 1e6 / count),
        ..Sample::default()
    })
}

/// Counts lines, on threads that last as long as this program.
struct Receiver {
    address: SocketAddr,
    lines: Arc<AtomicU64>,
}

impl Receiver {
    fn start() -> io::Result<Self> {
        let listener = Arc::new(TcpListener::bind("127.0.0.1:0")?);
        let (address, lines) = (listener.local_addr()?, Arc::<AtomicU64>::default());
        for _ in 0..4 {
            let (listener, lines) = (Arc::clone(&listener), Arc::clone(&lines));
            thread::spawn(move || {
                while let Ok((stream, _)) = listener.accept() {
                    // What broke shows in the count.
                    let _ = count(stream, &lines);
                }
            });
        }
        Ok(Self { address, lines })
    }
}

fn count(mut stream: TcpStream, lines: &AtomicU64) -> io::Result<()> {
    let mut piece = [0; 65_536];
    loop {
        let length = stream.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        let found = piece[..length].iter().filter(|byte| **byte == b'\n').count();
        lines.fetch_add(found as u64, Ordering::SeqCst);
    }
}
