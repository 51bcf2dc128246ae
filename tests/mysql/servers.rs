//! Servers that go away, are full, hang, or take nothing in.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use slipstream_core::{Engine, FailureScope, Outcome, RetryPolicy};
use slipstream_mysql::{MysqlHandler, MysqlOptions, MysqlRequest};
use slipstream_tests::MariaDb;
use slipstream_worker::Worker;

use super::{failure, handler, insert, perform, server, spool, stored};

#[test]
fn a_server_that_was_started_anew_costs_no_attempt() {
    let (mut server, handler) = (server(), handler());
    assert_eq!(perform(&handler, &insert(&server, 1)), Outcome::Delivered);
    server.restart();
    assert_eq!(perform(&handler, &insert(&server, 2)), Outcome::Delivered);
    // So does a server that closed an idle connection.
    let id = server.number("SELECT id FROM information_schema.processlist WHERE user = 'app'");
    server.sql(&format!("KILL {id}"));
    assert_eq!(perform(&handler, &insert(&server, 3)), Outcome::Delivered);
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 3);
}

/// A proxy between a client and a server that cuts the next command off on request.
fn relay(server: &MariaDb, cut: &'static AtomicBool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, to) = (listener.local_addr().unwrap().port(), server.port());
    // It ends with the tests.
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut server = TcpStream::connect(("127.0.0.1", to)).unwrap();
            let (mut back, mut answers) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || drop(std::io::copy(&mut answers, &mut back)));
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(read) = client.read(&mut bytes) {
                    if read == 0 || cut.swap(false, Ordering::SeqCst) {
                        break;
                    }
                    server.write_all(&bytes[..read]).unwrap();
                }
                drop((client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both)));
            });
        }
    });
    port
}

#[test]
fn a_connection_that_turns_out_to_be_dead_is_replaced_while_nothing_can_have_been_done() {
    static CUT: AtomicBool = AtomicBool::new(false);
    let (server, handler) = (server(), handler());
    let port = relay(&server, &CUT);
    let url = format!("mysql://app@127.0.0.1:{port}/shop");
    let insert =
        |id: i32| MysqlRequest::new(&url).statement("INSERT INTO t (id) VALUES (?)", [id.into()]);
    assert_eq!(perform(&handler, &insert(1)), Outcome::Delivered);
    CUT.store(true, Ordering::SeqCst);
    let several = insert(2).statement("INSERT INTO t (id) VALUES (3)", []);
    assert_eq!(perform(&handler, &several), Outcome::Delivered);
    // Its statement is prepared: the first command executes it.
    assert_eq!(perform(&handler, &insert(4)), Outcome::Delivered);
    CUT.store(true, Ordering::SeqCst);
    let failed = failure(perform(&handler, &insert(5)));
    assert!(failed.transient && failed.reason.contains("lost"), "{failed:?}");
}

#[test]
fn a_server_killed_and_started_in_the_middle_of_a_backlog_has_all_of_it_and_nothing_twice() {
    let mut server = server();
    server.sql("CREATE TABLE shop.seen (n BIGINT)");
    let dir = stored((0..3_000_u64).map(|n| {
        MysqlRequest::new(server.url())
            .statement("INSERT INTO seen VALUES (?)", [n.into()])
            .once(true)
    }));
    let spool = spool(&dir);
    let policy = RetryPolicy::default().amended("attempts=1000,base=20ms,cap=20ms").unwrap();
    // A handle to it stays here; the worker is on a thread of its own.
    let working = std::thread::spawn(move || {
        let worker = Worker::new(spool.backlog().unwrap()).handler(handler()).policy(policy);
        worker.run(&mut ()).unwrap()
    });
    for seen in [300, 1_200] {
        server.wait_for(&format!("SELECT COUNT(*) >= {seen} FROM seen"));
        server.restart();
    }
    let summary = working.join().unwrap();
    assert_eq!((summary.delivered, summary.failed), (3_000, 0));
    assert_eq!(server.number("SELECT COUNT(*) FROM seen"), 3_000);
    assert_eq!(server.number("SELECT COUNT(DISTINCT n) FROM seen"), 3_000);
}

#[test]
fn a_server_that_takes_no_more_connections_is_tried_again() {
    let server = MariaDb::start(&["--max-connections=10"]);
    server.sql("CREATE TABLE shop.t (id BIGINT PRIMARY KEY)");
    let handler = handler();
    let occupy = |_| {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
        // It has greeted, so it counts.
        stream.read_exact(&mut [0; 4]).unwrap();
        stream
    };
    let occupied: Vec<_> = (0..10).map(occupy).collect();
    let request = insert(&server, 1);
    let failed = failure(perform(&handler, &request));
    assert_eq!((failed.status, failed.transient), (Some(1040), true));
    assert_eq!(failed.scope, FailureScope::Destination);
    drop(occupied);
    server.wait_for("SELECT COUNT(*) = 1 FROM information_schema.processlist");
    assert_eq!(perform(&handler, &request), Outcome::Delivered);
}

#[test]
fn a_user_that_has_its_connections_already_is_tried_again() {
    let server = server();
    server.sql("ALTER USER app@'%' WITH MAX_USER_CONNECTIONS 1");
    let (first, second) = (handler(), handler());
    assert_eq!(perform(&first, &insert(&server, 1)), Outcome::Delivered);
    let failed = failure(perform(&second, &insert(&server, 2)));
    assert!(matches!(failed.status, Some(1203 | 1226)), "{failed:?}");
    assert_eq!((failed.transient, failed.scope), (true, FailureScope::Destination));
}

#[test]
fn a_server_that_only_reads_is_tried_again() {
    let (server, handler) = (server(), handler());
    server.sql("SET GLOBAL read_only = 1");
    let failed = failure(perform(&handler, &insert(&server, 1)));
    assert_eq!((failed.status, failed.transient), (Some(1290), true));
    assert_eq!(failed.scope, FailureScope::Destination);
    server.sql("SET GLOBAL read_only = 0");
    assert_eq!(perform(&handler, &insert(&server, 1)), Outcome::Delivered);
}

#[test]
fn a_server_that_never_speaks_does_not_delay_a_good_one() {
    let good = server();
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = mute.local_addr().unwrap();
    let dir = stored((0..400).map(|n| {
        match n % 2 {
            0 => MysqlRequest::new(format!("mysql://app@{address}/shop"))
                .statement("INSERT INTO t (id) VALUES (?)", [n.into()]),
            _ => insert(&good, n as u64),
        }
    }));
    let spool = spool(&dir);
    let working = std::thread::spawn(move || {
        let policy = RetryPolicy::default().amended("attempts=1").unwrap();
        let worker = Worker::new(spool.backlog().unwrap()).handler(handler()).policy(policy);
        worker.run(&mut ()).unwrap()
    });
    // It holds on to all that come, and lets them go when the good one has all of its requests.
    let held = mute.accept().unwrap();
    good.wait_for("SELECT COUNT(*) = 200 FROM t");
    drop((held, mute));
    let summary = working.join().unwrap();
    assert_eq!((summary.delivered, summary.failed), (200, 200));
}

#[test]
fn a_server_that_never_speaks_is_left_in_time() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = MysqlOptions::default();
    options.connect_timeout = Duration::from_millis(100);
    let request = MysqlRequest::new(format!("mysql://app@{}/", mute.local_addr().unwrap()))
        .statement("DO 1", []);
    let handler = MysqlHandler::new(options);
    let failed = failure(perform(&handler, &request));
    assert_eq!((failed.transient, failed.scope), (true, FailureScope::Destination));
    drop(mute.accept().unwrap());
    // Requests that are performed together do not each try for themselves.
    let outcomes = crate::perform_batch(&handler, &vec![(request, super::attempt()); 10]);
    assert!(
        outcomes.into_iter().all(|outcome| failure(outcome).scope == FailureScope::Destination)
    );
    drop(mute.accept().unwrap());
    mute.set_nonblocking(true).unwrap();
    assert!(mute.accept().is_err(), "it was tried again");
}
