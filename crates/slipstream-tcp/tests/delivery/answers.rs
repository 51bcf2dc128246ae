//! Answers that are waited for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use slipstream_core::{FailureScope, Outcome};
use slipstream_tcp::{Framing, TcpRequest, Until};

use crate::peer::Peer;
use crate::{failure, send, send_briefly};

/// A peer that answers each line so, and leaves its side open until the other end closes.
fn answering(answer: &'static str) -> Peer<String> {
    Peer::new(move |mut stream: TcpStream| {
        let mut line = String::new();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        reader.read_line(&mut line).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        let _ = reader.read_to_string(&mut line);
        line
    })
}

#[test]
fn an_answer_that_matches_delivers() {
    let peer = answering("INSERTED 12\r\n");
    let request = TcpRequest::new(peer.url(), "put").framing(Framing::Crlf);
    assert_eq!(send(&request.clone().expect(r"^INSERTED \d+$")), Outcome::Delivered);
    assert_eq!(send(&request.clone().expect(r"(?i)^inserted\b")), Outcome::Delivered);
    assert_eq!(peer.next(), "put\r\n");
    assert_eq!(send(&request.clone().until(Until::Bytes(8))), Outcome::Delivered);
    assert_eq!(send(&request.until(Until::Line)), Outcome::Delivered);
}

#[test]
fn another_answer_is_a_failure_that_shows_it() {
    let peer = answering("550 no such user\r\n");
    let request = TcpRequest::new(peer.url(), "x").framing(Framing::Line).expect("^250 ");
    let passing = failure(send(&request));
    assert!(passing.transient && passing.scope == FailureScope::Request, "{passing:?}");
    assert_eq!(passing.status, Some(550));
    assert_eq!(passing.answer.as_deref(), Some("550 no such user\r\n"));
    assert!(!failure(send(&request.fail_on("^5"))).transient);
}

#[test]
fn a_peer_that_never_answers_is_waited_for_no_longer_than_the_idle_time_out() {
    let peer = answering("");
    let request = TcpRequest::new(peer.url(), "x").framing(Framing::Line).expect("OK");
    let hung = failure(send_briefly(&request));
    assert_eq!(hung.reason, format!("no answer for 100ms ({})", peer.url()));
    assert!(hung.transient && hung.scope == FailureScope::Destination, "{hung:?}");
    let own = failure(send(&request.idle_timeout(Duration::from_millis(10))));
    assert_eq!(own.reason, format!("no answer for 10ms ({})", peer.url()));
    // A request that gives a server next to no time cannot have it called down for others.
    assert_eq!(own.scope, FailureScope::Request);
}

#[test]
fn a_peer_that_closes_without_an_answer_has_not_delivered() {
    let peer = Peer::new(|stream: TcpStream| {
        BufReader::new(stream).read_line(&mut String::new()).unwrap();
    });
    let request = TcpRequest::new(peer.url(), "x").framing(Framing::Line);
    for until in [Until::Line, Until::Eof, Until::Bytes(1)] {
        let failure = failure(send(&request.clone().until(until)));
        assert!(failure.reason.contains("before its answer was whole"), "{failure:?}");
        assert!(failure.transient && failure.scope == FailureScope::Destination, "{failure:?}");
    }
}

#[test]
fn an_endless_answer_is_cut_off_where_the_limit_is() {
    let peer = Peer::new(|mut stream: TcpStream| while stream.write_all(&[b'x'; 4096]).is_ok() {});
    let request = TcpRequest::new(peer.url(), "x").expect("^y");
    for until in [Until::Line, Until::Eof] {
        let failure = failure(send(&request.clone().until(until)));
        assert_eq!(failure.answer.unwrap().len(), 1024);
    }
}

#[test]
fn a_peer_that_answers_at_the_end_gets_one_by_half_closing() {
    let peer = Peer::new(|mut stream: TcpStream| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        let _ = stream.write_all(format!("{} bytes", all.len()).as_bytes());
    });
    let request = TcpRequest::new(peer.url(), "four").expect("^4 bytes$");
    assert_eq!(send(&request.clone().half_close(true)), Outcome::Delivered);
    assert_eq!(send(&request.clone().half_close(true).until(Until::Eof)), Outcome::Delivered);
    assert!(failure(send_briefly(&request)).reason.starts_with("no answer"));
}

#[test]
fn a_server_that_speaks_first_needs_no_data() {
    let peer = Peer::new(|mut stream: TcpStream| stream.write_all(b"220 ready\r\n").unwrap());
    assert_eq!(send(&TcpRequest::new(peer.url(), "").expect("^220 ")), Outcome::Delivered);
}
