//! Requests on loopback, to peers that do what no well-kept server does at will.
//!
//! # Invariants
//! No test sleeps, and each ends by itself.
//!
//! # Non-goals
//! TLS and real servers, which are tried with the built programs.

mod answers;
#[path = "../../../../fuzz/targets/stream.rs"]
mod any_peer;
mod parting;
mod peer;
#[path = "../../../../fuzz/replay.rs"]
mod replay;
mod shared;

use std::time::Duration;

use slipstream_core::{Attempt, Failure, Handler, Outcome, RecordId};
use slipstream_tcp::{TcpHandler, TcpOptions, TcpRequest};

/// Settings that make a peer which does nothing a matter of milliseconds.
fn short() -> TcpOptions {
    let mut options = TcpOptions::default();
    options.idle_timeout = Duration::from_millis(100);
    options.close_wait = Duration::from_millis(20);
    options
}

fn attempt() -> Attempt {
    Attempt::new(RecordId::from_bytes([7; 16]), 1)
}

/// One attempt, with time enough for everything but a peer that hangs.
fn send(request: &TcpRequest) -> Outcome {
    TcpHandler::new(TcpOptions::default()).perform(request, &attempt())
}

/// One attempt, with [`short`] patience.
fn send_briefly(request: &TcpRequest) -> Outcome {
    TcpHandler::new(short()).perform(request, &attempt())
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        Outcome::Delivered => panic!("it was delivered"),
    }
}

#[test]
fn a_peer_of_any_bytes_gets_the_data_and_delivers_only_by_the_expected_answer() {
    replay::vary("stream", any_peer::check);
}
