//! One request as one line of JSON: what a batch consists of.
//!
//! ```json
//! {"url":"tcp://127.0.0.1:11300","data":"put 0 0 60 2\r\nhi","framing":"crlf","expect":"^INSERTED "}
//! ```
//!
//! Only `url` must be there. `data` is text, `data_base64` bytes. Names are the names of curl's
//! options where curl has one (`connect_timeout`, `max_time`), times are seconds, certificates are
//! their PEM text; a key may be `env:NAME` or `file:PATH`. `docs/format.md` has the list.
//!
//! [`Request::check`]: slipstream_core::Request::check
//!
//! # Non-goals
//! Unknown fields. A misspelt field is an error, not a request that lacks something. What a request
//! must be to be sent is [`Request::check`]'s business.

use serde::Deserialize;
use slipstream_core::{Aside, Invalid, Tls, read_base64, read_line, read_seconds};

use crate::request::TcpRequest;
use crate::request::framing::{Framing, Until};

/// The line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    url: String,
    data: Option<String>,
    data_base64: Option<String>,
    #[serde(default)]
    framing: Framing,
    until: Option<Until>,
    expect: Option<String>,
    fail_on: Option<String>,
    #[serde(default)]
    half_close: bool,
    #[serde(default)]
    share: bool,
    cacert: Option<String>,
    cert: Option<String>,
    key: Option<String>,
    #[serde(default)]
    insecure: bool,
    server_name: Option<String>,
    connect_timeout: Option<f64>,
    max_time: Option<f64>,
    idle_timeout: Option<f64>,
}

/// The request that a line of a batch describes.
///
/// # Errors
/// What is wrong with the line, and at which column.
pub fn parse_line(line: &[u8]) -> Result<TcpRequest, Invalid> {
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
) -> Result<(TcpRequest, Aside<'a>), Invalid> {
    let example = r#"{"url":"tcp://127.0.0.1:2003","data":"a.b 1 1795498157","framing":"line"}"#;
    let (line, beside) = read_line::<Line>(line, own, example)?;
    Ok((request(line)?, beside))
}

fn request(line: Line) -> Result<TcpRequest, Invalid> {
    let data = match (line.data, line.data_base64) {
        (Some(_), Some(_)) => {
            return Err(Invalid::new("the line has both 'data' and 'data_base64'; leave one out"));
        }
        (Some(text), None) => text.into_bytes(),
        (None, Some(text)) => read_base64("data_base64", &text)?,
        (None, None) => Vec::new(),
    };
    let bytes = |text: Option<String>| text.unwrap_or_default().into_bytes();
    let tls = Tls::new()
        .cacert(bytes(line.cacert))
        .cert(bytes(line.cert))
        .key(bytes(line.key))
        .insecure(line.insecure);
    let tls = line.server_name.into_iter().fold(tls, Tls::server_name);
    let mut request = TcpRequest {
        framing: line.framing,
        until: line.until,
        expect: line.expect,
        fail_on: line.fail_on,
        half_close: line.half_close,
        share: line.share,
        tls,
        ..TcpRequest::new(line.url, data)
    };
    if let Some(time) = read_seconds("connect_timeout", line.connect_timeout)? {
        request = request.connect_timeout(time);
    }
    if let Some(time) = read_seconds("max_time", line.max_time)? {
        request = request.total_timeout(time);
    }
    if let Some(time) = read_seconds("idle_timeout", line.idle_timeout)? {
        request = request.idle_timeout(time);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_describes_a_request() {
        let new = |data: &[u8]| TcpRequest::new("tcp://h:1", data);
        let table = [
            (r#"{"url":"tcp://h:1"}"#, new(b"")),
            (r#"{"url":"tcp://h:1","data":"a\u0000\n"}"#, new(b"a\0\n")),
            (r#"{"url":"tcp://h:1","data_base64":"AP8K"}"#, new(b"\0\xff\n")),
            (r#"{"url":"tcp://h:1","until":12}"#, new(b"").until(Until::Bytes(12))),
            (r#"{"url":"tcp://h:1","until":"12"}"#, new(b"").until(Until::Bytes(12))),
            (r#"{"url":"tcp://h:1","until":"eof"}"#, new(b"").until(Until::Eof)),
            (
                r#"{"url":"tcp://h:1","data":"x","framing":"octets","share":true,"half_close":true,
                    "until":"line","expect":"^OK","fail_on":"^5","cacert":"A","cert":"B",
                    "key":"env:K","insecure":true,"server_name":"n","connect_timeout":2,
                    "max_time":0.5,"idle_timeout":30}"#,
                new(b"x")
                    .framing(Framing::Octets)
                    .share(true)
                    .half_close(true)
                    .until(Until::Line)
                    .expect("^OK")
                    .fail_on("^5")
                    .tls(
                        Tls::new()
                            .cacert("A")
                            .cert("B")
                            .key("env:K")
                            .insecure(true)
                            .server_name("n"),
                    )
                    .connect_timeout(Duration::from_secs(2))
                    .total_timeout(Duration::from_millis(500))
                    .idle_timeout(Duration::from_secs(30)),
            ),
        ];
        for (line, request) in table {
            assert_eq!(parse_line(line.as_bytes()), Ok(request), "{line}");
        }
    }

    #[test]
    fn what_describes_no_request_is_refused_with_words_that_help() {
        for (line, words) in [
            ("", "(column 0)"),
            ("tcp://h:1", "write one such as {\"url\""),
            ("{}", "the key `url` is missing"),
            (r#"{"url":"u","dat":1}"#, "unknown field `dat`"),
            (r#"{"url":"u","data":{}}"#, "expected a string, not an object"),
            (r#"{"url":"u","data":"","data_base64":""}"#, "leave one out"),
            (r#"{"url":"u","data_base64":"a"}"#, "invalid base64"),
            (r#"{"url":"u","framing":"lf"}"#, "unknown value `lf`"),
            (r#"{"url":"u","until":"x"}"#, "invalid end of an answer 'x'"),
            (r#"{"url":"u","until":-1}"#, "expected eof, line, or a number of bytes"),
            (r#"{"url":"u","max_time":-1}"#, "\"max_time\": invalid time"),
        ] {
            let error = parse_line(line.as_bytes()).expect_err(line).to_string();
            assert!(error.contains(words), "{line}: {error}");
        }
    }

    #[test]
    fn what_stands_beside_the_request_is_put_aside() {
        let line = br#"{"delay":"5m","url":"tcp://h:1","data":"x"}"#;
        let (request, beside) = parse_line_beside(line, &["delay"]).unwrap();
        assert_eq!(request, TcpRequest::new("tcp://h:1", "x"));
        assert_eq!(beside, [("delay".to_owned(), "\"5m\"")]);
    }
}
