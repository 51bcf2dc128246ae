//! What options do on the wire, and that none is left for the next request.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use slipstream_core::Outcome;
use slipstream_http::{Auth, HttpRequest, HttpVersion, Options};

use crate::server::{OK, Reply, Server};
use crate::{ID, driver, failure, send, send_with};

/// Without their order: which it is, does not matter.
fn lines(head: &str) -> Vec<String> {
    let mut lines: Vec<_> = head.trim_end().split("\r\n").map(str::to_owned).collect();
    lines[1..].sort();
    lines
}

#[test]
fn options_are_seen_on_the_wire_and_not_in_the_next_request() {
    let new = Options::new;
    let table: [(Options, &[&str], &[&str]); 16] = [
        (
            new().without_header("Accept").without_header("user-agent"),
            &[],
            &["Accept", "User-Agent"],
        ),
        (
            new().without_header("Host").without_header("Idempotency-Key"),
            &[],
            &["Host", "Idempotency-Key"],
        ),
        (new().without_header("Content-Type"), &[], &["Content-Type"]),
        (new().without_header("x-foo"), &[], &[]),
        (new().user("me", "pa:ss"), &["Authorization: Basic bWU6cGE6c3M="], &[]),
        (Options::new().user("me", ""), &["Authorization: Basic bWU6"], &[]),
        (new().bearer("a.b"), &["Authorization: Bearer a.b"], &[]),
        (new().cookies("a=1; b=2"), &["Cookie: a=1; b=2"], &[]),
        (new().jar(["127.0.0.1\tFALSE\t/\tFALSE\t0\ta\t1"]), &["Cookie: a=1"], &[]),
        (new().request_target("*"), &["POST * HTTP/1.1"], &["POST"]),
        (new().tr_encoding(true), &["TE: gzip", "Connection: TE"], &[]),
        (new().compressed(true), &["Accept-Encoding: deflate, gzip"], &[]),
        (new().version(HttpVersion::V1_1), &[], &[]),
        (new().version(HttpVersion::V1_0), &["POST /p HTTP/1.0"], &["POST"]),
        (new().insecure(true).follow(), &[], &[]),
        (new().total_timeout(Duration::from_secs(50)), &[], &[]),
    ];
    // One handle carries them all.
    let mut driver = driver();
    for (options, added, removed) in table {
        let server = Server::always(Reply::Keep("HTTP/1.1 204 No Content\r\n\r\n"));
        let plain = HttpRequest::post(server.url("/p")).header("x-foo", "bar").body("a");
        let request = plain.clone().options(options);
        assert_eq!(send_with(&mut driver, &request), Outcome::Delivered, "{request:?}");
        assert_eq!(send_with(&mut driver, &plain), Outcome::Delivered);
        let host = server.address().to_string();
        let usual = [
            "POST /p HTTP/1.1",
            &format!("Host: {host}"),
            concat!("User-Agent: slipstream/", env!("CARGO_PKG_VERSION")),
            "Accept: */*",
            "x-foo: bar",
            &format!("Idempotency-Key: {ID}"),
            "Content-Length: 1",
            "Content-Type: application/x-www-form-urlencoded",
        ];
        let mut expected: Vec<_> = usual
            .iter()
            .filter(|line| !removed.iter().any(|name| line.starts_with(name)))
            .chain(added)
            .map(|line| (*line).to_owned())
            .collect();
        expected.sort();
        expected.sort_by_key(|line| !line.starts_with("POST"));
        let texts = server.texts();
        let heads: Vec<_> = texts.iter().map(|t| t.split_once("\r\n\r\n").unwrap().0).collect();
        assert_eq!(lines(heads[0]), expected, "{request:?}");
        let mut usual = usual.map(str::to_owned);
        usual[1..].sort();
        assert_eq!(lines(heads[1]), usual, "behind {request:?}");
        assert!(texts.iter().all(|text| text.ends_with("\r\n\r\na")));
    }
}

#[test]
fn a_header_of_the_requests_own_is_sent_although_the_unasked_one_is_not() {
    let server = Server::always(OK);
    let options = Options::new().without_header("accept").without_header("Content-Type");
    let request = HttpRequest::post(server.url("/"))
        .header("Accept", "text/html")
        .header("content-type", "text/plain")
        .body("a")
        .options(options.without_header("host"))
        .header("Host", "other");
    assert_eq!(send(&request), Outcome::Delivered);
    let text = server.texts().remove(0);
    for line in ["Accept: text/html\r\n", "content-type: text/plain\r\n", "Host: other\r\n"] {
        assert_eq!(text.matches(line).count(), 1, "{text}");
    }
    assert_eq!(text.to_lowercase().matches("accept").count(), 1, "{text}");
}

#[test]
fn a_unix_socket_is_connected_to_whatever_the_url_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.sock");
    let name = format!("slipstream-test-{}", std::process::id());
    let by_name = SocketAddr::from_abstract_name(&name).unwrap();
    let table = [
        (UnixListener::bind(&path).unwrap(), Options::new().unix_socket(path.to_str().unwrap())),
        (UnixListener::bind_addr(&by_name).unwrap(), Options::new().abstract_unix_socket(&name)),
    ];
    let mut driver = driver();
    for (listener, options) in table {
        let server = Server::at_socket(listener);
        let request = HttpRequest::get("http://name.invalid/p").options(options);
        for _ in 0..3 {
            assert_eq!(send_with(&mut driver, &request), Outcome::Delivered);
        }
        assert!(server.texts()[0].contains("Host: name.invalid\r\n"));
        assert_eq!(server.connections(), 1);
    }
    // It is not where the next request goes.
    let plain = failure(send_with(&mut driver, &HttpRequest::get("http://name.invalid/p")));
    assert_eq!(plain.reason, "cannot resolve the name (name.invalid:80)");
}

#[test]
fn an_address_in_place_of_a_lookup_is_the_requests_own() {
    let server = Server::always(OK);
    let port = server.address().port();
    let url = format!("http://name.invalid:{port}/");
    let plain = HttpRequest::get(&url);
    let options = [
        Options::new().resolve(format!("name.invalid:{port}:127.0.0.1")),
        Options::new().connect_to(format!("name.invalid:{port}:127.0.0.1:")),
        Options::new().connect_to("::b.invalid:1").resolve("b.invalid:1:127.0.0.1"),
    ];
    let mut driver = driver();
    for (n, options) in options.into_iter().enumerate() {
        let outcome = send_with(&mut driver, &plain.clone().options(options));
        if n < 2 {
            assert_eq!(outcome, Outcome::Delivered);
        } else {
            assert_eq!(
                failure(outcome).reason,
                format!("connection refused (name.invalid:{port})")
            );
        }
        let after = failure(send_with(&mut driver, &plain));
        assert_eq!(after.reason, format!("cannot resolve the name (name.invalid:{port})"));
    }
    assert!(server.texts().iter().all(|t| t.contains(&format!("Host: name.invalid:{port}\r\n"))));
}

#[test]
fn a_request_brings_its_own_proxy() {
    let proxy = Server::always(OK);
    let target = Server::always(OK);
    let address = proxy.address().to_string();
    let mut driver = driver();
    let request = |options| HttpRequest::get("http://name.invalid/p?q").options(options);
    let through = Options::new().proxy(&address).proxy_user("me:pa:ss");
    assert_eq!(send_with(&mut driver, &request(through)), Outcome::Delivered);
    let seen = proxy.texts().remove(0);
    assert!(seen.starts_with("GET http://name.invalid/p?q HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("Proxy-Authorization: Basic bWU6cGE6c3M=\r\n"), "{seen}");

    let around = Options::new().proxy(&address).noproxy("127.0.0.1");
    let request = HttpRequest::get(target.url("/")).options(around);
    assert_eq!(send_with(&mut driver, &request), Outcome::Delivered);
    let plain = HttpRequest::get(target.url("/"));
    assert_eq!(send_with(&mut driver, &plain), Outcome::Delivered);
    assert_eq!((proxy.requests().len(), target.requests().len()), (1, 2));
}

fn hex(text: impl AsRef<[u8]>) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_challenge_is_answered_with_the_whole_body() {
    for (auth, offered) in [
        (Auth::Digest, "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256"),
        (Auth::Any, "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256"),
        (Auth::Any, "Basic realm=\"r\""),
    ] {
        let refusal = format!(
            "HTTP/1.1 401 No\r\nWWW-Authenticate: {offered}\r\nContent-Length: 4\r\n\r\nwait"
        );
        let refusal = Reply::Keep(refusal.leak());
        let server = Server::new(move |n| if n == 0 { refusal } else { OK });
        let body = "x".repeat(100_000);
        let options = Options::new().user("me", "sesame").auth(auth);
        let request = HttpRequest::post(server.url("/p")).body(body.as_str()).options(options);
        assert_eq!(send(&request), Outcome::Delivered, "{offered}");
        let second = server.texts().remove(1);
        assert!(second.ends_with(&body), "{} bytes", second.len());
        let line = second.lines().find(|l| l.starts_with("Authorization: ")).unwrap();
        if offered.starts_with("Basic") {
            assert_eq!(line, "Authorization: Basic bWU6c2VzYW1l");
            continue;
        }
        let field = |name: &str| {
            let rest = line.split(&format!("{name}=")).nth(1).unwrap().trim_start_matches('"');
            rest.split(['"', ',']).next().unwrap().to_owned()
        };
        let proof = [
            hex("me:r:sesame"),
            "n".into(),
            field("nc"),
            field(" cnonce"),
            "auth".into(),
            hex("POST:/p"),
        ];
        assert_eq!(field("response"), hex(proof.join(":")), "{line}");
    }
}

#[test]
fn an_aws_signature_covers_the_body() {
    use hmac::{Hmac, KeyInit, Mac};

    let server = Server::always(OK);
    let options = Options::new().user("AKID", "sesame").aws_sigv4("aws:amz:eu-central-1:sqs");
    for method in ["POST", "PUT", "GET"] {
        let request = HttpRequest::new(method, server.url("/p?b=2&a=1"))
            .header("x-foo", "bar")
            .body("body")
            .options(options.clone());
        assert_eq!(send(&request), Outcome::Delivered);
        let sent = server.texts().pop().unwrap();
        assert!(sent.ends_with("\r\n\r\nbody"), "{sent}");
        let value = |name: &str| {
            let line = sent.lines().find(|l| l.to_lowercase().starts_with(&format!("{name}: ")));
            line.unwrap_or_else(|| panic!("{name} in {sent}"))
                .split_once(": ")
                .unwrap()
                .1
                .trim()
                .to_owned()
        };
        let authorization = value("authorization");
        let part = |name: &str| {
            let rest = authorization.split(&format!("{name}=")).nth(1).unwrap();
            rest.split(',').next().unwrap().to_owned()
        };
        let signed = part("SignedHeaders");
        let headers: String =
            signed.split(';').map(|name| format!("{name}:{}\n", value(name))).collect();
        let canonical = format!("{method}\n/p\na=1&b=2\n{headers}\n{signed}\n{}", hex("body"));
        let date = value("x-amz-date");
        let scope = format!("{}/eu-central-1/sqs/aws4_request", &date[..8]);
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(canonical));
        let mac = |key: &[u8], text: &str| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        };
        let key = scope.split('/').fold(b"AWS4sesame".to_vec(), |key, part| mac(&key, part));
        let signature: String =
            mac(&key, &to_sign).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(part("Signature"), signature, "{sent}");
        assert_eq!(part("AWS4-HMAC-SHA256 Credential"), format!("AKID/{scope}"));
        assert!(signed.contains("x-foo"), "{signed}");
    }
}

#[test]
fn a_request_says_its_own_times() {
    let silent = Server::always(Reply::Silence(""));
    let peer = silent.address();
    let mut driver = driver();
    let request = |options| HttpRequest::get(silent.url("/")).options(options);
    let table = [
        (
            Options::new().total_timeout(Duration::from_millis(150)),
            format!("no answer within 150ms ({peer})"),
        ),
        (
            Options::new().low_speed_limit(50).low_speed_time(Duration::from_secs(1)),
            format!("slower than 50 bytes a second for 1 s ({peer})"),
        ),
    ];
    for (options, reason) in table {
        let began = Instant::now();
        assert_eq!(failure(send_with(&mut driver, &request(options))).reason, reason);
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn a_handshake_that_does_not_finish_is_told_from_a_connection_that_is_not_made() {
    let silent = Server::always(Reply::Silence(""));
    let peer = silent.address();
    let options = Options::new().connect_timeout(Duration::from_millis(200));
    let request = HttpRequest::get(format!("https://{peer}/")).options(options.clone());
    assert_eq!(
        failure(send(&request)).reason,
        format!("connected, but the tls or proxy handshake did not finish within 200ms ({peer})")
    );

    // A listener whose queue is full answers no client that asks to connect.
    let full = Full::new();
    let request = HttpRequest::get(format!("http://{}/", full.address)).options(options);
    assert_eq!(
        failure(send(&request)).reason,
        format!("no connection within 200ms ({})", full.address)
    );
}

#[test]
fn a_handshake_behind_a_proxy_is_no_answer_that_is_waited_for() {
    let proxy = Server::new(|n| match n {
        0 => Reply::Keep("HTTP/1.1 200 Connected\r\n\r\n"),
        _ => Reply::Silence(""),
    });
    let options = Options::new()
        .proxy(proxy.address().to_string())
        .connect_timeout(Duration::from_millis(200));
    let failed = failure(send(&HttpRequest::get("https://name.invalid/").options(options)));
    assert_eq!(
        failed.reason,
        "connected, but the tls or proxy handshake did not finish within 200ms (name.invalid:443)"
    );
}

/// A listener that accepts nothing, with connections that fill its queue.
struct Full {
    address: std::net::SocketAddr,
    _listener: socket2::Socket,
    _waiting: Vec<socket2::Socket>,
}

impl Full {
    fn new() -> Self {
        use socket2::{Domain, Socket, Type};

        let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let listener = socket();
        listener.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let connect = |_| {
            let socket = socket();
            socket.set_nonblocking(true).unwrap();
            // It is under way, or waits for ever; both are meant.
            drop(socket.connect(&address));
            socket
        };
        let waiting = (0..8).map(connect).collect();
        Self { address: address.as_socket().unwrap(), _listener: listener, _waiting: waiting }
    }
}
