//! Private addresses denied: by the address that is connected to, on every hop.

use slipstream_core::{AddressGate, FailureScope, Outcome};
use slipstream_http::{HttpDriver, HttpOptions, HttpRequest, Options};

use crate::server::{OK, Server, redirect};
use crate::{failure, send_with};

fn texts(allowed: &[&str]) -> Vec<String> {
    allowed.iter().map(|host| (*host).to_owned()).collect()
}

fn denying(allowed: &[&str]) -> HttpDriver {
    let mut options = HttpOptions::default();
    options.addresses = AddressGate::public_and(&texts(allowed));
    HttpDriver::new(options).unwrap()
}

#[test]
fn nothing_of_ours_is_connected_to_however_it_is_spelt() {
    let server = Server::always(OK);
    let port = server.address().port();
    let mut driver = denying(&[]);
    let urls = ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"];
    for host in urls {
        for options in [Options::new(), Options::new().compressed(true)] {
            let request = HttpRequest::get(format!("http://{host}:{port}/")).options(options);
            let failed = failure(send_with(&mut driver, &request));
            assert!(!failed.transient && failed.scope == FailureScope::Request, "{failed:?}");
            assert!(failed.reason.contains(" address, and those are denied"), "{failed:?}");
        }
    }
    let names = [
        Options::new().resolve(format!("*:{port}:127.0.0.1")),
        Options::new().connect_to("::127.0.0.1:"),
        Options::new().connect_to("::localhost:"),
    ];
    for options in names {
        let request = HttpRequest::get(format!("http://8.8.8.8:{port}/")).options(options);
        let failed = failure(send_with(&mut driver, &request));
        assert!(!failed.transient && failed.reason.contains("loopback"), "{failed:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn what_is_allowed_is_connected_to_by_its_name_or_its_address() {
    let server = Server::always(OK);
    let port = server.address().port();
    let by_name = HttpRequest::get(server.named("/"));
    let by_address = HttpRequest::get(server.url("/"));
    let mut driver = denying(&["LocalHost."]);
    assert_eq!(send_with(&mut driver, &by_name), Outcome::Delivered);
    assert!(!failure(send_with(&mut driver, &by_address)).transient);
    // The request itself must not choose where an allowed name leads.
    let chosen = Options::new().resolve(format!("localhost:{port}:127.0.0.1"));
    assert!(!failure(send_with(&mut driver, &by_name.clone().options(chosen))).transient);

    let mut driver = denying(&["127.0.0.1"]);
    assert_eq!(send_with(&mut driver, &by_address), Outcome::Delivered);
    assert_eq!(send_with(&mut driver, &by_name), Outcome::Delivered);
}

#[test]
fn a_redirect_is_no_way_in() {
    let secret = Server::always(OK);
    let open = Server::always(redirect(302, &secret.url("/")));
    let mut driver = denying(&["localhost"]);
    let request = HttpRequest::get(open.named("/")).options(Options::new().follow());
    let failed = failure(send_with(&mut driver, &request));
    assert!(
        !failed.transient && failed.reason.starts_with("127.0.0.1 is a loopback"),
        "{failed:?}"
    );
    assert_eq!((open.connections(), secret.connections()), (1, 0));
}

#[test]
fn a_socket_or_a_proxy_of_its_own_must_be_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.sock").display().to_string();
    let socket = Server::at_socket(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let proxy = Server::always(OK);
    let by_socket = HttpRequest::get("http://h/").options(Options::new().unix_socket(&path));
    let through = |url: &str| {
        let own = Options::new().proxy(proxy.address().to_string());
        HttpRequest::get(url).options(own)
    };
    let mut driver = denying(&[]);
    for request in [&by_socket, &through("http://name.invalid/")] {
        let failed = failure(send_with(&mut driver, request));
        assert!(!failed.transient && failed.reason.contains("allow "), "{failed:?}");
    }
    assert_eq!((socket.connections(), proxy.connections()), (0, 0));

    let mut driver = denying(&[&format!("unix:{path}"), "127.0.0.1"]);
    assert_eq!(send_with(&mut driver, &by_socket), Outcome::Delivered);
    assert_eq!(send_with(&mut driver, &through("http://name.invalid/")), Outcome::Delivered);
    // An address that can be seen is refused behind it, too.
    let failed = failure(send_with(&mut driver, &through("http://169.254.169.254/")));
    assert!(!failed.transient && failed.reason.contains("link-local"), "{failed:?}");
    let around = Options::new().proxy(proxy.address().to_string()).noproxy("*");
    let around = HttpRequest::get("http://localhost:1/").options(around);
    assert!(failure(send_with(&mut driver, &around)).reason.contains("noproxy"));
}
