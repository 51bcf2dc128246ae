//! Which requests can be delivered, what is stored of them, and what is shown.

use proptest::prelude::*;
use slipstream_core::decode_body;

use slipstream_core::Request;

use super::*;

const URL: &str = "tcp://h:1";
const PEM: &str = "-----BEGIN CERTIFICATE-----";

fn new() -> TcpRequest {
    TcpRequest::new(URL, "data")
}

fn empty() -> TcpRequest {
    TcpRequest::new(URL, "")
}

fn tls(tls: Tls) -> TcpRequest {
    TcpRequest::new("tls://h:1", "data").tls(tls)
}

#[test]
fn what_can_be_delivered_passes() {
    for request in [
        new(),
        empty().until(Until::Line),
        empty().framing(Framing::Crlf).expect("^220 "),
        new().expect("^INSERTED").fail_on("^JOB_TOO_BIG").until(Until::Bytes(65_536)),
        new().until(Until::Eof).half_close(true),
        new().framing(Framing::Octets).share(true),
        new().total_timeout(Duration::from_secs(86_400)),
        tls(Tls::new().insecure(true).server_name("other.example")),
        tls(Tls::new().cacert(PEM).cert(PEM).key("file:/etc/key.pem")),
        TcpRequest::new("unix:///run/app.sock", "x"),
    ] {
        assert_eq!(request.check(), Ok(()), "{request:?}");
    }
}

#[test]
fn what_can_never_work_is_refused_with_the_reason() {
    let table = [
        (TcpRequest::new("h:1", "x"), "no scheme"),
        (empty(), "nothing would be delivered"),
        (empty().framing(Framing::Line), "nothing would be delivered"),
        (empty().framing(Framing::Octets).until(Until::Line), "octet counting"),
        (new().expect("("), "invalid expression '(': unclosed group"),
        (new().expect("x").fail_on("[z-a]"), "'[z-a]': invalid character class range"),
        (new().expect("(a{1000}){1000}"), "too large"),
        (new().fail_on("x"), "say which one is expected"),
        (new().half_close(true), "leave half_close out"),
        (new().until(Until::Bytes(0)), "write 1 to 65536"),
        (new().until(Until::Bytes(65_537)), "write 1 to 65536"),
        (new().share(true), "to share a connection"),
        (new().share(true).framing(Framing::Line).until(Until::Line), "to share a connection"),
        (new().connect_timeout(Duration::ZERO), "the time-out for connecting is out of range"),
        (new().idle_timeout(Duration::from_secs(86_401)), "the idle time-out is out of range"),
        (new().total_timeout(Duration::MAX), "out of range"),
        (new().tls(Tls::new().insecure(true)), "the url is not encrypted"),
        (tls(Tls::new().cacert("/etc/ca.pem")), "invalid certificates to trust; expected PEM"),
        (tls(Tls::new().cacert(PEM).insecure(true)), "not to be verified"),
        (tls(Tls::new().key("env:K")), "no client certificate"),
        (tls(Tls::new().cert(PEM)), "has no key"),
        (tls(Tls::new().cert(PEM).key("sesame")), "invalid client key; expected PEM"),
        (tls(Tls::new().cert(PEM).key("file:key.pem")), "file:/absolute/path"),
        (
            tls(Tls::new().cert(PEM).key("-----BEGIN ENCRYPTED PRIVATE KEY-----")),
            "has a passphrase",
        ),
        (tls(Tls::new().server_name("a b")), "invalid server name 'a b'"),
    ];
    for (request, words) in table {
        let error = request.check().expect_err(words).to_string();
        assert!(error.contains(words) && !error.contains("sesame"), "{request:?}: {error}");
        assert!(!error.ends_with('.') && !error.contains('\n'), "{error}");
    }
}

#[test]
fn an_answer_is_read_up_to_a_line_when_one_is_expected() {
    assert_eq!(new().reads(), None);
    assert_eq!(new().expect("OK").reads(), Some(Until::Line));
    assert_eq!(new().expect("OK").until(Until::Eof).reads(), Some(Until::Eof));
}

#[test]
fn a_destination_is_scheme_host_and_port_in_one_spelling() {
    for (url, destination) in [
        ("TCP://Example.com:2003", "tcp://example.com:2003"),
        ("tls://[0::1]:6514", "tls://[::1]:6514"),
        ("unix:///run/app.sock", "unix:///run/app.sock"),
        ("nothing", "tcp://invalid"),
    ] {
        assert_eq!(TcpRequest::new(url, "x").destination().as_str(), destination);
    }
}

#[test]
fn no_listing_shows_data_keys_or_a_password() {
    let key = "-----BEGIN PRIVATE KEY-----sesame";
    let request = TcpRequest::new("tls://h:1", "AUTH sesame").tls(Tls::new().cert(PEM).key(key));
    assert_eq!(request.to_string(), "tls://h:1 (11 bytes)");
    let shown = format!("{request} {request:?} {:?}", request.masked());
    assert!(!shown.contains("sesame") && shown.contains("\"key\", \"***\""), "{shown}");
    let named = tls(Tls::new().cert(PEM).key("env:SYSLOG_KEY")).masked();
    assert!(named.contains(&("key", "env:SYSLOG_KEY".to_owned())), "{named:?}");
    for url in ["tcp://me:sesame@h:1", "me:sesame@h:1"] {
        let shown = TcpRequest::new(url, "x").masked_url();
        assert!(!shown.contains("sesame") && shown.ends_with("@h:1"), "{shown}");
    }
}

#[test]
fn what_is_stored_is_url_and_data_and_what_differs_from_the_defaults() {
    let stored = rmp_serde::to_vec_named(&new()).unwrap();
    assert_eq!(stored, b"\x82\xa3url\xa9tcp://h:1\xa4data\xc4\x04data");
    // What a later version adds is ignored.
    let more = b"\x83\xa3url\xa9tcp://h:1\xa4data\xc4\x04data\xa5later\x01";
    assert_eq!(decode_body::<TcpRequest>(more).unwrap(), new());
}

proptest! {
    #[test]
    fn a_stored_request_reads_back_as_it_was(
        data in prop::collection::vec(any::<u8>(), 0..100),
        framing in prop_oneof![Just(Framing::None), Just(Framing::Line), Just(Framing::Octets)],
        until in prop::option::of(prop_oneof![
            Just(Until::Eof), Just(Until::Line), any::<u64>().prop_map(Until::Bytes)
        ]),
        expect in prop::option::of(".{0,9}"),
        flags in any::<[bool; 3]>(),
        key in prop::collection::vec(any::<u8>(), 0..9),
        total in prop::option::of(any::<u64>()),
    ) {
        let request = TcpRequest {
            framing, until, expect, half_close: flags[0], share: flags[1],
            tls: Tls::new().key(key).insecure(flags[2]), total_timeout: total.map(|ms| Duration::from_millis(ms).into()),
            ..TcpRequest::new(URL, data)
        };
        let stored = rmp_serde::to_vec_named(&request).unwrap();
        prop_assert_eq!(decode_body::<TcpRequest>(&stored).unwrap(), request);
    }
}
