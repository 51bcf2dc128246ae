//! Redirects, followed where the request says so, and where they must not lead.

use std::time::{Duration, Instant};

use slipstream_core::{Clock, FailureScope, Outcome, Timestamp};
use slipstream_http::{HttpDriver, HttpOptions, HttpRequest, Options};

use crate::server::{OK, Reply, Server, redirect};
use crate::{ID, driver, failure, send, send_with};

fn following(url: &str) -> HttpRequest {
    HttpRequest::post(url).body("body").options(Options::new().follow())
}

/// A server that redirects to there, and does nothing else.
fn leading(status: u16, location: &str) -> Server {
    Server::always(redirect(status, location))
}

#[test]
fn a_redirect_is_followed_to_its_end() {
    let end = Server::always(OK);
    let second = leading(307, &end.named("/end?x"));
    let first = leading(308, &second.url("/b"));
    assert_eq!(send(&following(&first.url("/a"))), Outcome::Delivered);
    let text = end.texts().remove(0);
    assert!(text.starts_with("POST /end?x HTTP/1.1\r\nHost: localhost:"), "{text}");
    assert!(text.ends_with("\r\n\r\nbody"), "{text}");
    // The receiver at the end is the receiver that must drop repeats.
    assert!(text.contains(&format!("Idempotency-Key: {ID}\r\n")), "{text}");
}

#[test]
fn a_post_becomes_a_get_and_keeps_its_key() {
    let end = Server::always(OK);
    let first = leading(303, &end.url("/made"));
    assert_eq!(send(&following(&first.url("/"))), Outcome::Delivered);
    let text = end.texts().remove(0);
    assert!(text.starts_with("GET /made HTTP/1.1\r\n"), "{text}");
    assert!(text.contains(&format!("Idempotency-Key: {ID}\r\n")), "{text}");
    assert!(!text.contains("Content-"), "{text}");
}

#[test]
fn a_relative_redirect_stays_on_its_connection_with_its_credentials() {
    let server = Server::new(|n| match n {
        0 => redirect(302, "../b?c"),
        1 => redirect(302, "/d"),
        _ => OK,
    });
    let options = Options::new().follow().cookies("a=1").user("me", "p");
    let request = HttpRequest::get(server.url("/x/y/z")).header("x-api-key", "k").options(options);
    assert_eq!(send(&request), Outcome::Delivered);
    let texts = server.texts();
    let paths: Vec<_> = texts.iter().map(|t| t.split(' ').nth(1).unwrap()).collect();
    assert_eq!(paths, ["/x/y/z", "/x/b?c", "/d"]);
    for text in &texts {
        for line in ["Authorization: Basic bWU6cA==", "Cookie: a=1", "x-api-key: k"] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
    assert_eq!(server.connections(), 1);
}

#[test]
fn no_credential_follows_to_another_host_or_port_nor_comes_back() {
    use std::sync::{Arc, OnceLock};

    let there: Arc<OnceLock<Reply>> = Arc::default();
    let leads = Arc::clone(&there);
    let home = Server::new(move |n| if n == 0 { *leads.wait() } else { OK });
    let other = leading(307, &home.url("/back"));
    there.set(redirect(307, &other.named("/"))).ok().unwrap();
    let options = Options::new().follow().user("me", "sesame").cookies("sid=sesame");
    let request = HttpRequest::post(home.url("/").replace("http://", "http://u:sesame@"))
        .header("X-Api-Key", "sesame")
        .header("Proxy-Authorization", "sesame")
        .header("X-Kept", "kept")
        .body("body")
        .options(options);
    assert_eq!(send(&request), Outcome::Delivered);
    let (home, other) = (home.texts(), other.texts());
    assert!(home[0].contains("X-Api-Key: sesame") && home[0].contains("Authorization: Basic"));
    for text in [&other[0], &home[1]] {
        let lower = text.to_lowercase();
        for word in ["sesame", "authorization", "cookie"] {
            assert!(!lower.contains(word), "{word}: {text}");
        }
        assert!(text.contains("X-Kept: kept") && text.ends_with("\r\n\r\nbody"), "{text}");
    }
}

#[test]
fn a_loop_ends_at_the_limit() {
    let server = Server::always(redirect(302, "/again"));
    for (options, hops) in [(Options::new().follow_at_most(3), 3), (Options::new().follow(), 50)] {
        let before = server.requests().len();
        let failed = failure(send(&HttpRequest::get(server.url("/")).options(options)));
        let reason = format!("302 Found, but {hops} redirects were followed, and more are not");
        assert_eq!(failed.reason, reason);
        assert_eq!((failed.status, failed.transient), (Some(302), true));
        assert_eq!(server.requests().len() - before, hops + 1);
    }
}

#[test]
fn a_redirect_that_leads_nowhere_says_why() {
    let table = [
        (
            "file:///etc/passwd",
            "it leads to 'file:***': the scheme 'file' is not supported; http and https are",
        ),
        ("gopher://127.0.0.1:25/", "the scheme 'gopher' is not supported"),
        ("http://0x7f000001/", "write an ipv4 address as four numbers"),
        ("", "it does not say where to"),
    ];
    let mut driver = driver();
    for (location, words) in table {
        let server = leading(302, location);
        let failed = failure(send_with(&mut driver, &following(&server.url("/"))));
        assert!(
            failed.reason.starts_with("302 Found, but ") && failed.reason.contains(words),
            "{failed:?}"
        );
        assert_eq!((failed.status, failed.scope), (Some(302), FailureScope::Request));
        assert!(failed.answer.unwrap().starts_with("HTTP/1.1 302 X\n"));
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn another_hosts_failure_is_not_blamed_on_the_destination() {
    let busy = "HTTP/1.1 503 X\r\nRetry-After: 99\r\nContent-Length: 0\r\n\r\n";
    let other = Server::always(Reply::Keep(busy));
    let first = leading(307, &other.url("/"));
    let failed = failure(send(&following(&first.url("/"))));
    assert_eq!(
        (failed.status, failed.scope, failed.retry_after),
        (Some(503), FailureScope::Request, None)
    );
    // Its own is, however often it led elsewhere on itself.
    let own = Server::new(move |n| if n == 0 { redirect(307, "/b") } else { Reply::Keep(busy) });
    let failed = failure(send(&following(&own.url("/"))));
    let wait = Some(Duration::from_secs(99));
    assert_eq!(
        (failed.status, failed.scope, failed.retry_after),
        (Some(503), FailureScope::Destination, wait)
    );
}

#[test]
fn all_hops_together_end_in_time() {
    let silent = Server::always(Reply::Silence(""));
    let endless = Server::always(redirect(302, "/again"));
    let options = Options::new().follow_at_most(1_000).total_timeout(Duration::from_millis(300));
    let request = HttpRequest::get(leading(302, &silent.url("/")).url("/")).options(options);
    let failed = failure(send(&request));
    assert_eq!(failed.reason, format!("no answer within 300ms ({})", silent.address()));
    // However quick each hop is.
    let options = Options::new().follow_at_most(1_000).total_timeout(Duration::from_millis(30));
    let failed = failure(send(&HttpRequest::get(endless.url("/")).options(options)));
    assert!(failed.reason.contains("within 30ms"), "{failed:?}");
    assert!(endless.requests().len() < 1_000);
}

#[test]
fn a_late_hop_has_what_is_left_of_the_time() {
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Every look takes twenty seconds.
    struct Slow(AtomicU64);

    impl Clock for Slow {
        fn now(&self) -> Timestamp {
            Timestamp::default()
        }

        fn elapsed(&self) -> Duration {
            Duration::from_millis(19_900 * self.0.fetch_add(1, Ordering::Relaxed))
        }
    }

    let silent = Server::always(Reply::Silence(""));
    let first = leading(302, &silent.url("/"));
    let options = Options::new().follow().total_timeout(Duration::from_secs(40));
    let driver = HttpDriver::new(HttpOptions::default()).unwrap();
    let began = Instant::now();
    let request = HttpRequest::get(first.url("/")).options(options);
    let failed = failure(send_with(&mut driver.clock(Slow(AtomicU64::new(0))), &request));
    assert_eq!(failed.reason, format!("no answer within 40s ({})", silent.address()));
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn of_two_locations_the_first_counts() {
    let end = Server::always(OK);
    let head = format!(
        "HTTP/1.1 302 X\r\nLocation: {}\r\nLocation: file:///x\r\nContent-Length: 0\r\n\r\n",
        end.url("/")
    );
    let server = Server::always(Reply::Keep(head.leak()));
    assert_eq!(send(&following(&server.url("/"))), Outcome::Delivered);
}

#[test]
fn a_redirect_whose_body_never_ends_is_followed_all_the_same() {
    let end = Server::always(OK);
    let head = format!("HTTP/1.1 302 X\r\nLocation: {}\r\n\r\n", end.url("/"));
    let endless = Server::always(Reply::Endless(head.leak(), "more and more"));
    assert_eq!(send(&following(&endless.url("/"))), Outcome::Delivered);
    assert_eq!(end.requests().len(), 1);
}
