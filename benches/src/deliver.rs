//! Delivering, beside libcurl in a bare loop, to a receiver on another processor.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;
use slipstream_harness::interrupt::{self, Running};
use slipstream_harness::{project, receiver};

use super::report::{Report, Row, Sample};
use super::scratch;

/// How to measure.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often each is measured, in turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Requests a round
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Requests in flight
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    concurrency: u32,
    /// The receiver answers only after this many milliseconds
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    delay_ms: u64,
    /// Where spools are made [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const FLOOR: &str = "floor: libcurl in a bare loop";

/// Measures it.
pub(crate) fn run(args: &Args) -> Result<()> {
    eprintln!("building in release mode; the first time takes some minutes");
    let bare = project::build(
        &["--release", "-p", "slipstream-http", "--example", "bare_curl"],
        "bare_curl",
    )?;
    let binary = project::release_binary()?;
    let scratch = scratch::dir(args.dir.as_deref())?;

    let peer = Peer::start(args.delay_ms)?;
    let requests = scratch.path().join("requests");
    write_requests(&requests, &peer.url, args.count)?;
    let mut floor = Row::new(FLOOR, None);
    let mut store = Row::new("ours: store --batch", None);
    let mut work = Row::new("ours: work", Some(FLOOR));
    let count = f64::from(args.count);
    for round in 1..=args.rounds {
        eprintln!("round {round} of {}", args.rounds);
        let mut command = Command::new(&bare);
        command.arg(&peer.url).args([args.count, args.concurrency].map(|n| n.to_string()));
        floor.samples.push(peer.delivers(args.count, || run_bare(&mut command, count))?);

        let spool = scratch.path().join("spool");
        let slipstream = |words: &[&str]| {
            let mut command = Command::new(&binary);
            command.arg("--dir").arg(&spool).args(words);
            command
        };
        let batch = File::open(&requests).context("could not open the requests")?;
        let mut command = slipstream(&["store", "--batch", "-"]);
        store.samples.push(run_timed(command.stdin(batch), count)?);
        let limit = args.concurrency.to_string();
        let mut command = slipstream(&["work", "--quiet", "--concurrency", &limit]);
        work.samples.push(peer.delivers(args.count, || run_timed(&mut command, count))?);
        fs::remove_dir_all(&spool).context("could not remove the spool")?;
    }
    let report = Report {
        title: format!(
            "Delivering {} POSTs of 300 bytes, {} in flight, answered after {} ms, {} rounds, {}",
            args.count, args.concurrency, args.delay_ms, args.rounds, peer.placement
        ),
        rows: vec![floor, work, store],
    };
    report.print(args.json)
}

/// A receiver in a process of its own, on a processor of its own where there are two.
pub(super) struct Peer {
    _running: Running,
    pub(super) address: String,
    url: String,
    pub(super) placement: &'static str,
}

impl Peer {
    pub(super) fn start(delay_ms: u64) -> Result<Self> {
        let program = env::current_exe().context("could not find this program's own path")?;
        let mut command = Command::new(program);
        command
            .args(["receiver", "--until-eof", "--delay-ms", &delay_ms.to_string()])
            // Held open as long as we live: if we are killed, the receiver ends too.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let allowed =
            rustix::thread::sched_getaffinity(None).context("could not see processors")?;
        let mut cpus = (0..rustix::thread::CpuSet::MAX_CPU)
            .filter(|cpu| allowed.is_set(*cpu))
            .collect::<Vec<_>>();
        let last = cpus.pop().context("there is no processor")?;
        let placement = if cpus.is_empty() {
            "receiver and client share one processor"
        } else {
            command.args(["--cpu", &last.to_string()]);
            "receiver on a processor of its own"
        };
        let mut running = Running::start(&mut command)?;
        let output = running.child.stdout.take().context("the receiver has no output")?;
        let mut url = String::new();
        BufReader::new(output)
            .read_line(&mut url)
            .context("could not read the receiver's address")?;
        let Some(address) = url.trim().strip_prefix("http://") else {
            bail!("the receiver did not start; its message above says why");
        };
        let address = address.trim_end_matches('/').to_owned();
        if !cpus.is_empty() {
            // Inherited by everything that is measured from here on.
            receiver::stay_on(&cpus).context("could not choose processors")?;
        }
        Ok(Self { _running: running, url: format!("http://{address}/orders"), address, placement })
    }

    /// Measures, and fails unless the receiver got exactly `count` requests by it.
    fn delivers(&self, count: u32, measure: impl FnOnce() -> Result<Sample>) -> Result<Sample> {
        interrupt::check()?;
        let before = self.requests()?;
        let sample = measure()?;
        let got = self.requests()? - before;
        ensure!(
            got == u64::from(count),
            "the receiver got {got} requests instead of {count}; the measurement means nothing"
        );
        Ok(sample)
    }

    pub(super) fn requests(&self) -> Result<u64> {
        let mut text = String::new();
        TcpStream::connect(&self.address)
            .and_then(|mut stream| {
                stream.write_all(b"GET /stats HTTP/1.1\r\nConnection: close\r\n\r\n")?;
                stream.read_to_string(&mut text)
            })
            .context("could not ask the receiver for its counts")?;
        let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str::<Value>(body)
            .ok()
            .and_then(|counts| counts["requests"].as_u64())
            .context("the receiver's counts cannot be read")
    }
}

/// Runs a whole process and times it: its start and end are part of what a run costs.
fn run_timed(command: &mut Command, count: f64) -> Result<Sample> {
    let before = children_cpu_seconds()?;
    let start = Instant::now();
    // Our own output may be JSON.
    let mut running = Running::start(command.stdout(Stdio::null()))?;
    let status = running.wait_exactly().context("could not wait")?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(status.success(), "it failed ({status}); its message above says why");
    Ok(Sample {
        rate: count / seconds,
        cpu: Some((children_cpu_seconds()? - before) * 1e6 / count),
        ..Sample::default()
    })
}

/// The bare loop times itself, without its start: it is a floor.
fn run_bare(command: &mut Command, count: f64) -> Result<Sample> {
    let value: Value = serde_json::from_str(&project::output(command)?)
        .context("the bare loop's result cannot be read")?;
    let number = |name: &str| {
        value[name].as_f64().with_context(|| format!("the bare loop's result lacks '{name}'"))
    };
    Ok(Sample {
        rate: count / number("seconds")?,
        cpu: Some(number("cpu_seconds")? * 1e6 / count),
        ..Sample::default()
    })
}

/// Processor time of all children that have ended.
fn children_cpu_seconds() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("could not read processor times")?;
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

fn write_requests(path: &Path, url: &str, count: u32) -> Result<()> {
    let body = "x".repeat(300);
    let mut file = BufWriter::new(File::create(path).context("could not write the requests")?);
    let line = serde_json::json!({"url": url, "method": "POST", "body": body}).to_string();
    for _ in 0..count {
        writeln!(file, "{line}").context("could not write the requests")?;
    }
    file.flush().context("could not write the requests")
}
