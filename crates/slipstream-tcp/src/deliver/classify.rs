//! Classification of an attempt's end: why it failed, whose fault it is, and whether another
//! attempt can help.
//!
//! # Invariants
//! - No word that a peer chose is in a reason, which goes to logs and terminals.
//! - A failure's `answer` has the peer's own.

use std::io;
use std::time::Duration;

use openssl::error::ErrorStack;
use openssl::ssl;
use slipstream_core::{Failure, FailureScope};

use crate::request::check::regex;
use crate::request::{TcpRequest, framing};

/// How much of an answer is kept.
const KEPT: usize = 1024;

/// What an attempt was at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Connecting.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// Sending.
    Send,
    /// Waiting for the peer to have it all.
    Close,
    /// Reading the answer.
    Answer,
}

/// How long all requests are to wait when all local ports to a destination are taken. Each is free
/// again a minute after its connection.
const PORTS: Duration = Duration::from_secs(30);

/// The same number on every Linux.
const EADDRNOTAVAIL: i32 = 99;

/// The failure of an attempt that ended in this error.
pub(crate) fn failure(error: &io::Error, at: Stage, peer: &str) -> Failure {
    if let Some(failure) = error.raw_os_error().and_then(Failure::shortage) {
        return failure;
    }
    if error.raw_os_error() == Some(EADDRNOTAVAIL) {
        return Failure::transient(
            FailureScope::Request,
            format!(
                "every local port to {peer} was in use a moment ago; let its requests share connections, or raise net.ipv4.ip_local_port_range"
            ),
        )
        .retry_after(PORTS);
    }
    let reason = match (error.kind(), at) {
        (io::ErrorKind::TimedOut, at) => timed_out(error, at, peer),
        (io::ErrorKind::UnexpectedEof, Stage::Answer) => {
            format!("{peer} closed the connection before its answer was whole")
        }
        (io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe, at) => match at {
            Stage::Connect => format!("connection reset by peer ({peer})"),
            Stage::Handshake => format!("{peer} closed the connection during the tls handshake"),
            Stage::Send => format!("{peer} closed the connection before everything was sent"),
            Stage::Close => format!("{peer} reset the connection before it had read everything"),
            Stage::Answer => format!("{peer} reset the connection before it had answered"),
        },
        (io::ErrorKind::NotFound, Stage::Connect) => {
            format!("there is no such socket ({peer})")
        }
        (io::ErrorKind::PermissionDenied, Stage::Connect) => {
            format!("the worker's user may not connect to the socket; let it write there ({peer})")
        }
        (_, at) => match tls_words(error) {
            Some(words) if at == Stage::Handshake => {
                format!("the tls handshake failed: {words} ({peer})")
            }
            Some(words) => format!("{peer} ended tls: {words}"),
            None => format!("{} ({peer})", system_words(error)),
        },
    };
    Failure::transient(FailureScope::Destination, reason)
}

/// The error of a wait has the words for how long it was.
fn timed_out(error: &io::Error, at: Stage, peer: &str) -> String {
    if error.raw_os_error().is_some() {
        return format!("connection timed out ({peer})");
    }
    match at {
        Stage::Connect => format!("no connection {error} ({peer})"),
        Stage::Handshake => {
            format!("connected, but the tls handshake did not finish {error} ({peer})")
        }
        Stage::Send => format!("{peer} did not take what was sent {error}"),
        Stage::Close => format!("{peer} did not acknowledge what was sent {error}"),
        Stage::Answer => format!("no answer {error} ({peer})"),
    }
}

/// `connection refused`, from the operating system's words.
fn system_words(error: &io::Error) -> String {
    let words = error.to_string();
    words.split(" (os error").next().unwrap_or_default().to_lowercase()
}

/// What OpenSSL says, if the error is OpenSSL's own.
fn tls_words(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<ssl::Error>()?;
    Some(stack_words(error.ssl_error()?))
}

/// What OpenSSL says first: it names neither hosts nor keys.
pub(crate) fn stack_words(stack: &ErrorStack) -> String {
    let first = stack.errors().iter().find_map(|error| error.reason());
    first.unwrap_or("no reason given").to_lowercase()
}

/// What this answer means.
pub(crate) fn judge(request: &TcpRequest, answer: &[u8], peer: &str) -> Result<(), Failure> {
    let Some(expect) = &request.expect else { return Ok(()) };
    let text = framing::without_break(answer);
    let matches = |expression: &str| {
        let compiled = regex(expression);
        let compiled = compiled.map_err(|error| Failure::permanent(error.to_string()))?;
        Ok(compiled.is_match(text))
    };
    if matches(expect)? {
        return Ok(());
    }
    let fatal = request.fail_on.as_deref().map_or(Ok(false), matches)?;
    let reason = format!("{peer} answered something that does not match what is expected");
    let mut failure = Failure::transient(FailureScope::Request, reason)
        .answer(String::from_utf8_lossy(&answer[..answer.len().min(KEPT)]));
    failure.transient = !fatal;
    failure.status = status(answer);
    Err(failure)
}

/// The number that the answer begins with, as an answer of SMTP, FTP or NNTP does: three digits,
/// and what is neither a digit nor a letter behind them.
fn status(answer: &[u8]) -> Option<u16> {
    let (digits, rest) = answer.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || rest.first().is_some_and(u8::is_ascii_alphanumeric)
    {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(request: &TcpRequest, answer: &str) -> Result<(), Failure> {
        judge(request, answer.as_bytes(), "tcp://h:1")
    }

    #[test]
    fn an_answer_delivers_passes_or_ends_the_request() {
        let request = TcpRequest::new("tcp://h:1", "put 0 0 60 1\r\nx")
            .expect(r"^(INSERTED|BURIED) \d+$")
            .fail_on("^(JOB_TOO_BIG|EXPECTED_CRLF)");
        for (answer, transient) in [
            ("INSERTED 1\r\n", None),
            ("BURIED 2\n", None),
            ("INSERTED 3", None),
            ("INSERTED\r\n", Some(true)),
            ("DRAINING\r\n", Some(true)),
            ("DRAINING\r\nINSERTED 1\r\n", Some(true)),
            ("JOB_TOO_BIG\r\n", Some(false)),
            ("\0\u{ff}", Some(true)),
        ] {
            let failure = judged(&request, answer).err();
            assert_eq!(failure.as_ref().map(|f| f.transient), transient, "{answer:?}");
            if let Some(failure) = failure {
                assert_eq!(failure.answer.as_deref(), Some(answer));
                assert!(failure.scope == FailureScope::Request && !failure.reason.contains(answer));
            }
        }
        // Without an expectation any will do.
        assert_eq!(judged(&TcpRequest::new("tcp://h:1", "x"), "-ERR\r\n"), Ok(()));
    }

    #[test]
    fn of_an_answer_its_beginning_is_kept() {
        let request = TcpRequest::new("tcp://h:1", "x").expect("^OK");
        let kept = judged(&request, &"x".repeat(5_000)).unwrap_err().answer.unwrap();
        assert_eq!(kept.len(), KEPT);
    }

    #[test]
    fn a_number_that_an_answer_begins_with_is_its_status() {
        for (answer, number) in [
            ("550 no such user\r\n", Some(550)),
            ("421-busy\r\n421 bye", Some(421)),
            ("250", Some(250)),
            ("250\r\n", Some(250)),
            ("2500 x", None),
            ("250x", None),
            ("25", None),
            ("-ERR", None),
        ] {
            assert_eq!(status(answer.as_bytes()), number, "{answer:?}");
        }
    }

    #[test]
    fn an_error_of_our_own_says_nothing_about_the_destination() {
        let of = |errno| failure(&io::Error::from_raw_os_error(errno), Stage::Connect, "tcp://h:1");
        for errno in [12, 23, 24, 105] {
            assert_eq!(of(errno).scope, FailureScope::Worker);
        }
        assert_eq!(
            (of(EADDRNOTAVAIL).scope, of(EADDRNOTAVAIL).retry_after),
            (FailureScope::Request, Some(PORTS))
        );
        for (errno, reason) in [
            (111, "connection refused (tcp://h:1)"),
            (113, "no route to host (tcp://h:1)"),
            (110, "connection timed out (tcp://h:1)"),
            (2, "there is no such socket (tcp://h:1)"),
        ] {
            let failure = of(errno);
            assert_eq!(
                (failure.reason.as_str(), failure.scope),
                (reason, FailureScope::Destination)
            );
            assert!(failure.transient);
        }
    }
}
