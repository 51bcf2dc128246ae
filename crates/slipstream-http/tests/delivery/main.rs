//! The driver against servers that behave and servers that do not.

mod answers;
mod hostile;
mod policy;
mod powers;
mod rarer;
mod redirects;
mod sending;
mod server;
mod signed;
mod tls;
mod wire;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use slipstream_core::{Attempt, Driver, Failure, FailureScope, Job, Outcome, Ticket};
use slipstream_http::{HttpDriver, HttpOptions, HttpRequest};

/// No test waits longer than this for an end.
const PATIENCE: Duration = Duration::from_secs(60);

/// The id of every request here.
const ID: &str = "019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c";

fn job(ticket: u64, request: &HttpRequest) -> Job {
    Job::new(
        Ticket(ticket),
        Attempt::new(ID.parse().unwrap(), 1),
        rmp_serde::to_vec_named(request).unwrap(),
    )
}

fn driver() -> HttpDriver {
    HttpDriver::new(HttpOptions::default()).unwrap()
}

/// Takes turns until all of these have ended.
fn finish(driver: &mut HttpDriver, jobs: usize) -> HashMap<u64, Outcome> {
    let (began, mut done) = (Instant::now(), Vec::new());
    while done.len() < jobs {
        assert!(began.elapsed() < PATIENCE, "{} of {jobs} ended", done.len());
        driver.poll(Duration::from_secs(1), &mut done);
    }
    let ended: HashMap<_, _> = done.into_iter().map(|c| (c.ticket.0, c.outcome)).collect();
    assert_eq!(ended.len(), jobs, "one completion for each job");
    ended
}

fn send_with(driver: &mut HttpDriver, request: &HttpRequest) -> Outcome {
    driver.start(job(0, request));
    finish(driver, 1).remove(&0).unwrap()
}

fn send(request: &HttpRequest) -> Outcome {
    send_with(&mut driver(), request)
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        Outcome::Delivered => panic!("it was delivered"),
    }
}

/// The same without what was answered.
fn plain(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Failed(mut failure) => {
            failure.answer = None;
            Outcome::Failed(failure)
        }
        Outcome::Delivered => outcome,
    }
}

/// A failure that another attempt may overcome, with a status.
fn answered(scope: FailureScope, status: u16, reason: &str) -> Failure {
    Failure::transient(scope, reason).status(status)
}
