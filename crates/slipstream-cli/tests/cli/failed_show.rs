//! `slipstream failed show`: one request, and why each attempt failed.

use std::io::Write;

use serde_json::json;

use crate::receiver::Receiver;
use crate::run::{Spool, assert_refused, ran};
use crate::scrub::scrub;

/// No request has it.
const NOBODY: &str = "019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c";

/// A spool with a failed request that has secrets and options, and its id.
fn spool_with_one(receiver: &Receiver) -> (Spool, String) {
    let spool = Spool::new();
    let url = receiver.url("/404?key=s3cret").replace("//127", "//s3cret:s3cret@127");
    let request = ["-H", "cookie: s3cret", "-H", "x-foo: bar", "-d", "s3cret\u{9b}", &url];
    let options = ["--ttl=1h", "--order-key=customer-3", "--retry=attempts=2,base=1ms"];
    let stored = spool.run([&["store", "--print-id"], &options[..], &request].concat());
    // Another request in the same log, whose notes are not shown.
    spool.quietly(["store", "--order-key=customer-3", &receiver.url("/500")]);
    assert_eq!(spool.run(["work", "--quiet", "--attempts=1"]).code, Some(1));
    (spool, stored.out.trim_end().to_owned())
}

/// What a destination answered, as the worker would note it.
fn note_an_answer(spool: &Spool, id: &str) {
    let log = spool.logs("failed").remove(0);
    let notes = format!("{}.notes", log.display());
    let mut file = std::fs::OpenOptions::new().append(true).open(notes).unwrap();
    let note = json!({
        "id": id, "at": 1_795_498_937_482_u64, "attempt": 3, "reason": "503 Gone\u{1b}[2J",
        "status": 503, "answer": "retry-after: 9\n\n\u{1b}[2Jslow down\r\nplease\u{202e}"
    });
    writeln!(file, "{note}").unwrap();
}

#[test]
fn it_is_shown_with_its_terms_and_what_became_of_each_attempt() {
    let (spool, id) = spool_with_one(&Receiver::new());
    note_an_answer(&spool, &id);
    let shown = spool.run(["failed", "show", &id]);
    let expected = "\
id          ID
state       failed after 2 attempts
stored      TIME
kind        http
to          http://HOST
log         failed/LOG
expires     TIME
order key   customer-3
retry       attempts=2,base=1ms
request     POST http://***@HOST/404?key=***
header      cookie: ***
header      x-foo: bar
body        8 bytes

TIME  attempt 1: 404 Not Found
    HTTP/1.1 404 X
    content-length: 0
TIME  attempt 2: 404 Not Found
    HTTP/1.1 404 X
    content-length: 0
TIME  attempt 3: 503 Gone\\u{1b}[2J
    retry-after: 9

    \\u{1b}[2Jslow down
    please\\u{202e}
";
    assert_eq!((shown.code, &*shown.err), (Some(0), ""));
    assert_eq!(scrub(&shown.out), expected);
}

#[test]
fn json_tells_the_same() {
    let (spool, id) = spool_with_one(&Receiver::new());
    note_an_answer(&spool, &id);
    let shown = spool.run(["failed", "show", "--json", &id]);
    let expected = r#"{"id":"ID","state":"failed","attempts":2,"due":null,"stored":"TIME","kind":"http","to":"http://HOST","log":"failed/LOG","terms":{"expires":"TIME","order_key":"customer-3","retry":"attempts=2,base=1ms"},"body":{"method":"POST","url":"http://***@HOST/404?key=***","headers":[["cookie","***"],["x-foo","bar"]],"body":{"bytes":8}},"notes":[{"at":"TIME","attempt":1,"reason":"404 Not Found","status":404,"answer":"HTTP/1.1 404 X\ncontent-length: 0\n"},{"at":"TIME","attempt":2,"reason":"404 Not Found","status":404,"answer":"HTTP/1.1 404 X\ncontent-length: 0\n"},{"at":"TIME","attempt":3,"reason":"503 Gone\u001b[2J","status":503,"answer":"retry-after: 9\n\n\u001b[2Jslow down\r\nplease\u202e"}],"notes_left_out":0}"#;
    assert_eq!((shown.code, &*shown.err), (Some(0), ""));
    assert_eq!(scrub(&shown.out), format!("{expected}\n"));
}

#[test]
fn secrets_are_shown_when_asked_for_and_cannot_write_to_the_terminal() {
    let (spool, id) = spool_with_one(&Receiver::new());
    let shown = spool.run(["failed", "show", "--show-secrets", &id]);
    let body = r#"body        {"method":"POST","url":"http://s3cret:s3cret@HOST/404?key=s3cret","headers":[["cookie","s3cret"],["x-foo","bar"]],"body":"s3cret\u{9b}"}"#;
    assert!(scrub(&shown.out).lines().any(|line| line == body), "{shown:?}");
    let json = spool.run(["failed", "show", "--show-secrets", "--json", &id]);
    assert!(json.out.contains(r#""body":"s3cret\u009b"}"#), "{json:?}");
}

#[test]
fn one_that_waits_for_its_next_attempt_is_shown_too() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let id = spool.run(["store", "--print-id", &receiver.url("/503")]).out.trim_end().to_owned();
    spool.run(["work", "--backoff=1h", "--max-time=5s"]);
    let shown = spool.run(["failed", "show", &id]);
    let expected = "\
id          ID
state       waits after 1 attempt, due TIME
stored      TIME
kind        http
to          http://HOST
log         processing/LOG
request     GET http://HOST/503

TIME  attempt 1: 503 Service Unavailable
    HTTP/1.1 503 X
    content-length: 0
";
    assert_eq!((shown.code, scrub(&shown.out)), (Some(0), expected.to_owned()));
}

#[test]
fn one_that_is_not_there_is_said_to_be_that() {
    let words = format!(
        "slipstream: {NOBODY} is neither among the failed requests in SPOOL nor among those that wait for another attempt; `slipstream failed list` shows the failed ones\n"
    );
    let none = Spool::new();
    assert_eq!(none.run(["failed", "show", NOBODY]), ran(1, "", &words));
    assert!(!none.path().exists());
    let (spool, _) = spool_with_one(&Receiver::new());
    assert_eq!(spool.run(["failed", "show", "--json", NOBODY]), ran(1, "", &words));
    assert_refused(&spool.run(["failed", "show", "17"]), "invalid value '17' for '");
    assert_refused(&spool.run(["failed", "show"]), "<ID>; see `slipstream failed show --help`");
}
