//! Which ends count, and in which words the others are reported.

use super::*;
use crate::deliver::options::HttpOptions;
use crate::request::Options;

fn times() -> Times {
    HttpOptions::default().times()
}

/// An end with one of libcurl's error numbers, and what it says.
fn end(error: Option<&Error>, errno: i32, stage: Stage) -> End<'_> {
    End {
        status: 0,
        retry_after: None,
        error,
        errno,
        alone: false,
        stage,
        times: times(),
        peer: "h:80",
    }
}

#[test]
fn who_gives_it_next_to_no_time_does_not_speak_for_the_destination() {
    let error = Error::new(28);
    for (millis, scope) in [(999, FailureScope::Request), (1_000, FailureScope::Destination)] {
        let time = Duration::from_millis(millis);
        for options in [Options::new().total_timeout(time), Options::new().connect_timeout(time)] {
            let times = times().with(&options);
            let late = End { times, ..end(Some(&error), 0, Stage::Answer) };
            let Outcome::Failed(failure) = judge(&late) else { panic!("it was delivered") };
            assert_eq!((failure.scope, failure.transient), (scope, true), "{millis}");
        }
    }
    let refused = Error::new(7);
    let times = times().with(&Options::new().total_timeout(Duration::from_millis(5)));
    let refused = End { times, ..end(Some(&refused), 111, Stage::Connect) };
    let Outcome::Failed(failure) = judge(&refused) else { panic!("it was delivered") };
    assert_eq!(failure.scope, FailureScope::Destination, "it did answer, and in time");
}

#[test]
fn a_request_that_finds_no_memory_when_it_is_alone_may_be_the_reason() {
    let error = Error::new(27);
    for (alone, scope) in [(false, FailureScope::Worker), (true, FailureScope::Request)] {
        let end = End { alone, ..end(Some(&error), 0, Stage::Answer) };
        let Outcome::Failed(failure) = judge(&end) else { panic!("it was delivered") };
        assert_eq!((failure.scope, failure.transient), (scope, true));
    }
}

#[test]
fn a_transfer_without_a_status_never_delivers() {
    for status in [0, 1, 99, 100, 103, 199, 65_536 + 200] {
        let end = End { status, ..end(None, 0, Stage::Answer) };
        let outcome = judge(&end);
        assert!(matches!(outcome, Outcome::Failed(_)), "{status}");
    }
}

#[test]
fn an_error_is_told_in_few_words_and_blamed_on_its_cause() {
    use FailureScope::{Destination, Worker};
    use Stage::{Answer, Connect, Handshake, Lookup};

    let table = [
        (6, "", 0, Connect, Destination, "cannot resolve the name (h:80)"),
        (7, "", 111, Connect, Destination, "connection refused (h:80)"),
        (7, "", 113, Connect, Destination, "no route to host (h:80)"),
        (
            7,
            "",
            24,
            Connect,
            Worker,
            "out of memory or open files; raise the limits or work on fewer at once",
        ),
        (27, "", 0, Answer, Worker, "out of memory; work on fewer at once"),
        (5, "", 0, Lookup, Destination, "cannot resolve the proxy's name (on the way to h:80)"),
        (28, "", 0, Lookup, Destination, "the name was not resolved within 10s (h:80)"),
        (28, "", 0, Connect, Destination, "no connection within 10s (h:80)"),
        (
            28,
            "",
            0,
            Handshake,
            Destination,
            "connected, but the tls or proxy handshake did not finish within 10s (h:80)",
        ),
        (28, "", 0, Answer, Destination, "no answer within 120s (h:80)"),
        (
            28,
            "Operation too slow. Less than 1",
            0,
            Answer,
            Destination,
            "nothing came for 60 s (h:80)",
        ),
        (52, "", 0, Answer, Destination, "h:80 closed the connection without an answer"),
        (
            1,
            "Received HTTP/0.9 when not allowed",
            0,
            Answer,
            Destination,
            "what h:80 answers is not http",
        ),
        (8, "", 0, Answer, Destination, "what h:80 answers is not http"),
        (56, "Recv failure", 104, Answer, Destination, "connection reset by peer (h:80)"),
        (
            60,
            "SSL certificate problem: Expired\nmore\x1b",
            111,
            Connect,
            Destination,
            "ssl certificate problem: expired (h:80)",
        ),
    ];
    for (code, extra, errno, stage, scope, reason) in table {
        let mut error = Error::new(code);
        if !extra.is_empty() {
            error.set_extra(extra.to_owned());
        }
        assert_eq!(
            judge(&end(Some(&error), errno, stage)),
            Outcome::Failed(Failure::transient(scope, reason)),
        );
    }
}

#[test]
fn a_url_or_a_certificate_that_libcurl_cannot_read_fails_for_good() {
    for code in [3, 43, 58] {
        let error = Error::new(code);
        match judge(&end(Some(&error), 0, Stage::Lookup)) {
            Outcome::Failed(failure) => assert!(!failure.transient, "{failure:?}"),
            Outcome::Delivered => panic!("it was delivered"),
        }
    }
}

#[test]
fn a_redirect_that_leads_nowhere_says_why() {
    let failure = not_followed(302, "it does not say where to");
    assert_eq!(failure.reason, "302 Found, but it does not say where to");
    assert_eq!((failure.status, failure.transient), (Some(302), true));
}
