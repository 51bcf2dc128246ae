//! Outcomes of one request at a time.

use std::time::Duration;

use slipstream_core::{FailureScope, Outcome};
use slipstream_mysql::{MysqlHandler, MysqlOptions, MysqlRequest, Param};
use slipstream_tests::MariaDb;

use super::{failure, handler, insert, perform, server};

#[test]
fn every_type_arrives_as_what_it_is() {
    let server = MariaDb::start(&[]);
    server.sql(
        "CREATE TABLE shop.all_of_them (n INT NULL, b BOOL, i BIGINT, u BIGINT UNSIGNED, f DOUBLE, \
         s MEDIUMTEXT CHARACTER SET utf8mb4, x BLOB, j JSON, d DATETIME(3), m DECIMAL(30, 10))",
    );
    let long = "ü".repeat(40_000);
    let request = MysqlRequest::new(server.url()).statement(
        "INSERT INTO all_of_them VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            Param::Null,
            true.into(),
            i64::MIN.into(),
            u64::MAX.into(),
            0.1.into(),
            format!("it's \\ \"😀\" {long}").into(),
            vec![0, 255, b'\'', b'\\', 0xc3].into(),
            Param::json("{\"a\": [1, null]}").unwrap(),
            "2026-11-24 01:02:03.456".into(),
            "12345678901234567890.0123456789".into(),
        ],
    );
    assert_eq!(perform(&handler(), &request), Outcome::Delivered);
    let found = server.sql(
        "SELECT n IS NULL, b, i, u, f, LEFT(HEX(s), 36), CHAR_LENGTH(s), HEX(x), j, d, m \
         FROM shop.all_of_them",
    );
    let text = "69742773205C2022F09F98802220C3BCC3BC";
    assert_eq!(
        found,
        format!(
            "1\t1\t-9223372036854775808\t18446744073709551615\t0.1\t{text}\t40011\t00FF275CC3\t\
             {{\"a\": [1, null]}}\t2026-11-24 01:02:03.456\t12345678901234567890.0123456789"
        )
    );
}

#[test]
fn a_parameter_longer_than_a_packet_arrives_whole() {
    let server = MariaDb::start(&["--max-allowed-packet=64M"]);
    server.sql("CREATE TABLE shop.t (x LONGBLOB)");
    let bytes = vec![b'x'; 20 * 1024 * 1024];
    let request =
        MysqlRequest::new(server.url()).statement("INSERT INTO t VALUES (?)", [bytes.into()]);
    assert_eq!(perform(&handler(), &request), Outcome::Delivered);
    assert_eq!(server.number("SELECT LENGTH(x) FROM t"), 20 * 1024 * 1024);
}

#[test]
fn several_statements_are_done_all_or_not_at_all() {
    let (server, handler) = (server(), handler());
    let first = insert(&server, 1);
    let well = first.clone().statement("UPDATE t SET n = n + ? WHERE id = ?", [5.into(), 1.into()]);
    assert_eq!(perform(&handler, &well), Outcome::Delivered);
    assert_eq!(server.number("SELECT n FROM t WHERE id = 1"), 5);
    let wrong = insert(&server, 2).statement("INSERT INTO t (id) VALUES (1)", []);
    let failed = failure(perform(&handler, &wrong));
    assert_eq!((failed.status, failed.transient), (Some(1062), false));
    assert_eq!(failed.reason, "1062 Duplicate entry '***' for key 'PRIMARY'");
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 1);
}

#[test]
fn what_is_wrong_with_a_statement_is_permanent_and_told_without_values() {
    let (server, handler) = (server(), handler());
    server.sql(
        "USE shop; CREATE TABLE child (t BIGINT NOT NULL, s VARCHAR(3), FOREIGN KEY (t) REFERENCES t (id)) \
         ENGINE=InnoDB; CREATE TABLE mysql.secret (a INT)",
    );
    let table: [(&str, Vec<Param>, u16); 9] = [
        ("INSERT INTO t (id) VALUES (?", vec![1.into()], 1064),
        ("INSERT INTO nowhere VALUES (?)", vec![1.into()], 1146),
        ("UPDATE t SET nothing = ?", vec![1.into()], 1054),
        ("INSERT INTO child VALUES (?, NULL)", vec![777.into()], 1452),
        ("INSERT INTO child VALUES (?, NULL)", vec![Param::Null], 1048),
        ("INSERT INTO child VALUES (1, ?)", vec!["sesame".into()], 1406),
        ("INSERT INTO t (id) VALUES (?)", vec!["sesame".into()], 1366),
        ("INSERT INTO mysql.secret VALUES (?)", vec![1.into()], 1142),
        ("INSERT INTO t VALUES (1); DROP TABLE t", vec![], 1064),
    ];
    for (query, params, code) in table {
        let request = MysqlRequest::new(server.url()).statement(query, params);
        let failed = failure(perform(&handler, &request));
        assert_eq!((failed.status, failed.transient), (Some(code), false), "{failed:?}");
        let shown = failed.reason;
        assert!(!shown.contains("sesame") && !shown.contains("777"), "{shown}");
        assert_eq!(shown.contains("one by one"), query.contains(';'), "{shown}");
    }
    let few = MysqlRequest::new(server.url()).statement("DO ? + ?", [1.into()]);
    let failed = failure(perform(&handler, &few));
    assert!(failed.reason.contains("2 question marks for 1"), "{}", failed.reason);
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 0);
}

#[test]
fn a_local_file_is_read_for_no_server_and_no_statement() {
    let server = MariaDb::start(&["--local-infile=1"]);
    server.sql("CREATE TABLE shop.t (line TEXT)");
    let request = MysqlRequest::new(server.url())
        .statement("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t", []);
    let failed = failure(perform(&handler(), &request));
    assert!(!failed.transient && failed.status.is_some(), "{failed:?}");
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 0);
}

#[test]
fn a_procedure_that_commits_is_found_out() {
    let (server, handler) = (server(), handler());
    server.sql("GRANT CREATE ROUTINE, EXECUTE ON shop.* TO app@'%'");
    for procedure in [
        "CREATE PROCEDURE sly() BEGIN INSERT INTO t (id) VALUES (2); COMMIT; END",
        "CREATE PROCEDURE plain(a INT) BEGIN SELECT a; INSERT INTO t (id) VALUES (a); SELECT 2; END",
    ] {
        let request = MysqlRequest::new(server.url()).statement(procedure, []);
        assert_eq!(perform(&handler, &request), Outcome::Delivered);
    }
    let sly = insert(&server, 1).statement("CALL sly()", []).statement("DO 1", []);
    let failed = failure(perform(&handler, &sly));
    assert!(!failed.transient && failed.reason.contains("ended the transaction"), "{failed:?}");
    let plain = insert(&server, 3).statement("CALL plain(?)", [4.into()]);
    assert_eq!(perform(&handler, &plain), Outcome::Delivered);
    assert_eq!(server.number("SELECT COUNT(*) FROM t WHERE id IN (3, 4)"), 2);
}

#[test]
fn what_a_procedure_left_in_a_transaction_is_committed() {
    let (server, handler) = (server(), handler());
    server.sql("GRANT CREATE ROUTINE, EXECUTE ON shop.* TO app@'%'");
    let body = "BEGIN START TRANSACTION; INSERT INTO t (id) VALUES (1); END";
    for statement in [format!("CREATE PROCEDURE begins() {body}"), "CALL begins()".to_owned()] {
        let request = MysqlRequest::new(server.url()).statement(statement, []);
        assert_eq!(perform(&handler, &request), Outcome::Delivered);
    }
    assert_eq!(server.number("SELECT COUNT(*) FROM t"), 1);
}

#[test]
fn a_deadlock_is_a_passing_failure_of_the_request() {
    let (server, handler) = (server(), handler());
    server.sql("USE shop; INSERT INTO t SELECT seq, 0 FROM seq_1_to_100");
    let mut other = server.session();
    // It has changed more, so it is not the transaction that is rolled back.
    other.sql(
        "BEGIN; UPDATE t SET n = 1 WHERE id = 1; UPDATE t SET n = 1 WHERE id BETWEEN 50 AND 90",
    );
    let failed = std::thread::scope(|scope| {
        let request = MysqlRequest::new(server.url())
            .statement("UPDATE t SET n = 2 WHERE id = 2", [])
            .statement("UPDATE t SET n = 2 WHERE id = 1", []);
        let ours = scope.spawn(move || failure(perform(&handler, &request)));
        server.wait_for(WAITING);
        other.sql("UPDATE t SET n = 1 WHERE id = 2; COMMIT");
        ours.join().unwrap()
    });
    assert_eq!(
        (failed.status, failed.transient, failed.scope),
        (Some(1213), true, FailureScope::Request)
    );
    assert_eq!(server.number("SELECT SUM(n) FROM t"), 43);
}

/// How many transactions wait for a lock. Not from `innodb_trx`, which is made anew only when it was
/// not read for a tenth of a second.
pub(crate) const WAITING: &str = "SELECT variable_value FROM information_schema.global_status \
    WHERE variable_name = 'INNODB_ROW_LOCK_CURRENT_WAITS'";

#[test]
fn a_lock_of_another_session_is_waited_for_no_longer_than_allowed() {
    let server = server();
    server.sql("INSERT INTO shop.t VALUES (1, 0)");
    let mut other = server.session();
    other.sql("BEGIN; UPDATE t SET n = 1");
    let mut options = MysqlOptions::default();
    options.lock_wait = Duration::from_secs(1);
    let handler = MysqlHandler::new(options);
    let request = MysqlRequest::new(server.url()).statement("UPDATE t SET n = 2", []);
    let failed = failure(perform(&handler, &request));
    assert_eq!(
        (failed.status, failed.transient, failed.scope),
        (Some(1205), true, FailureScope::Request)
    );
    other.sql("COMMIT");
    assert_eq!(perform(&handler, &request), Outcome::Delivered);
}

#[test]
fn a_statement_that_takes_too_long_is_given_up_by_the_server_too() {
    let server = server();
    let mut options = MysqlOptions::default();
    options.silent_timeout = Duration::from_secs(1);
    let handler = MysqlHandler::new(options);
    let request = MysqlRequest::new(server.url())
        .statement("INSERT INTO t (id) SELECT 1 FROM (SELECT SLEEP(60)) s", []);
    let failed = failure(perform(&handler, &request));
    assert_eq!(
        (failed.status, failed.transient, failed.scope),
        (Some(1969), true, FailureScope::Request)
    );
    // The request's own time is shorter, and ends it from this side.
    let hasty = request.max_time(Duration::from_millis(200));
    let failed = failure(perform(&handler, &hasty));
    assert!(failed.transient && failed.reason.contains("the request's 200 ms"), "{failed:?}");
}

#[test]
fn a_request_with_a_time_of_its_own_may_take_it_and_leaves_none_to_the_next() {
    let server = server();
    let mut options = MysqlOptions::default();
    options.silent_timeout = Duration::from_millis(300);
    let handler = MysqlHandler::new(options);
    let slow = MysqlRequest::new(server.url())
        .statement("INSERT INTO t (id) SELECT 1 FROM (SELECT SLEEP(1)) s", []);
    let patient = slow.clone().max_time(Duration::from_secs(60));
    assert_eq!(perform(&handler, &patient), Outcome::Delivered);
    let failed = failure(perform(&handler, &slow));
    assert_eq!((failed.status, failed.transient), (Some(1969), true), "{failed:?}");
}

#[test]
fn results_are_thrown_away_up_to_a_limit() {
    let server = server();
    let mut options = MysqlOptions::default();
    options.result_limit = 100_000;
    let handler = MysqlHandler::new(options);
    let select = |rows: u32| {
        let query = format!("SELECT seq, REPEAT('x', 90) FROM seq_1_to_{rows}");
        perform(&handler, &MysqlRequest::new(server.url()).statement(query, []))
    };
    assert_eq!(select(500), Outcome::Delivered);
    let failed = failure(select(5_000));
    assert!(!failed.transient && failed.reason.contains("more than 100000 bytes"), "{failed:?}");
}

#[test]
fn statements_that_cannot_be_prepared_are_executed_without_parameters() {
    let (server, handler) = (server(), handler());
    for query in [
        "CREATE TRIGGER r BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.n = 9; SET @x = 1; END",
        "ALTER TABLE t ADD COLUMN more INT",
        "INSERT INTO t (id) VALUES (1);",
    ] {
        let request = MysqlRequest::new(server.url()).statement(query, []);
        assert_eq!(perform(&handler, &request), Outcome::Delivered, "{query}");
    }
    assert_eq!(server.number("SELECT n FROM t"), 9);
}
