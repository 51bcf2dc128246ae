//! Requests that are executed exactly once.

use std::process::{Command, Stdio};

use slipstream_core::{Attempt, Engine, Handler, Outcome, RecordId};
use slipstream_mysql::MysqlRequest;
use slipstream_worker::Worker;

use super::{attempt, failure, handler, insert, perform, server, spool, stored};

fn worker(spool: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mysql-worker"));
    command.arg(spool.path().join("spool")).stdout(Stdio::null());
    command
}

/// Each row may be there once only by the request's id: the table would take it twice.
fn counting(server: &slipstream_tests::MariaDb, n: u64) -> MysqlRequest {
    MysqlRequest::new(server.url()).statement("INSERT INTO seen VALUES (?)", [n.into()])
}

#[test]
fn a_repeat_finds_that_it_was_executed_and_is_not_again() {
    let (server, handler) = (server(), handler());
    server.sql("CREATE TABLE shop.seen (n BIGINT)");
    let request = counting(&server, 1).once(true);
    let attempt = attempt();
    for number in 1..=3 {
        let attempt = Attempt::new(attempt.id, number);
        assert_eq!(handler.perform(&request, &attempt), Outcome::Delivered);
        assert_eq!(
            crate::perform_batch(
                &handler,
                &[(request.clone(), attempt), (counting(&server, 2), attempt)]
            ),
            [Outcome::Delivered, Outcome::Delivered]
        );
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM seen WHERE n = 1"), 1);
    assert_eq!(server.number("SELECT COUNT(*) FROM seen WHERE n = 2"), 3);
}

#[test]
fn a_failed_attempt_is_not_taken_for_an_execution() {
    let (server, handler) = (server(), handler());
    server.sql("INSERT INTO shop.t VALUES (1, 0)");
    let (request, attempt) = (insert(&server, 1).once(true), attempt());
    assert_eq!(failure(handler.perform(&request, &attempt)).status, Some(1062));
    server.sql("DELETE FROM shop.t");
    assert_eq!(handler.perform(&request, &attempt), Outcome::Delivered);
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 1);
}

#[test]
fn one_that_fails_behind_a_commit_of_its_own_is_executed_again_and_not_taken_for_done() {
    let (server, handler) = (server(), handler());
    server.sql("GRANT CREATE ROUTINE, EXECUTE ON shop.* TO app@'%'");
    // Beginning a transaction commits the one before it, and the request's id with it.
    let body = "BEGIN START TRANSACTION; INSERT INTO t (id) VALUES (1); END";
    let make = format!("CREATE PROCEDURE begins() {body}");
    let make = MysqlRequest::new(server.url()).statement(make, []);
    assert_eq!(perform(&handler, &make), Outcome::Delivered);
    server.sql("INSERT INTO shop.t (id) VALUES (1)");
    let call = MysqlRequest::new(server.url()).statement("CALL begins()", []).once(true);
    let attempt = attempt();
    failure(handler.perform(&call, &attempt));
    server.sql("DELETE FROM shop.t");
    assert_eq!(handler.perform(&call, &attempt), Outcome::Delivered);
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 1);
}

#[test]
fn a_worker_killed_between_commit_and_settlement_costs_no_repeat() {
    let server = server();
    server.sql("CREATE TABLE shop.seen (n BIGINT)");
    let dir = stored((0..40).map(|n| counting(&server, n).once(true)));
    let died = worker(&dir).arg("dies").status().unwrap();
    assert!(!died.success());
    let committed = server.number("SELECT COUNT(*) FROM seen");
    assert!(committed > 0, "it died too early");
    assert!(worker(&dir).status().unwrap().success());
    assert_eq!(server.number("SELECT COUNT(*) FROM seen"), 40);
    assert_eq!(server.number("SELECT COUNT(DISTINCT n) FROM seen"), 40);
    // Without it, what was in flight is repeated.
    let dir = stored((0..40).map(|n| counting(&server, 100 + n)));
    worker(&dir).arg("dies").status().unwrap();
    worker(&dir).status().unwrap();
    assert!(server.number("SELECT COUNT(*) FROM seen WHERE n >= 100") > 40);
}

#[test]
fn a_worker_killed_anywhere_in_a_backlog_costs_no_repeat() {
    let server = server();
    server.sql("CREATE TABLE shop.seen (n BIGINT)");
    let dir = stored((0..3_000).map(|n| counting(&server, n).once(true)));
    for kills in 1..=3 {
        let mut child = worker(&dir).spawn().unwrap();
        server.wait_for(&format!("SELECT COUNT(*) >= {} FROM seen", kills * 500));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(server.number("SELECT COUNT(*) FROM seen") < 3_000, "it was too quick to be killed");
    let last = Worker::new(spool(&dir).backlog().unwrap()).handler(handler());
    assert_eq!(last.run(&mut ()).unwrap().failed, 0);
    assert_eq!(server.number("SELECT COUNT(*) FROM seen"), 3_000);
    assert_eq!(server.number("SELECT COUNT(DISTINCT n) FROM seen"), 3_000);
}

#[test]
fn who_may_not_make_the_table_is_told_what_to_make() {
    let (server, handler) = (server(), handler());
    server.sql(
        "REVOKE ALL ON shop.* FROM app@'%'; GRANT SELECT, INSERT, DELETE ON shop.* TO app@'%'",
    );
    let request = insert(&server, 1).once(true);
    let failed = failure(perform(&handler, &request));
    assert!(!failed.transient && failed.status == Some(1142), "{failed:?}");
    let (_, table) = failed.reason.split_once("right execute: ").expect("it says what to make");
    server.sql(&format!("USE shop; {table}"));
    assert_eq!(perform(&handler, &request), Outcome::Delivered);
}

#[test]
fn old_ids_are_removed_a_few_at_a_time_and_young_ones_stay() {
    let (server, handler) = (server(), handler());
    assert_eq!(perform(&handler, &insert(&server, 1).once(true)), Outcome::Delivered);
    server.sql(
        "USE shop; INSERT INTO slipstream_once SELECT UNHEX(LPAD(HEX(seq), 32, '0')), \
         NOW() - INTERVAL 31 DAY FROM seq_1_to_100; \
         INSERT INTO slipstream_once SELECT UNHEX(LPAD(HEX(seq), 32, 'F')), \
         NOW() - INTERVAL 29 DAY FROM seq_1_to_10",
    );
    // One id in 32 clears up: this one.
    let clearing = |n: u8| {
        let id = [0xee, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Attempt::new(RecordId::from_bytes(id), 1)
    };
    let mut left = Vec::new();
    for n in 0..3 {
        let request = insert(&server, 2 + u64::from(n)).once(true);
        assert_eq!(handler.perform(&request, &clearing(n)), Outcome::Delivered);
        left.push(server.number("SELECT COUNT(*) FROM slipstream_once"));
    }
    assert_eq!(left, [1 + 100 + 10 + 1 - 64, 1 + 10 + 2, 1 + 10 + 3]);
}
