//! What goes over the wire, byte by byte.

use slipstream_core::{Driver, Outcome};
use slipstream_http::HttpRequest;

use crate::server::{OK, Reply, Server};
use crate::{ID, driver, finish, job, send, send_with};

#[test]
fn a_request_is_sent_as_it_was_written() {
    type Make = fn(String) -> HttpRequest;
    let table: [(Make, &str); 14] = [
        (
            |url| HttpRequest::get(url).header("x-foo", "bar"),
            "GET /p HTTP/1.1\r\nHost: HOST\r\nUser-Agent: AGENT\r\nAccept: */*\r\nx-foo: bar\r\n\r\n",
        ),
        (
            |url| HttpRequest::post(url).body("a=1"),
            "POST /p HTTP/1.1\r\nHost: HOST\r\nUser-Agent: AGENT\r\nAccept: */*\r\nIdempotency-Key: ID\r\nContent-Length: 3\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\na=1",
        ),
        (
            HttpRequest::post,
            "POST /p HTTP/1.1\r\nHost: HOST\r\nUser-Agent: AGENT\r\nAccept: */*\r\nIdempotency-Key: ID\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            |url| HttpRequest::put(url).json("{}"),
            "PUT /p HTTP/1.1\r\nHost: HOST\r\nUser-Agent: AGENT\r\nAccept: */*\r\ncontent-type: application/json\r\nIdempotency-Key: ID\r\nContent-Length: 2\r\n\r\n{}",
        ),
        (
            |url| HttpRequest::get(url).body("q"),
            "GET /p HTTP/1.1\r\nHost: HOST\r\nUser-Agent: AGENT\r\nAccept: */*\r\nContent-Length: 1\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nq",
        ),
        (
            HttpRequest::delete,
            "DELETE /p HTTP/1.1\r\nHost: HOST\r\nUser-Agent: AGENT\r\nAccept: */*\r\nIdempotency-Key: ID\r\n\r\n",
        ),
        (
            |url| HttpRequest::new("PROPFIND", url).body("<x/>").header("Content-Type", "text/xml"),
            "PROPFIND /p HTTP/1.1\r\nHost: HOST\r\nUser-Agent: AGENT\r\nAccept: */*\r\nContent-Type: text/xml\r\nIdempotency-Key: ID\r\nContent-Length: 4\r\n\r\n<x/>",
        ),
        (
            |url| HttpRequest::new("HEAD", url),
            "HEAD /p HTTP/1.1\r\nHost: HOST\r\nUser-Agent: AGENT\r\nAccept: */*\r\n\r\n",
        ),
        (
            |url| HttpRequest::new("OPTIONS", url),
            "OPTIONS /p HTTP/1.1\r\nHost: HOST\r\nUser-Agent: AGENT\r\nAccept: */*\r\n\r\n",
        ),
        (
            |url| {
                HttpRequest::get(url)
                    .header("b", "1")
                    .header("a", "2")
                    .header("B", "3")
                    .header("b", "4")
            },
            "GET /p HTTP/1.1\r\nHost: HOST\r\nUser-Agent: AGENT\r\nAccept: */*\r\nb: 1\r\na: 2\r\nB: 3\r\nb: 4\r\n\r\n",
        ),
        (
            |url| {
                HttpRequest::get(url)
                    .header("x-empty", "")
                    .header("x-blank", " \t")
                    .header("x-semi", ";")
                    .header("x-text", "grüße: \"a\tb\"")
            },
            "GET /p HTTP/1.1\r\nHost: HOST\r\nUser-Agent: AGENT\r\nAccept: */*\r\nx-empty:\r\nx-blank:\r\nx-semi: ;\r\nx-text: grüße: \"a\tb\"\r\n\r\n",
        ),
        (
            |url| HttpRequest::delete(url).header("idempotency-key", "mine"),
            "DELETE /p HTTP/1.1\r\nHost: HOST\r\nUser-Agent: AGENT\r\nAccept: */*\r\nidempotency-key: mine\r\n\r\n",
        ),
        (
            |url| {
                HttpRequest::get(url)
                    .header("host", "other")
                    .header("user-agent", "me")
                    .header("accept", "text/html")
            },
            "GET /p HTTP/1.1\r\nHost: other\r\nuser-agent: me\r\naccept: text/html\r\n\r\n",
        ),
        (
            |url| {
                HttpRequest::get(
                    url.replace("http://", "HTTP://user:pa%20ss@") + "/../a//b/./%41?ü=ä&x#frag",
                )
            },
            "GET /p/../a//b/./%41?ü=ä&x HTTP/1.1\r\nHost: HOST\r\nAuthorization: Basic dXNlcjpwYSBzcw==\r\nUser-Agent: AGENT\r\nAccept: */*\r\n\r\n",
        ),
    ];
    // One handle carries them all, forwards and backwards: nothing of one request may be
    // left on it for the next.
    let mut driver = driver();
    for (make, wire) in table.iter().chain(table.iter().rev()) {
        let server = Server::always(Reply::Keep("HTTP/1.1 204 No Content\r\n\r\n"));
        let request = make(server.url("/p"));
        assert_eq!(send_with(&mut driver, &request), Outcome::Delivered);
        let wire = wire
            .replace("HOST", &server.address().to_string())
            .replace("AGENT", concat!("slipstream/", env!("CARGO_PKG_VERSION")))
            .replace("Key: ID", &format!("Key: {ID}"));
        assert_eq!(server.texts(), [wire], "{request:?}");
    }
}

#[test]
fn an_answer_to_head_has_no_body_to_wait_for() {
    let server = Server::always(Reply::Keep("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"));
    let request = HttpRequest::new("HEAD", server.url("/"));
    assert_eq!(send(&request), Outcome::Delivered);
}

#[test]
fn a_body_of_any_bytes_and_size_arrives_whole() {
    let server = Server::always(OK);
    let large: Vec<u8> = (0..3 << 20).map(|n: u32| (n % 251) as u8).collect();
    let mut driver = driver();
    for body in [&b"a\0b\r\n\r\n\xff"[..], &large, b"", &large[..1 << 20]] {
        let request = HttpRequest::post(server.url("/")).body(body);
        assert_eq!(send_with(&mut driver, &request), Outcome::Delivered);
        let received = server.requests().pop().unwrap();
        let head = String::from_utf8_lossy(&received[..received.len() - body.len()]);
        assert!(received.ends_with(body), "{} bytes", body.len());
        assert!(head.ends_with("\r\n\r\n"), "{head}");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
        assert!(!head.contains("chunked"), "{head}");
        // As curl does it: a server that refuses a large body may say so first.
        assert_eq!(head.contains("Expect: 100-continue\r\n"), body.len() > 1 << 20, "{head}");
    }
}

#[test]
fn a_thousand_requests_a_hundred_at_a_time_need_a_hundred_connections() {
    const IN_FLIGHT: u64 = 100;
    let server = Server::always(OK);
    let mut driver = driver();
    for round in 0..10 {
        for n in 0..IN_FLIGHT {
            let body = format!("{round}/{n}");
            driver.start(job(n, &HttpRequest::post(server.url("/")).body(body)));
        }
        for (_, outcome) in finish(&mut driver, IN_FLIGHT as usize) {
            assert_eq!(outcome, Outcome::Delivered);
        }
    }
    assert!(server.connections() <= IN_FLIGHT as usize);
    // Every handle is back, or memory would grow with the backlog.
    assert_eq!(format!("{driver:?}"), "HttpDriver { in_flight: 0, .. }");
    let bodies: std::collections::HashSet<_> = server.requests().into_iter().collect();
    assert_eq!(bodies.len(), 1_000);
}

#[test]
fn a_kept_connection_that_was_closed_meanwhile_is_made_anew() {
    // Closed behind each answer without a word, as a server does whose patience has ended.
    let server = Server::always(Reply::Close("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    let mut driver = driver();
    for _ in 0..20 {
        let request = HttpRequest::post(server.url("/")).body("whole");
        assert_eq!(send_with(&mut driver, &request), Outcome::Delivered);
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 20);
    assert!(requests.iter().all(|r| r.ends_with(b"\r\n\r\nwhole")));
}
