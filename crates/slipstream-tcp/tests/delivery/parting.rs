//! What counts as delivered when no answer is waited for.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::{Duration, Instant};

use slipstream_core::{FailureScope, Handler, Outcome};
use slipstream_tcp::{Framing, TcpHandler, TcpOptions, TcpRequest};

use crate::peer::Peer;
use crate::{attempt, failure, send, send_briefly};

#[test]
fn a_peer_that_reads_to_the_end_and_closes_has_it_at_once() {
    let peer = Peer::new(|mut stream| {
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        all
    });
    let since = Instant::now();
    let request = TcpRequest::new(peer.url(), "a.b 1 2").framing(Framing::Line);
    let mut patient = TcpOptions::default();
    patient.close_wait = Duration::from_secs(60);
    assert_eq!(TcpHandler::new(patient).perform(&request, &attempt()), Outcome::Delivered);
    assert!(since.elapsed() < Duration::from_secs(30), "it waited for more than the end");
    assert_eq!(peer.next(), "a.b 1 2\n");
}

#[test]
fn what_is_large_arrives_whole_however_slowly_it_is_read() {
    let data: Vec<u8> = (0..8_000_000_u32).map(|n| (n % 251) as u8).collect();
    let peer = Peer::new(|mut stream| {
        let (mut all, mut piece) = (Vec::new(), [0; 7_001]);
        loop {
            match stream.read(&mut piece).unwrap() {
                0 => return all,
                count => all.extend_from_slice(&piece[..count]),
            }
            thread::yield_now();
        }
    });
    assert_eq!(send(&TcpRequest::new(peer.url(), data.clone())), Outcome::Delivered);
    assert!(peer.next() == data);
}

#[test]
fn a_peer_that_greets_and_answers_unasked_has_it_too() {
    let peer = Peer::new(|mut stream| {
        stream.write_all(b"220 hello\r\n").unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&vec![b'x'; 500_000]).unwrap();
        all
    });
    assert_eq!(send(&TcpRequest::new(peer.url(), "x")), Outcome::Delivered);
    assert_eq!(peer.next(), b"x");
}

#[test]
fn a_peer_that_closes_before_it_has_read_everything_does_not_have_it() {
    // Closing with something unread makes the kernel reset the connection.
    let peer = Peer::new(|mut stream| stream.read_exact(&mut [0; 3]).unwrap());
    let failure = failure(send(&TcpRequest::new(peer.url(), "four")));
    assert!(failure.transient && failure.scope == FailureScope::Destination, "{failure:?}");
    assert!(failure.reason.contains("the connection before"), "{failure:?}");
}

#[test]
fn a_peer_that_closed_before_anything_was_sent_does_not_have_it() {
    // Its orderly end is there already when ours is made.
    let peer = Peer::new(drop);
    for size in [1, 100, 1_000_000] {
        let failure = failure(send(&TcpRequest::new(peer.url(), vec![b'x'; size])));
        assert!(
            failure.transient && failure.reason.contains("the connection before"),
            "{failure:?}"
        );
    }
}

#[test]
fn a_peer_that_closed_its_side_first_and_reads_on_has_it() {
    let peer = Peer::new(|mut stream| {
        stream.shutdown(Shutdown::Write).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        all
    });
    assert_eq!(send(&TcpRequest::new(peer.url(), "x")), Outcome::Delivered);
    assert_eq!(peer.next(), b"x");
}

#[test]
fn a_peer_that_leaves_its_side_open_has_it_once_its_kernel_has() {
    let peer = Peer::new(|mut stream| {
        stream.read_exact(&mut [0; 4]).unwrap();
        stream
    });
    let since = Instant::now();
    let request = TcpRequest::new(peer.url(), "four").idle_timeout(Duration::from_secs(60));
    assert_eq!(send_briefly(&request), Outcome::Delivered);
    assert!(since.elapsed() < Duration::from_secs(30), "it waited for more than its kernel");
    drop(peer.next());
}

#[test]
fn a_peer_without_room_for_all_of_it_does_not_have_it() {
    // No connection is accepted, so nothing is read: what fits into the buffers is acknowledged, the rest is not.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let failure = failure(send_briefly(&TcpRequest::new(url.clone(), vec![0; 16_000_000])));
    assert_eq!(failure.reason, format!("{url} did not take what was sent for 100ms"));
    // Or everything fits into our own kernel's, and not into the peer's.
    let mut size = 4_000_000;
    let failure = loop {
        let outcome = send_briefly(&TcpRequest::new(url.clone(), vec![0; size]));
        let failure = match outcome {
            Outcome::Failed(failure) => failure,
            Outcome::Delivered => {
                panic!("{size} bytes were delivered to a listener that reads nothing")
            }
        };
        if failure.reason.contains("acknowledge") {
            break failure;
        }
        size -= 50_000;
    };
    assert!(failure.transient && failure.scope == FailureScope::Destination, "{failure:?}");
}

#[test]
fn a_total_time_out_ends_what_is_still_going_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let request = TcpRequest::new(url.clone(), vec![0; 16_000_000]);
    let failure = failure(send(&request.total_timeout(Duration::from_millis(50))));
    assert_eq!(failure.reason, format!("{url} did not take what was sent within 50ms"));
}

#[test]
fn no_listener_at_an_address_is_a_passing_failure_of_the_destination() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    drop(listener);
    let refused = failure(send(&TcpRequest::new(&url, "x")));
    assert_eq!(refused.reason, format!("connection refused ({url})"));
    let unknown = failure(send(&TcpRequest::new("tcp://no.such.name.invalid:1", "x")));
    assert_eq!(unknown.reason, "cannot resolve the name (tcp://no.such.name.invalid:1)");
    for failure in [refused, unknown] {
        assert!(failure.transient && failure.scope == FailureScope::Destination, "{failure:?}");
    }
}

#[test]
fn what_could_never_be_sent_is_given_up_at_once() {
    let peer = Peer::new(drop);
    for (url, words) in [("tcp://h", "has no port"), (&peer.url(), "there is no data")] {
        let failure = failure(send(&TcpRequest::new(url, "")));
        assert!(!failure.transient && failure.reason.contains(words), "{failure:?}");
    }
}

#[test]
fn a_unix_socket_takes_the_same_and_resets_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("app.sock");
    let url = format!("unix://{}", path.display());
    let missing = failure(send(&TcpRequest::new(&url, "x")));
    assert_eq!(missing.reason, format!("there is no such socket ({url})"));
    let listener = UnixListener::bind(&path).unwrap();
    let peer = thread::spawn(move || {
        let mut all = String::new();
        listener.accept().unwrap().0.read_to_string(&mut all).unwrap();
        listener.accept().unwrap().0.read_exact(&mut [0; 3]).unwrap();
        // This one stays open, and unread.
        (all, listener.accept().unwrap())
    });
    assert_eq!(send(&TcpRequest::new(&url, "hello")), Outcome::Delivered);
    let reset = failure(send(&TcpRequest::new(&url, "four")));
    assert!(reset.transient && reset.reason.contains("the connection before"), "{reset:?}");
    assert_eq!(send_briefly(&TcpRequest::new(&url, "open")), Outcome::Delivered);
    assert_eq!(peer.join().unwrap().0, "hello");
}
