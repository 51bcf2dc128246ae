//! Nothing that a request does to its session is seen by another.

use slipstream_core::Outcome;
use slipstream_mysql::{MysqlHandler, MysqlOptions, MysqlRequest};
use slipstream_tests::MariaDb;

use super::{attempt, failure, insert, perform, perform_batch};

/// What changes a session, and an expression that is true as long as its state is a new session's. Not
/// FOUND_ROWS(): a MariaDB leaves that to the next connection.
const CHANGES: &[(&str, &str)] = &[
    ("USE other", "DATABASE() = 'shop'"),
    ("SET @x = 1", "@x IS NULL"),
    ("SELECT 1 INTO @x", "@x IS NULL"),
    ("SELECT @x := 1", "@x IS NULL"),
    ("INSERT INTO t (id) VALUES (@x := 900)", "@x IS NULL"),
    ("DO shop.sets()", "@x IS NULL"),
    ("INSERT INTO t (id) VALUES (shop.sets())", "@x IS NULL"),
    ("INSERT INTO t (id) VALUES (shop.selects())", "@x IS NULL"),
    ("INSERT INTO quiet VALUES (1)", "@x IS NULL"),
    ("INSERT INTO loud VALUES (1)", "@x IS NULL"),
    ("INSERT INTO shown VALUES (1)", "@x IS NULL"),
    ("CALL changes()", "@x IS NULL"),
    ("EXECUTE IMMEDIATE 'SET @x = 1'", "@x IS NULL"),
    ("SET SESSION sql_mode = ''", "@@sql_mode LIKE '%STRICT%'"),
    ("SET SESSION time_zone = '+05:00'", "@@time_zone = 'SYSTEM'"),
    ("SET timestamp = 5", "YEAR(NOW()) > 2000"),
    ("SET NAMES latin1", "@@character_set_client = 'utf8mb4'"),
    ("SET SESSION collation_connection = utf8mb4_bin", "@@collation_connection <> 'utf8mb4_bin'"),
    ("SET CHARACTER SET latin1", "@@character_set_results = 'utf8mb4'"),
    ("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "@@tx_isolation = 'REPEATABLE-READ'"),
    ("SET SESSION foreign_key_checks = 0", "@@foreign_key_checks"),
    ("SET SESSION unique_checks = 0", "@@unique_checks"),
    ("SET SESSION auto_increment_increment = 7", "@@auto_increment_increment = 1"),
    ("SET SESSION max_statement_time = 1", "@@max_statement_time > 1"),
    ("SET autocommit = 0", "@@autocommit"),
    ("SET ROLE boss", "CURRENT_ROLE() IS NULL"),
    ("CREATE TEMPORARY TABLE t (id BIGINT, n INT)", "EXISTS (SELECT 1 FROM t WHERE n = 55)"),
    (
        "CREATE OR REPLACE TEMPORARY TABLE t AS SELECT 1 AS id, 2 AS n",
        "EXISTS (SELECT 1 FROM t WHERE n = 55)",
    ),
    ("DO GET_LOCK('l', 0)", "IS_FREE_LOCK('l')"),
    ("INSERT INTO t (id) VALUES (GET_LOCK('l', 0))", "IS_FREE_LOCK('l')"),
    ("INSERT INTO locking VALUES (1)", "IS_FREE_LOCK('l')"),
    ("DO LAST_INSERT_ID(77)", "LAST_INSERT_ID() = 0"),
    ("INSERT INTO counted VALUES (NULL, 1)", "LAST_INSERT_ID() = 0"),
    ("UPDATE counted SET n = LAST_INSERT_ID(n + 5)", "LAST_INSERT_ID() = 0"),
    ("INSERT INTO assigning VALUES (1)", "@x IS NULL"),
    ("INSERT INTO shop.`assigning` (id) VALUES (2)", "@x IS NULL"),
    ("INSERT INTO numbered (n) VALUES (1)", "LASTVAL(s) IS NULL"),
    ("DO NEXTVAL(s)", "LASTVAL(s) IS NULL"),
    ("INSERT INTO t (id) VALUES (NEXTVAL(s))", "LASTVAL(s) IS NULL"),
    ("FLUSH TABLES t WITH READ LOCK", "EXISTS (SELECT 1 FROM t)"),
    ("SET STATEMENT sql_mode = '' FOR SET @x = 1", "@x IS NULL AND @@sql_mode LIKE '%STRICT%'"),
];

/// A server on which all of that can be done.
fn server() -> MariaDb {
    let server = MariaDb::start(&["--log-bin-trust-function-creators=1"]);
    server.sql(
        "CREATE DATABASE other; USE shop; \
         CREATE TABLE t (id BIGINT, n INT NOT NULL DEFAULT 0); CREATE TABLE other.t LIKE t; \
         INSERT INTO t VALUES (0, 55); \
         CREATE TABLE seen (what INT, ok INT); CREATE TABLE other.seen LIKE seen; \
         CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY, n INT); \
         INSERT INTO counted VALUES (NULL, 1); CREATE SEQUENCE s; \
         CREATE TABLE quiet (id INT); CREATE TABLE loud (id INT); CREATE TABLE locking (id INT); \
         CREATE VIEW shown AS SELECT id FROM loud; \
         CREATE TABLE numbered (id BIGINT DEFAULT NEXTVAL(s), n INT); \
         CREATE TABLE last (id BIGINT DEFAULT LASTVAL(s), n INT); \
         CREATE TRIGGER quiet BEFORE INSERT ON quiet FOR EACH ROW SET NEW.id = (@x := 5); \
         CREATE TRIGGER loud AFTER INSERT ON loud FOR EACH ROW SET @x = 5; \
         CREATE TRIGGER locking AFTER INSERT ON locking FOR EACH ROW DO GET_LOCK('l', 0); \
         CREATE ROLE boss; GRANT ALL ON *.* TO boss; GRANT boss TO app@'%'; \
         GRANT RELOAD ON *.* TO app@'%'; GRANT ALL ON other.* TO app@'%'",
    );
    for body in [
        "FUNCTION sets() RETURNS BIGINT BEGIN SET @x = 5; RETURN 901; END",
        "FUNCTION selects() RETURNS BIGINT BEGIN SELECT 5 INTO @x; RETURN 902; END",
        "FUNCTION assigns() RETURNS BIGINT RETURN @x := 5",
        "FUNCTION peeks() RETURNS BIGINT RETURN COALESCE(@x, 0)",
        "PROCEDURE changes() BEGIN SET @x = 1; END",
        "PROCEDURE holds() BEGIN DECLARE n INT DEFAULT 0; DO GET_LOCK('l', 0); WHILE n < 100 DO \
         EXECUTE IMMEDIATE CONCAT('CREATE TEMPORARY TABLE x', n, ' (a INT)'); SET n = n + 1; \
         END WHILE; END",
    ] {
        server.sql(&format!("DELIMITER //\nUSE shop//\nCREATE {body}//"));
    }
    server.sql(
        "USE shop; CREATE VIEW assigning AS SELECT id FROM t WHERE assigns() = 5 WITH CHECK OPTION; \
         CREATE VIEW peeking AS SELECT id FROM t WHERE peeks() = 0 WITH CHECK OPTION",
    );
    server
}

fn handler() -> MysqlHandler {
    MysqlHandler::new(MysqlOptions::default())
}

/// A request that writes down whether its session is a new one's.
fn look(server: &MariaDb, what: u64, fresh: &str) -> MysqlRequest {
    let sql = format!("INSERT INTO shop.seen SELECT {what}, ({fresh})");
    MysqlRequest::new(server.url()).statement(sql, [])
}

/// The changes that a request saw which had not made them.
fn stale(server: &MariaDb) -> Vec<&'static str> {
    let seen = server.sql("SELECT DISTINCT what FROM shop.seen WHERE NOT COALESCE(ok, 0)");
    seen.lines().map(|what| CHANGES[what.parse::<usize>().unwrap()].0).collect()
}

#[test]
fn what_a_statement_does_to_its_session_is_seen_by_no_other_request() {
    let server = server();
    let mut wrong = Vec::new();
    for (at, (change, fresh)) in CHANGES.iter().enumerate() {
        // Its own handler: nothing is known of the tables.
        let handler = handler();
        let look = || look(&server, at as u64, fresh);
        let plain = || insert(&server, 1);
        let changing = MysqlRequest::new(server.url()).statement(*change, []);
        let mut well = true;
        for request in [plain(), changing.clone(), look(), plain()] {
            well &= perform(&handler, &request) == Outcome::Delivered;
        }
        // In the middle of what is committed together.
        let all = [plain(), plain(), changing, plain(), look(), plain()];
        let all = all.map(|request| (request, attempt()));
        well &= perform_batch(&handler, &all).iter().all(|done| *done == Outcome::Delivered);
        if !well {
            wrong.push(*change);
        }
    }
    assert_eq!((stale(&server), wrong), (vec![], vec![]));
    assert_eq!(server.number("SELECT COUNT(*) FROM seen"), 2 * CHANGES.len() as u64);
    assert_eq!(server.number("SELECT COUNT(*) FROM other.t"), 0);
}

#[test]
fn what_a_request_that_fails_did_to_its_session_is_seen_by_no_other() {
    let server = server();
    let mut wrong = Vec::new();
    for (at, (change, fresh)) in CHANGES.iter().enumerate() {
        let handler = handler();
        let failing = MysqlRequest::new(server.url()).statement(*change, []);
        let failing = failing.statement("INSERT INTO nowhere VALUES (1)", []);
        // What commits by itself is in no transaction.
        if slipstream_core::Request::check(&failing).is_err() {
            continue;
        }
        let all = [insert(&server, 1), failing, look(&server, at as u64, fresh)];
        let outcomes = perform_batch(&handler, &all.map(|request| (request, attempt())));
        let well: Vec<_> = outcomes.iter().map(|one| *one == Outcome::Delivered).collect();
        if well != [true, false, true] {
            wrong.push((*change, outcomes));
        }
    }
    assert_eq!((stale(&server), wrong), (vec![], vec![]));
}

#[test]
fn what_a_session_has_prepared_or_opened_is_there_for_no_other_request() {
    let (server, handler) = (server(), handler());
    for (change, used) in [
        ("PREPARE p FROM 'SELECT 1'", "EXECUTE p"),
        ("HANDLER t OPEN AS h", "HANDLER h READ FIRST"),
        ("CREATE TEMPORARY TABLE x (a INT)", "INSERT INTO x VALUES (1)"),
        ("CREATE TEMPORARY SEQUENCE x", "DO NEXTVAL(x)"),
    ] {
        let request = |sql: &str| MysqlRequest::new(server.url()).statement(sql, []);
        assert_eq!(perform(&handler, &insert(&server, 1)), Outcome::Delivered);
        assert_eq!(perform(&handler, &request(change)), Outcome::Delivered, "{change}");
        assert!(failure(perform(&handler, &request(used))).status.is_some(), "{used}");
        assert_eq!(perform(&handler, &request(change)), Outcome::Delivered, "again {change}");
    }
}

#[test]
fn requests_behind_one_that_uses_another_database_are_executed_in_their_own() {
    let (server, handler) = (server(), handler());
    let outcomes: Vec<_> = (0..100_u64)
        .map(|n| match n {
            5 | 50 => MysqlRequest::new(server.url()).statement("USE other", []),
            // Its id is removed where it was entered, wherever it went.
            7 => MysqlRequest::new(server.url())
                .statement("USE other", [])
                .statement("INSERT INTO nowhere VALUES (1)", [])
                .once(true),
            // A prepared statement would go where it was prepared.
            _ => MysqlRequest::new(server.url())
                .statement(format!("INSERT INTO t (id) VALUES ({n})"), [])
                .once(n % 2 == 0),
        })
        .map(|request| perform(&handler, &request))
        .collect();
    let failed: Vec<_> = (0..100).filter(|at| outcomes[*at] != Outcome::Delivered).collect();
    assert_eq!(failed, [7], "{outcomes:?}");
    assert_eq!(server.number("SELECT COUNT(*) FROM t WHERE n = 0"), 97);
    assert_eq!(server.number("SELECT COUNT(*) FROM other.t"), 0);
    assert_eq!(server.number("SELECT COUNT(*) FROM slipstream_once"), 49);
    let elsewhere = "SELECT COUNT(*) FROM information_schema.tables \
         WHERE table_schema = 'other' AND table_name = 'slipstream_once'";
    assert_eq!(server.number(elsewhere), 0);
}

#[test]
fn a_trigger_does_not_see_what_an_earlier_request_left() {
    let (server, handler) = (server(), handler());
    server.sql(
        "USE shop; CREATE TABLE follows (id INT, last INT, x INT); \
         CREATE TRIGGER follows BEFORE INSERT ON follows FOR EACH ROW \
         SET NEW.last = LAST_INSERT_ID(), NEW.x = @x",
    );
    let request = |sql: &str| MysqlRequest::new(server.url()).statement(sql, []);
    for _ in 0..2 {
        let all = ["counted VALUES (NULL, 1)", "follows (id) VALUES (1)", "quiet VALUES (1)"]
            .repeat(8)
            .into_iter()
            .map(|rest| (request(&format!("INSERT INTO {rest}")), attempt()));
        let all: Vec<_> = all.collect();
        assert_eq!(perform_batch(&handler, &all), vec![Outcome::Delivered; 24]);
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM follows WHERE last = 0 AND x IS NULL"), 16);
}

#[test]
fn a_view_or_a_default_that_reads_its_session_sees_nothing_of_an_earlier_request() {
    let (server, handler) = (server(), handler());
    let insert = |what: &str| {
        (MysqlRequest::new(server.url()).statement(format!("INSERT INTO {what}"), []), attempt())
    };
    let all = [
        "numbered (n) VALUES (1)",
        "shop.last (n) VALUES (1)",
        "assigning VALUES (1)",
        "`peeking` VALUES (1)",
        "t (id) VALUES (1)",
    ];
    let all: Vec<_> = all.repeat(3).into_iter().map(insert).collect();
    for _ in 0..3 {
        assert_eq!(perform_batch(&handler, &all), vec![Outcome::Delivered; 15]);
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM last WHERE id IS NULL"), 9);
}

#[test]
fn a_trigger_that_only_some_rows_run_is_found_out_before_the_group_is_committed() {
    let (server, handler) = (server(), handler());
    server.sql(
        "USE shop; CREATE TABLE upserted (id INT PRIMARY KEY, n INT); \
         CREATE TABLE follows (id INT PRIMARY KEY, last INT); \
         CREATE TRIGGER follows BEFORE UPDATE ON follows FOR EACH ROW \
         SET NEW.last = COALESCE(@x, LAST_INSERT_ID()); INSERT INTO follows VALUES (1, 5)",
    );
    let upsert = |table: &str, id: u64| {
        let sql =
            format!("INSERT INTO {table} VALUES (?, 1) ON DUPLICATE KEY UPDATE id = id + 100");
        (MysqlRequest::new(server.url()).statement(sql, [id.into()]), attempt())
    };
    let counted = || {
        let sql = "INSERT INTO counted VALUES (NULL, 1)";
        (MysqlRequest::new(server.url()).statement(sql, []), attempt())
    };
    // An insert runs none, so what is inserted or updated may be committed together: for now.
    let known = [upsert("follows", 2), counted(), upsert("upserted", 1)];
    assert_eq!(perform_batch(&handler, &known), vec![Outcome::Delivered; 3]);
    let before = server.status("Com_rollback");
    let all = [counted(), upsert("follows", 1), upsert("upserted", 1), upsert("follows", 3)];
    assert_eq!(perform_batch(&handler, &all), vec![Outcome::Delivered; 4]);
    assert_eq!(server.status("Com_rollback") - before, 1);
    assert_eq!(server.sql("SELECT id, last FROM shop.follows WHERE last <> 1"), "101\t0");
    assert_eq!(server.number("SELECT COUNT(*) FROM counted"), 3);
    // It is known now, and not tried again.
    let again = [counted(), upsert("follows", 2), upsert("upserted", 3)];
    assert_eq!(perform_batch(&handler, &again), vec![Outcome::Delivered; 3]);
    assert_eq!(server.status("Com_rollback") - before, 1);
}

#[test]
fn a_session_of_a_requests_own_holds_nothing_when_the_next_begins() {
    let (server, handler) = (server(), handler());
    // A server takes a while to drop so many tables, and gives the lock back behind that.
    let holds = MysqlRequest::new(server.url()).statement("CALL holds()", []);
    for _ in 0..5 {
        assert_eq!(perform(&handler, &holds), Outcome::Delivered);
        assert_eq!(perform(&handler, &look(&server, 0, "IS_FREE_LOCK('l')")), Outcome::Delivered);
    }
    assert_eq!(stale(&server), [""; 0]);
}

#[test]
fn requests_that_cannot_tell_share_a_session_and_no_other_stays_open() {
    let (server, handler) = (server(), handler());
    let ours = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app'";
    let before = server.status("Connections");
    for id in 0..20 {
        assert_eq!(perform(&handler, &insert(&server, id)), Outcome::Delivered);
    }
    let delete = MysqlRequest::new(server.url()).statement("DELETE FROM t WHERE id = 3", []);
    assert_eq!(perform(&handler, &delete), Outcome::Delivered);
    assert_eq!(server.number(ours), 1);
    assert!(server.status("Connections") - before < 10);
    for _ in 0..5 {
        let own = MysqlRequest::new(server.url()).statement("SET @x = 1", []);
        assert_eq!(perform(&handler, &own), Outcome::Delivered);
    }
    server.wait_for(&format!("SELECT ({ours}) = 1"));
    // Nor does the server take their end for a failure.
    assert_eq!(server.status("Aborted_clients"), 0);
}
