//! Which lines are requests, and what is said of the others.

use proptest::prelude::*;

use std::time::Duration;

use super::*;
use crate::request::options::tests::sample;
use crate::request::{
    Auth, HttpVersion, OPTIONS, OptionValue, Options, RedirectScheme, ValueShape,
};

const URL: &str = "http://example.com/";

#[test]
fn a_line_describes_a_request() {
    let post = || HttpRequest::post(URL);
    let table = [
        (r#"{"url":"URL"}"#, HttpRequest::get(URL)),
        (r#" {"url" : "URL"} "#, HttpRequest::get(URL)),
        (r#"{"url":"URL","body":"a=1"}"#, post().body("a=1")),
        (r#"{"url":"URL","body":""}"#, post()),
        (r#"{"url":"URL","body_base64":"AP8K"}"#, post().body([0, 255, 10])),
        (r#"{"url":"URL","body":"\u0000ü"}"#, post().body("\0ü")),
        (r#"{"url":"URL","method":"put","body":"x"}"#, HttpRequest::put(URL).body("x")),
        (
            r#"{"headers":{"b":"1","a":["2","3"],"c":[],"b":"4"},"url":"URL"}"#,
            HttpRequest::get(URL)
                .header("b", "1")
                .header("a", "2")
                .header("a", "3")
                .header("b", "4"),
        ),
        (
            r#"{"url":"URL","json":{ "z" : 1.50, "a" : [ 12345678901234567890123, "b \" c\\" , null ] }}"#,
            post().json(r#"{"z":1.50,"a":[12345678901234567890123,"b \" c\\",null]}"#),
        ),
        (r#"{"url":"URL","json":null}"#, post().json("null")),
        (
            r#"{"url":"URL","json":1,"headers":{"Content-Type":"text/json"}}"#,
            post().header("Content-Type", "text/json").body("1"),
        ),
    ];
    for (line, request) in table {
        let line = line.replace("URL", URL);
        assert_eq!(parse_line(line.as_bytes()), Ok(request), "{line}");
    }
}

#[test]
fn each_option_of_the_table_has_a_key_in_a_line() {
    for row in OPTIONS {
        let (value, follows) =
            (sample(row), matches!(row.name, "max_redirects" | "redirect_scheme"));
        let json = match (&value, row.value) {
            (OptionValue::Flag(is), _) => serde_json::json!(is),
            (OptionValue::Text(text), ValueShape::List) => serde_json::json!([text]),
            (OptionValue::Text(text), _) => serde_json::json!(text),
            (OptionValue::Pem(pem), _) => serde_json::json!(String::from_utf8_lossy(pem)),
            (OptionValue::Time(time), _) => serde_json::json!(time.as_secs_f64()),
            (OptionValue::Number(number), _) => serde_json::json!(number),
        };
        let also = if follows { ",\"location\":true" } else { "" };
        let line = format!(r#"{{"url":"{URL}","{}":{json}{also}}}"#, row.name);
        let usual = if follows { Options::new().follow() } else { Options::new() };
        let expected = HttpRequest::get(URL).options(usual.set(row, value).unwrap());
        assert_eq!(parse_line(line.as_bytes()), Ok(expected), "{line}");
    }
}

#[test]
fn a_line_says_how_its_request_is_sent() {
    let line = r#"{"url":"URL","headers":{"accept":null,"x":"1"},"user":"u","password":"p",
        "auth":"digest","cookies":"a=1","proxy":"p","proxy_user":"a:b","noproxy":"*","cacert":"A",
        "cert":"B","key":"C","key_password":"D","insecure":true,"connect_to":["::a:1"],
        "http_version":"2-prior-knowledge","compressed":true,"location":true,"max_redirects":7,"redirect_scheme":"https",
        "post301":true,"post302":true,"post303":true,"connect_timeout":2,"max_time":0.5,
        "low_speed_limit":9,"low_speed_time":30,"sign":"env:A"}"#;
    let options = Options::new()
        .without_header("accept")
        .user("u", "p")
        .auth(Auth::Digest)
        .cookies("a=1")
        .proxy("p")
        .proxy_user("a:b")
        .noproxy("*")
        .cacert("A")
        .cert("B")
        .key("C")
        .key_password("D")
        .insecure(true)
        .connect_to("::a:1")
        .version(HttpVersion::V2PriorKnowledge)
        .compressed(true)
        .follow_at_most(7)
        .redirect_scheme(RedirectScheme::Https)
        .post301(true)
        .post302(true)
        .post303(true)
        .connect_timeout(Duration::from_secs(2))
        .total_timeout(Duration::from_millis(500))
        .low_speed_limit(9)
        .low_speed_time(Duration::from_secs(30))
        .sign("env:A");
    let request = HttpRequest::get("URL").header("x", "1").options(options);
    assert_eq!(parse_line(line.as_bytes()), Ok(request));

    let more = r#"{"url":"URL","bearer":"t","aws_sigv4":"aws:amz","unix_socket":"/a",
        "abstract_unix_socket":"b","resolve":["h:80:::1"],"location":true}"#;
    let options = Options::new()
        .bearer("t")
        .aws_sigv4("aws:amz")
        .unix_socket("/a")
        .abstract_unix_socket("b")
        .resolve("h:80:::1")
        .follow();
    assert_eq!(parse_line(more.as_bytes()), Ok(HttpRequest::get("URL").options(options)));
}

#[test]
fn what_describes_no_request_is_refused_with_words_that_help() {
    let table = [
        ("", "(column 0)"),
        ("http://example.com/", "write one such as {\"url\""),
        ("{}", "the key `url` is missing"),
        (r#"{"url":"u","ulr":1}"#, "unknown field `ulr`"),
        (r#"{"url":"u","url":"u"}"#, "\"url\": it is there twice"),
        (r#"{"url":1}"#, "expected a string, not integer `1` (column 8)"),
        (r#"["http://example.com/"]"#, "expected an object, not an array (column 0)"),
        (r#""http://example.com/""#, "expected an object, not string"),
        (r#"{"url":"u","body":{}}"#, "expected a string, not an object"),
        (r#"{"url":"u","delay":"5m"}"#, "unknown field `delay`"),
        (r#"{"url":"u","headers":[]}"#, "an object of header names"),
        (r#"{"url":"u","headers":{"a":1}}"#, "an array of strings or null"),
        (r#"{"url":"u","body":"","json":1}"#, "all but one out"),
        (r#"{"url":"u","body_base64":"","json":1}"#, "all but one out"),
        (r#"{"url":"u","body_base64":"a"}"#, "invalid base64"),
        (r#"{"url":"u","auth":"ntlm"}"#, "unknown value `ntlm`"),
        (r#"{"url":"u","http_version":"3"}"#, "unknown value `3`"),
        (r#"{"url":"u","max_time":-1}"#, "max_time\": invalid time"),
        (r#"{"url":"u","connect_timeout":1e300}"#, "connect_timeout\": invalid time"),
        (r#"{"url":"u","max_redirects":3}"#, "\"location\":true"),
        (r#"{"url":"u","redirect_scheme":"https"}"#, "\"location\":true"),
        (r#"{"url":"u","location":true,"redirect_scheme":"ftp"}"#, "unknown value `ftp`"),
        (r#"{"url":"u"} {"url":"u"}"#, "trailing characters"),
    ];
    for (line, words) in table {
        let error = parse_line(line.as_bytes()).expect_err(line).to_string();
        assert!(error.contains(words), "{line}: {error}");
        assert!(!error.contains(" at line ") && !error.contains("struct"), "{error}");
    }
    assert!(parse_line(b"{\"url\":\"\xff\"}").is_err());
}

#[test]
fn what_is_said_beside_a_request_is_handed_back_as_it_is_written() {
    let line = r#"{"delay":"5m","url":"http://h/","at": {"a": [1, 2]} ,"json":1,"delay":7}"#;
    let (request, beside) = parse_line_beside(line.as_bytes(), &["delay", "at"]).unwrap();
    assert_eq!(request, HttpRequest::post("http://h/").json("1"));
    let own = |key: &str, json| (key.to_owned(), json);
    let expected = [own("delay", "\"5m\""), own("at", "{\"a\": [1, 2]}"), own("delay", "7")];
    assert_eq!(beside, expected);
    let error = parse_line_beside(br#"{"url":"u","ttl":1}"#, &["delay"]).unwrap_err();
    assert!(error.to_string().contains("unknown field `ttl`"), "{error}");
    assert!(error.to_string().contains(", `delay` (column"), "{error}");
}

#[test]
fn a_line_that_nests_without_end_is_an_error() {
    let line = format!(r#"{{"url":"u","json":{}"#, "[".repeat(1_000_000));
    assert!(parse_line(line.as_bytes()).is_err());
}

proptest! {
    #[test]
    fn compact_json_says_the_same(value in json()) {
        let spaced = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(compact(&spaced), serde_json::to_string(&value).unwrap());
    }

    #[test]
    fn any_bytes_are_a_request_or_an_error(line: Vec<u8>) {
        let _ = parse_line(&line);
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<i64>().prop_map(Into::into),
        "[ -~\n\t\"\\\\ü]{0,9}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map("[ -~]{0,5}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}
