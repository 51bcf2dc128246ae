//! What options are stored as, refused for, and shown as.

use std::time::Duration;

use serde::Serialize;
use slipstream_core::{Record, RecordId, Request, decode_body};

use super::*;
use crate::request::HttpRequest;

const URL: &str = "https://example.com/";
const PEM: &str = "-----BEGIN CERTIFICATE-----\nsesame\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nsesame\n-----END PRIVATE KEY-----\n";

/// A value that holds `sesame` where listings hide something.
pub(crate) fn sample(row: &OptionRow) -> OptionValue {
    match (row.value, row.redaction) {
        (ValueShape::Flag, _) => OptionValue::Flag(true),
        (ValueShape::Word(words), _) => OptionValue::Text(words[words.len() - 1].to_owned()),
        (ValueShape::Pem, _) => OptionValue::Pem(PEM.into()),
        (ValueShape::Time, _) => OptionValue::Time(Duration::from_millis(2_500)),
        (ValueShape::Number, _) => OptionValue::Number(50),
        (_, Redaction::Shown) => OptionValue::Text("env:SHOWN".to_owned()),
        (_, Redaction::MaskedUrl) => OptionValue::Text("http://u:sesame@h:3128/?a=sesame".into()),
        (_, Redaction::Hidden | Redaction::Size) => OptionValue::Text("x: sesame".to_owned()),
    }
}

/// One of each option; some of them do not go together.
pub(crate) fn all() -> Options {
    let new = Options::new().without_header("Accept");
    OPTIONS.iter().fold(new, |options, row| options.set(row, sample(row)).unwrap())
}

fn bytes(request: &HttpRequest) -> Vec<u8> {
    rmp_serde::to_vec_named(request).unwrap()
}

#[test]
fn options_read_back_and_a_request_without_any_does_not_grow() {
    let plain = HttpRequest::get(URL);
    let request = plain.clone().options(all());
    assert_eq!(decode_body::<HttpRequest>(&bytes(&request)).unwrap(), request);
    assert_eq!(request.sent_with(), Some(&all()));
    assert_eq!(bytes(&plain.clone().options(Options::new())), bytes(&plain));
    assert!(!bytes(&plain).windows(7).any(|w| w == b"options"));
    // One option costs its own bytes, not the bytes of all.
    let one = bytes(&plain.clone().options(Options::new().compressed(true)));
    assert!(one.len() - bytes(&plain).len() <= 24, "{}", one.len());
}

#[test]
fn defaults_that_another_program_spelt_out_are_no_options() {
    #[derive(Serialize)]
    struct Spelt {
        method: &'static str,
        url: &'static str,
        options: std::collections::BTreeMap<&'static str, bool>,
    }
    for options in [vec![], vec![("insecure", false)], vec![("later", true)]] {
        let spelt = Spelt { method: "GET", url: URL, options: options.into_iter().collect() };
        let read: HttpRequest = decode_body(&rmp_serde::to_vec_named(&spelt).unwrap()).unwrap();
        assert_eq!(read, HttpRequest::get(URL));
    }
}

#[test]
fn the_keys_that_are_stored_never_change_nor_their_order() {
    let stored = serde_json::to_string_pretty(&all()).unwrap();
    let keys = stored.lines().filter_map(|line| line.strip_prefix("  \"")?.split_once('"'));
    let keys: Vec<_> = keys.map(|(key, _)| key).collect();
    let rows: Vec<_> = OPTIONS.iter().map(|row| row.stored).collect();
    assert_eq!(keys[1..], rows);
    insta::assert_snapshot!("stored_options", stored);
}

#[test]
fn no_text_with_a_nul_is_sent() {
    for row in OPTIONS {
        let text = OptionValue::Text("sesame\0".to_owned());
        let Ok(options) = Options::new().set(row, text) else { continue };
        let error = HttpRequest::get(URL).options(options).check().expect_err(row.name).to_string();
        let hides = row.redaction != Redaction::Hidden || !error.contains("sesame");
        assert!(hides && !error.contains('\0'), "{error}");
    }
}

#[test]
fn no_secret_is_shown() {
    let request = HttpRequest::get(URL).options(all());
    let shown = format!("{request} {request:?} {:?}", all().masked());
    assert!(!shown.contains("sesame"), "{shown}");
    let masked = all().masked();
    for row in OPTIONS {
        let (_, shown) = masked.iter().find(|(name, _)| *name == row.name).expect(row.name);
        let expected = match row.redaction {
            Redaction::Shown => continue,
            Redaction::Hidden => "***".to_owned(),
            Redaction::MaskedUrl => "http://***@h:3128/?a=***".to_owned(),
            Redaction::Size if row.name == "jar" => "1 cookies".to_owned(),
            Redaction::Size => format!("{} bytes", PEM.len()),
        };
        assert_eq!(*shown, expected, "{}", row.name);
    }
    let mistaken = Options::new().sign("whsec_sesame");
    assert!(!format!("{mistaken:?}").contains("sesame"));
}

#[test]
fn each_word_of_an_option_is_one_and_a_value_of_another_shape_is_refused() {
    for row in OPTIONS {
        let text = |word: &str| OptionValue::Text(word.to_owned());
        if let ValueShape::Word(words) = row.value {
            for word in words {
                assert!(Options::new().set(row, text(word)).is_ok(), "{}: {word}", row.name);
            }
            assert!(Options::new().set(row, text("sesame")).is_err(), "{}", row.name);
        }
        let other = match row.value {
            ValueShape::Flag => OptionValue::Number(1),
            _ => OptionValue::Flag(true),
        };
        let error = Options::new().set(row, other).unwrap_err().to_string();
        assert!(error.contains(row.name), "{error}");
    }
}

#[test]
fn what_goes_together_is_accepted() {
    let new = Options::new;
    let table = [
        new().without_header("Accept").without_header("Host").cookies("a=1; b=\"2\""),
        new().user("me", "").auth(Auth::Any).follow_at_most(0),
        new().user("AKID", "se:cret").aws_sigv4("aws:amz"),
        new().bearer("abc.def"),
        new().proxy("proxy").proxy_user("u:p").noproxy("*"),
        new().proxy("SOCKS5H://u:p@[::1]:1080/"),
        new().cacert(PEM).cert(PEM).key(KEY).key_password("p"),
        new().cert(format!("{PEM}{KEY}")).insecure(true),
        new().unix_socket("/run/ü.sock"),
        new().abstract_unix_socket("a"),
        new().resolve("*:443:127.0.0.1,::1").connect_to(":::"),
        new().version(HttpVersion::V1_0).compressed(true).low_speed_limit(0),
        new().total_timeout(Duration::from_secs(24 * 60 * 60)),
        new().sign("file:/etc/secret"),
        new().user("me", "pa\tss").jar(["h\tFALSE\t/\tFALSE\t0\ta\tb"]).cookies("a=1"),
        new().proxy("p").proxy_header("x-foo: bar").proxy_tunnel(true).proxy_auth(Auth::Any),
        new().request_target("*").ip_version(IpVersion::V6).chunked(true).tr_encoding(true),
    ];
    for options in table {
        let request = HttpRequest::post(URL).options(options);
        assert_eq!(request.check(), Ok(()), "{request:?}");
        let record = Record::new(&request, RecordId::from_bytes([7; 16])).unwrap();
        let read = Record::decode(&record.encode()).unwrap();
        assert_eq!(read.request::<HttpRequest>().unwrap(), request);
    }
}

#[test]
fn what_can_never_work_or_would_inject_is_refused_with_words_that_help() {
    let new = Options::new;
    let plain = || HttpRequest::post(URL);
    let table = [
        (plain(), new().without_header("a b"), "such as accept"),
        (plain(), new().without_header("Accept: x\r\ny"), "such as accept"),
        (plain(), new().without_header("Content-Length"), "cannot be left out"),
        (plain(), new().user("a:b", ""), "':'"),
        (plain(), new().user("a\n", ""), "control character"),
        (plain(), new().user("a", "sesame\0"), "NUL"),
        (plain(), new().jar(["a\tb\tsesame\n"]), "control character"),
        (plain(), new().request_target("/a b"), "percent-encoded"),
        (plain(), new().request_target(""), "percent-encoded"),
        (plain(), new().request_target("/\r\nX: sesame"), "percent-encoded"),
        (plain(), new().proxy("p").proxy_header("sesame"), "such as 'x-foo: bar'"),
        (plain(), new().proxy("p").proxy_header("x: y\r\nz: sesame"), "such as 'x-foo: bar'"),
        (plain(), new().chunked(true).version(HttpVersion::V1_0), "no chunks"),
        (plain(), Options { password: Some("p".into()), ..new() }, "add the user"),
        (plain(), new().bearer(""), "is empty"),
        (plain(), new().bearer("sesame\r\nX: y"), "control character"),
        (plain(), new().bearer("a").user("b", "c"), "more than one"),
        (plain().header("Authorization", "x"), new().bearer("a"), "more than one"),
        (plain(), new().aws_sigv4("aws:amz"), "as the user"),
        (plain(), new().aws_sigv4("a:b:c:d:e").user("a", "b"), "such as aws"),
        (plain(), new().aws_sigv4("a\n").user("a", "b"), "control character"),
        (plain(), new().cookies("a=sesame\r\nX: y"), "control character"),
        (plain().header("cookie", "a"), new().cookies("b"), "leave one out"),
        (plain(), new().proxy(""), "such as http://proxy"),
        (plain(), new().proxy("ftp://proxy"), "such as http://proxy"),
        (plain(), new().proxy("http://u:sesame@a@b"), "such as http://proxy"),
        (plain(), new().proxy("http://proxy\r\n"), "such as http://proxy"),
        (plain(), new().proxy("socks5h://localhost/run/a.sock"), "such as http://proxy"),
        (plain(), new().proxy("p").proxy_user("u:sesame\n"), "control character"),
        (plain(), new().proxy("p").noproxy("a\0"), "control character"),
        (plain(), new().proxy_user("u:sesame"), "add the proxy"),
        (plain(), new().cacert("/etc/ssl/ca.pem"), "expected PEM"),
        (plain(), new().cert(PEM), "has no key"),
        (plain(), new().cert(PEM).key("sesame"), "expected PEM"),
        (plain(), new().key(KEY), "add the certificate"),
        (plain(), new().cert(PEM).key(KEY).key_password("sesame\0"), "NUL"),
        (plain(), new().unix_socket(""), "without NUL"),
        (plain(), new().unix_socket("/run/a\0b"), "without NUL"),
        (plain(), new().unix_socket("x".repeat(108)), "without NUL"),
        (plain(), new().abstract_unix_socket("a\0"), "without NUL"),
        (plain(), new().unix_socket("/a").abstract_unix_socket("b"), "all but one"),
        (plain(), new().unix_socket("/a").proxy("p"), "all but one"),
        (plain(), new().proxy("p").resolve("h:80:127.0.0.1"), "all but one"),
        (plain(), new().resolve("h:80:name"), "host:port:address"),
        (plain(), new().connect_to("h"), "to-host"),
        (plain(), new().follow_at_most(u32::MAX), "at most 1000"),
        (plain(), new().total_timeout(Duration::ZERO), "at most 24 hours"),
        (plain(), new().connect_timeout(Duration::MAX), "at most 24 hours"),
        (plain(), new().low_speed_time(Duration::ZERO), "at most 24 hours"),
        (plain(), new().sign("whsec_sesame"), "env:NAME"),
        (plain(), new().sign("env:A\n"), "env:NAME"),
        (plain().header("Webhook-Id", "x"), new().sign("env:A"), "'webhook-id'"),
        (plain(), new().cookies("x".repeat(600_000)), "as the body"),
    ];
    for (request, options, words) in table {
        let request = request.options(options);
        let error = request.check().expect_err(words).to_string();
        assert!(error.contains(words), "{words}: {error}");
        assert!(!error.contains(char::is_control) && !error.contains("sesame"), "{error:?}");
    }
}
