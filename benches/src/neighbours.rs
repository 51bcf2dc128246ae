//! What bad destinations cost the good ones: 16 that answer, alone, and beside a dead destination,
//! a destination that never answers, a destination that asks for pauses, and a destination that
//! resets half of its connections.
//!
//! # Invariants
//! - Only the good ones' time counts, from the worker's start to their last request.
//! - Every request of a round is accounted for when its worker has ended.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use slipstream_harness::interrupt::{self, Running};
use slipstream_harness::project;

use super::deliver::Peer;
use super::report::{Report, Row, Sample};
use super::scratch;

/// How to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often each is measured, in turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Requests for each destination
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// The good ones answer only after this many milliseconds
    #[arg(long, default_value_t = 5, value_name = "MILLISECONDS")]
    delay_ms: u64,
    /// The slipstream to try, in place of a release build
    #[arg(long, env = "SLIPSTREAM_TEST_BIN", value_name = "FILE")]
    slipstream: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Destinations that answer. All are one receiver, by different names.
const GOOD: u32 = 16;

const ALONE: &str = "16 good ones alone";

/// Longer than any round takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures it.
pub(crate) fn run(args: &Args) -> Result<()> {
    let binary = match &args.slipstream {
        Some(binary) => binary.clone(),
        None => {
            eprintln!("building in release mode; the first time takes some minutes");
            project::release_binary()?
        }
    };
    measure(args, &binary)?.print(args.json)
}

fn measure(args: &Args, binary: &Path) -> Result<Report> {
    let scratch = scratch::dir(None)?;
    let peer = Peer::start(args.delay_ms)?;
    let port = peer.port()?;
    let good: Vec<String> =
        (0..GOOD).map(|n| format!("http://d{n}.localhost:{port}/orders")).collect();
    let bad = Bad::start()?;
    let all: Vec<String> = good.iter().cloned().chain(bad.urls()).collect();

    let mut alone = Row::new(ALONE, None);
    let mut beside = Row::new("the same beside 4 bad ones", Some(ALONE));
    let count = u64::from(GOOD * args.count);
    for round in 1..=args.rounds {
        eprintln!("round {round} of {}", args.rounds);
        for (row, urls) in [(&mut alone, &good), (&mut beside, &all)] {
            let requests = scratch.path().join("requests");
            write_requests(&requests, urls, args.count)?;
            let spool = scratch.path().join("spool");
            let slipstream = |words: &[&str]| {
                let mut command = Command::new(binary);
                command.arg("--dir").arg(&spool).args(words).stdout(Stdio::null());
                command
            };
            let batch = requests.display().to_string();
            project::run(&mut slipstream(&["store", "--batch", &batch]))?;
            let before = peer.requests()?;
            let mut work = slipstream(&["work", "--quiet", "--request-timeout", "5s"]);
            let start = Instant::now();
            let mut worker = Running::start(work.stderr(Stdio::null()))?;
            while peer.requests()? - before < count {
                ensure!(start.elapsed() < PATIENCE, "the good ones were not served in time");
                interrupt::check()?;
                thread::sleep(Duration::from_millis(2));
            }
            let took = start.elapsed().as_secs_f64();
            row.samples.push(Sample { rate: count as f64 / took, ..Sample::default() });
            worker.wait()?;
            balance(&mut slipstream(&["status", "--json"]), urls.len() as u64 * count / 16)?;
            fs::remove_dir_all(&spool).context("could not remove the spool")?;
        }
    }
    Ok(Report {
        title: format!(
            "{} POSTs for each of 16 destinations, answered after {} ms; bad ones get as many, {} rounds, {}",
            args.count, args.delay_ms, args.rounds, peer.placement
        ),
        rows: vec![alone, beside],
    })
}

/// Fails unless the spool accounts for so many requests, and none waits.
fn balance(command: &mut Command, stored: u64) -> Result<()> {
    let output = command.stdout(Stdio::piped()).output().context("could not run status")?;
    let status: Value =
        serde_json::from_slice(&output.stdout).context("the status cannot be read")?;
    let number = |name: &str| status["totals"][name].as_u64().unwrap_or_default();
    let ended = number("delivered") + number("failed") + number("overwritten") + number("pending");
    ensure!(
        number("stored") == stored && ended == stored,
        "of {stored} requests only {ended} are accounted for: {status}"
    );
    Ok(())
}

/// One request for each destination in turn, so that all of them wait side by side.
fn write_requests(path: &Path, urls: &[String], count: u32) -> Result<()> {
    let body = "x".repeat(300);
    let mut file = BufWriter::new(File::create(path).context("could not write the requests")?);
    for _ in 0..count {
        for url in urls {
            let line = serde_json::json!({"url": url, "method": "POST", "body": body});
            writeln!(file, "{line}").context("could not write the requests")?;
        }
    }
    file.flush().context("could not write the requests")
}

/// Four destinations that do not do what they should. They end with the process.
struct Bad {
    ports: Vec<(&'static str, u16)>,
    /// Takes connections and never answers; the dead one's port has no listener.
    _hangs: TcpListener,
}

impl Bad {
    fn start() -> Result<Self> {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free");
        let port = |listener: &TcpListener| {
            listener.local_addr().map(|address: SocketAddr| address.port()).context("no port")
        };
        let (dead, hangs, busy, moody) = (listen()?, listen()?, listen()?, listen()?);
        let mut ports = Vec::new();
        for (name, listener) in
            [("dead", &dead), ("hangs", &hangs), ("busy", &busy), ("moody", &moody)]
        {
            ports.push((name, port(listener)?));
        }
        drop(dead);
        serve(busy, |stream, _| {
            let _ = stream.write_all(
                b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
            );
            true
        });
        serve(moody, |stream, number| {
            let well = number.is_multiple_of(2);
            if well {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
            well
        });
        Ok(Self { ports, _hangs: hangs })
    }

    fn urls(&self) -> impl Iterator<Item = String> {
        self.ports.iter().map(|(name, port)| format!("http://{name}.localhost:{port}/orders"))
    }
}

/// Answers each request by `answer`, with its number; the connection ends where that is false.
fn serve(listener: TcpListener, answer: fn(&mut TcpStream, u64) -> bool) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let each = move |mut stream: TcpStream| {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            bytes.extend_from_slice(&buffer[..read]);
            // Requests of 300 bytes behind their head.
            while let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                if bytes.len() < head + 4 + 300 {
                    break;
                }
                bytes.drain(..head + 4 + 300);
                if !answer(&mut stream, NUMBER.fetch_add(1, Ordering::Relaxed)) {
                    return;
                }
            }
        }
    };
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || each(stream));
        }
    });
}

impl Peer {
    fn port(&self) -> Result<u16> {
        match self.address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()) {
            Some(port) => Ok(port),
            None => bail!("the receiver's address {} has no port", self.address),
        }
    }
}
