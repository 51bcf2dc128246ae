//! Classification of trouble: whether trying again can help, and whose fault it is.
//!
//! A server's numbers decide: the numbers in the tables below are about the moment, every other is
//! about the statement, which no further attempt would change.
//!
//! # Invariants
//! - A reason is one line, and shows no value that a server repeats from a parameter.
//! - Its own words, as they came, are the failure's `answer`.

use std::io;

use slipstream_core::{Failure, FailureScope};

use crate::deliver::once;
use crate::deliver::trouble::Trouble;
use crate::deliver::wire::Error;
use crate::request::{MysqlRequest, sql};

use self::words::SYNTAX;

mod words;

/// The moment's fault, and only this request's: deadlock, a lock that another session holds, a statement
/// that took too long or was killed, tables that changed meanwhile.
const PASSING: [u16; 15] =
    [1020, 1045, 1105, 1205, 1213, 1243, 1317, 1412, 1614, 1615, 1907, 1969, 3024, 3118, 3572];

/// The server's, whatever is asked: too many connections, out of memory or disk, read-only,
/// shutting down, its network, not yet a part of its cluster, or it refuses this host. Not a user
/// that may not log in: the request names the user.
const UNWELL: [u16; 30] = [
    1021, 1023, 1026, 1030, 1037, 1038, 1040, 1041, 1047, 1053, 1077, 1079, 1114, 1129, 1130, 1158,
    1159, 1160, 1161, 1180, 1203, 1206, 1226, 1461, 1637, 1792, 1836, 1927, 1932, 4031,
];

/// A proxy's own numbers begin here.
const PROXIES: u16 = 9_000;

/// "The server is running with the … option so it cannot execute this statement".
const OPTION: u16 = 1290;

/// The failure of this request.
pub(crate) fn trouble(trouble: &Trouble, request: Option<&MysqlRequest>, peer: &str) -> Failure {
    let error = match trouble {
        Trouble::Wire(error) => error,
        // Whatever the reason: the statements were well.
        Trouble::Commit(error) => {
            let mut failure = self::error(error, request, peer);
            failure.reason = format!("committing failed: {}", failure.reason);
            failure.transient = true;
            return failure;
        }
        Trouble::Ended => {
            return Failure::permanent(
                "a statement ended the transaction that it was a part of, so what went before it stands; store it as a request of its own",
            );
        }
        Trouble::StoredCode => {
            return Failure::transient(
                FailureScope::Request,
                "a trigger ran in a session that others share, so it was undone",
            );
        }
        Trouble::NoTable { code, message } => {
            return Failure::permanent(format!(
                "the table slipstream_once, which remembers what was executed, is not there and may not be made ({code}); let an account with that right execute: {}",
                once::making("slipstream_once")
            ))
            .status(*code)
            .answer(message);
        }
    };
    self::error(error, request, peer)
}

/// The same of an error on the way.
pub(crate) fn error(error: &Error, request: Option<&MysqlRequest>, peer: &str) -> Failure {
    let destination = |reason: String| Failure::transient(FailureScope::Destination, reason);
    // The account, and what is asked of TLS, are the request's: others may do well.
    let own = |reason: String| Failure::transient(FailureScope::Request, reason);
    match error {
        Error::Server { code, message } => server(*code, message, request),
        Error::Lost(error) => {
            let short = error.raw_os_error().and_then(Failure::shortage);
            short.unwrap_or_else(|| {
                destination(format!("the connection was lost: {} ({peer})", system_words(error)))
            })
        }
        Error::Silent(time) => destination(format!("no answer within {time:?} ({peer})")),
        Error::Late => match request.and_then(|request| request.max_time) {
            Some(time) => Failure::transient(
                FailureScope::Request,
                format!(
                    "not done within the request's {} ms ({peer})",
                    time.duration().as_millis()
                ),
            ),
            None => destination(format!("not done in time ({peer})")),
        },
        Error::Protocol(what) => destination(format!("no mysql server answers: {what} ({peer})")),
        Error::Tls(what) => own(format!("tls failed: {what} ({peer})")),
        Error::NoTls => own(format!(
            "the server offers no tls ({peer}); set it up there, or store the request with tls off, on a network that you trust"
        )),
        Error::Plugin(name) => own(format!(
            "the server wants the user to log in by {}, which is not known here; give it mysql_native_password or caching_sha2_password ({peer})",
            slipstream_core::quoted(name)
        )),
        Error::Unprotected => own(format!(
            "the server wants the password itself, and has not proven who it is ({peer}); have it do so by tls (verify), connect through its socket, or give its key (server-public-key-path, or get-server-public-key on loopback)"
        )),
        Error::Key => Failure::permanent(
            "the server's public key cannot be read; give the text of its PEM, which begins with -----BEGIN PUBLIC KEY-----",
        ),
        Error::Params { wanted, given } => Failure::permanent(format!(
            "a statement has {wanted} question marks for {given} parameters; give as many as there are"
        )),
        Error::TooMuch(limit) => Failure::permanent(format!(
            "a statement returned more than {limit} bytes; it may have been executed; store one that returns less"
        )),
    }
}

/// The same of an error while logging in with a guarded password, for which the request's word does
/// not count.
pub(crate) fn guarded(error: &Error, peer: &str) -> Failure {
    let what = match error {
        Error::NoTls => "the server offers no tls",
        Error::Tls(what) => what,
        Error::Unprotected => {
            return Failure::transient(
                FailureScope::Request,
                format!(
                    "the server wants the password itself, and has not proven who it is ({peer}); others can store in this spool, so only the worker's word counts: name ssl-ca, server-public-key-path or get-server-public-key in an option file that is allowed, or allow the server's socket"
                ),
            );
        }
        error => return self::error(error, None, peer),
    };
    Failure::transient(
        FailureScope::Request,
        format!(
            "tls failed: {what} ({peer}); others can store in this spool, so a password goes to another machine only over tls that the worker's own authorities verify, whatever the request says: add the server's authority (SSL_CERT_FILE where the worker runs, or ssl-ca in an option file that is allowed)"
        ),
    )
}

fn server(code: u16, message: &str, request: Option<&MysqlRequest>) -> Failure {
    let mut reason = format!("{code} {}", words::shown(code, message, request));
    let second = |request: &MysqlRequest| {
        request.statements().iter().any(|statement| sql::has_a_second(statement.query()))
    };
    if code == SYNTAX && request.is_some_and(second) {
        reason.push_str("; several statements are given one by one, not with ';' between them");
    }
    let read_only = code == OPTION && message.contains("read-only");
    let failure = if read_only || UNWELL.contains(&code) || code >= PROXIES {
        Failure::transient(FailureScope::Destination, reason)
    } else if PASSING.contains(&code) {
        Failure::transient(FailureScope::Request, reason)
    } else {
        Failure::permanent(reason)
    };
    failure.status(code).answer(message)
}

/// `connection refused`, of an error of the system's.
pub(crate) fn system_words(error: &io::Error) -> String {
    let words = error.to_string();
    words.split(" (os error").next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests;
