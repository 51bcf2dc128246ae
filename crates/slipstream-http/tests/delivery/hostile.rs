//! What does not count as delivered, and what it is said to be instead.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use slipstream_core::{Driver, Failure, FailureScope, Outcome};
use slipstream_http::{HttpDriver, HttpOptions, HttpRequest};

use crate::server::{Reply, Server};
use crate::{answered, driver, failure, finish, job, plain, send, send_with};

#[test]
fn only_a_status_of_2xx_is_a_delivery() {
    let table = [
        ("200 OK", None),
        ("201 Created", None),
        ("204 No Content", None),
        ("299 Odd", None),
        ("304 Whatever", Some((FailureScope::Request, "304 Not Modified"))),
        ("400 Bad", Some((FailureScope::Request, "400 Bad Request"))),
        ("404 \x1b[31mred", Some((FailureScope::Request, "404 Not Found"))),
        ("429 Slow", Some((FailureScope::Destination, "429 Too Many Requests"))),
        ("500 Oops", Some((FailureScope::Destination, "500 Internal Server Error"))),
        ("503 Busy", Some((FailureScope::Destination, "503 Service Unavailable"))),
        ("599 Odd", Some((FailureScope::Destination, "status 599"))),
    ];
    let mut driver = driver();
    for (line, failed) in table {
        let answer = format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n");
        let server = Server::always(Reply::Keep(answer.leak()));
        let outcome = plain(send_with(&mut driver, &HttpRequest::get(server.url("/"))));
        let expected = match failed {
            None => Outcome::Delivered,
            Some((scope, reason)) => {
                Outcome::Failed(answered(scope, line[..3].parse().unwrap(), reason))
            }
        };
        assert_eq!(outcome, expected, "{line}");
    }
}

#[test]
fn a_redirect_is_a_failure_and_goes_nowhere() {
    let server = Server::always(Reply::Keep(
        "HTTP/1.1 301 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
    ));
    assert_eq!(
        failure(plain(send(&HttpRequest::get(server.url("/"))))),
        answered(FailureScope::Request, 301, "301 Moved Permanently, not followed")
    );
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn retry_after_is_heard_where_it_means_all_clients() {
    let future = "Fri, 31 Dec 9999 23:59:59 GMT";
    let table = [
        ("429", "7", Some(7)),
        ("503", "120", Some(120)),
        ("503", "Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
        ("503", future, Some(10 * 365 * 24 * 60 * 60)),
        ("503", "99999999999999999999", Some(10 * 365 * 24 * 60 * 60)),
        ("503", "soon", None),
        ("503", "-5", None),
        ("500", "7", None),
        ("404", "7", None),
    ];
    let mut driver = driver();
    for (status, value, seconds) in table {
        let answer =
            format!("HTTP/1.1 {status} X\r\nRETRY-after:{value}\r\nContent-Length: 0\r\n\r\n");
        let server = Server::always(Reply::Keep(answer.leak()));
        let failure = failure(send_with(&mut driver, &HttpRequest::get(server.url("/"))));
        let wait = seconds.map(Duration::from_secs);
        assert_eq!(failure.retry_after, wait, "{status} {value}");
    }
    // It is not left on the handle for the next answer.
    let server = Server::always(Reply::Keep("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"));
    let failure = failure(send_with(&mut driver, &HttpRequest::get(server.url("/"))));
    assert_eq!(failure.retry_after, None);
}

#[test]
fn an_interim_answer_decides_nothing() {
    let server = Server::always(Reply::Keep(
        "HTTP/1.1 103 Early\r\nRetry-After: 9\r\n\r\nHTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n",
    ));
    let failed = failure(send(&HttpRequest::get(server.url("/"))));
    assert_eq!((failed.status, failed.retry_after), (Some(503), None));

    let server = Server::always(Reply::Close("HTTP/1.1 103 Early\r\n\r\n"));
    let failed = failure(send(&HttpRequest::get(server.url("/"))));
    assert_eq!((failed.status, failed.scope), (None, FailureScope::Destination));
}

#[test]
fn a_closed_port_is_a_refused_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let outcome = send(&HttpRequest::get(format!("http://{address}/")));
    let reason = format!("connection refused ({address})");
    let expected = Failure::transient(FailureScope::Destination, reason);
    assert_eq!(outcome, Outcome::Failed(expected));
}

#[test]
fn a_name_that_does_not_exist_cannot_be_resolved() {
    let failed = failure(send(&HttpRequest::get("http://name.invalid/")));
    assert_eq!(failed.reason, "cannot resolve the name (name.invalid:80)");
    assert!(failed.transient && failed.scope == FailureScope::Destination);
}

#[test]
fn a_connection_that_breaks_before_the_status_is_a_failure() {
    let table = [
        Reply::Reset(""),
        Reply::Reset("HTTP/1.1"),
        Reply::Close(""),
        Reply::Close("HTTP/1.1 20"),
        Reply::Close("220 mail.example.com ready\r\n"),
        Reply::Close("\0\0\0"),
    ];
    for reply in table {
        let server = Server::always(reply);
        let failed = failure(send(&HttpRequest::post(server.url("/")).body("x")));
        assert_eq!(failed.status, None, "{failed:?}");
        assert!(failed.transient, "{failed:?}");
        assert_eq!(failed.scope, FailureScope::Destination, "{failed:?}");
        let peer = server.address().to_string();
        assert!(failed.reason.contains(&peer), "{failed:?}");
    }
}

#[test]
fn a_status_that_was_read_decides_however_the_answer_ends() {
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort";
    let table = [
        Reply::Reset("HTTP/1.1 200 OK\r\n"),
        Reply::Reset(long),
        Reply::Close(long),
        Reply::Close("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense"),
        Reply::Endless("HTTP/1.1 200 OK\r\n\r\n", "more and more and more"),
        Reply::Endless("HTTP/1.1 200 OK\r\n", "X-More: and more\r\n"),
        Reply::Endless("HTTP/1.1 200 OK\r\nX-More: ", "and more and more"),
    ];
    for (row, reply) in table.into_iter().enumerate() {
        let server = Server::always(reply);
        let outcome = send(&HttpRequest::get(server.url("/")));
        assert_eq!(outcome, Outcome::Delivered, "row {row}");
    }
    let server = Server::always(Reply::Endless("HTTP/1.1 500 X\r\n\r\n", "more and more"));
    let failed = failure(send(&HttpRequest::get(server.url("/"))));
    assert_eq!(failed.status, Some(500));
}

#[test]
fn an_answer_that_never_comes_ends_in_time() {
    let mut options = HttpOptions::default();
    options.total_timeout = Duration::from_millis(300);
    let mut driver = HttpDriver::new(options).unwrap();
    for reply in [
        Reply::Silence(""),
        Reply::Silence("HTTP/1.1 20"),
        Reply::Endless("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
    ] {
        let server = Server::always(reply);
        let began = Instant::now();
        let failed = failure(send_with(&mut driver, &HttpRequest::get(server.url("/"))));
        assert!(began.elapsed() < Duration::from_secs(20), "{failed:?}");
        assert_eq!(failed.status, None, "{failed:?}");
        assert_eq!(failed.scope, FailureScope::Destination, "{failed:?}");
    }
    let server = Server::always(Reply::Silence(""));
    let failed = failure(send_with(&mut driver, &HttpRequest::get(server.url("/"))));
    let peer = server.address();
    assert_eq!(failed.reason, format!("no answer within 300ms ({peer})"));
}

#[test]
fn a_silent_server_is_too_slow() {
    let mut options = HttpOptions::default();
    options.low_speed_time = Duration::from_secs(1);
    let server = Server::always(Reply::Silence(""));
    let mut driver = HttpDriver::new(options).unwrap();
    let failed = failure(send_with(&mut driver, &HttpRequest::get(server.url("/"))));
    let peer = server.address();
    assert_eq!(failed.reason, format!("nothing came for 1 s ({peer})"));
}

#[test]
fn what_can_never_be_sent_fails_at_once_and_for_good() {
    let bomb: Vec<u8> = [0x81, 0xa1, b'x'].into_iter().chain([0x91; 100_000]).collect();
    let bodies = [
        Vec::new(),
        b"garbage".to_vec(),
        bomb,
        rmp_serde::to_vec_named(&HttpRequest::get("file:///etc/passwd")).unwrap(),
        rmp_serde::to_vec_named(&HttpRequest::get("http://h/\r\nX: y")).unwrap(),
        rmp_serde::to_vec_named(&HttpRequest::get("http://h/").header("a", "b\r\nc: d")).unwrap(),
    ];
    let mut driver = driver();
    let count = bodies.len();
    for (ticket, body) in bodies.into_iter().enumerate() {
        let mut job = job(ticket as u64, &HttpRequest::get("http://h/"));
        job.body = body;
        driver.start(job);
    }
    let mut done = Vec::new();
    driver.poll(Duration::from_secs(60), &mut done);
    assert_eq!(done.len(), count);
    for completion in done {
        let failed = failure(completion.outcome);
        assert!(!failed.transient, "{failed:?}");
        assert_eq!(failed.scope, FailureScope::Request);
        assert!(!failed.reason.contains(['\r', '\n']), "{failed:?}");
    }
}

#[test]
fn one_dead_destination_does_not_delay_another() {
    let silent = Server::always(Reply::Silence(""));
    let alive = Server::always(crate::server::OK);
    let mut driver = driver();
    driver.start(job(0, &HttpRequest::get(silent.url("/"))));
    for ticket in 1..=50 {
        driver.start(job(ticket, &HttpRequest::get(alive.url("/"))));
    }
    let ended = finish(&mut driver, 50);
    assert!(!ended.contains_key(&0));
}

#[test]
fn a_waker_ends_a_wait() {
    let mut driver = driver();
    let notifier = driver.notifier();
    // Before the wait begins, and from another thread.
    notifier.notify();
    let began = Instant::now();
    driver.poll(Duration::from_secs(60), &mut Vec::new());
    let thread = std::thread::spawn({
        let notifier = notifier.clone();
        move || notifier.notify()
    });
    driver.poll(Duration::from_secs(60), &mut Vec::new());
    thread.join().unwrap();
    assert!(began.elapsed() < Duration::from_secs(30));
    drop(driver);
    notifier.notify();
}

#[test]
fn a_turn_without_a_wait_returns_at_once() {
    let server = Server::always(Reply::Silence(""));
    let mut driver = driver();
    driver.start(job(0, &HttpRequest::get(server.url("/"))));
    let began = Instant::now();
    for _ in 0..100 {
        driver.poll(Duration::ZERO, &mut Vec::new());
    }
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn settings_that_would_break_a_header_are_refused() {
    let mut options = HttpOptions::default();
    options.user_agent = "me\r\nX-Evil: 1".into();
    assert!(HttpDriver::new(options).is_err());
}

#[test]
fn a_slow_first_answer_holds_up_no_other_request_to_the_same_host() {
    let server = Server::new(|number| match number {
        0 => Reply::Silence(""),
        _ => crate::server::OK,
    });
    let mut driver = driver();
    // All at once, before it is known what the host speaks.
    for ticket in 0..5 {
        driver.start(job(ticket, &HttpRequest::post(server.url("/")).body("x")));
    }
    let ended = finish(&mut driver, 4);
    assert!(ended.values().all(|outcome| *outcome == Outcome::Delivered), "{ended:?}");
}
