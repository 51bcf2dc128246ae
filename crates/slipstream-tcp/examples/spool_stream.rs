//! The same work as `bare_stream`, through a spool and a worker.
//!
//! `spool_stream ADDRESS COUNT THREADS DIR [share]` stores COUNT lines in a spool at DIR, works it, and
//! prints one line, `{"requests":N,"seconds":S,"cpu_seconds":C}`, of the work alone. It ends with 1 when one
//! was not delivered.
//!
//! # Non-goals
//! The time that storing takes, which is the same for every kind.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use slipstream_core::{Collector, Engine};
use slipstream_log::Spool;
use slipstream_tcp::{Framing, TcpHandler, TcpOptions, TcpRequest};
use slipstream_worker::{Threads, Worker};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (share, args) = match args.split_last() {
        Some((last, rest)) if last == "share" => (true, rest),
        _ => (false, &args[..]),
    };
    let [address, count, threads, dir] = args else {
        return Err("usage: spool_stream ADDRESS COUNT THREADS DIR [share]".into());
    };
    let (count, threads): (u64, usize) = (count.parse()?, threads.parse()?);
    let request =
        TcpRequest::new(format!("tcp://{address}"), [b'x'; 99]).framing(Framing::Line).share(share);
    let collector = Collector::new(Spool::open(dir)?);
    for _ in 0..count {
        collector.store(&request)?;
    }
    drop(collector);

    let (began, cpu_before) = (Instant::now(), clock_gettime(ClockId::ProcessCPUTime));
    // A lone destination gets half of them.
    let handler = Threads::new(TcpHandler::new(TcpOptions::default())).threads(2 * threads);
    let summary = Worker::new(Spool::open(dir)?.backlog()?).threads(handler).run(&mut ())?;
    let cpu = clock_gettime(ClockId::ProcessCPUTime) - cpu_before;
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), Duration::try_from(cpu)?.as_secs_f64());
    println!(r#"{{"requests":{count},"seconds":{seconds:.6},"cpu_seconds":{cpu:.6}}}"#);
    if summary.delivered != count {
        return Err(format!("{} of {count} were delivered", summary.delivered).into());
    }
    Ok(())
}
