//! Classification of a transfer's end: delivered, or why not and whose fault it is.
//!
//! # Invariants
//! - Delivered is a status of 2xx that was read, and nothing else.
//! - Once the final status is read it decides, even when the connection breaks behind it.
//! - Without one, the attempt failed whatever libcurl says.
//!
//! # Non-goals
//! Words that a server chose. Reasons go to logs and terminals; a failure's `answer` has the
//! server's own.

use std::io;
use std::time::Duration;

use curl::Error;
use slipstream_core::{Failure, FailureScope, Outcome};

use crate::deliver::times::Times;

/// What is known when a transfer ends.
pub(crate) struct End<'a> {
    /// The last status line's number; 0 when none was read.
    pub(crate) status: u32,
    /// How long the answer asks clients to wait.
    pub(crate) retry_after: Option<Duration>,
    /// What kept libcurl from finishing.
    pub(crate) error: Option<&'a Error>,
    /// The operating system's number for that, 0 for none.
    pub(crate) errno: i32,
    /// Whether no other transfer was in flight.
    pub(crate) alone: bool,
    /// How far it came.
    pub(crate) stage: Stage,
    /// How long it might have taken.
    pub(crate) times: Times,
    /// Host and port, for the operator.
    pub(crate) peer: &'a str,
}

/// What an attempt was waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The address of a name.
    Lookup,
    /// A connection.
    Connect,
    /// The end of the handshake, with a proxy or for TLS.
    Handshake,
    /// The answer.
    Answer,
}

/// The outcome of an attempt that ended like this.
pub(crate) fn judge(end: &End<'_>) -> Outcome {
    match u16::try_from(end.status) {
        Ok(200..=299) => Outcome::Delivered,
        // An interim answer says nothing about the request.
        Ok(status @ 300..) => Outcome::Failed(answered(status, end.retry_after)),
        _ => Outcome::Failed(unanswered(end)),
    }
}

/// The failure of an attempt that was answered with success, and that wants all of the answer.
pub(crate) fn broken_off(end: &End<'_>) -> Failure {
    let status = u16::try_from(end.status).unwrap_or_default();
    let mut failure = unanswered(end).status(status);
    failure.reason = format!("status {status}, but the answer broke off: {}", failure.reason);
    failure
}

/// The failure of an attempt whose redirect was not followed, because of this.
pub(crate) fn not_followed(status: u32, why: &str) -> Failure {
    let status = u16::try_from(status).unwrap_or_default();
    let Failure { reason, .. } = answered(status, None);
    let status_line = reason.strip_suffix(NOT_FOLLOWED).unwrap_or(&reason);
    Failure::transient(FailureScope::Request, format!("{status_line}, but {why}")).status(status)
}

/// What is said of a redirect that was not to be followed.
const NOT_FOLLOWED: &str = ", not followed";

fn answered(status: u16, retry_after: Option<Duration>) -> Failure {
    let scope = match status {
        429 | 500.. => FailureScope::Destination,
        _ => FailureScope::Request,
    };
    let reason = match phrase(status) {
        Some(phrase) => format!("{status} {phrase}"),
        None => format!("status {status}"),
    };
    let mut failure = Failure::transient(scope, reason).status(status);
    failure.retry_after = retry_after.filter(|_| matches!(status, 429 | 503));
    failure
}

fn unanswered(end: &End<'_>) -> Failure {
    let peer = end.peer;
    let Some(error) = end.error else {
        return Failure::transient(
            FailureScope::Destination,
            format!("{peer} closed the connection without an answer"),
        );
    };
    if error.is_url_malformed() {
        return Failure::permanent("libcurl cannot read the url; store the request with another");
    }
    // A client certificate or its key, mostly.
    if matches!(error.code(), 43 | 58) {
        return Failure::permanent(format!(
            "libcurl cannot use what the request is sent with ({}); store it with another",
            libcurl_words(error)
        ));
    }
    if let Some(failure) = Failure::shortage(end.errno) {
        return failure;
    }
    if error.is_out_of_memory() {
        // A request that is alone and finds no memory may ask for too much itself.
        let scope = if end.alone { FailureScope::Request } else { FailureScope::Worker };
        return Failure::transient(scope, "out of memory; work on fewer at once");
    }
    let reason = if error.is_operation_timedout() {
        timed_out(end, error)
    } else if error.is_couldnt_resolve_host() {
        format!("cannot resolve the name ({peer})")
    } else if error.is_couldnt_resolve_proxy() {
        format!("cannot resolve the proxy's name (on the way to {peer})")
    } else if error.is_got_nothing() {
        format!("{peer} closed the connection without an answer")
    } else if matches!(error.code(), 1 | 8) {
        // Unsupported protocol, odd reply: the scheme was checked, so both are the answer's.
        format!("what {peer} answers is not http")
    } else if end.errno != 0 && matches!(error.code(), 7 | 55 | 56) {
        // Connecting, sending, receiving. Behind another error the number may be an older
        // one's: of the first address that was tried, say.
        format!("{} ({peer})", system_words(end.errno))
    } else {
        format!("{} ({peer})", libcurl_words(error))
    };
    // A time-out that is next to nothing says little about the other side.
    let hasty = error.is_operation_timedout() && end.times.hasty;
    Failure::transient(
        if hasty { FailureScope::Request } else { FailureScope::Destination },
        reason,
    )
}

fn timed_out(end: &End<'_>, error: &Error) -> String {
    let End { peer, times, .. } = end;
    if error.extra_description().is_some_and(|words| words.starts_with("Operation too slow")) {
        let time = times.low_speed_time.as_secs();
        return match times.low_speed_limit {
            1 => format!("nothing came for {time} s ({peer})"),
            limit => format!("slower than {limit} bytes a second for {time} s ({peer})"),
        };
    }
    let wait = times.connect.min(times.total);
    match end.stage {
        Stage::Lookup => format!("the name was not resolved within {wait:?} ({peer})"),
        Stage::Connect => format!("no connection within {wait:?} ({peer})"),
        Stage::Handshake => {
            format!(
                "connected, but the tls or proxy handshake did not finish within {wait:?} ({peer})"
            )
        }
        Stage::Answer => format!("no answer within {:?} ({peer})", times.total),
    }
}

/// `connection refused`, from the operating system's number.
fn system_words(errno: i32) -> String {
    let words = io::Error::from_raw_os_error(errno).to_string();
    let words = words.split(" (os error").next().unwrap_or_default();
    words.to_lowercase()
}

/// What libcurl says, short and without capitals. It names hosts and certificates, but
/// neither URLs nor headers.
fn libcurl_words(error: &Error) -> String {
    let words = error.extra_description().unwrap_or(error.description());
    let line = words.lines().next().unwrap_or_default();
    let line = line.trim_end_matches('.');
    line.chars()
        .take(120)
        .map(|c| if c.is_control() { ' ' } else { c })
        .flat_map(char::to_lowercase)
        .collect()
}

/// What RFC 9110 and its neighbours call a status. A server's own words are not repeated.
fn phrase(status: u16) -> Option<&'static str> {
    Some(match status {
        301 => "Moved Permanently, not followed",
        302 => "Found, not followed",
        303 => "See Other, not followed",
        304 => "Not Modified",
        307 => "Temporary Redirect, not followed",
        308 => "Permanent Redirect, not followed",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
