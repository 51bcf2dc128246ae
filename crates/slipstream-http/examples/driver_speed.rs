//! The same work as `bare_curl`, done by the driver: what it adds shows beside the floor.
//!
//! `driver_speed URL COUNT CONNECTIONS` sends COUNT POSTs of 300 bytes and prints one line,
//! `{"requests":N,"seconds":S,"cpu_seconds":C}`. It ends with 1 when a request was not delivered.
//!
//! # Non-goals
//! A spool and a worker.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use slipstream_core::{
    Attempt, Clock, Driver, Job, Outcome, Record, RecordId, SystemClock, Ticket,
};
use slipstream_http::{HttpDriver, HttpOptions, HttpRequest};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, count, connections] = args.as_slice() else {
        return Err("usage: driver_speed URL COUNT CONNECTIONS".into());
    };
    let (count, connections): (usize, usize) = (count.parse()?, connections.parse()?);

    let id = RecordId::generate(SystemClock::new().now());
    let record = Record::new(&HttpRequest::post(url).body([b'x'; 300]), id)?;
    let job =
        |ticket: usize| Job::new(Ticket(ticket as u64), Attempt::new(id, 1), record.body.clone());

    let mut driver = HttpDriver::new(HttpOptions::default())?;
    let (began, cpu_before) = (Instant::now(), clock_gettime(ClockId::ProcessCPUTime));
    let (mut sent, mut ended, mut failures) = (0, 0, Vec::new());
    let mut done = Vec::new();
    while ended < count {
        while sent < count && sent - ended < connections {
            driver.start(job(sent));
            sent += 1;
        }
        driver.poll(Duration::from_secs(1), &mut done);
        for completion in done.drain(..) {
            ended += 1;
            if let Outcome::Failed(failure) = completion.outcome {
                failures.push(failure.reason);
            }
        }
    }

    let cpu = clock_gettime(ClockId::ProcessCPUTime) - cpu_before;
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), Duration::try_from(cpu)?.as_secs_f64());
    println!(r#"{{"requests":{count},"seconds":{seconds:.6},"cpu_seconds":{cpu:.6}}}"#);
    if let Some(first) = failures.first() {
        return Err(format!("{} of {count} failed, the first: {first}", failures.len()).into());
    }
    Ok(())
}
