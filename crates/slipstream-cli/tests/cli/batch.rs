//! `slipstream store --batch`: many requests in one go.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdout, Stdio};
use std::sync::mpsc;

use crate::receiver::{PATIENCE, Receiver};
use crate::run::{Spool, assert_refused, ran};

/// What a program prints, a line at a time.
fn lines(from: ChildStdout) -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel();
    std::thread::spawn(move || {
        let read = BufReader::new(from).lines().map_while(Result::ok);
        read.for_each(|line| send.send(line).unwrap_or_default());
    });
    lines
}

#[test]
fn each_line_is_a_request() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let url = receiver.url("");
    let lines = format!(
        "{{\"url\":\"{url}/a\"}}\n\n{{\"url\":\"{url}/b\",\"method\":\"PUT\",\"headers\":{{\"x-foo\":\"bar\"}},\"body\":\"text\"}}\r\n{{\"url\":\"{url}/c\",\"json\":{{\"n\":1}}}}"
    );
    let file = spool.file("batch", lines);
    spool.quietly(["store", "--batch", file.to_str().unwrap()]);
    assert_eq!(spool.run(["work"]).code, Some(0));
    let mut got = receiver.got();
    got.sort_by(|a, b| a.line.cmp(&b.line));
    let lines: Vec<_> = got.iter().map(|got| &*got.line).collect();
    assert_eq!(lines, ["GET /a", "POST /c", "PUT /b"]);
    assert_eq!((got[2].header("x-foo"), &*got[2].body), (Some("bar"), &b"text"[..]));
}

#[test]
fn a_bad_line_is_reported_by_its_number_and_keeps_no_other_out() {
    let spool = Spool::new();
    let lines = b"{\"url\":\"http://h/1\"}\n{\"url\":\"h\"}\nno json\n{\"url\":\"http://h/4\"}\n";
    let stored = spool.run_with(&["store", "--batch", "-"], lines);
    assert_eq!((stored.code, &*stored.out), (Some(1), ""));
    let errors: Vec<_> = stored.err.lines().collect();
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors[0].starts_with("slipstream: line 2: the url"), "{errors:?}");
    assert!(
        errors[1].starts_with("slipstream: line 3: the line is invalid JSON: expected a value"),
        "{errors:?}"
    );
    assert_eq!(errors[2], "slipstream: 2 lines stored, 2 refused");
    assert_eq!(spool.sums(), [2, 2, 0, 0]);
}

#[test]
fn what_is_wrong_with_a_line_is_said_in_the_words_of_json() {
    let table = [
        (
            "[\"http://h/\"]",
            "the line describes no request: expected an object, not an array (column 0)",
        ),
        ("{\"url\":7}", "expected a string, not integer `7` (column 8)"),
        ("{\"url\":\"http://h/\",\"dely\":1}", "`pinnedpubkey`, `delay`, `at`, `ttl`,"),
        (
            "{\"url\":\"http://h/\",\"delay\":\"soon\"}",
            "the line's \"delay\": expected a duration such as",
        ),
    ];
    for (line, words) in table {
        let spool = Spool::new();
        let stored = spool.run_with(&["store", "--batch", "-"], line.as_bytes());
        assert_eq!((stored.code, &*stored.out), (Some(1), ""));
        let errors: Vec<_> = stored.err.lines().collect();
        assert!(
            errors[0].starts_with("slipstream: line 1: ") && errors[0].contains(words),
            "{errors:?}"
        );
        assert!(!stored.err.contains("struct") && !stored.err.contains("sequence"), "{errors:?}");
        assert_eq!(errors[1..], ["slipstream: 0 lines stored, 1 refused"]);
    }
}

#[test]
fn ids_are_printed_for_what_was_stored_in_order() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let url = receiver.url("");
    let lines: String = (0..2_500)
        .map(|n| match n {
            7 => "bad\n".to_owned(),
            _ => format!("{{\"url\":\"{url}/x\",\"body\":\"{n}\"}}\n"),
        })
        .collect();
    let stored = spool.run_with(&["store", "--batch", "-", "--print-id"], lines.as_bytes());
    assert_eq!(stored.code, Some(1));
    let ids: Vec<_> = stored.out.lines().collect();
    assert_eq!(ids.len(), 2_499);
    assert_eq!(spool.run(["work", "--quiet"]), ran(0, "", ""));
    for got in receiver.got() {
        let n: usize = String::from_utf8(got.body.clone()).unwrap().parse().unwrap();
        let at = if n < 7 { n } else { n - 1 };
        assert_eq!(got.header("idempotency-key"), Some(ids[at]), "line {n}");
    }
    assert_eq!(spool.sums(), [2_499, 0, 0, 2_499]);
}

#[test]
fn a_line_that_is_too_long_is_refused_and_so_is_a_request() {
    let spool = Spool::new();
    spool.run(["init", "--record-max", "1KiB"]);
    let body = "x".repeat(2_000);
    let lines = format!(
        "{{\"url\":\"http://h/\",\"body\":\"{body}\"}}\n{}\n{{\"url\":\"http://h/\"}}\n",
        "y".repeat(2 << 20)
    );
    let stored = spool.run_with(&["store", "--batch", "-"], lines.as_bytes());
    assert_eq!(stored.code, Some(1));
    let errors: Vec<_> = stored.err.lines().collect();
    assert!(errors[0].contains("line 1: ") && errors[0].contains("the limit is 1024"));
    assert!(errors[1].contains("line 2: longer than 1.0 MiB"), "{errors:?}");
    assert_eq!(errors[2], "slipstream: 1 line stored, 2 refused");
}

#[test]
fn a_slow_writers_lines_do_not_wait_for_the_rest() {
    let spool = Spool::new();
    let mut command = spool.command(["store", "--batch", "-", "--print-id"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let ids = lines(child.stdout.take().unwrap());
    for stored in 1..=3 {
        input.write_all(b"{\"url\":\"http://h/\"}\n").unwrap();
        // It is there although the input has not ended.
        assert_eq!(ids.recv_timeout(PATIENCE).unwrap().len(), 36);
        assert_eq!(spool.sums()[0], stored);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_batch_whose_ids_are_not_read_is_stored_all_the_same() {
    let spool = Spool::new();
    let line = "{\"url\":\"http://h/\"}\n";
    let file = spool.file("batch", line.repeat(5_000));
    let mut command = spool.command(["store", "--print-id", "--batch", file.to_str().unwrap()]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(spool.sums()[0], 5_000);
}

#[test]
fn a_batch_that_is_not_there_leaves_no_trace() {
    let spool = Spool::new();
    let stored = spool.run(["store", "--batch", "/nowhere/batch"]);
    assert_refused(&stored, "cannot open the batch '/nowhere/batch': ");
    assert!(!spool.path().exists());
}

#[test]
fn a_batch_that_breaks_off_says_how_much_is_stored() {
    let spool = Spool::new();
    let settings = ["--slots=1", "--logs=1", "--record-max=400", "--log-max=600"];
    spool.run([&["init", "--on-full=reject"], &settings[..]].concat());
    let body = "x".repeat(300);
    let mut command = spool.command(["store", "--batch", "-", "--print-id"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let ids = lines(child.stdout.take().unwrap());
    for _ in 0..2 {
        writeln!(input, "{{\"url\":\"http://h/\",\"body\":\"{body}\"}}").unwrap();
        // Each is stored by itself, as it would be from a slow writer.
        ids.recv_timeout(PATIENCE).unwrap();
    }
    writeln!(input, "{{\"url\":\"http://h/\",\"body\":\"{body}\"}}").unwrap();
    drop(input);
    let stored = spool.tell(child.wait_with_output().unwrap());
    assert_refused(&stored, "the batch broke off after 2 lines had been stored: SPOOL is full");
}
