//! The options of `slipstream store`: what is kept of them, and what they do.

use serde_json::{Value, json};

use crate::receiver::{Receiver, dead_url};
use crate::run::{Spool, assert_refused, ran};

const URL: &str = "http://h/";

/// The options of the records in the one log that is being collected.
fn options(spool: &Spool) -> Vec<Value> {
    let log = spool.logs("collecting").remove(0);
    let shown = spool.run(["inspect", log.to_str().unwrap()]);
    let lines = shown.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.map(|line| line["terms"].clone()).collect()
}

/// Milliseconds between two times that are shown.
fn between(from: &Value, to: &Value) -> i128 {
    let millis = |time: &Value| {
        let time = humantime::parse_rfc3339(time.as_str().unwrap()).unwrap();
        time.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i128
    };
    millis(to) - millis(from)
}

#[test]
fn a_request_is_stored_with_its_terms() {
    let spool = Spool::new();
    let at = ["--at", "2026-12-24T18:00:00+01:00", "--order-key=customer-3"];
    let retry = ["--retry=every=1d,rounds=4", "--attempts=2", "--dedupe=order-17"];
    spool.quietly([&["store"], &at[..], &retry, &["--dedupe-window=90", URL]].concat());
    let expected = json!({
        "not_before": "2026-12-24T17:00:00.000Z",
        "dedupe": "order-17",
        "dedupe_window": "1m 30s",
        "order_key": "customer-3",
        "retry": "every=1d,rounds=4,attempts=2"
    });
    assert_eq!(options(&spool), [expected]);
}

#[test]
fn a_delay_and_a_time_to_live_count_from_now() {
    let spool = Spool::new();
    spool.quietly(["store", "--delay", "10m", "--ttl", "1h", "--attempts=5", URL]);
    let options = options(&spool).remove(0);
    assert_eq!(between(&options["not_before"], &options["expires"]), 50 * 60 * 1_000);
    assert_eq!(options["retry"], "attempts=5");
    let seconds = Spool::new();
    seconds.quietly(["store", "--at", "@1798131600", "--dedupe=k", URL]);
    let expected = json!({
        "not_before": "2026-12-24T17:00:00.000Z", "dedupe": "k", "dedupe_window": "5m"
    });
    assert_eq!(self::options(&seconds), [expected]);
}

#[test]
fn a_request_without_terms_shows_none() {
    let spool = Spool::new();
    spool.quietly(["store", URL]);
    assert_eq!(options(&spool), [Value::Null]);
}

#[test]
fn a_repeat_is_not_stored_and_its_id_is_the_earlier_ones() {
    let spool = Spool::new();
    let store = ["store", "--dedupe", "order-17", "--print-id", URL];
    let first = spool.run(store);
    assert_eq!((first.code, &*first.err), (Some(0), ""));
    assert_eq!(spool.run(store), ran(0, &first.out, ""));
    assert_eq!(spool.sums(), [1, 1, 0, 0]);
    let traced = spool.run([&["-v"], &store[..]].concat());
    let words = "not stored: one with the same dedupe key was a moment ago";
    assert_eq!((traced.code, &*traced.out), (Some(0), &*first.out));
    assert!(traced.err.contains(words) && traced.err.lines().count() == 1, "{traced:?}");
    let other = spool.run(["store", "--dedupe", "order-18", "--print-id", URL]);
    assert_ne!(other.out, first.out);
    assert_eq!(spool.sums(), [2, 2, 0, 0]);
}

#[test]
fn a_line_of_a_batch_has_terms_of_its_own_or_else_the_options() {
    let spool = Spool::new();
    let lines = r#"{"url":"http://h/1"}
{"at":"2026-12-24T17:00:00Z","url":"http://h/2","order_key":"own"}
{"url":"http://h/3","retry":"attempts=9","dedupe":"a","dedupe_window":"1h"}
"#;
    let options = ["--order-key=all", "--attempts=2", "--source=a"];
    let args = [&["store", "--batch=-"], &options[..]].concat();
    assert_eq!(spool.run_with(&args, lines.as_bytes()), ran(0, "", ""));
    let mut logs: Vec<_> = spool.logs("collecting");
    logs.sort();
    let logs = logs.iter().map(|log| log.to_str().unwrap());
    let shown = spool.run(std::iter::once("inspect").chain(logs));
    let mut options: Vec<_> = shown
        .out
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["body"]["url"].as_str().unwrap().to_owned(), line["terms"].clone())
        })
        .collect();
    options.sort_by(|a, b| a.0.cmp(&b.0));
    let options: Vec<_> = options.into_iter().map(|(_, options)| options).collect();
    let expected = [
        json!({"order_key": "all", "retry": "attempts=2"}),
        json!({"not_before": "2026-12-24T17:00:00.000Z", "order_key": "own", "retry": "attempts=2"}),
        json!({"order_key": "all", "retry": "attempts=9", "dedupe": "a", "dedupe_window": "1h"}),
    ];
    assert_eq!(options, expected);
}

#[test]
fn repeats_in_a_batch_are_counted_and_named_by_the_earlier_id() {
    let spool = Spool::new();
    let line = |key: &str| format!("{{\"url\":\"http://h/\",\"dedupe\":\"{key}\"}}\n");
    let lines = [line("a"), line("b"), line("a")].concat();
    let stored = spool.run_with(&["store", "--batch=-", "--print-id"], lines.as_bytes());
    assert_eq!((stored.code, &*stored.err), (Some(0), ""));
    let ids: Vec<_> = stored.out.lines().collect();
    assert_eq!(ids.len(), 3);
    assert!(ids[0] == ids[2] && ids[0] != ids[1], "{ids:?}");
    assert_eq!(spool.sums(), [2, 2, 0, 0]);
    let again =
        spool.run_with(&["store", "--batch=-"], [lines, "bad\n".to_owned()].concat().as_bytes());
    assert!(
        again.err.ends_with("slipstream: 0 lines stored, 3 repeated, 1 refused\n"),
        "{again:?}"
    );
}

#[test]
fn terms_that_cannot_be_kept_are_refused_and_leave_no_trace() {
    let long = "k".repeat(256);
    let table: &[(&[&str], &str)] = &[
        (&["--delay", "soon"], "expected a duration such as 500ms, 60s or 5m"),
        (&["--at", "noon"], "expected a time such as 2026-12-24T18:00:00Z"),
        (&["--at", "@1", "--delay", "1s"], "cannot be used with"),
        (&["--ttl", "0"], "expected a duration above zero"),
        (&["--delay", "1h", "--ttl", "1h"], "expires before it may be sent; let it live longer"),
        (&["--dedupe", ""], "invalid dedupe key of 0 bytes"),
        (&["--dedupe-window", "1m"], "add --dedupe KEY"),
        (&["--order-key", &long], "invalid order key of 256 bytes; expected 1 to 255"),
        (
            &["--retry", "often"],
            "'often' for '--retry <POLICY>'; expected NAME=VALUE, such as attempts=3",
        ),
        (&["--retry", "every=1w"], "expected a time up to 6 days"),
        (&["--attempts", "0"], "'--attempts <N>'"),
        (&["--attempts", "99999"], "expected a whole number from 1 to 65535"),
    ];
    for (args, words) in table {
        let spool = Spool::new();
        assert_refused(&spool.run([&["store"], *args, &[URL]].concat()), words);
        assert!(!spool.path().exists(), "{args:?}");
    }
}

#[test]
fn a_delayed_request_waits_and_an_expired_one_is_counted_as_that() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", "--delay=1h", &receiver.url("/later")]);
    spool.quietly(["store", "--ttl=1ms", &receiver.url("/late")]);
    spool.quietly(["store", &receiver.url("/now")]);
    assert_eq!(spool.run(["work", "--quiet"]), ran(0, "", ""));
    assert_eq!(receiver.only().line, "GET /now");
    assert_eq!(spool.sums(), [3, 1, 0, 1]);
    assert_eq!(spool.status()["totals"]["expired"], 1);
}

#[test]
fn a_request_may_have_other_attempts_than_the_rest() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", "--retry=attempts=2,base=1ms", &receiver.url("/404")]);
    assert_eq!(spool.run(["work", "--quiet", "--attempts=1"]).code, Some(1));
    assert_eq!(receiver.got().len(), 2);
}

#[test]
fn requests_with_one_order_key_arrive_in_the_order_stored_from_all_sources() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    for n in 0..8 {
        let (source, url) = (format!("--source={n}"), receiver.url(&format!("/a{n}")));
        spool.quietly(["store", "--order-key=k", &source, &url]);
    }
    assert_eq!(spool.run(["work", "--quiet"]), ran(0, "", ""));
    let lines: Vec<_> = receiver.got().into_iter().map(|got| got.line).collect();
    assert_eq!(lines, (0..8).map(|n| format!("GET /a{n}")).collect::<Vec<_>>());
}

#[test]
fn a_destination_that_was_down_is_not_tried_again_by_the_next_run_before_its_time() {
    let spool = Spool::new();
    let url = dead_url();
    for _ in 0..3 {
        spool.quietly(["store", &url]);
    }
    assert_eq!(spool.run(["work", "--quiet", "--attempts=1"]).code, Some(1));
    assert_eq!(spool.sums(), [3, 0, 3, 0]);
    spool.quietly(["store", &url]);
    assert_eq!(spool.run(["work", "--quiet", "--attempts=1", "--max-time=5s"]), ran(0, "", ""));
    assert_eq!(spool.sums(), [4, 1, 3, 0]);
    let log = spool.logs("processing").remove(0);
    let shown = spool.run(["inspect", log.to_str().unwrap()]);
    assert!(shown.out.contains(r#""state":"pending","attempts":0,"#), "{shown:?}");
    // Forgetting it is what lets the next run try.
    std::fs::remove_file(spool.path().join("worker.memory")).unwrap();
    assert_eq!(spool.run(["work", "--quiet", "--attempts=1"]).code, Some(1));
    assert_eq!(spool.sums(), [4, 0, 4, 0]);
}
