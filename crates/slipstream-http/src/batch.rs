//! One request as one line of JSON: what `slipstream store --batch` reads.
//!
//! ```json
//! {"url":"http://example.com/","method":"PUT","headers":{"x-foo":["a","b"]},"json":{"n":1}}
//! ```
//!
//! Only `url` must be there. `method` is GET, or POST when there is a body. A header's
//! value is a string, or an array of strings for a header that repeats. `body` is text;
//! `json` is any value, and is sent in the spelling it was given, without the white space.
//!
//! Absent on purpose: unknown fields. A misspelt one is an error, not a request that
//! lacks something. What a request must be to be sent is [`Request::check`]'s business.
//!
//! [`Request::check`]: slipstream_core::Request::check

mod object;

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use slipstream_core::Invalid;

use crate::HttpRequest;

pub use self::object::Aside;

/// The line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    url: String,
    method: Option<String>,
    #[serde(default)]
    headers: Headers,
    body: Option<String>,
    // `"json":null` is a body of four characters, not the absence of one.
    #[serde(borrow, default, deserialize_with = "present")]
    json: Option<&'a RawValue>,
}

/// A JSON object as pairs: order and repeats are kept.
#[derive(Default)]
struct Headers(Vec<(String, String)>);

#[derive(Deserialize)]
#[serde(untagged, expecting = "a header's value must be a string or an array of strings")]
enum Values {
    One(String),
    Many(Vec<String>),
}

/// The request that a line of a batch describes.
///
/// # Errors
/// What is wrong with the line, and at which column.
pub fn parse_line(line: &[u8]) -> Result<HttpRequest, Invalid> {
    parse_line_beside(line, &[]).map(|(request, _)| request)
}

/// The same for a line that says more than the request: values of the keys `own` are returned as
/// the JSON that they are written in, in their order, and not looked at.
///
/// # Errors
/// As for [`parse_line`].
pub fn parse_line_beside<'a>(
    line: &'a [u8],
    own: &[&str],
) -> Result<(HttpRequest, Aside<'a>), Invalid> {
    let (line, beside) = object::read::<Line<'_>>(line, own).map_err(|error| {
        // The position that serde adds counts lines within this one line.
        let text = error.to_string();
        let mut words = plain(text.split(" at line ").next().unwrap_or_default());
        if words.starts_with("unknown field ") {
            // It goes on with those that are known.
            words.extend(own.iter().map(|key| format!(", `{key}`")));
        }
        let at = error.column();
        Invalid::new(format!(
            "the line describes no request: {words} (column {at}); write one such as {{\"url\":\"http://example.com/\"}}"
        ))
    })?;
    Ok((request(line)?, beside))
}

/// What serde says is wrong, in JSON's words.
fn plain(words: &str) -> String {
    let kinds = words.strip_prefix("invalid type: ").and_then(|it| it.rsplit_once(", expected "));
    let Some((found, wanted)) = kinds else {
        return words.to_owned();
    };
    let found = match found {
        "sequence" => "an array",
        "map" => "an object",
        other => other,
    };
    format!("expected {wanted}, not {found}")
}

fn request(line: Line<'_>) -> Result<HttpRequest, Invalid> {
    let has_body = line.body.is_some() || line.json.is_some();
    let method = line.method.unwrap_or_else(|| if has_body { "POST" } else { "GET" }.to_owned());
    let mut request = HttpRequest::new(method, line.url);
    for (name, value) in line.headers.0 {
        request = request.header(name, value);
    }
    match (line.body, line.json) {
        (Some(_), Some(_)) => {
            Err(Invalid::new("the line has both 'body' and 'json'; leave one out"))
        }
        (Some(body), None) => Ok(request.body(body)),
        (None, Some(json)) => Ok(request.json(compact(json.get()))),
        (None, None) => Ok(request),
    }
}

fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// Valid JSON without the white space between its tokens. Numbers, escapes and the order
/// of keys stay as they were written, which a parsed value could not promise.
fn compact(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let (mut inside, mut escaped) = (false, false);
    for c in json.chars() {
        if inside {
            inside = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if matches!(c, ' ' | '\t' | '\n' | '\r') {
            continue;
        } else {
            inside = c == '"';
        }
        text.push(c);
    }
    text
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of header names and values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, values)) = map.next_entry::<String, Values>()? {
                    match values {
                        Values::One(value) => pairs.push((name, value)),
                        Values::Many(values) => {
                            pairs.extend(values.into_iter().map(|value| (name.clone(), value)));
                        }
                    }
                }
                Ok(Headers(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const URL: &str = "http://example.com/";

    #[test]
    fn a_line_describes_a_request() {
        let post = || HttpRequest::post(URL);
        let table = [
            (r#"{"url":"URL"}"#, HttpRequest::get(URL)),
            (r#" {"url" : "URL"} "#, HttpRequest::get(URL)),
            (r#"{"url":"URL","body":"a=1"}"#, post().body("a=1")),
            (r#"{"url":"URL","body":""}"#, post()),
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
    fn what_describes_no_request_is_refused_with_words_that_help() {
        let table = [
            ("", "(column 0)"),
            ("http://example.com/", "write one such as {\"url\""),
            ("{}", "missing field `url`"),
            (r#"{"url":"u","ulr":1}"#, "unknown field `ulr`"),
            (r#"{"url":"u","url":"u"}"#, "duplicate field `url`"),
            (r#"{"url":1}"#, "expected a string, not integer `1` (column 8)"),
            (r#"["http://example.com/"]"#, "expected an object, not an array (column 0)"),
            (r#""http://example.com/""#, "expected an object, not string"),
            (r#"{"url":"u","body":{}}"#, "expected a string, not an object"),
            (r#"{"url":"u","headers":[]}"#, "an object of header names"),
            (r#"{"url":"u","delay":"5m"}"#, "unknown field `delay`"),
            (r#"{"url":"u","headers":{"a":1}}"#, "string or an array"),
            (r#"{"url":"u","body":"","json":1}"#, "leave one out"),
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
        assert!(error.to_string().contains("`json`, `delay` (column"), "{error}");
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
}
