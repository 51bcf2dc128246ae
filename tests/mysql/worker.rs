//! A worker for requests of the kind `mysql`, in a process that a test can kill.
//!
//! `mysql-worker SPOOL` works the spool. With `dies` behind it, it kills itself as soon as the first
//! requests are executed, before it is written down that they were.
//!
//! # Non-goals
//! Whatever the `slipstream` binary does beyond that.

use rustix::process::{Signal, getpid, kill_process};
use slipstream_core::{Attempt, Engine, Handler, Outcome};
use slipstream_log::Spool;
use slipstream_mysql::{MysqlHandler, MysqlOptions, MysqlRequest};
use slipstream_worker::Worker;

/// A handler whose process ends by SIGKILL behind the first call.
struct Dies(MysqlHandler);

impl Handler for Dies {
    type Request = MysqlRequest;

    fn perform(&self, request: &MysqlRequest, attempt: &Attempt) -> Outcome {
        die(&self.0.perform(request, attempt))
    }

    fn max_batch(&self) -> usize {
        self.0.max_batch()
    }

    fn perform_batch(&self, requests: &[(MysqlRequest, Attempt)]) -> Vec<Outcome> {
        vec![die(&self.0.perform_batch(requests)[0])]
    }
}

fn die(outcome: &Outcome) -> Outcome {
    assert_eq!(outcome, &Outcome::Delivered);
    kill_process(getpid(), Signal::KILL).expect("one may kill oneself");
    unreachable!("no process survives that")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let spool = Spool::open(args.next().ok_or("usage: mysql-worker SPOOL [dies]")?)?;
    let worker = Worker::new(spool.backlog()?);
    let handler = MysqlHandler::new(MysqlOptions::default());
    let summary = match args.next() {
        Some(_) => worker.handler(Dies(handler)).run(&mut ())?,
        None => worker.handler(handler).run(&mut ())?,
    };
    println!("{} delivered, {} failed", summary.delivered, summary.failed);
    Ok(())
}
