//! Requests of the kind `tcp` against real servers, by the library and by the command line.

mod command_line;
mod servers;
mod tls;
mod trouble;

use std::time::Duration;

use slipstream_core::{
    Attempt, Collector, Engine, Failure, Handler, Outcome, RecordId, RetryPolicy,
};
use slipstream_log::Spool;
use slipstream_tcp::{TcpHandler, TcpOptions, TcpRequest};
use slipstream_worker::{Event, Summary, Threads, Worker};

/// Longer than any run here takes.
const LONG: Duration = Duration::from_secs(120);

/// One attempt.
fn send(request: &TcpRequest) -> Outcome {
    send_with(&TcpHandler::new(TcpOptions::default()), request)
}

fn send_with(handler: &TcpHandler, request: &TcpRequest) -> Outcome {
    handler.perform(request, &Attempt::new(RecordId::from_bytes([7; 16]), 1))
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        Outcome::Delivered => panic!("it was delivered"),
    }
}

/// A spool that holds these.
fn stored(dir: &tempfile::TempDir, requests: impl IntoIterator<Item = TcpRequest>) -> Spool {
    let open = || Spool::open(dir.path().join("spool")).unwrap();
    let collector = Collector::new(open());
    for request in requests {
        collector.store(&request).unwrap();
    }
    open()
}

/// A run that tries again at once, and begins nothing after so long.
fn work(spool: &Spool, most: Duration, observe: impl FnMut(&Event<'_>)) -> Summary {
    let policy = RetryPolicy::default().amended("base=10ms").unwrap();
    work_by(policy, spool, most, observe)
}

fn work_by(
    policy: RetryPolicy,
    spool: &Spool,
    most: Duration,
    mut observe: impl FnMut(&Event<'_>),
) -> Summary {
    let mut options = TcpOptions::default();
    options.idle_timeout = Duration::from_secs(10);
    Worker::new(spool.backlog().unwrap())
        .threads(Threads::new(TcpHandler::new(options)))
        .policy(policy)
        .max_time(most)
        .run(&mut observe)
        .unwrap()
}
