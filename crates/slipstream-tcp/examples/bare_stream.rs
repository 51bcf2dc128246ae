//! The floor for delivering over streams: the standard library in the shortest loop there is, with
//! a connection for each line, ended as a request without an answer ends.
//!
//! `bare_stream ADDRESS COUNT THREADS` sends COUNT lines and prints one line,
//! `{"requests":N,"seconds":S,"cpu_seconds":C}`.
//!
//! # Non-goals
//! Everything a delivery needs beyond that, time-outs too.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, count, threads] = args.as_slice() else {
        return Err("usage: bare_stream ADDRESS COUNT THREADS".into());
    };
    let (count, threads): (usize, usize) = (count.parse()?, threads.parse()?);
    let (began, cpu_before) = (Instant::now(), clock_gettime(ClockId::ProcessCPUTime));
    let sent = AtomicUsize::new(0);
    let send = || -> std::io::Result<()> {
        let line = [&[b'x'; 99][..], b"\n"].concat();
        while sent.fetch_add(1, Ordering::Relaxed) < count {
            let mut stream = TcpStream::connect(address)?;
            stream.write_all(&line)?;
            stream.shutdown(Shutdown::Write)?;
            stream.read_to_end(&mut Vec::new())?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(send)).collect();
        senders.into_iter().try_for_each(|sender| sender.join().expect("no sender panics"))
    })?;
    let cpu = clock_gettime(ClockId::ProcessCPUTime) - cpu_before;
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), Duration::try_from(cpu)?.as_secs_f64());
    println!(r#"{{"requests":{count},"seconds":{seconds:.6},"cpu_seconds":{cpu:.6}}}"#);
    Ok(())
}
