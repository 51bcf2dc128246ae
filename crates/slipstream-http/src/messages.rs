//! Every message of this crate in a few snapshots, so that wording can be reviewed.

use slipstream_core::{Invalid, Request};

use crate::json::parse_line;
use crate::request::HttpRequest;
use crate::request::multipart::Part;

fn said(refused: Result<(), Invalid>) -> String {
    refused.err().map_or("(is taken)".to_owned(), |error| error.to_string())
}

/// Lines of a batch that are refused, and what is said then.
#[test]
fn refusals() {
    let lines = [
        r#"{"url":""}"#,
        r#"{"url":"h"}"#,
        r#"{"url":"ftp://h/"}"#,
        r#"{"url":"http://h/a b"}"#,
        r#"{"url":"http://a@b@h/"}"#,
        r#"{"url":"http://h/","method":"GE T"}"#,
        r#"{"url":"http://h/","method":"CONNECT"}"#,
        r#"{"url":"http://h/","method":"HEAD","body":"a"}"#,
        r#"{"url":"http://h/","headers":{"a b":"c"}}"#,
        r#"{"url":"http://h/","headers":{"a":"\n"}}"#,
        r#"{"url":"http://h/","headers":{"content-length":"1"}}"#,
        r#"{"url":"http://h/","headers":{"host":["a","b"]}}"#,
        r#"{"url":"http://h/","headers":["a"]}"#,
        r#"{"url":"http://h/","headers":{"a":1}}"#,
        r#"{"url":"http://h/","body":"a","json":1}"#,
        r#"{"url":"http://h/","body_base64":"?"}"#,
        r#"{"url":"http://h/","max_redirects":3}"#,
        r#"{"url":"http://h/","location":true,"max_redirects":2000}"#,
        r#"{"url":"http://h/","password":"s3cret"}"#,
        r#"{"url":"http://h/","user":"a:b","password":"s3cret"}"#,
        r#"{"url":"http://h/","user":"a\n","password":"s3cret"}"#,
        r#"{"url":"http://h/","user":"a","password":"s3\u0000cret"}"#,
        r#"{"url":"http://h/","user":"a","bearer":"s3cret"}"#,
        r#"{"url":"http://h/","bearer":""}"#,
        r#"{"url":"http://h/","aws_sigv4":"aws:amz"}"#,
        r#"{"url":"http://h/","aws_sigv4":"","user":"a","password":"s3cret"}"#,
        r#"{"url":"http://h/","cookies":"a=1","headers":{"cookie":"b=2"}}"#,
        r#"{"url":"http://h/","request_target":"a b"}"#,
        r#"{"url":"http://h/","proxy":"ftp://p"}"#,
        r#"{"url":"http://h/","proxy_user":"a:b"}"#,
        r#"{"url":"http://h/","proxy":"http://p","noproxy":"\n"}"#,
        r#"{"url":"http://h/","proxy":"http://p","proxy_headers":["none"]}"#,
        r#"{"url":"http://h/","proxy":"http://p","unix_socket":"/s"}"#,
        r#"{"url":"http://h/","unix_socket":""}"#,
        r#"{"url":"http://h/","unix_socket":"s"}"#,
        r#"{"url":"http://h/","resolve":["none"]}"#,
        r#"{"url":"http://h/","connect_to":["none"]}"#,
        r#"{"url":"http://h/","cacert":"none"}"#,
        r#"{"url":"http://h/","cert":"none"}"#,
        r#"{"url":"http://h/","cert":"-----BEGIN CERTIFICATE-----"}"#,
        r#"{"url":"http://h/","key":"-----BEGIN PRIVATE KEY-----"}"#,
        r#"{"url":"http://h/","max_time":0}"#,
        r#"{"url":"http://h/","max_time":-1}"#,
        r#"{"url":"http://h/","connect_timeout":99999}"#,
        r#"{"url":"http://h/","redirect_scheme":"https"}"#,
        r#"{"url":"http://h/","low_speed_time":0}"#,
        r#"{"url":"http://h/","sign":"s3cret"}"#,
        r#"{"url":"http://h/","sign":"env:KEY","headers":{"webhook-id":"1"}}"#,
        r#"{"url":"http://h/","chunked":true,"http_version":"1.0"}"#,
        r#"{"url":"http://h/","headers":{"a b":null}}"#,
        r#"{"url":"http://h/","headers":{"content-length":null}}"#,
    ];
    let mut text = String::new();
    for line in lines {
        let refused = parse_line(line.as_bytes()).and_then(|request| request.check());
        text.push_str(&format!("{line}\n  {}\n", said(refused)));
    }
    let long = HttpRequest::get("http://h/").header("a", "x".repeat(2 << 20));
    let part = |part: Part| HttpRequest::post("http://h/").multipart(&[part], [0; 11]).map(drop);
    for (what, refused) in [
        ("a long header", long.check()),
        ("a part's name", part(Part::new("a\u{7f}", "b"))),
        ("a part's header", part(Part::new("a", "b").header("x y", "1"))),
    ] {
        text.push_str(&format!("{what}\n  {}\n", said(refused)));
    }
    insta::assert_snapshot!(text);
}

#[cfg(feature = "deliver")]
mod deliver {
    use std::time::Duration;

    use curl::Error;
    use slipstream_core::{Outcome, RecordId, Timestamp};

    use crate::deliver::classify::{End, Stage, broken_off, judge, not_followed};
    use crate::deliver::options::HttpOptions;
    use crate::deliver::redirect;
    use crate::deliver::signature::Keys;
    use crate::deliver::times::Times;
    use crate::request::{HttpRequest, Options};

    fn reason(outcome: Outcome) -> String {
        match outcome {
            Outcome::Failed(failure) => failure.reason,
            outcome => format!("{outcome:?}"),
        }
    }

    fn end(error: Option<&Error>, errno: i32, stage: Stage) -> End<'_> {
        End {
            status: 0,
            retry_after: None,
            error,
            errno,
            alone: false,
            stage,
            times: HttpOptions::default().times(),
            peer: "h:80",
        }
    }

    /// What is noted of an attempt, by how it ended.
    #[test]
    fn failures() {
        let mut text = String::new();
        for status in 300..600 {
            let reason = reason(judge(&End { status, ..end(None, 0, Stage::Answer) }));
            // Statuses without a name of their own are all worded alike.
            if status == 306 || !reason.starts_with("status ") {
                text.push_str(&format!("{reason}\n"));
            }
        }
        text.push_str(&format!("no answer: {}\n", reason(judge(&end(None, 0, Stage::Answer)))));
        // libcurl's numbers, as they are in its manual.
        for code in [1, 3, 5, 6, 7, 8, 16, 18, 27, 35, 43, 47, 52, 55, 56, 58, 60, 77, 78, 92] {
            let error = Error::new(code);
            let reason = reason(judge(&end(Some(&error), 0, Stage::Answer)));
            text.push_str(&format!("libcurl's {code}: {reason}\n"));
        }
        for errno in [12, 24, 104, 110, 111, 113] {
            let error = Error::new(7);
            let reason = reason(judge(&end(Some(&error), errno, Stage::Connect)));
            text.push_str(&format!("the system's {errno}: {reason}\n"));
        }
        let late = Error::new(28);
        for stage in [Stage::Lookup, Stage::Connect, Stage::Handshake, Stage::Answer] {
            text.push_str(&format!("late: {}\n", reason(judge(&end(Some(&late), 0, stage)))));
        }
        let mut slow = Error::new(28);
        slow.set_extra("Operation too slow".to_owned());
        for limit in [1, 1_000] {
            let times = Times {
                low_speed_limit: limit,
                low_speed_time: Duration::from_secs(30),
                ..HttpOptions::default().times()
            };
            let slow = End { times, ..end(Some(&slow), 0, Stage::Answer) };
            text.push_str(&format!("slow: {}\n", reason(judge(&slow))));
        }
        let partial = Error::new(18);
        let partial = End { status: 200, ..end(Some(&partial), 0, Stage::Answer) };
        text.push_str(&format!("broken off: {}\n", broken_off(&partial).reason));
        insta::assert_snapshot!(text);
    }

    /// Why a redirect is not followed.
    #[test]
    fn redirects() {
        let request = || HttpRequest::get("http://h/").options(Options::new().follow_at_most(1));
        let table: [(Option<&[u8]>, u32); 4] =
            [(Some(b"/a"), 1), (None, 0), (Some(b"ftp://h/"), 0), (Some(b"http://a b/"), 0)];
        let said = table.map(|(location, followed)| {
            let why = redirect::next(request(), 302, location, followed).unwrap_err();
            not_followed(302, &why).reason
        });
        insta::assert_snapshot!(said.join("\n"));
    }

    /// Why a request is not signed.
    #[test]
    fn signatures() {
        let mut keys = Keys::new(|secret| match secret.to_string().as_str() {
            "env:NONE" => Err("words of the look-up".to_owned()),
            _ => Ok("no base64".to_owned()),
        });
        let mut sign = |name| {
            let id = RecordId::from_bytes([7; 16]);
            keys.sign(name, id, Timestamp::from_millis(0), b"").unwrap_err().reason
        };
        insta::assert_snapshot!(["env:NONE", "env:BAD", "s3cret"].map(&mut sign).join("\n"));
    }
}
