//! What the driver was given for itself, and what others' servers offer, is no request's to use.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use slipstream_core::{AddressGate, Driver, Outcome};
use slipstream_http::{Auth, HttpDriver, HttpOptions, HttpRequest, HttpVersion, Options};

use crate::server::{OK, Reply, Server, redirect};
use crate::{driver, failure, finish, job, send_with};

/// A driver with a proxy that asks for a password.
fn with_proxy(proxy: &Server) -> HttpDriver {
    let mut options = HttpOptions::default();
    options.proxy = Some(format!("http://worker:sesame@{}", proxy.address()));
    HttpDriver::new(options).unwrap()
}

#[test]
fn the_drivers_proxy_and_no_other_server_is_told_its_password() {
    let (own, other, target) = (Server::always(OK), Server::always(OK), Server::always(OK));
    let proof = base64::engine::general_purpose::STANDARD.encode("worker:sesame");
    let mut driver = with_proxy(&own);
    let other_proxy = other.address().to_string();
    let requests = [
        HttpRequest::get("http://name.invalid/own"),
        HttpRequest::get("http://name.invalid/").options(Options::new().proxy(&other_proxy)),
        HttpRequest::get("http://name.invalid/")
            .options(Options::new().proxy(format!("http://me:mine@{other_proxy}"))),
        HttpRequest::get("http://name.invalid/")
            .options(Options::new().proxy(&other_proxy).proxy_user("me:mine")),
        HttpRequest::get(target.url("/")).options(Options::new().noproxy("*")),
        HttpRequest::get("http://name.invalid/own"),
    ];
    for request in &requests {
        assert_eq!(send_with(&mut driver, request), Outcome::Delivered, "{request:?}");
    }
    assert_eq!((own.requests().len(), other.requests().len(), target.requests().len()), (2, 3, 1));
    assert!(own.texts().iter().all(|text| text.contains(&proof)));
    let others = [other.texts(), target.texts()].concat();
    assert!(others.iter().all(|text| !text.contains(&proof)), "{others:?}");
}

#[test]
fn no_way_to_log_in_is_taken_that_the_machine_has_and_not_the_request() {
    let ask = "HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n";
    let server = Server::always(Reply::Keep(ask));
    let mut driver = driver();
    for options in [
        Options::new(),
        Options::new().user("", ""),
        Options::new().user("me", "mine").auth(Auth::Any),
        Options::new().user("me", "mine").auth(Auth::Digest),
    ] {
        let request = HttpRequest::get(server.url("/")).options(options);
        assert_eq!(failure(send_with(&mut driver, &request)).status, Some(401));
    }
    for text in server.texts() {
        let text = text.to_lowercase();
        assert!(!text.contains("negotiate") && !text.contains("ntlm"), "{text}");
    }
}

#[test]
fn a_redirect_reaches_neither_files_nor_sockets_nor_other_protocols() {
    for location in [
        "file:///etc/passwd",
        "scp://localhost/etc/passwd",
        "dict://127.0.0.1:1/",
        "gopher://127.0.0.1:1/",
        "ftp://127.0.0.1:1/",
        "unix:///run/a.sock",
    ] {
        let server = Server::always(redirect(302, location));
        let request = HttpRequest::get(server.url("/")).options(Options::new().follow());
        let failed = failure(send_with(&mut driver(), &request));
        assert!(failed.reason.contains("is not supported"), "{location}: {failed:?}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn what_a_server_says_of_itself_changes_no_later_request() {
    let other = Server::always(OK);
    let says = format!(
        "HTTP/1.1 200 OK\r\nSet-Cookie: a=sesame\r\nAlt-Svc: h2=\"{0}\", http/1.1=\"{0}\"\r\nStrict-Transport-Security: max-age=9999\r\nContent-Length: 0\r\n\r\n",
        other.address()
    );
    let server = Server::always(Reply::Keep(says.leak()));
    let mut driver = driver();
    for request in [
        HttpRequest::get(server.named("/1")),
        HttpRequest::get(server.named("/2")),
        HttpRequest::get(server.named("/3")).options(Options::new().follow()),
    ] {
        assert_eq!(send_with(&mut driver, &request), Outcome::Delivered);
    }
    assert_eq!((server.requests().len(), other.connections()), (3, 0));
    assert!(server.texts().iter().all(|text| !text.contains("sesame")));
}

#[test]
fn a_connection_to_a_socket_serves_no_request_that_names_another_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| {
        let path = dir.path().join(name).display().to_string();
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        (Server::at_socket(listener), path)
    };
    let ((a, a_path), (b, b_path)) = (at("a"), at("b"));
    let host = Server::always(OK);
    let mut options = HttpOptions::default();
    options.addresses = AddressGate::sockets_only_of(&[format!("unix:{a_path}")]);
    let mut driver = HttpDriver::new(options).unwrap();
    let to = |path: &str| HttpRequest::get(host.url("/")).options(Options::new().unix_socket(path));
    for _ in 0..2 {
        assert_eq!(send_with(&mut driver, &to(&a_path)), Outcome::Delivered);
        assert!(failure(send_with(&mut driver, &to(&b_path))).reason.contains("allow unix:"));
        assert_eq!(send_with(&mut driver, &HttpRequest::get(host.url("/"))), Outcome::Delivered);
    }
    assert_eq!((a.requests().len(), b.connections(), host.requests().len()), (2, 0, 2));
}

/// A server that greets a client of HTTP/2 and answers nothing there, and answers a client of
/// HTTP/1.1. It reports each time that it has greeted.
fn greeting() -> (SocketAddr, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (greeted, told) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let greeted = greeted.clone();
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                let read = stream.read(&mut bytes).unwrap_or_default();
                if bytes[..read].starts_with(b"PRI * HTTP/2.0") {
                    // Settings, none of them changed.
                    let _ = stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
                    let _ = greeted.send(());
                    while stream.read(&mut bytes).is_ok_and(|read| read > 0) {}
                } else {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
                }
            });
        }
    });
    (address, told)
}

#[test]
fn a_plain_request_goes_over_no_connection_that_another_opened_for_http_2() {
    let (address, greeted) = greeting();
    let url = format!("http://{address}/");
    let mut driver = driver();
    let knows = Options::new().version(HttpVersion::V2PriorKnowledge);
    let knows = knows.total_timeout(Duration::from_secs(3));
    driver.start(job(0, &HttpRequest::get(&url).options(knows)));
    let mut done = Vec::new();
    while greeted.try_recv().is_err() {
        driver.poll(Duration::from_millis(10), &mut done);
        assert!(done.is_empty(), "{done:?}");
    }
    // It has read the greeting, too, so the connection may carry others.
    driver.poll(Duration::from_millis(50), &mut done);
    let brief = || Options::new().total_timeout(Duration::from_secs(2));
    driver.start(job(1, &HttpRequest::get(&url)));
    driver.start(job(2, &HttpRequest::get(&url).options(brief())));
    let ended = finish(&mut driver, 3);
    assert_eq!((&ended[&1], &ended[&2]), (&Outcome::Delivered, &Outcome::Delivered));
    assert!(matches!(ended[&0], Outcome::Failed(_)));
}
