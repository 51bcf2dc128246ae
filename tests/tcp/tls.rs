//! TLS: certificates of our own making, both ways, against socat and rsyslog.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};
use slipstream_core::{FailureScope, Outcome, SecretRef};
use slipstream_tcp::{Framing, TcpHandler, TcpOptions, TcpRequest, Tls, Until};
use slipstream_tests::{Certificates, Daemon, Pair};

use crate::servers::rsyslog;
use crate::{failure, send, send_with};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// Sends back what it is sent, to clients that have a certificate of this authority's, or to all.
fn echo(pair: &Pair, clients: Option<&Path>) -> (Daemon, String) {
    let (cert, key) = (pair.cert.display(), pair.key.display());
    let verify = match clients {
        Some(authority) => format!("verify=1,cafile={}", authority.display()),
        None => "verify=0".to_owned(),
    };
    let server = Daemon::socat(|_, port| {
        let listen = format!("OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork");
        [format!("{listen},cert={cert},key={key},{verify}"), "EXEC:cat".to_owned()]
    });
    let url = format!("tls://localhost:{}", server.address().port());
    (server, url)
}

#[test]
fn a_peer_is_verified_unless_the_request_says_otherwise() {
    let certificates = Certificates::new();
    let pair = certificates.pair("localhost");
    let (_server, url) = echo(&pair, None);
    let request = TcpRequest::new(&url, "hello").framing(Framing::Line);
    let ours = Tls::new().cacert(read(&certificates.authority()));
    assert_eq!(send(&request.clone().tls(ours.clone()).expect("^hello$")), Outcome::Delivered);
    assert_eq!(send(&request.clone().tls(ours.clone())), Outcome::Delivered);
    // The peer's own certificate, which did not sign itself, may be what is trusted.
    let leaf = Tls::new().cacert(pair.pem().0);
    assert_eq!(send(&request.clone().tls(leaf).expect("^hello$")), Outcome::Delivered);
    assert_eq!(send(&request.clone().tls(Tls::new().insecure(true))), Outcome::Delivered);

    let theirs = Tls::new().cacert(read(&Certificates::new().authority()));
    // What a request asks for itself says nothing of the destination.
    let table = [
        (Tls::new(), FailureScope::Destination),
        (theirs, FailureScope::Request),
        (ours.clone().server_name("other.example"), FailureScope::Request),
    ];
    for (tls, scope) in table {
        let failure = failure(send(&request.clone().tls(tls)));
        assert!(failure.transient && failure.scope == scope, "{failure:?}");
        assert!(failure.reason.contains("the certificate is not to be trusted"), "{failure:?}");
        assert!(failure.reason.contains(&url), "{failure:?}");
    }
    // By its address it has another name.
    let by_address = url.replace("localhost", "127.0.0.1");
    let request = TcpRequest::new(by_address, "hello").framing(Framing::Line).expect("^hello$");
    assert!(failure(send(&request.clone().tls(ours.clone()))).reason.contains("mismatch"));
    assert_eq!(send(&request.tls(ours.server_name("localhost"))), Outcome::Delivered);
}

#[test]
fn an_intermediate_authority_may_be_what_is_trusted() {
    let root = Certificates::new();
    let ours = root.intermediate();
    let (_server, url) = echo(&ours.pair("localhost"), None);
    let trusting = |authority: &Path| {
        let tls = Tls::new().cacert(read(authority));
        TcpRequest::new(&url, "hello").framing(Framing::Line).expect("^hello$").tls(tls)
    };
    assert_eq!(send(&trusting(&ours.authority())), Outcome::Delivered);
    // The server does not show the certificate between its own and the root's.
    let failure = failure(send(&trusting(&root.authority())));
    assert!(failure.reason.contains("not to be trusted"), "{failure:?}");
    let others = root.intermediate();
    assert_ne!(send(&trusting(&others.authority())), Outcome::Delivered);
}

#[test]
fn a_client_shows_a_certificate_whose_key_may_be_a_secret() {
    let certificates = Certificates::new();
    let (_server, url) = echo(&certificates.pair("localhost"), Some(&certificates.authority()));
    let (cert, key) = certificates.pair("me").pem();
    let tls = Tls::new().cacert(read(&certificates.authority()));
    let request = TcpRequest::new(&url, "hello").framing(Framing::Line);
    let expected = request.clone().expect("^hello$");
    let with_key = tls.clone().cert(cert.clone()).key(key.clone());
    assert_eq!(send(&expected.clone().tls(with_key)), Outcome::Delivered);

    // The handshake is over for us before the server says no.
    for request in [&request, &expected] {
        let refused = failure(send(&request.clone().tls(tls.clone())));
        assert!(refused.transient && refused.scope == FailureScope::Destination, "{refused:?}");
    }
    let named = expected.tls(tls.cert(cert).key("env:KEY"));
    let unknown = failure(send(&named));
    assert!(unknown.transient && unknown.reason.contains("env:KEY"), "{unknown:?}");
    let look_up = move |name: &SecretRef| match name.to_string().as_str() {
        "env:KEY" => Ok(key.clone()),
        other => Err(format!("no {other}")),
    };
    let handler = TcpHandler::new(TcpOptions::default()).secrets(look_up);
    assert_eq!(send_with(&handler, &named), Outcome::Delivered);
}

#[test]
fn certificates_that_are_none_end_the_request() {
    let certificates = Certificates::new();
    let (_server, url) = echo(&certificates.pair("localhost"), None);
    let text = "-----BEGIN CERTIFICATE-----\nsesame\n-----END CERTIFICATE-----\n";
    let request = TcpRequest::new(url, "x").tls(Tls::new().cacert(text));
    let failure = failure(send(&request));
    assert!(!failure.transient && failure.reason.contains("openssl cannot use"), "{failure:?}");
}

#[test]
fn what_does_not_speak_tls_is_told_as_such() {
    let server = Daemon::socat(|_, port| {
        let listen = format!("TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork");
        [listen, "EXEC:cat".to_owned()]
    });
    let request = TcpRequest::new(format!("tls://{}", server.address()), "x");
    let failure = failure(send(&request));
    assert!(
        failure.transient && failure.reason.contains("the tls handshake failed"),
        "{failure:?}"
    );
}

#[test]
fn rsyslog_takes_counted_messages_over_tls_from_those_it_knows() {
    let certificates = Certificates::new();
    let server = certificates.pair("localhost");
    // Its other driver, over OpenSSL, closes sockets twice in this version, and so writes lines of its
    // log into the next connection.
    let global = format!(
        "DefaultNetstreamDriver=\"gtls\" DefaultNetstreamDriverCAFile=\"{}\" \
         DefaultNetstreamDriverCertFile=\"{}\" DefaultNetstreamDriverKeyFile=\"{}\"",
        certificates.authority().display(),
        server.cert.display(),
        server.key.display(),
    );
    let module = "StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" \
                  StreamDriver.AuthMode=\"x509/certvalid\"";
    let rsyslog = rsyslog(&global, module);
    let url = format!("tls://localhost:{}", rsyslog.address().port());
    let (cert, key) = certificates.pair("me").pem();
    let trusted = Tls::new().cacert(read(&certificates.authority()));
    let message = |n: u32| format!("<14>1 2026-11-24T12:00:00Z shop app - - - order {n}");
    let request = |n| TcpRequest::new(&url, message(n)).framing(Framing::Octets);
    for n in 0..10 {
        let tls = trusted.clone().cert(cert.clone()).key(key.clone());
        assert_eq!(send(&request(n).tls(tls)), Outcome::Delivered);
    }
    let unknown = failure(send(&request(99).tls(trusted)));
    assert!(unknown.transient, "{unknown:?}");
    let log = rsyslog.file_once("log", |log| log.contains(&message(9)));
    for n in 0..10 {
        assert!(log.lines().any(|line| line == message(n)), "{n}: {log}");
    }
    assert!(!rsyslog.file("log").contains(&message(99)));
}

#[test]
fn an_answer_that_is_cut_off_in_between_is_not_taken_for_whole() {
    let certificates = Certificates::new();
    let pair = certificates.pair("localhost");
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_certificate_chain_file(&pair.cert).unwrap();
    acceptor.set_private_key_file(&pair.key, SslFiletype::PEM).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tls://localhost:{}", listener.local_addr().unwrap().port());
    let server = thread::spawn(move || {
        for whole in [false, true] {
            let mut stream = acceptor.accept(listener.accept().unwrap().0).unwrap();
            stream.read_exact(&mut [0]).unwrap();
            stream.write_all(b"OK").unwrap();
            if whole {
                stream.shutdown().unwrap();
            }
        }
    });
    let tls = Tls::new().cacert(read(&certificates.authority()));
    let request = TcpRequest::new(url, "x").tls(tls).until(Until::Eof).expect("^OK$");
    let cut_off = failure(send(&request));
    assert!(cut_off.reason.contains("before its answer was whole"), "{cut_off:?}");
    assert_eq!(send(&request), Outcome::Delivered);
    server.join().unwrap();
}
