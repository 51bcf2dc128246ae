//! A small receiver of HTTP requests on loopback, for the demo, the benchmarks and by
//! hand (`cargo xtask receiver`); and one of lines, for the soak.
//!
//! # Invariants
//! - What it acknowledged it has counted.
//! - It outruns the clients that are measured against it.
//!
//! # Non-goals
//! TLS, HTTP/2, any address but loopback.

mod http;
mod ledger;
mod lines;
mod refusal;
mod server;

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::interrupt;
pub use ledger::{Counts, Taken};
use ledger::{Ledger, Memory};
pub use lines::Lines;
use refusal::Answers;

/// How to receive.
#[derive(clap::Args)]
pub struct Args {
    /// Listen on this port of 127.0.0.1; 0 for any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Answer with this status
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..600))]
    status: u16,
    /// Answer only after this many milliseconds
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    delay_ms: u64,
    /// Add a header to each answer, such as 'Retry-After: 2'
    #[arg(long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    /// Remember Idempotency-Key values, and count repeats
    #[arg(long)]
    remember: bool,
    /// Append a line for each request to this file: key, method, target, body length, status
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Stay on this processor
    #[arg(long, value_name = "NUMBER")]
    cpu: Option<usize>,
    /// End when standard input does
    #[arg(long, hide = true)]
    until_eof: bool,
}

/// A receiver that runs on a thread of its own until this is dropped.
pub struct Receiver {
    address: SocketAddr,
    counts: Arc<Counts>,
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Receiver {
    /// A receiver that answers 200 to everything and keeps all that it gets.
    pub fn start_keeping() -> Result<Self> {
        let memory = Memory { keys: true, requests: true, file: None };
        let answers = Answers::always(200, &[]);
        Self::start(0, answers, Duration::ZERO, memory, None)
    }

    /// A receiver that refuses some requests, by their key and this seed, and keeps a ledger of
    /// all.
    pub fn start_refusing(seed: u64, ledger: File) -> Result<Self> {
        let memory = Memory { file: Some(ledger), ..Memory::default() };
        let answers = Answers::always(200, &[]).but_refuse_some(seed);
        Self::start(0, answers, Duration::ZERO, memory, None)
    }

    fn start(
        port: u16,
        answers: Answers,
        delay: Duration,
        memory: Memory,
        cpu: Option<usize>,
    ) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| {
            format!("could not listen on port {port} of 127.0.0.1; choose another, or 0 for any")
        })?;
        let address = listener.local_addr().context("could not see the port")?;
        let counts = Arc::<Counts>::default();
        let (stop, stopped) = UnixStream::pair().context("could not make a socket pair")?;
        let server = server::Server::new(
            listener,
            stopped.into(),
            answers,
            delay,
            Arc::clone(&counts),
            Ledger::new(memory),
        )
        .context("could not set up the receiver")?;
        let thread = thread::Builder::new()
            .name("receiver".to_owned())
            .spawn(move || {
                if let Some(cpu) = cpu {
                    stay_on(&[cpu])?;
                }
                server.run()
            })
            .context("could not start a thread")?;
        Ok(Self { address, counts, stop: Some(stop), thread: Some(thread) })
    }

    /// The address of something that it receives.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it has counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Ends it, and says why if it had ended before.
    fn stop(&mut self) -> Result<()> {
        // Closing our end makes the other readable.
        self.stop = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended.context("the receiver failed"),
            Some(Err(_)) => Err(anyhow!("the receiver's thread panicked")),
            None => Ok(()),
        }
    }

    fn running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// Keeps the calling thread, and what it starts, on these processors.
pub fn stay_on(cpus: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for cpu in cpus {
        set.set(*cpu);
    }
    Ok(sched_setaffinity(None, &set)?)
}

/// Receives until interrupted.
pub fn run(args: &Args) -> Result<()> {
    if let Some(header) = args.headers.iter().find(|header| !is_header(header)) {
        bail!("'{header}' is no header; write it as 'Name: value'");
    }
    let file = match &args.ledger {
        Some(path) => Some(
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("could not open the ledger {}", path.display()))?,
        ),
        None => None,
    };
    let memory = Memory { keys: args.remember || file.is_some(), requests: false, file };
    let mut receiver = Receiver::start(
        args.port,
        Answers::always(args.status, &args.headers),
        Duration::from_millis(args.delay_ms),
        memory,
        args.cpu,
    )?;
    if args.until_eof {
        println!("{}", receiver.url("/"));
        io::stdin().read_to_end(&mut Vec::new()).context("could not read standard input")?;
    } else {
        interrupt::watch()?;
        println!("receiving on {}; Ctrl-C ends it", receiver.url("/"));
        println!("counts: {}", receiver.url("/stats"));
        while receiver.running() && !interrupt::asked() {
            thread::sleep(Duration::from_millis(50));
        }
        println!("{}", receiver.counts().json());
    }
    receiver.stop()
}

fn is_header(text: &str) -> bool {
    text.split_once(':').is_some_and(|(name, value)| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_graphic())
            && value.bytes().all(|byte| byte == b'\t' || byte >= b' ')
    })
}
