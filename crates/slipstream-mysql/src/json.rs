//! One request as one line of JSON: what `slipstream store --batch` reads.
//!
//! ```json
//! {"url":"mysql://app@db/shop","query":"INSERT INTO t VALUES (?, ?)","params":[1,{"base64":"AP8="}]}
//! {"url":"mysql://app@db/shop","statements":[{"query":"UPDATE a SET n = n - 1"},{"query":"INSERT INTO b VALUES (1)"}]}
//! ```
//!
//! A parameter is `null`, `true`, a number, text, `{"base64": …}` for bytes, or `{"json": …}` for
//! any value as JSON, in the spelling that it was given. A number with more digits than a double
//! keeps is given as text, digit for digit: the server reads decimals from that. What else a request
//! may say: `password`, `defaults_file`, `tls`, `cacert` (PEM), `server_public_key` (PEM),
//! `get_server_public_key`, `once`, and `max_time` in seconds.
//!
//! [`Request::check`]: slipstream_core::Request::check
//!
//! # Non-goals
//! Unknown fields. A misspelt field is an error, not a request that lacks something. What a request
//! must be to be executed is [`Request::check`]'s business.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use slipstream_core::{Aside, Invalid, read_line, read_seconds};

use crate::request::param::{Param, from_base64};
use crate::request::{MysqlRequest, Statement, Tls};

/// The line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    url: String,
    query: Option<String>,
    params: Option<Vec<Value>>,
    statements: Option<Vec<One>>,
    password: Option<String>,
    defaults_file: Option<String>,
    tls: Option<Tls>,
    cacert: Option<String>,
    server_public_key: Option<String>,
    #[serde(default)]
    get_server_public_key: bool,
    #[serde(default)]
    once: bool,
    max_time: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    query: String,
    #[serde(default)]
    params: Vec<Value>,
}

/// The request that a line of a batch describes.
///
/// # Errors
/// What is wrong with the line, and at which column.
pub fn parse_line(line: &[u8]) -> Result<MysqlRequest, Invalid> {
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
) -> Result<(MysqlRequest, Aside<'a>), Invalid> {
    let example =
        "{\"url\":\"mysql://app@db/shop\",\"query\":\"INSERT INTO t VALUES (?)\",\"params\":[1]}";
    let (line, beside) = read_line::<Line>(line, own, example)?;
    Ok((request(line)?, beside))
}

fn request(line: Line) -> Result<MysqlRequest, Invalid> {
    let plain =
        |values: Vec<Value>| values.into_iter().map(|Value(param)| param).collect::<Vec<_>>();
    let mut request = MysqlRequest::new(line.url);
    request.statements = match (line.query, line.params, line.statements) {
        (Some(query), params, None) => {
            vec![Statement::new(query, plain(params.unwrap_or_default()))]
        }
        (None, None, Some(all)) => {
            all.into_iter().map(|one| Statement::new(one.query, plain(one.params))).collect()
        }
        _ => {
            return Err(Invalid::new(
                "the line must have either 'query', with 'params' if there are any, or 'statements'; leave the other out",
            ));
        }
    };
    request.password = line.password;
    request.defaults_file = line.defaults_file;
    request.tls = line.tls;
    request.cacert = line.cacert.unwrap_or_default().into_bytes();
    request.server_public_key = line.server_public_key.unwrap_or_default().into_bytes();
    request.get_server_public_key = line.get_server_public_key;
    request.once = line.once;
    if let Some(time) = read_seconds("max_time", line.max_time)? {
        request = request.max_time(time);
    }
    Ok(request)
}

/// A parameter as JSON writes it.
struct Value(Param);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if let Some(number) = with_many_digits(raw.get()) {
            return Ok(Self(number.into()));
        }
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        reader.deserialize_any(Written).map(Self).map_err(D::Error::custom)
    }
}

/// The number that this JSON is, if neither 64 bits nor a double hold all of its digits.
fn with_many_digits(json: &str) -> Option<&str> {
    let is_number = json.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    if !is_number || json.parse::<i64>().is_ok() || json.parse::<u64>().is_ok() {
        return None;
    }
    let mantissa = json.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0').trim_end_matches('0').len();
    // So many decimal digits survive the way through a double, whatever they are.
    (significant > f64::DIGITS as usize).then_some(json)
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Param;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a parameter (null, true, a number, text, {\"base64\":…} or {\"json\":…})")
    }

    fn visit_unit<E>(self) -> Result<Param, E> {
        Ok(Param::Null)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Param, E> {
        Ok(truth.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Param, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Param, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Param, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Param, E> {
        Ok(text.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Param, A::Error> {
        let wrong = || A::Error::custom("a parameter's object must have one key, base64 or json");
        let param = match map.next_key::<String>()?.as_deref() {
            Some("base64") => from_base64(&map.next_value::<String>()?)
                .map(Param::Bytes)
                .map_err(A::Error::custom)?,
            Some("json") => Param::Json(map.next_value::<Box<RawValue>>()?.get().to_owned()),
            _ => return Err(wrong()),
        };
        map.next_key::<String>()?.map_or(Ok(param), |_| Err(wrong()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const URL: &str = "mysql://app@db/shop";

    #[test]
    fn a_line_describes_a_request() {
        let table = [
            (r#"{"url":"URL","query":"DO 1"}"#, MysqlRequest::new(URL).statement("DO 1", [])),
            (
                r#"{"url":"URL","query":"DO ?","params":[null,true,-1,18446744073709551615,1.5,"x",{"base64":"AP8="},{"json":{"a": 1.50}}]}"#,
                MysqlRequest::new(URL).statement(
                    "DO ?",
                    [
                        Param::Null,
                        true.into(),
                        (-1).into(),
                        u64::MAX.into(),
                        1.5.into(),
                        "x".into(),
                        vec![0, 255].into(),
                        Param::Json("{\"a\": 1.50}".into()),
                    ],
                ),
            ),
            (
                r#"{"statements":[{"query":"DO ?","params":[1]},{"query":"DO 2"}],"url":"URL","password":"env:A","defaults_file":"/a","tls":"insecure","cacert":"PEM","once":true,"max_time":2.5}"#,
                MysqlRequest::new(URL)
                    .statement("DO ?", [1.into()])
                    .statement("DO 2", [])
                    .password("env:A")
                    .defaults_file("/a")
                    .tls(Tls::Insecure)
                    .cacert("PEM")
                    .once(true)
                    .max_time(Duration::from_millis(2_500)),
            ),
        ];
        for (line, request) in table {
            let line = line.replace("URL", URL);
            assert_eq!(parse_line(line.as_bytes()), Ok(request), "{line}");
        }
    }

    #[test]
    fn a_line_that_describes_none_says_what_is_wrong() {
        let table = [
            (r#"{"query":"DO 1"}"#, "the key `url` is missing"),
            (r#"{"url":"URL"}"#, "either 'query'"),
            (r#"{"url":"URL","query":"a","statements":[]}"#, "either 'query'"),
            (r#"{"url":"URL","params":[1],"statements":[]}"#, "either 'query'"),
            (r#"{"url":"URL","query":"a","parms":[]}"#, "unknown field `parms`"),
            (r#"{"url":"URL","query":"a","params":[[1]]}"#, "expected a parameter"),
            (r#"{"url":"URL","query":"a","params":[{"text":"x"}]}"#, "one key"),
            (r#"{"url":"URL","query":"a","params":[{"base64":"AA==","json":1}]}"#, "one key"),
            (r#"{"url":"URL","query":"a","params":[{"base64":"!"}]}"#, "invalid base64"),
            (r#"{"url":"URL","query":"a","max_time":-1}"#, "invalid time"),
            (r#"{"url":"URL","query":"a","tls":"none"}"#, "unknown value `none`"),
        ];
        for (line, words) in table {
            let error = parse_line(line.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(words), "{line}: {error}");
        }
    }

    #[test]
    fn a_number_keeps_its_digits() {
        let table = [
            ("12345678901234567.89", "12345678901234567.89".into()),
            ("-0.1234567890123456789", "-0.1234567890123456789".into()),
            ("18446744073709551616", "18446744073709551616".into()),
            ("-9223372036854775809", "-9223372036854775809".into()),
            ("1234567890123456.7e-3", "1234567890123456.7e-3".into()),
            ("123456789012345.0", Param::Float(123_456_789_012_345.0)),
            ("0.000123456789012345", Param::Float(0.000_123_456_789_012_345)),
            ("100000000000000000000", Param::Float(1e20)),
            ("1e300", Param::Float(1e300)),
            ("-9223372036854775808", Param::Int(i64::MIN)),
        ];
        for (number, param) in table {
            let line = format!(r#"{{"url":"{URL}","query":"DO ?","params":[{number}]}}"#);
            let request = MysqlRequest::new(URL).statement("DO ?", [param]);
            assert_eq!(parse_line(line.as_bytes()), Ok(request), "{number}");
        }
        let line = format!(r#"{{"url":"{URL}","query":"DO ?","params":[1e400]}}"#);
        assert!(parse_line(line.as_bytes()).unwrap_err().to_string().contains("out of range"));
    }

    #[test]
    fn what_stands_beside_the_request_is_put_aside() {
        let line = br#"{"url":"u","query":"q","ttl":"1h"}"#;
        let (request, beside) = parse_line_beside(line, &["ttl"]).unwrap();
        assert_eq!(request.url(), "u");
        assert_eq!(beside, [("ttl".to_owned(), "\"1h\"")]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_line_or_refused(line: Vec<u8>) {
            let _ = parse_line(&line);
        }
    }
}
