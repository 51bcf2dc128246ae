//! Servers that reset, hang, close, or are killed, and what the worker makes of it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use slipstream_core::operator::{Act, Operator};
use slipstream_core::{FailureScope, Outcome, RetryPolicy, Settlement};
use slipstream_tcp::{Framing, TcpRequest};
use slipstream_tests::Daemon;
use slipstream_worker::Event;

use crate::servers::lines;
use crate::{LONG, failure, send, stored, work, work_by};

fn was_delivered(event: &Event<'_>) -> bool {
    matches!(event, Event::Settled { settlement: Settlement::Delivered, .. })
}

fn socat(with: &str) -> (Daemon, String) {
    let listen = |port| format!("TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork");
    let server = Daemon::socat(|_, port| [listen(port), with.to_owned()]);
    let url = format!("tcp://{}", server.address());
    (server, url)
}

#[test]
fn a_server_that_closes_at_once_has_nothing() {
    let (_server, url) = socat("EXEC:true");
    let request = TcpRequest::new(&url, vec![b'x'; 200_000]);
    for request in [request.clone(), request.expect("x")] {
        let failure = failure(send(&request));
        assert!(failure.transient && failure.scope == FailureScope::Destination, "{failure:?}");
    }
}

#[test]
fn a_server_that_never_answers_is_given_up_in_time() {
    let (_server, url) = socat("EXEC:sleep 60");
    let request = TcpRequest::new(&url, "x").idle_timeout(Duration::from_millis(200));
    let hung = failure(send(&request.clone().expect("x")));
    assert_eq!(hung.reason, format!("no answer for 200ms ({url})"));
    // What it need not answer, it has.
    assert_eq!(send(&request), Outcome::Delivered);
}

/// Every job of a beanstalkd, by its body.
fn jobs(daemon: &Daemon) -> Vec<String> {
    let stream = TcpStream::connect(daemon.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut stream = BufReader::new(stream);
    let mut jobs = Vec::new();
    loop {
        let (mut head, mut job) = (String::new(), String::new());
        stream.get_mut().write_all(b"reserve-with-timeout 0\r\n").unwrap();
        stream.read_line(&mut head).unwrap();
        if head.starts_with("TIMED_OUT") {
            return jobs;
        }
        // Anything else, such as DEADLINE_SOON, has no job behind it.
        assert!(head.starts_with("RESERVED "), "{head:?} after {} jobs", jobs.len());
        stream.read_line(&mut job).unwrap();
        jobs.push(job.trim_end().to_owned());
    }
}

#[test]
fn a_server_killed_in_the_middle_and_started_again_has_every_job_that_it_answered_for() {
    // It writes jobs down before it says that it has them.
    let mut server = Daemon::start("SLIPSTREAM_TEST_BEANSTALKD", "beanstalkd", |dir, port| {
        let (dir, port) = (dir.display().to_string(), port.to_string());
        ["-l", "127.0.0.1", "-p", &port, "-b", &dir].map(str::to_owned).into()
    });
    let dir = tempfile::tempdir().unwrap();
    let url = format!("tcp://{}", server.address());
    let put = |n: u32| {
        let job = format!("job {n}");
        TcpRequest::new(&url, format!("put 0 0 3600 {}\r\n{job}", job.len()))
            .framing(Framing::Crlf)
            .expect(r"^INSERTED \d+$")
    };
    let spool = stored(&dir, (0..1_000).map(put));
    let mut delivered = 0;
    // The rest would be spilled for some seconds, for it to recover.
    let killed = work(&spool, Duration::from_secs(2), |event| {
        delivered += u32::from(was_delivered(event));
        if delivered == 100 {
            server.kill();
        }
    });
    assert!(killed.delivered < 1_000, "it was too quick to be killed in the middle: {killed:?}");
    server.restart();
    spool.apply(Act::Retry, &mut |_| true).unwrap();
    let again = work(&spool, LONG, |_| {});
    assert_eq!((killed.delivered + again.delivered, again.failed), (1_000, 0));
    let got = jobs(&server);
    let different: BTreeSet<_> = got.iter().cloned().collect();
    assert_eq!(different, (0..1_000).map(|n| format!("job {n}")).collect());
    // Only what was in flight may be there twice.
    assert!(got.len() <= 1_000 + 8, "{} jobs", got.len());
}

#[test]
fn a_server_that_hangs_does_not_delay_a_good_one() {
    let good = lines();
    // It takes connections, and never reads or answers.
    let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let to = |address| TcpRequest::new(format!("tcp://{address}"), "line").framing(Framing::Line);
    // As many as one destination may have threads.
    let bad = (0..4).map(|_| to(hangs.local_addr().unwrap()).expect("OK"));
    let spool = stored(&dir, bad.chain((0..200).map(|_| to(good.address()))));
    let (mut delivered, mut by_then) = (0, None);
    let once = RetryPolicy::default().amended("attempts=1").unwrap();
    let summary = work_by(once, &spool, LONG, |event| {
        delivered += u32::from(was_delivered(event));
        if let Event::Settled { settlement: Settlement::Failed, .. } = event {
            by_then.get_or_insert(delivered);
        }
    });
    assert_eq!((summary.delivered, summary.failed), (200, 4));
    assert_eq!(by_then, Some(200), "they waited for those that hang");
}
