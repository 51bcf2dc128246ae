//! `slipstream inspect`: what a log holds, and what of it is shown.

use std::process::Stdio;

use slipstream_core::{DeliveryOptions, Destination, Engine, Record, RecordId, Source};

use crate::receiver::Receiver;
use crate::run::{Spool, assert_refused, log_of, ran};
use crate::scrub::scrub;

const SECRETS: [&str; 14] = [
    "store",
    "--source=a",
    "-X",
    "PUT",
    "-H",
    "Authorization: Bearer s3cret",
    "-H",
    "x-foo: bar",
    "-H",
    "content-type: text/plain",
    "-d",
    "s3cret\u{9b}",
    "--durable",
    "http://s3cret:s3cret@example.com/a?key=s3cret",
];

/// Stores what no command would.
fn store(spool: &Spool, kind: &str, to: &str, body: &[u8]) {
    let record = Record {
        id: RecordId::from_bytes([0x11; 16]),
        kind: kind.to_owned(),
        destination: Destination::new(to),
        options: DeliveryOptions::default(),
        body: body.to_vec(),
    };
    let engine = slipstream_log::Spool::open(spool.path()).unwrap();
    engine.store(&Source::named("a"), &[record]).unwrap();
}

#[test]
fn a_record_is_a_line_without_its_secrets() {
    let spool = Spool::new();
    spool.quietly(SECRETS);
    spool.quietly(["store", "--source=a", "http://example.com/"]);
    let log = spool.logs("collecting").remove(0);
    let shown = spool.run(["inspect", log.to_str().unwrap()]);
    let name = log.file_name().unwrap().to_str().unwrap();
    let expected = r#"
{"log":"SPOOL/collecting/NAME","offset":144,"state":"pending","attempts":0,"due":null,"id":"ID","kind":"http","to":"http://example.com:80","stored":"TIME","body":{"method":"PUT","url":"http://***@example.com/a?key=***","headers":[["Authorization","***"],["x-foo","bar"],["content-type","text/plain"]],"body":{"bytes":8}}}
{"log":"SPOOL/collecting/NAME","offset":392,"state":"pending","attempts":0,"due":null,"id":"ID","kind":"http","to":"http://example.com:80","stored":"TIME","body":{"method":"GET","url":"http://example.com/"}}
"#;
    assert_eq!((shown.code, &*shown.err), (Some(0), ""));
    assert_eq!(scrub(&shown.out).replace(name, "NAME"), expected[1..]);
}

#[test]
fn secrets_are_shown_when_asked_for() {
    let spool = Spool::new();
    spool.quietly(SECRETS);
    let body = spool.file("body", b"\xff\xfe");
    spool.quietly(["store", "--source=a", "-d", &format!("@{}", body.display()), "http://h/"]);
    let log = spool.logs("collecting").remove(0);
    let shown = spool.run(["inspect", "--show-secrets", log.to_str().unwrap()]);
    let bodies: Vec<_> =
        shown.out.lines().map(|line| line.split_once("\"body\":").unwrap().1).collect();
    let expected = [
        r#"{"method":"PUT","url":"http://s3cret:s3cret@example.com/a?key=s3cret","headers":[["Authorization","Bearer s3cret"],["x-foo","bar"],["content-type","text/plain"]],"body":"s3cret\u009b"}}"#,
        r#"{"method":"POST","url":"http://h/","body":{"base64":"//4="}}}"#,
    ];
    assert_eq!(bodies, expected);
}

#[test]
fn of_other_kinds_and_of_what_is_no_request_only_the_length_is_shown() {
    let spool = Spool::new();
    store(&spool, "beep", "beep://s3cret@speaker", b"\x81\xa5times\x03");
    store(&spool, "http", "http://h:80", b"s3cret");
    let log = spool.logs("collecting").remove(0);
    let log = log.to_str().unwrap();
    let tails = |args: &[&str]| {
        let shown = spool.run(args);
        assert_eq!((shown.code, &*shown.err), (Some(0), ""));
        let tail = |line: &str| scrub(line.split_once("\"kind\":").unwrap().1);
        shown.out.lines().map(tail).collect::<Vec<_>>()
    };
    let masked = [
        r#""beep","to":"beep://***@speaker","stored":"TIME","body":{"bytes":8}}"#,
        r#""http","to":"http://h:80","stored":"TIME","body":{"bytes":6}}"#,
    ];
    assert_eq!(tails(&["inspect", log]), masked);
    let whole = [
        r#""beep","to":"beep://s3cret@speaker","stored":"TIME","body":{"times":3}}"#,
        r#""http","to":"http://h:80","stored":"TIME","body":"s3cret"}"#,
    ];
    assert_eq!(tails(&["inspect", "--show-secrets", log]), whole);
}

#[test]
fn a_record_without_an_envelope_is_a_line_all_the_same() {
    let spool = Spool::new();
    let (_, bytes) = log_of(b"s3cret");
    let log = spool.file("log", bytes);
    let line = |body: &str| {
        format!(
            "{{\"log\":\"HERE/log\",\"offset\":144,\"state\":\"pending\",\"attempts\":0,\"due\":null,\"id\":null,\"kind\":null,\"to\":null,\"stored\":null,\"body\":{body}}}\n"
        )
    };
    let log = log.to_str().unwrap();
    assert_eq!(spool.run(["inspect", log]), ran(0, &line("{\"bytes\":6}"), ""));
    let whole = spool.run(["inspect", "--show-secrets", log]);
    assert_eq!(whole, ran(0, &line("\"s3cret\""), ""));
}

#[test]
fn what_became_of_a_record_is_told_and_when_it_is_due() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    for path in ["/", "/404", "/503"] {
        spool.quietly(["store", "--source=a", &receiver.url(path)]);
    }
    spool.run(["work", "--attempts=2", "--backoff=1h", "--max-time=10s"]);
    let log = spool.logs("processing").remove(0);
    let shown = scrub(&spool.run(["inspect", log.to_str().unwrap()]).out);
    let states: Vec<_> = shown
        .lines()
        .map(|line| line.split_once("\"state\":").unwrap().1.split_once(",\"id\"").unwrap().0)
        .collect();
    let expected = [
        r#""delivered","attempts":1,"due":null"#,
        r#""pending","attempts":1,"due":"TIME""#,
        r#""pending","attempts":1,"due":"TIME""#,
    ];
    assert_eq!(states, expected);
}

#[test]
fn damage_is_a_line_and_an_exit_code_and_the_log_may_be_a_copy() {
    let spool = Spool::new();
    for _ in 0..3 {
        spool.quietly(["store", "--source=a", "http://example.com/"]);
    }
    let mut bytes = std::fs::read(spool.logs("collecting").remove(0)).unwrap();
    let second = 144 + (bytes.len() - 144) / 3;
    bytes[second + 50] ^= 1;
    let copy = spool.file("a copy", bytes);
    let shown = spool.run(["inspect", copy.to_str().unwrap()]);
    assert_eq!((shown.code, &*shown.err), (Some(1), ""));
    let lines: Vec<_> = shown.out.lines().collect();
    assert_eq!(lines.len(), 3);
    let damage = format!(r#"{{"log":"HERE/a copy","offset":{second},"length":128,"damage":true}}"#);
    assert_eq!(lines[1], damage);
}

#[test]
fn what_cannot_be_read_keeps_the_others_from_nothing() {
    let spool = Spool::new();
    spool.quietly(["store", "http://example.com/"]);
    let log = spool.logs("collecting").remove(0);
    let (text, aside) = (spool.file("text", "text"), spool.file("LOG.damaged", "-- 1 bytes"));
    let here = text.parent().unwrap();
    let gone = here.join("gone");
    let shown = spool.run([&std::path::PathBuf::from("inspect"), &text, &aside, &gone, &log]);
    assert_eq!(shown.code, Some(2), "{shown:?}");
    assert_eq!(shown.out.lines().count(), 1);
    let expected = "\
slipstream: HERE/text is not a log: it has neither a header of version 1 nor a log's name
slipstream: HERE/LOG.damaged is not a log, but the unreadable bytes of one, each stretch after a line with its offset; look at it with a viewer of bytes such as `xxd`
slipstream: cannot read HERE/gone: No such file or directory (os error 2)
";
    assert_eq!(shown.err, expected);
    assert_refused(&spool.run(["inspect"]), "<LOG>...; see `slipstream inspect --help`");
}

#[test]
fn a_path_cannot_write_to_the_terminal() {
    let spool = Spool::new();
    spool.quietly(["store", "http://example.com/"]);
    let bytes = std::fs::read(spool.logs("collecting").remove(0)).unwrap();
    let copy = spool.file("\u{1b}[2J\u{9b}", bytes);
    let shown = spool.run(["inspect", copy.to_str().unwrap()]);
    assert!(shown.out.starts_with(r#"{"log":"HERE/\u001b[2J\u009b","#), "{shown:?}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let spool = Spool::new();
    let line = format!("{}\n", r#"{"url":"http://example.com/"}"#);
    let stored = spool.run_with(&["store", "--batch=-"], line.repeat(5_000).as_bytes());
    assert_eq!(stored, ran(0, "", ""));
    let mut command = spool.command(["inspect"]);
    command.args(spool.logs("collecting")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(spool.tell(output), ran(0, "", ""));
}
