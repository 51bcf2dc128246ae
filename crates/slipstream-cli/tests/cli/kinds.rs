//! Requests of other kinds than http, and of kinds that this binary lacks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use slipstream_core::{Destination, Engine, Invalid, Record, RecordId, Request, Source};

use crate::receiver::Receiver;
use crate::run::{Spool, assert_refused, ran};

/// A peer on loopback that serves so many connections; what it read of each is the thread's result.
fn peer(
    connections: usize,
    serve: impl Fn(TcpStream) -> String + Send + 'static,
) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let serving = move || (0..connections).map(|_| serve(listener.accept().unwrap().0)).collect();
    (url, std::thread::spawn(serving))
}

/// Reads to the end.
fn taken(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

/// Reads a line, and answers so.
fn answered(stream: TcpStream, answer: &str) -> String {
    let mut line = String::new();
    let mut stream = BufReader::new(stream);
    stream.read_line(&mut line).unwrap();
    stream.get_mut().write_all(answer.as_bytes()).unwrap();
    line
}

#[test]
fn what_is_stored_for_a_stream_arrives_as_it_was_given() {
    let spool = Spool::new();
    let file = spool.file("metrics", "a.b 1 2\nc.d 3 4");
    let (url, peer) = peer(3, taken);
    spool.quietly(["store", "-d", "shop.orders 1 1795498157", "--framing", "line", &url]);
    spool.quietly(["store", "-d", &format!("@{}", file.display()), &url]);
    spool.quietly(["store", "--data-raw", "<13>1 - - - - - - hi", "--framing=octets", &url]);
    assert_eq!(spool.run(["work", "--quiet"]), ran(0, "", ""));
    let mut got = peer.join().unwrap();
    got.sort();
    assert_eq!(got, ["20 <13>1 - - - - - - hi", "a.b 1 2\nc.d 3 4", "shop.orders 1 1795498157\n"]);
    assert_eq!(spool.sums(), [3, 0, 0, 3]);
}

#[test]
fn an_answer_decides_when_one_is_expected() {
    let spool = Spool::new();
    let (url, serving) = peer(2, |stream| answered(stream, "INSERTED 7\r\n"));
    let put = |expected: &str, url: &str| {
        let words = ["store", "-d", "put", "--framing=crlf", "--expect", expected, url];
        spool.quietly(words);
    };
    put("^INSERTED [0-9]+$", &url);
    put("^BURIED", &url);
    let worked = spool.run(["work", "--attempts=1"]);
    assert_eq!((worked.code, &*worked.err), (Some(1), ""), "{worked:?}");
    assert_eq!(serving.join().unwrap(), ["put\r\n", "put\r\n"]);
    assert_eq!(spool.sums(), [2, 0, 1, 1]);

    let listed = spool.run(["failed", "list", "--json"]).out;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed["kind"], &listed["to"]), (&json!("tcp"), &json!(url)));
    let shown = spool.run(["failed", "show", "--json", listed["id"].as_str().unwrap()]);
    let shown: Value = serde_json::from_str(&shown.out).unwrap();
    let body = json!({"url": url, "framing": "crlf", "expect": "^BURIED", "body": {"bytes": 3}});
    assert_eq!(shown["body"], body);
    let note = &shown["notes"][0];
    assert_eq!(note["answer"], "INSERTED 7\r\n", "{shown}");
    assert!(note["reason"].as_str().unwrap().contains("answer"), "{shown}");
}

#[test]
fn a_batch_holds_requests_of_several_kinds() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let (url, peer) = peer(1, taken);
    let lines = format!(
        "{}\n{}\n{}\n",
        json!({"url": receiver.url("/a"), "json": {"url": "tcp://127.0.0.1:9"}}),
        json!({"url": url, "data": "x", "framing": "line", "ttl": "1h"}),
        json!({"url": url, "datta": "x"}),
    );
    let stored = spool.run_with(&["store", "--batch", "-"], lines.as_bytes());
    assert_eq!(stored.code, Some(1));
    assert!(stored.err.starts_with("slipstream: line 3: the line describes no request: "));
    assert!(stored.err.contains("`datta`") && stored.err.contains("tcp://"), "{}", stored.err);
    assert_eq!(spool.run(["work", "--quiet"]), ran(0, "", ""));
    assert_eq!(peer.join().unwrap(), ["x\n"]);
    assert_eq!(receiver.only().body, br#"{"url":"tcp://127.0.0.1:9"}"#);
}

#[test]
fn what_means_nothing_to_a_kind_is_refused_by_name() {
    let spool = Spool::new();
    let table: &[(&[&str], &str)] = &[
        (&["--form", "a=b", "tcp://h:1"], "'--form' means something to a request of kind http"),
        (&["-H", "a: b", "-d", "x", "tcp://h:1"], "'--header' means something to a request"),
        (&["--socks5", "p", "-d", "x", "tcp://h:1"], "'--proxy' means something to a request"),
        (&["--expect", "x", "http://h/"], "'--expect' means something to a request of kind tcp"),
        (&["-d", "x", "tcp://h:1", "http://h/"], "the urls are of two kinds, tcp and http"),
        (&["-d", "x", "-d", "y", "tcp://h:1"], "has one --data"),
        (&["-d", "x", "tcp://h"], "port"),
        (&["tcp://h:1"], "data"),
        (&["-d", "x", "--expect", "(", "tcp://h:1"], "invalid expression '(': unclosed group"),
        (&["-d", "x", "--framing", "lf", "tcp://h:1"], "expected none, line, crlf or octets"),
        (&["--batch", "-", "--share"], "'--share' cannot be used with '--batch'"),
        (&["--batch", "-", "-H", "a: b"], "'--header' cannot be used with '--batch'"),
        (&["-K", "/dev/null", "--batch", "-", "-X", "PUT"], "'--request' cannot be used"),
    ];
    for (args, words) in table {
        assert_refused(&spool.run([&["store"], *args].concat()), words);
    }
    assert!(!spool.path().exists());
}

#[test]
fn private_addresses_are_denied_to_every_kind() {
    let spool = Spool::new();
    spool.quietly(["store", "-d", "x", "tcp://127.0.0.1:9"]);
    spool.quietly(["store", "-d", "x", "unix:///nowhere/socket"]);
    let worked = spool.run(["work", "--deny-private"]);
    assert_eq!(worked.code, Some(1));
    assert!(worked.out.contains("127.0.0.1 is a loopback address"), "{}", worked.out);
    assert!(worked.out.contains("allow unix:/nowhere/socket"), "{}", worked.out);
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Beep;

impl Request for Beep {
    const KIND: &'static str = "beep";

    fn destination(&self) -> Destination {
        Destination::new("beep://me:s3cret@speaker")
    }

    fn check(&self) -> Result<(), Invalid> {
        Ok(())
    }
}

#[test]
fn a_kind_that_this_binary_lacks_is_given_up_untried_and_can_be_brought_back() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let engine = slipstream_log::Spool::open(spool.path()).unwrap();
    let record = Record::new(&Beep, RecordId::from_bytes([7; 16])).unwrap();
    engine.store(&Source::named(b"a"), &[record]).unwrap();
    spool.quietly(["store", &receiver.url("/")]);
    let worked = spool.run(["work"]);
    assert_eq!(worked.code, Some(1));
    let why = "nothing here performs requests of kind 'beep'";
    assert!(worked.out.contains(why), "{worked:?}");
    assert_eq!(spool.sums(), [2, 0, 1, 1]);
    let listed = spool.run(["failed", "list", "--kind", "beep"]).out;
    assert!(listed.contains("beep  beep://***@speaker  0 attempts"), "{listed}");
    let id = listed.split_whitespace().next().unwrap();
    assert!(spool.run(["failed", "show", id]).out.contains(why));
    assert_eq!(spool.run(["failed", "retry", "--kind", "beep", "--all"]).code, Some(0));
    assert_eq!(spool.sums(), [2, 1, 0, 1]);
}

#[test]
fn the_kinds_are_listed() {
    let spool = Spool::new();
    let listed = spool.run(["kinds", "--json"]);
    let rows: Value = serde_json::from_str(&listed.out).unwrap();
    let rows = rows.as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    let text = spool.run(["kinds"]).out;
    assert_eq!(names[..2], ["http", "tcp"]);
    for row in rows {
        for scheme in row["schemes"].as_array().unwrap() {
            assert!(text.contains(scheme.as_str().unwrap()), "{text}");
        }
        // What is shown is a command that stores.
        let example = row["example"].as_str().unwrap();
        let mut shell = std::process::Command::new("sh");
        let path = std::path::Path::new(env!("CARGO_BIN_EXE_slipstream")).parent().unwrap();
        let path = format!("{}:{}", path.display(), std::env::var("PATH").unwrap());
        shell.args(["-c", example]).env("PATH", path).env("SLIPSTREAM_DIR", spool.path());
        let stored = shell.env("SLIPSTREAM_CONFIG", "").output().unwrap();
        assert!(stored.status.success(), "{example}: {stored:?}");
    }
    assert_eq!(spool.sums()[0], rows.len() as u64);
}
