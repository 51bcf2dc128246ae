//! Servers that people send to: rsyslog, redis, beanstalkd, and a receiver of lines as graphite's
//! carbon is one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use slipstream_core::Outcome;
use slipstream_tcp::{Framing, TcpHandler, TcpOptions, TcpRequest, Until};
use slipstream_tests::Daemon;

use crate::{LONG, failure, send, send_with, stored, work};

/// An rsyslogd that writes messages down as they came, to `log`.
pub(crate) fn rsyslog(global: &str, module: &str) -> Daemon {
    Daemon::start("SLIPSTREAM_TEST_RSYSLOG", "rsyslogd", |dir, port| {
        let path = |name: &str| dir.join(name).display().to_string();
        let config = format!(
            "global(workDirectory=\"{}\" {global})\n\
             module(load=\"imtcp\" {module})\n\
             input(type=\"imtcp\" port=\"{port}\" address=\"127.0.0.1\")\n\
             template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")\n\
             action(type=\"omfile\" file=\"{}\" template=\"raw\")\n",
            dir.display(),
            path("log"),
        );
        std::fs::write(dir.join("rsyslog.conf"), config).unwrap();
        ["-n", "-f", &path("rsyslog.conf"), "-i", &path("pid")].map(str::to_owned).into()
    })
}

pub(crate) fn redis() -> Daemon {
    Daemon::start("SLIPSTREAM_TEST_REDIS", "redis-server", |dir, port| {
        let (dir, port) = (dir.display().to_string(), port.to_string());
        let args = ["--bind", "127.0.0.1", "--port", &port, "--dir", &dir, "--save", ""];
        args.map(str::to_owned).into()
    })
}

pub(crate) fn beanstalkd() -> Daemon {
    Daemon::start("SLIPSTREAM_TEST_BEANSTALKD", "beanstalkd", |_, port| {
        ["-l", "127.0.0.1", "-p", &port.to_string(), "-z", "100"].map(str::to_owned).into()
    })
}

/// Writes every byte that it is sent to `lines`, whatever connection it comes over.
pub(crate) fn lines() -> Daemon {
    Daemon::socat(|dir: &Path, port| {
        let listen = format!("TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork");
        [listen, format!("OPEN:{},creat,append", dir.join("lines").display())]
    })
}

pub(crate) fn url(daemon: &Daemon) -> String {
    format!("tcp://{}", daemon.address())
}

/// Asks it something by hand.
pub(crate) fn ask(daemon: &Daemon, question: &str) -> String {
    let mut stream = TcpStream::connect(daemon.address()).unwrap();
    stream.write_all(question.as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    answer
}

#[test]
fn rsyslog_takes_lines_and_counted_messages_without_a_wait() {
    let rsyslog = rsyslog("", "");
    let since = Instant::now();
    let message = |n: u32| format!("<14>1 2026-11-24T12:00:00Z shop app - - - order {n}");
    for n in 0..20 {
        let framing = if n % 2 == 0 { Framing::Line } else { Framing::Octets };
        let request = TcpRequest::new(url(&rsyslog), message(n)).framing(framing);
        assert_eq!(send(&request), Outcome::Delivered);
    }
    // A second each, had it been waited for.
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    let log = rsyslog.file_once("log", |log| log.contains(&message(19)));
    for n in 0..20 {
        assert!(log.lines().any(|line| line == message(n)), "{n}: {log}");
    }
}

#[test]
fn a_backlog_of_syslog_messages_that_share_connections_arrives_once_and_in_order() {
    let rsyslog = rsyslog("", "");
    let dir = tempfile::tempdir().unwrap();
    let message = |n: u32| format!("<14>1 2026-11-24T12:00:00Z shop app - - - order {n}");
    let request =
        |n| TcpRequest::new(url(&rsyslog), message(n)).framing(Framing::Octets).share(true);
    let spool = stored(&dir, (0..5_000).map(request));
    assert_eq!(work(&spool, LONG, |_| {}).delivered, 5_000);
    let log = rsyslog.file_once("log", |log| log.lines().count() >= 5_000);
    let mut lines: Vec<_> = log.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!((lines.len(), log.lines().count()), (5_000, 5_000));
}

#[test]
fn redis_takes_inline_commands_and_its_protocol_and_an_error_is_a_failure() {
    let redis = redis();
    let inline = |command: &str| TcpRequest::new(url(&redis), command).framing(Framing::Crlf);
    assert_eq!(send(&inline("PING").expect(r"^\+PONG$")), Outcome::Delivered);
    let set = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$3\r\nb\nc\r\n";
    let set = TcpRequest::new(url(&redis), set).expect(r"^\+OK$");
    assert_eq!(send(&set), Outcome::Delivered);
    let get = inline("GET a").until(Until::Bytes(9)).expect(r"^\$3\r\nb\nc$");
    assert_eq!(send(&get), Outcome::Delivered);
    let wrong = inline("LPUSH a x").expect(r"^:\d+$");
    let passing = failure(send(&wrong));
    assert!(passing.transient && passing.answer.unwrap().starts_with("-WRONGTYPE"));
    assert!(!failure(send(&wrong.fail_on("^-(ERR|WRONGTYPE) "))).transient);
    // And the answer need not be looked at.
    assert_eq!(send(&inline("INCR n")), Outcome::Delivered);
    assert_eq!(ask(&redis, "INCR n\r\n"), ":2\r\n");
}

#[test]
fn beanstalkd_has_a_job_once_it_says_so() {
    let beanstalkd = beanstalkd();
    let put = |job: &str| {
        TcpRequest::new(url(&beanstalkd), format!("put 0 0 60 {}\r\n{job}", job.len()))
            .framing(Framing::Crlf)
            .expect(r"^INSERTED \d+$")
            .fail_on("^JOB_TOO_BIG|^EXPECTED_CRLF")
    };
    assert_eq!(send(&put("hello")), Outcome::Delivered);
    assert_eq!(ask(&beanstalkd, "peek-ready\r\n"), "FOUND 1 5\r\n");
    let large = failure(send(&put(&"x".repeat(101))));
    assert!(!large.transient);
    assert_eq!(large.answer.as_deref(), Some("JOB_TOO_BIG\r\n"));
}

#[test]
fn a_receiver_of_lines_gets_every_one_of_a_backlog() {
    let receiver = lines();
    let dir = tempfile::tempdir().unwrap();
    let line = |n: u32| format!("shop.orders {n} 1795498157");
    let request = |n| TcpRequest::new(url(&receiver), line(n)).framing(Framing::Line).share(true);
    let spool = stored(&dir, (0..500).map(request));
    assert_eq!(work(&spool, LONG, |_| {}).delivered, 500);
    let all = receiver.file_once("lines", |all| all.lines().count() >= 500);
    assert!((0..500).all(|n| all.lines().any(|got| got == line(n))));
}

#[test]
fn a_program_behind_a_unix_socket_answers() {
    let echo = Daemon::socat(|dir, _| {
        let listen = format!("UNIX-LISTEN:{},fork", dir.join("socket").display());
        [listen, "EXEC:cat".to_owned()]
    });
    let url = format!("unix://{}", echo.path("socket").display());
    let request = TcpRequest::new(url, "hello").framing(Framing::Line);
    assert_eq!(send(&request.clone().expect("^hello$")), Outcome::Delivered);
    assert_eq!(send(&request), Outcome::Delivered);
}

#[test]
fn what_beanstalkd_was_only_sent_it_has_too() {
    let beanstalkd = beanstalkd();
    let put = TcpRequest::new(url(&beanstalkd), "put 0 0 60 2\r\nhi").framing(Framing::Crlf);
    let mut patient = TcpOptions::default();
    patient.close_wait = Duration::from_secs(60);
    let since = Instant::now();
    assert_eq!(send_with(&TcpHandler::new(patient), &put), Outcome::Delivered);
    assert!(since.elapsed() < Duration::from_secs(30), "it waited for {:?}", since.elapsed());
    assert_eq!(ask(&beanstalkd, "peek-ready\r\n"), "FOUND 1 2\r\n");
    let mut rest = String::new();
    TcpStream::connect(beanstalkd.address())
        .and_then(|mut stream| {
            stream.write_all(b"quit\r\n")?;
            stream.read_to_string(&mut rest)
        })
        .unwrap();
    assert_eq!(rest, "");
}
