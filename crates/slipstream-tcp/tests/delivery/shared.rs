//! Requests that go over one connection.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use slipstream_core::{Handler, Outcome};
use slipstream_tcp::{Framing, TcpHandler, TcpOptions, TcpRequest};

use crate::attempt;
use crate::peer::Peer;

/// One after the other, as a worker hands them over.
fn send_all(options: TcpOptions, requests: &[TcpRequest]) -> Vec<Outcome> {
    let all: Vec<_> = requests.iter().map(|request| (request.clone(), attempt())).collect();
    TcpHandler::new(options).perform_batch(&all)
}

fn lines(url: &str, lines: &[&str]) -> Vec<TcpRequest> {
    let new = |line: &&str| TcpRequest::new(url, *line).framing(Framing::Line).share(true);
    lines.iter().map(new).collect()
}

#[test]
fn requests_share_a_connection_in_their_order() {
    let peer = Peer::new(|mut stream| {
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        all
    });
    let requests = lines(&peer.url(), &["a", "b", "c"]);
    assert_eq!(send_all(TcpOptions::default(), &requests), vec![Outcome::Delivered; 3]);
    assert_eq!(peer.next(), "a\nb\nc\n");
}

#[test]
fn those_that_do_not_say_so_or_go_another_way_stay_apart() {
    let handler = TcpHandler::new(TcpOptions::default());
    let [one, other] = &lines("tcp://h:1", &["a", "b"])[..] else { panic!("two") };
    assert!(handler.can_batch(one, other));
    for apart in [
        TcpRequest::new("tcp://h:1", "b").framing(Framing::Line),
        TcpRequest::new("tls://h:1", "b").framing(Framing::Line).share(true),
        other.clone().idle_timeout(Duration::from_secs(1)),
    ] {
        assert!(!handler.can_batch(one, &apart) && !handler.can_batch(&apart, one), "{apart:?}");
    }
}

#[test]
fn one_that_the_peer_does_not_take_fails_for_itself_alone() {
    // It closes when it meets a line that it does not like.
    let peer = Peer::new(|stream: TcpStream| {
        let lines = BufReader::new(stream).lines();
        lines.map_while(Result::ok).take_while(|line| line != "poison").collect::<Vec<_>>()
    });
    // Enough follows it that its kernel has something unread then.
    let poison = format!("poison\n{}", "x".repeat(300_000));
    let requests = lines(&peer.url(), &["a", &poison, "b"]);
    let outcomes = send_all(TcpOptions::default(), &requests);
    let delivered: Vec<_> = outcomes.iter().map(|o| *o == Outcome::Delivered).collect();
    assert_eq!(delivered, [true, false, true]);
    // Together first, and then each alone.
    let lines: Vec<_> = (0..4).map(|_| peer.next().len()).collect();
    assert_eq!(lines, [1, 1, 0, 1]);
}

#[test]
fn one_that_could_never_be_sent_is_given_up_and_the_others_go() {
    let peer = Peer::new(|mut stream| stream.read_to_end(&mut Vec::new()).unwrap());
    let mut requests = lines(&peer.url(), &["a", "b", "c"]);
    requests[1] = requests[1].clone().idle_timeout(Duration::ZERO);
    let outcomes = send_all(TcpOptions::default(), &requests);
    assert!(matches!(&outcomes[1], Outcome::Failed(failure) if !failure.transient));
    assert_eq!((&outcomes[0], &outcomes[2]), (&Outcome::Delivered, &Outcome::Delivered));
    assert_eq!(peer.next(), 4);
}

#[test]
fn a_peer_that_hangs_is_waited_for_once_for_all_of_them() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let large = "x".repeat(1_000_000);
    let requests = lines(&url, &[&large[..]; 20]);
    let mut options = TcpOptions::default();
    options.idle_timeout = Duration::from_secs(1);
    let since = Instant::now();
    for outcome in send_all(options, &requests) {
        let Outcome::Failed(failure) = outcome else { panic!("it was delivered") };
        assert!(failure.transient && failure.reason.contains("did not take"), "{failure:?}");
    }
    assert!(since.elapsed() < Duration::from_secs(10), "it waited for each of them");
}
