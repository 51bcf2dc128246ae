//! Traces as lines of JSON, with the attempt that they belong to.

use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::run::{Ran, Spool, assert_refused};

fn traced(args: &[&str], format: Option<&str>) -> (String, Ran) {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let url = receiver.url("/404");
    let id = spool.run(["store", "--print-id", &url]).out.trim_end().to_owned();
    let mut command = spool.command(args);
    if let Some(format) = format {
        command.env("SLIPSTREAM_LOG_FORMAT", format);
    }
    let ran = spool.tell(command.output().unwrap());
    (id, Ran { err: ran.err.replace(&receiver.url(""), "DESTINATION"), ..ran })
}

#[test]
fn a_line_of_json_names_the_attempt_and_how_it_ended() {
    let flag = ["work", "-v", "--attempts=1", "--log-format=json"];
    for (args, format) in [(&flag[..], None), (&flag[..3], Some("json"))] {
        let (id, ran) = traced(args, format);
        let lines: Vec<Value> =
            ran.err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let failed = lines
            .iter()
            .find(|line| line["fields"]["message"] == "the attempt failed")
            .unwrap_or_else(|| panic!("{lines:?}"));
        assert_eq!(failed["level"], "INFO");
        let mut span = failed["span"].clone();
        assert!(span["took_ms"].is_u64(), "{span}");
        span["took_ms"] = json!(0);
        let expected = json!({
            "name": "attempt", "id": id, "destination": "DESTINATION", "attempt": 1,
            "status": 404, "took_ms": 0, "reason": "404 Not Found"
        });
        assert_eq!(span, expected);
    }
}

#[test]
fn the_level_is_the_same_in_json() {
    let (_, ran) = traced(&["work", "-v", "--attempts=1", "--log-format=json"], None);
    assert!(!ran.err.contains("\"DEBUG\"") && ran.err.contains("\"WARN\""), "{ran:?}");
}

#[test]
fn a_format_alone_asks_for_no_traces() {
    let (_, ran) = traced(&["work", "--log-format=json", "--attempts=1"], None);
    assert_eq!((ran.code, &*ran.err), (Some(1), ""));
}

#[test]
fn a_format_that_is_none_is_refused() {
    let (_, ran) = traced(&["work", "-v", "--log-format=xml"], None);
    assert_refused(&ran, "'xml' for '--log-format <FORMAT>'; expected text or json");
}
