//! TLS with certificates of our own making, and HTTP/2 over it.

use std::collections::BTreeSet;

use serde_json::json;
use slipstream_tests::{Certificates, Nginx, Program};

/// A server for `localhost` over TLS and HTTP/2, with this in its server block.
fn secure(certificates: &Certificates, server: &str) -> Nginx {
    let pair = certificates.pair("localhost");
    let server = format!(
        "ssl_certificate {}; ssl_certificate_key {}; {server} location / {{ return 200; }}",
        pair.cert.display(),
        pair.key.display()
    );
    Nginx::start_as("ssl http2", &server)
}

fn store(program: &Program, lines: impl Iterator<Item = serde_json::Value>) {
    let lines: String = lines.map(|line| format!("{line}\n")).collect();
    let file = program.file("batch", &lines);
    program.well(["store", "--batch", &file.display().to_string()]);
}

#[test]
fn many_requests_share_one_connection_over_http_2() {
    let certificates = Certificates::new();
    let nginx = secure(&certificates, "");
    let program = Program::new();
    let ca = std::fs::read_to_string(certificates.authority()).unwrap();
    let line = |n: usize| {
        let url = nginx.secure_url(&format!("/n/{n}"));
        json!({"url": url, "body": format!("order={n}"), "cacert": ca})
    };
    store(&program, (0..2_000).map(line));
    program.well(["work", "--concurrency", "100"]);
    let hits = nginx.hits();
    assert_eq!(hits.len(), 2_000);
    assert!(hits.iter().all(|hit| hit.protocol == "HTTP/2.0" && hit.status == 200));
    assert_eq!(hits.iter().map(|hit| &hit.path).collect::<BTreeSet<_>>().len(), 2_000);
    // nginx closes one after a thousand streams by default.
    let connections: BTreeSet<_> = hits.iter().map(|hit| hit.connection).collect();
    assert!(connections.len() <= 3, "{} connections", connections.len());
    assert_eq!(program.total("delivered"), 2_000);
}

#[test]
fn a_client_certificate_is_shown_by_the_request_that_has_it() {
    let certificates = Certificates::new();
    let authority = certificates.authority();
    let nginx = secure(
        &certificates,
        &format!("ssl_verify_client on; ssl_client_certificate {};", authority.display()),
    );
    let program = Program::new();
    let ca = std::fs::read_to_string(authority).unwrap();
    let with = |name: &str| {
        let (cert, key) = certificates.pair(name).pem();
        let url = nginx.secure_url(&format!("/{name}"));
        json!({"url": url, "cacert": ca, "cert": cert, "key": key})
    };
    let anonymous = json!({"url": nginx.secure_url("/anonymous"), "cacert": ca});
    let stranger = json!({"url": nginx.secure_url("/stranger")});
    store(&program, [with("alice"), anonymous, stranger, with("bob")].into_iter());
    let worked = program.run(["work", "--backoff", "10ms"]);
    assert_eq!(worked.status.code(), Some(1), "{worked:?}");
    let out = String::from_utf8(worked.stdout).unwrap();
    assert!(out.contains("certificate") && out.contains("400 Bad Request"), "{out}");
    let served: BTreeSet<_> = nginx
        .hits()
        .into_iter()
        .filter(|hit| hit.status == 200)
        .map(|hit| format!("{} {}", hit.path, hit.client))
        .collect();
    assert_eq!(served, ["/alice CN=alice", "/bob CN=bob"].map(str::to_owned).into());
    assert_eq!((program.total("delivered"), program.total("failed")), (2, 2));
}

#[test]
fn the_certificates_of_a_request_take_the_place_of_the_systems() {
    let (systems, own) = (Certificates::new(), Certificates::new());
    let nginx = secure(&systems, "");
    let program = Program::new();
    let ca = std::fs::read_to_string(own.authority()).unwrap();
    store(
        &program,
        [
            json!({"url": nginx.secure_url("/system")}),
            json!({"url": nginx.secure_url("/own"), "cacert": ca}),
        ]
        .into_iter(),
    );
    let mut work = program.command(["work", "--backoff", "10ms"]);
    let worked = work.env("SSL_CERT_DIR", systems.directory()).output().unwrap();
    assert_eq!(worked.status.code(), Some(1), "{worked:?}");
    let paths: Vec<_> = nginx.hits().into_iter().map(|hit| hit.path).collect();
    assert_eq!(paths, ["/system"]);
}
