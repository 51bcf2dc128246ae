//! What requests say about how they are sent, against a real server and a real proxy.

use serde_json::{Value, json};
use slipstream_tests::{Certificates, Nginx, Program, Proxy};

fn store(program: &Program, lines: &[Value]) {
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let file = program.file("batch", &lines);
    program.well(["store", "--batch", &file.display().to_string()]);
}

#[test]
fn a_user_is_let_in_and_a_stranger_is_not() {
    let program = Program::new();
    let users = program.file("users", "me:{PLAIN}sesame\n");
    let nginx = Nginx::start(&format!(
        "auth_basic realm; auth_basic_user_file {}; location / {{ try_files /none =204; }}",
        users.display()
    ));
    store(
        &program,
        &[
            json!({"url": nginx.url("/basic"), "user": "me", "password": "sesame"}),
            json!({"url": nginx.url("/any"), "user": "me", "password": "sesame", "auth": "any"}),
            json!({"url": nginx.url("/wrong"), "user": "me", "password": "guess"}),
            json!({"url": nginx.url("/none")}),
        ],
    );
    let worked = program.run(["work", "--backoff", "10ms", "--concurrency", "1"]);
    assert_eq!(worked.status.code(), Some(1), "{worked:?}");
    let mut hits: Vec<_> =
        nginx.hits().into_iter().map(|hit| format!("{} {}", hit.path, hit.status)).collect();
    hits.sort();
    hits.dedup();
    // The request that takes any method asks first.
    let expected = ["/any 204", "/any 401", "/basic 204", "/none 401", "/wrong 401"];
    assert_eq!(hits, expected);
    assert_eq!((program.total("delivered"), program.total("failed")), (2, 2));
}

#[test]
fn a_redirect_is_followed_where_the_request_says_so() {
    let nginx = Nginx::start(
        "location /old { return 308 /new; } location /new { return 201; } \
         location /out { return 302 file:///etc/passwd; }",
    );
    let program = Program::new();
    store(
        &program,
        &[
            json!({"url": nginx.url("/old"), "body": "a", "location": true}),
            json!({"url": nginx.url("/old"), "body": "b"}),
            json!({"url": nginx.url("/out"), "location": true}),
        ],
    );
    let worked = program.run(["work", "--backoff", "10ms"]);
    let out = String::from_utf8(worked.stdout).unwrap();
    assert!(out.contains("308 Permanent Redirect, not followed"), "{out}");
    assert!(out.contains("302 Found, but it leads to 'file:***'"), "{out}");
    let hits = nginx.hits();
    let new: Vec<_> = hits.iter().filter(|hit| hit.path == "/new").collect();
    assert_eq!(new.len(), 1);
    assert_eq!((new[0].method.as_str(), new[0].status), ("POST", 201));
    assert!(hits.iter().any(|hit| hit.path == "/old" && hit.key == new[0].key));
}

#[test]
fn http_2_is_spoken_without_tls_where_the_request_knows() {
    let nginx = Nginx::start_as("http2", "location / { return 200; }");
    let program = Program::new();
    store(&program, &[json!({"url": nginx.url("/a"), "http_version": "2-prior-knowledge"})]);
    program.well(["work"]);
    assert_eq!(nginx.hits()[0].protocol, "HTTP/2.0");
}

#[test]
fn a_unix_socket_is_served() {
    let program = Program::new();
    let socket = program.file("sockets", "").with_file_name("nginx.sock");
    let nginx =
        Nginx::start(&format!("listen unix:{}; location / {{ return 200; }}", socket.display()));
    store(&program, &[json!({"url": "http://app/x", "unix_socket": socket})]);
    program.well(["work"]);
    assert_eq!(nginx.hits()[0].path, "/x");
}

#[test]
fn a_proxy_is_gone_through_with_its_own_user() {
    let certificates = Certificates::new();
    let pair = certificates.pair("localhost");
    let secure = Nginx::start_as(
        "ssl http2",
        &format!(
            "ssl_certificate {}; ssl_certificate_key {}; location / {{ return 200; }}",
            pair.cert.display(),
            pair.key.display()
        ),
    );
    let plain = Nginx::start("location / { return 200; }");
    let proxy = Proxy::start("me", "sesame");
    let address = format!("http://{}", proxy.address());
    let ca = std::fs::read_to_string(certificates.authority()).unwrap();
    let program = Program::new();
    store(
        &program,
        &[
            json!({"url": plain.url("/a"), "proxy": address, "proxy_user": "me:sesame"}),
            json!({"url": secure.secure_url("/b"), "proxy": address, "proxy_user": "me:sesame", "cacert": ca}),
            json!({"url": plain.url("/c"), "proxy": address, "proxy_user": "me:guess"}),
            json!({"url": secure.secure_url("/d"), "proxy": address, "cacert": ca}),
            json!({"url": plain.url("/e"), "proxy": address, "noproxy": "127.0.0.1"}),
        ],
    );
    // What the environment says does not count for requests that name a proxy.
    let mut work = program.command(["work", "--backoff", "10ms"]);
    let environment = [("no_proxy", "*"), ("all_proxy", "http://127.0.0.1:1")];
    let worked = work.envs(environment).output().unwrap();
    assert_eq!(worked.status.code(), Some(1), "{worked:?}");
    let paths = |nginx: &Nginx| {
        let mut paths: Vec<_> = nginx.hits().into_iter().map(|hit| hit.path).collect();
        paths.sort();
        paths
    };
    assert_eq!(
        (paths(&plain), paths(&secure)),
        (vec!["/a".into(), "/e".into()], vec!["/b".into()])
    );
    assert_eq!(secure.hits()[0].protocol, "HTTP/2.0");
    assert_eq!((program.total("delivered"), program.total("failed")), (3, 2));
    let log = proxy.log();
    assert!(log.contains("CONNECT localhost:") && log.contains("/a HTTP/1.1"), "{log}");
}

#[test]
fn requests_without_a_proxy_go_through_that_of_the_workers_environment() {
    let certificates = Certificates::new();
    let pair = certificates.pair("localhost");
    let secure = Nginx::start_as(
        "ssl http2",
        &format!(
            "ssl_certificate {}; ssl_certificate_key {}; location / {{ return 200; }}",
            pair.cert.display(),
            pair.key.display()
        ),
    );
    let plain = Nginx::start("location / { return 200; }");
    let proxy = Proxy::start("me", "sesame");
    let ca = std::fs::read_to_string(certificates.authority()).unwrap();
    let program = Program::new();
    let localhost = plain.url("/b").replace("127.0.0.1", "localhost");
    store(
        &program,
        &[
            json!({"url": plain.url("/a")}),
            json!({"url": secure.secure_url("/c"), "cacert": ca}),
            json!({"url": localhost, "noproxy": "localhost"}),
        ],
    );
    let address = format!("http://me:sesame@{}", proxy.address());
    let mut work = program.command(["work", "--attempts", "1"]);
    let worked = work.env("ALL_PROXY", &address).env("no_proxy", "10.0.0.0/8").output().unwrap();
    assert_eq!(worked.status.code(), Some(0), "{worked:?}");
    assert_eq!((plain.hits().len(), secure.hits().len()), (2, 1));
    let log = proxy.log();
    assert!(log.contains("CONNECT localhost:") && log.contains("/a HTTP/1.1"), "{log}");
    assert!(!log.contains("/b HTTP/1.1"), "{log}");
}
