//! Requests that are committed together.

use std::time::Duration;

use slipstream_core::{Attempt, Engine, FailureScope, Handler, Outcome};
use slipstream_mysql::{MysqlHandler, MysqlOptions, MysqlRequest};
use slipstream_tests::MariaDb;
use slipstream_worker::Worker;

use super::{attempt, failure, handler, insert, server, spool, statements, stored};

fn all(requests: impl IntoIterator<Item = MysqlRequest>) -> Vec<(MysqlRequest, Attempt)> {
    requests.into_iter().map(|request| (request, attempt())).collect()
}

/// A handler that knows that no trigger is run by what is inserted into `t` or updated there.
fn knowing(server: &MariaDb, options: MysqlOptions) -> MysqlHandler {
    let handler = MysqlHandler::new(options);
    let update = MysqlRequest::new(server.url())
        .statement("UPDATE t SET n = n + 1 WHERE id = ?", [5_000.into()]);
    assert_eq!(handler.perform(&insert(server, 5_000), &attempt()), Outcome::Delivered);
    assert_eq!(handler.perform(&update, &attempt()), Outcome::Delivered);
    server.sql("DELETE FROM shop.t WHERE id = 5000");
    handler
}

#[test]
fn of_fifty_that_are_committed_together_one_that_fails_does_so_alone() {
    let server = server();
    let handler = knowing(&server, MysqlOptions::default());
    server.sql("INSERT INTO shop.t VALUES (1007, 7)");
    let requests = all((0..50).map(|n| {
        let request = insert(&server, 1_000 + n);
        // Some have several statements, and some are to be executed once.
        match n % 3 {
            0 => request,
            1 => request.statement("UPDATE t SET n = 1 WHERE id = ?", [(1_000 + n).into()]),
            _ => request.once(true),
        }
    }));
    let before = server.status("Com_commit");
    let outcomes = crate::perform_batch(&handler, &requests);
    assert_eq!(server.status("Com_commit") - before, 1);
    for (n, outcome) in outcomes.into_iter().enumerate() {
        if n == 7 {
            let failed = failure(outcome);
            assert_eq!((failed.status, failed.transient), (Some(1062), false));
        } else {
            assert_eq!(outcome, Outcome::Delivered, "{n}");
        }
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 50);
    assert_eq!(server.number("SELECT n FROM t WHERE id = 1007"), 7);
    assert_eq!(server.number("SELECT COUNT(*) FROM slipstream_once"), 16);
}

#[test]
fn one_of_several_statements_that_fails_in_a_group_is_undone_with_its_request() {
    let server = server();
    let handler = knowing(&server, MysqlOptions::default());
    let wrong = insert(&server, 1).statement("INSERT INTO t (id) VALUES (1)", []);
    let once = MysqlRequest::new(server.url()).statement("UPDATE nowhere SET n = 1", []).once(true);
    let outcomes =
        crate::perform_batch(&handler, &all([insert(&server, 2), wrong, once, insert(&server, 4)]));
    let well: Vec<_> = outcomes.iter().map(|outcome| *outcome == Outcome::Delivered).collect();
    assert_eq!(well, [true, false, false, true]);
    assert_eq!(server.sql("SELECT GROUP_CONCAT(id ORDER BY id) FROM shop.t"), "2,4");
    assert_eq!(server.number("SELECT COUNT(*) FROM slipstream_once"), 0);
}

#[test]
fn a_backlog_is_committed_in_groups() {
    let server = server();
    let spool_dir = stored((0..2_000).map(|n| insert(&server, n)));
    server.sql("SET GLOBAL innodb_monitor_enable = 'trx_rw_commits'");
    let worker = Worker::new(spool(&spool_dir).backlog().unwrap()).handler(handler());
    let summary = worker.run(&mut ()).unwrap();
    assert_eq!((summary.delivered, summary.failed), (2_000, 0));
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 2_000);
    let commits = server.number(
        "SELECT count FROM information_schema.innodb_metrics WHERE name = 'trx_rw_commits'",
    );
    // A quiet machine needs less than 400.
    assert!(commits < 1_000, "{commits} commits for 2000 requests");
    // Each thread has one connection, on which the statement is prepared once, and may find out for itself
    // that no trigger is run, on another.
    assert!(server.status("Com_stmt_prepare") <= 8);
}

#[test]
fn a_connection_keeps_so_many_prepared_statements_and_no_more() {
    let (server, handler) = (server(), handler());
    for n in 0..100 {
        let request = MysqlRequest::new(server.url())
            .statement(format!("INSERT INTO t (id, n) VALUES (?, {n})"), [n.into()]);
        assert_eq!(handler.perform(&request, &attempt()), Outcome::Delivered);
    }
    assert_eq!(server.status("Prepared_stmt_count"), 64);
}

#[test]
fn what_commits_by_itself_is_executed_beside_the_group() {
    let (server, handler) = (server(), handler());
    let plain = |query: &str| MysqlRequest::new(server.url()).statement(query, []);
    let outcomes = crate::perform_batch(
        &handler,
        &all([
            insert(&server, 1),
            plain("CREATE TABLE made (a INT)"),
            insert(&server, 2),
            plain("nonsense"),
            plain("SELECT 1"),
            MysqlRequest::new("nonsense"),
        ]),
    );
    let well: Vec<_> = outcomes.iter().map(|outcome| *outcome == Outcome::Delivered).collect();
    assert_eq!(well, [true, true, true, false, true, false]);
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 2);
}

#[test]
fn a_group_that_a_deadlock_ended_is_executed_one_by_one_in_the_same_attempt() {
    let server = server();
    let handler = knowing(&server, MysqlOptions::default());
    server.sql("USE shop; INSERT INTO t SELECT seq, 0 FROM seq_1_to_100");
    let mut other = server.session();
    other.sql(
        "BEGIN; UPDATE t SET n = 1 WHERE id = 1; UPDATE t SET n = 1 WHERE id BETWEEN 50 AND 90",
    );
    let requests = all([
        insert(&server, 1_000),
        MysqlRequest::new(server.url()).statement("UPDATE t SET n = n + 5 WHERE id = 2", []),
        MysqlRequest::new(server.url()).statement("UPDATE t SET n = n + 5 WHERE id = 1", []),
        insert(&server, 1_001),
    ]);
    let outcomes = std::thread::scope(|scope| {
        let ours = scope.spawn(|| crate::perform_batch(&handler, &requests));
        server.wait_for(statements::WAITING);
        other.sql("UPDATE t SET n = 1 WHERE id = 2; COMMIT");
        ours.join().unwrap()
    });
    assert_eq!(outcomes, vec![Outcome::Delivered; 4]);
    assert_eq!(server.number("SELECT SUM(n) FROM t WHERE id IN (1, 2)"), 12);
    assert_eq!(server.status("Innodb_deadlocks"), 1);
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 102);
}

#[test]
fn one_that_waits_for_a_lock_in_vain_fails_alone_even_where_that_ends_the_transaction() {
    for option in ["--innodb-rollback-on-timeout=OFF", "--innodb-rollback-on-timeout=ON"] {
        let server = slipstream_tests::MariaDb::start(&[option]);
        server.sql("CREATE TABLE shop.t (id BIGINT PRIMARY KEY, n INT NOT NULL DEFAULT 0)");
        server.sql("INSERT INTO shop.t VALUES (1, 0)");
        let mut options = MysqlOptions::default();
        options.lock_wait = Duration::from_secs(1);
        let handler = knowing(&server, options);
        let mut other = server.session();
        other.sql("BEGIN; UPDATE t SET n = 1 WHERE id = 1");
        let locked =
            MysqlRequest::new(server.url()).statement("UPDATE t SET n = 2 WHERE id = 1", []);
        let requests = all([insert(&server, 2), locked, insert(&server, 3), insert(&server, 4)]);
        let outcomes = crate::perform_batch(&handler, &requests);
        let failed = failure(outcomes[1].clone());
        assert_eq!((failed.status, failed.scope), (Some(1205), FailureScope::Request));
        for at in [0, 2, 3] {
            assert_eq!(outcomes[at], Outcome::Delivered, "{option}");
        }
        other.sql("COMMIT");
        assert_eq!(server.number("SELECT COUNT(*) FROM t"), 4, "{option}");
    }
}

#[test]
fn one_that_takes_the_connection_with_it_fails_alone() {
    let server = server();
    let handler = knowing(&server, MysqlOptions::default());
    // On a connection that was kept, all of it would be done again.
    let kept = server.number("SELECT id FROM information_schema.processlist WHERE user = 'app'");
    server.sql(&format!("KILL {kept}"));
    let poison = MysqlRequest::new(server.url())
        .statement("UPDATE t SET n = 1 WHERE id = 1 AND SLEEP(60)", []);
    server.sql("INSERT INTO shop.t VALUES (1, 0)");
    let requests = all([insert(&server, 2), poison, insert(&server, 3)]);
    let outcomes = std::thread::scope(|scope| {
        let ours = scope.spawn(|| crate::perform_batch(&handler, &requests));
        let sleeping =
            "FROM information_schema.processlist WHERE info LIKE '%SLEEP(60)%' AND user = 'app'";
        server.wait_for(&format!("SELECT COUNT(*) {sleeping}"));
        let id = server.number(&format!("SELECT id {sleeping}"));
        server.sql(&format!("KILL {id}"));
        ours.join().unwrap()
    });
    let well: Vec<_> = outcomes.iter().map(|outcome| *outcome == Outcome::Delivered).collect();
    assert_eq!(well, [true, false, true], "{outcomes:?}");
    assert!(failure(outcomes[1].clone()).transient);
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 3);
}

#[test]
fn one_that_returns_more_than_is_read_is_undone_and_not_tried_by_itself() {
    let server = server();
    let mut options = MysqlOptions::default();
    options.result_limit = 10_000;
    let handler = knowing(&server, options);
    let before = server.status("Com_insert");
    let wordy = MysqlRequest::new(server.url())
        .statement("INSERT INTO t (id) VALUES (100) RETURNING REPEAT('x', 100000)", []);
    let outcomes =
        crate::perform_batch(&handler, &all([insert(&server, 2), wordy, insert(&server, 3)]));
    let well: Vec<_> = outcomes.iter().map(|outcome| *outcome == Outcome::Delivered).collect();
    assert_eq!(well, [true, false, true]);
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 2);
    // The two others twice, since they were undone with it.
    assert_eq!(server.status("Com_insert") - before, 1 + 2 + 1);
}

#[test]
fn a_group_that_takes_long_is_committed_as_far_as_it_came() {
    let server = server();
    let handler = knowing(&server, MysqlOptions::default());
    let slow = |id: u64| {
        let sql = "INSERT INTO t (id, n) VALUES (?, SLEEP(2.1))";
        MysqlRequest::new(server.url()).statement(sql, [id.into()])
    };
    let outcomes = handler.perform_batch(&all([slow(1), slow(2), slow(3)]));
    assert_eq!(outcomes, [Outcome::Delivered]);
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 1);
    // What does not go the same way is not left to another group.
    let alone = slow(5).max_time(Duration::from_secs(60));
    let outcomes = handler.perform_batch(&all([slow(4), alone]));
    assert_eq!(outcomes, [Outcome::Delivered, Outcome::Delivered]);
}
