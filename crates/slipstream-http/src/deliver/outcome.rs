//! The end of a transfer, read from libcurl's handle.
//!
//! # Non-goals
//! What it means. `classify` says that.

use std::time::{Duration, UNIX_EPOCH};

use curl::multi::Easy2Handle;
use slipstream_core::{Clock, Failure, Outcome};

use crate::deliver::classify::{End, Stage, broken_off, judge};
use crate::deliver::retry_after;
use crate::deliver::times::Times;
use crate::deliver::transfer::Exchange;
use crate::url::Authority;

/// Too many open files: the same number on every Linux.
const EMFILE: i32 = 24;

/// The outcome of a transfer that ended on this handle.
pub(crate) fn outcome(
    handle: &Easy2Handle<Exchange>,
    status: u32,
    error: Option<&curl::Error>,
    alone: bool,
    whole: bool,
    times: Times,
    clock: &dyn Clock,
) -> Outcome {
    let succeeded = (200..300).contains(&status);
    // What is longer than what is read was cut off here.
    let broken = succeeded && whole && error.is_some_and(|error| !error.is_write_error());
    if succeeded && !broken {
        return Outcome::Delivered;
    }
    let exchange = handle.get_ref();
    let refusal = exchange.gate().filter(|_| status == 0).and_then(|gate| gate.refusal());
    if let Some(failure) = refusal {
        return Outcome::Failed(failure);
    }
    if status == 0
        && exchange.is_short()
        && let Some(failure) = Failure::shortage(EMFILE)
    {
        return Outcome::Failed(failure);
    }
    let peer = Authority::parse(exchange.url())
        .map(|to| format!("{}:{}", to.host, to.port))
        .unwrap_or_default();
    let now = || UNIX_EPOCH + Duration::from_millis(clock.now().as_millis());
    let end = End {
        status,
        retry_after: exchange
            .retry_after()
            .and_then(|value| retry_after::parse(value, exchange.date(), now())),
        error,
        errno: handle.os_errno().unwrap_or_default(),
        alone,
        stage: stage(handle),
        times,
        peer: &peer,
    };
    if broken {
        return Outcome::Failed(broken_off(&end));
    }
    match judge(&end) {
        Outcome::Failed(mut failure) => {
            failure.answer = exchange.answer();
            Outcome::Failed(failure)
        }
        delivered => delivered,
    }
}

/// How far a transfer came. libcurl reports the times of a connection when it is done, so counts
/// are asked, too; what goes to a proxy to get through it does not count.
fn stage(handle: &Easy2Handle<Exchange>) -> Stage {
    if handle.request_size().is_ok_and(|bytes| bytes > 0) {
        Stage::Answer
    } else if handle.num_connects().is_ok_and(|made| made > 0) {
        Stage::Handshake
    } else if handle.namelookup_time().is_ok_and(|time| !time.is_zero()) {
        Stage::Connect
    } else {
        Stage::Lookup
    }
}
