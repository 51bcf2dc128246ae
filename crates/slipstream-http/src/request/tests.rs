//! What a request accepts, refuses, shows and keeps.

use proptest::prelude::*;
use slipstream_core::{Record, RecordId, Request};

use super::*;
use crate::request::check::HEAD_MAX;

const URL: &str = "http://example.com/";

#[test]
fn what_can_be_sent_is_accepted() {
    let table = [
        HttpRequest::get(URL).header("x-foo", "bar"),
        HttpRequest::get(URL).body("a get may have one"),
        HttpRequest::post(URL).header("x-empty", "").header("x-tab", "a\tb"),
        HttpRequest::post(URL).header("x-text", "grüße").body([0, 255]),
        HttpRequest::new("PROPFIND", URL),
        HttpRequest::new("M-SEARCH", "https://user:pass@[::1]:8443/?q"),
    ];
    for request in table {
        assert_eq!(request.check(), Ok(()), "{request:?}");
    }
}

#[test]
fn what_can_never_be_sent_is_refused_with_words_that_help() {
    let with = |name: &str, value: &str| HttpRequest::get(URL).header(name, value);
    let table = [
        (HttpRequest::get("example.com"), "write http://example.com"),
        (HttpRequest::new("", URL), "such as GET"),
        (HttpRequest::new("GE T", URL), "such as GET"),
        (HttpRequest::new("GET / HTTP/1.1\r\nX:", URL), "such as GET"),
        (HttpRequest::new("GET\0", URL), "such as GET"),
        (HttpRequest::new("CONNECT", URL), "tunnel"),
        (HttpRequest::new("HEAD", URL).body("x"), "no body"),
        (with("", "x"), "header name"),
        (with("x foo", "x"), "header name"),
        (with("x:foo", "x"), "header name"),
        (with("x\r\nfoo", "x"), "header name"),
        (with("grün", "x"), "header name"),
        (with("x-foo", "a\r\nX-Evil: 1"), "line break"),
        (with("x-foo", "a\n"), "line break"),
        (with("x-foo", "a\0b"), "control character"),
        (with("x-foo", "a\u{7f}b"), "control character"),
        (with("Content-Length", "3"), "leave it out"),
        (with("transfer-encoding", "chunked"), "leave it out"),
        (with("host", "a").header("Host", "b"), "leave one out"),
        (with("x-foo", &"x".repeat(HEAD_MAX)), "as the body"),
    ];
    for (request, words) in table {
        let error = request.check().expect_err(words).to_string();
        assert!(error.contains(words), "{request:?}: {error}");
        assert!(!error.contains(['\r', '\n', '\0']), "{error:?}");
    }
}

#[test]
fn a_destination_is_scheme_host_and_port() {
    let table = [
        (URL, "http://example.com:80"),
        ("HTTPS://u:p@Example.COM/x", "https://example.com:443"),
        ("http://[::1]/", "http://[::1]:80"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("nowhere", "http://invalid"),
    ];
    for (url, destination) in table {
        assert_eq!(HttpRequest::get(url).destination().as_str(), destination);
    }
}

#[test]
fn requests_that_go_another_way_are_a_destination_of_their_own() {
    let to = |options: Options| HttpRequest::get(URL).options(options).destination().to_string();
    let via = |way: &str| format!("http://example.com:80 via {way}");
    let usual = Options::new().insecure(true).user("a", "b");
    assert_eq!(to(usual), "http://example.com:80");
    assert_eq!(to(Options::new().unix_socket("/run/a b")), via("unix:/run/a b"));
    assert_eq!(to(Options::new().abstract_unix_socket("x")), via("unix:@x"));
    assert_eq!(to(Options::new().proxy("http://u:s3cret@p:3128/")), via("p:3128"));
    assert_eq!(to(Options::new().proxy("p:3128")), via("p:3128"));
    assert_eq!(to(Options::new().connect_to("::10.0.0.7:81")), via("10.0.0.7:81"));
    assert_eq!(to(Options::new().resolve("h:80:10.0.0.7")), via("h:80:10.0.0.7"));
    // An option that a request adds must not have it speak for requests that go without.
    let all = Options::new().proxy("p:1").noproxy("*").connect_to("::a:1").resolve("h:80:b");
    assert_eq!(to(all), via("p:1, not *, a:1, h:80:b"));
}

#[test]
fn a_usual_method_is_put_in_capitals_and_another_is_not() {
    assert_eq!(HttpRequest::new("post", URL).method(), "POST");
    assert_eq!(HttpRequest::new("Purge", URL).method(), "Purge");
}

#[test]
fn json_is_announced_once() {
    let names = |r: HttpRequest| r.headers.into_iter().map(|h| h.1).collect::<Vec<_>>();
    assert_eq!(names(HttpRequest::post(URL).json("1")), ["application/json"]);
    let typed = HttpRequest::post(URL).header("Content-Type", "text/json");
    assert_eq!(names(typed.json("1")), ["text/json"]);
}

#[test]
fn nothing_secret_is_shown() {
    let request = HttpRequest::post("http://u:sesame@h/?key=sesame")
        .header("authorization", "sesame")
        .body("sesame");
    assert_eq!(request.to_string(), "POST http://***@h/?key=***");
    assert!(!format!("{request:?}").contains("sesame"));
}

#[test]
fn a_request_with_fields_from_a_later_version_still_reads() {
    #[derive(Serialize)]
    struct Later {
        method: &'static str,
        url: &'static str,
        trailers: Vec<u8>,
    }
    let body = rmp_serde::to_vec_named(&Later { method: "GET", url: URL, trailers: vec![1] });
    let request: HttpRequest = slipstream_core::decode_body(&body.unwrap()).unwrap();
    assert_eq!(request, HttpRequest::get(URL));
}

proptest! {
    #[test]
    fn a_request_reads_back_from_its_record(
        method in "[A-Z]{1,8}",
        path in "[!-~]{0,20}",
        headers in proptest::collection::vec(("[a-zA-Z-]{1,9}", "[ -~ü]{0,9}"), 0..4),
        body: Vec<u8>,
    ) {
        let mut request = HttpRequest::new(method, format!("http://h/{path}"));
        request.headers = headers;
        request.body = body;
        if let Ok(record) = Record::new(&request, RecordId::from_bytes([7; 16])) {
            prop_assert_eq!(record.request::<HttpRequest>().unwrap(), request);
        }
    }
}
