//! Every message of this crate in a few snapshots, so that wording can be reviewed.

use slipstream_core::Request;

use crate::json::parse_line;

/// Lines of a batch that are refused, and what is said then.
#[test]
fn refusals() {
    let lines = [
        r#"{"url":"h:1","data":"a"}"#,
        r#"{"url":"udp://h:1","data":"a"}"#,
        r#"{"url":"tcp://","data":"a"}"#,
        r#"{"url":"tcp://h","data":"a"}"#,
        r#"{"url":"tcp://h:0","data":"a"}"#,
        r#"{"url":"tcp://me@h:1","data":"a"}"#,
        r#"{"url":"tcp://h:1/a","data":"a"}"#,
        r#"{"url":"tcp://h:1\n","data":"a"}"#,
        r#"{"url":"unix://run/a","data":"a"}"#,
        r#"{"url":"unix:///run/a?b","data":"a"}"#,
        r#"{"url":"tcp://h:1","data":"a","data_base64":"YQ=="}"#,
        r#"{"url":"tcp://h:1","data_base64":"?"}"#,
        r#"{"url":"tcp://h:1"}"#,
        r#"{"url":"tcp://h:1","framing":"octets","expect":"a"}"#,
        r#"{"url":"tcp://h:1","data":"a","framing":"lines"}"#,
        r#"{"url":"tcp://h:1","data":"a","until":"half"}"#,
        r#"{"url":"tcp://h:1","data":"a","until":true}"#,
        r#"{"url":"tcp://h:1","data":"a","expect":"b","until":0}"#,
        r#"{"url":"tcp://h:1","data":"a","expect":"("}"#,
        r#"{"url":"tcp://h:1","data":"a","expect":"(a{1000}){1000}"}"#,
        r#"{"url":"tcp://h:1","data":"a","fail_on":"b"}"#,
        r#"{"url":"tcp://h:1","data":"a","half_close":true}"#,
        r#"{"url":"tcp://h:1","data":"a","share":true}"#,
        r#"{"url":"tcp://h:1","data":"a","idle_timeout":0}"#,
        r#"{"url":"tcp://h:1","data":"a","connect_timeout":99999}"#,
        r#"{"url":"tcp://h:1","data":"a","max_time":-1}"#,
        r#"{"url":"tcp://h:1","data":"a","server_name":"h"}"#,
        r#"{"url":"tls://h:1","data":"a","server_name":"a b"}"#,
        r#"{"url":"tls://h:1","data":"a","cacert":"none"}"#,
        r#"{"url":"tls://h:1","data":"a","cacert":"-----BEGIN CERTIFICATE-----","insecure":true}"#,
        r#"{"url":"tls://h:1","data":"a","cert":"-----BEGIN CERTIFICATE-----"}"#,
        r#"{"url":"tls://h:1","data":"a","key":"-----BEGIN PRIVATE KEY-----"}"#,
        r#"{"url":"tls://h:1","data":"a","key":"none","cert":"-----BEGIN CERTIFICATE-----"}"#,
        r#"{"url":"tls://h:1","data":"a","key":"-----BEGIN ENCRYPTED PRIVATE KEY-----","cert":"-----BEGIN CERTIFICATE-----"}"#,
    ];
    let said = lines.map(|line| {
        let refused = parse_line(line.as_bytes()).and_then(|request| request.check());
        let said = refused.err().map_or("(is taken)".to_owned(), |error| error.to_string());
        format!("{line}\n  {said}\n")
    });
    insta::assert_snapshot!(said.concat());
}

#[cfg(feature = "deliver")]
mod deliver {
    use std::io::{Error, ErrorKind};

    use crate::deliver::classify::{Stage, failure, judge};
    use crate::request::TcpRequest;

    /// What is noted of an attempt, by what happened when.
    #[test]
    fn failures() {
        let stages = [Stage::Connect, Stage::Handshake, Stage::Send, Stage::Close, Stage::Answer];
        let mut text = String::new();
        let mut say = |name: String, error: &Error, stage| {
            text.push_str(&format!("{name}: {}\n", failure(error, stage, "tcp://h:1").reason));
        };
        for (name, stage) in ["connect", "handshake", "send", "close", "answer"].iter().zip(stages)
        {
            let late = Error::new(ErrorKind::TimedOut, "within 30s");
            say(format!("{name}, late"), &late, stage);
            say(format!("{name}, reset"), &Error::from_raw_os_error(104), stage);
            say(format!("{name}, eof"), &ErrorKind::UnexpectedEof.into(), stage);
        }
        for errno in [2, 13, 24, 99, 101, 110, 111, 113] {
            say(format!("the system's {errno}"), &Error::from_raw_os_error(errno), Stage::Connect);
        }
        let expecting = TcpRequest::new("tcp://h:1", "a").expect("^OK");
        let unexpected = judge(&expecting, b"550 no", "tcp://h:1").unwrap_err();
        text.push_str(&format!("answered: {}\n", unexpected.reason));
        insta::assert_snapshot!(text);
    }
}
