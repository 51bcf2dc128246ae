//! Which ends count, and in which words the others are told.

use super::*;

/// An end with one of libcurl's error numbers, and what it says.
fn end(error: Option<&Error>, errno: i32, connected: bool) -> End<'_> {
    End { status: 0, retry_after: None, error, errno, connected, peer: "h:80" }
}

#[test]
fn a_transfer_without_a_status_never_delivers() {
    for status in [0, 1, 99, 100, 103, 199, 65_536 + 200] {
        let end = End { status, ..end(None, 0, true) };
        let outcome = judge(&end, &HttpOptions::default());
        assert!(matches!(outcome, Outcome::Failed(_)), "{status}");
    }
}

#[test]
fn an_error_is_told_in_few_words_and_blamed_on_whoever_caused_it() {
    use Blame::{Destination, Request};
    let table = [
        (6, "", 0, false, Destination, "cannot resolve the name (h:80)"),
        (7, "", 111, false, Destination, "connection refused (h:80)"),
        (7, "", 113, false, Destination, "no route to host (h:80)"),
        (
            7,
            "",
            24,
            false,
            Request,
            "out of memory or open files; raise the limits or work on fewer at once",
        ),
        (
            27,
            "",
            0,
            true,
            Request,
            "out of memory or open files; raise the limits or work on fewer at once",
        ),
        (28, "", 0, false, Destination, "no connection within 10s (h:80)"),
        (28, "", 0, true, Destination, "no answer within 120s (h:80)"),
        (
            28,
            "Operation too slow. Less than 1",
            0,
            true,
            Destination,
            "nothing came for 60 s (h:80)",
        ),
        (52, "", 0, true, Destination, "h:80 closed the connection without an answer"),
        (
            1,
            "Received HTTP/0.9 when not allowed",
            0,
            true,
            Destination,
            "what h:80 answers is not http",
        ),
        (8, "", 0, true, Destination, "what h:80 answers is not http"),
        (56, "Recv failure", 104, true, Destination, "connection reset by peer (h:80)"),
        (
            60,
            "SSL certificate problem: Expired\nmore\x1b",
            111,
            false,
            Destination,
            "ssl certificate problem: expired (h:80)",
        ),
    ];
    for (code, extra, errno, connected, blame, reason) in table {
        let mut error = Error::new(code);
        if !extra.is_empty() {
            error.set_extra(extra.to_owned());
        }
        assert_eq!(
            judge(&end(Some(&error), errno, connected), &HttpOptions::default()),
            Outcome::Failed(Failure::transient(blame, reason)),
        );
    }
}

#[test]
fn a_url_that_libcurl_cannot_read_fails_for_good() {
    let error = Error::new(3);
    match judge(&end(Some(&error), 0, false), &HttpOptions::default()) {
        Outcome::Failed(failure) => assert!(!failure.transient),
        Outcome::Delivered => panic!("it was delivered"),
    }
}
