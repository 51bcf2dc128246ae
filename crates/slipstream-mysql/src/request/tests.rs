//! Which requests can be delivered, and what is said of the others.

use proptest::prelude::*;

use super::*;

const URL: &str = "mysql://app@db/shop";

fn insert() -> MysqlRequest {
    MysqlRequest::new(URL).statement("INSERT INTO t VALUES (?, ?)", [1.into(), "x".into()])
}

fn refused(request: &MysqlRequest) -> String {
    request.check().unwrap_err().to_string()
}

#[test]
fn a_request_goes_to_host_and_port() {
    assert_eq!(insert().check(), Ok(()));
    assert_eq!(insert().destination().as_str(), "mysql://db:3306");
    assert_eq!(MysqlRequest::new("nonsense").destination().as_str(), "mysql://invalid");
}

#[test]
fn a_request_needs_a_user_a_statement_and_for_once_a_database() {
    let without_user = MysqlRequest::new("mysql://db/").statement("DO 1", []);
    assert!(refused(&without_user).contains("no user"));
    assert_eq!(without_user.defaults_file("/etc/app.cnf").check(), Ok(()));
    assert!(refused(&MysqlRequest::new(URL)).contains("0 statements"));
    assert!(refused(&MysqlRequest::new(URL).statement(" ", [])).contains("empty"));
    assert!(refused(&insert().cacert("/etc/ca.pem")).contains("expected PEM"));
    let nowhere = MysqlRequest::new("mysql://app@db/").statement("DO 1", []).once(true);
    assert!(refused(&nowhere).contains("name one in the url"));
}

#[test]
fn a_password_is_refused_wherever_it_stands_and_not_shown() {
    let with = MysqlRequest::new("mysql://app:sesame@db/").statement("DO 1", []);
    for request in [with, insert().password("sesame"), insert().password("env:ses=ame")] {
        let error = refused(&request);
        assert!(error.contains("env:NAME") && !error.contains("sesame"), "{error}");
    }
    assert_eq!(insert().password("file:/etc/shop.password").check(), Ok(()));
    assert!(refused(&insert().defaults_file("app.cnf")).contains("absolute path"));
}

#[test]
fn a_statement_that_commits_stands_alone() {
    let ddl = MysqlRequest::new(URL).statement("CREATE TABLE t (a INT)", []);
    assert_eq!(ddl.check(), Ok(()));
    assert!(refused(&ddl.clone().statement("DO 1", [])).contains("a request of its own"));
    assert!(refused(&ddl.once(true)).contains("exactly once"));
    for control in ["COMMIT", "begin", "START TRANSACTION", "LOCK TABLES t READ"] {
        let request = MysqlRequest::new(URL).statement(control, []);
        assert!(refused(&request).contains("begun and ended for the request"), "{control}");
    }
}

#[test]
fn parameters_that_no_server_takes_are_refused() {
    let with = |query: &str, params: Vec<Param>| MysqlRequest::new(URL).statement(query, params);
    assert!(refused(&with("DO ?", vec![1.into(), 2.into()])).contains("2 parameters for 1"));
    assert!(refused(&with("DO ?", vec![f64::NAN.into()])).contains("null instead"));
    assert!(refused(&with("DO ?", vec![Param::Json("{".into())])).contains("invalid json"));
    // A question mark may be in quotes: only the server can say that there are too few.
    assert_eq!(with("DO '?'", vec![]).check(), Ok(()));
}

#[test]
fn a_plain_request_takes_little_room_and_all_of_it_reads_back() {
    let bytes = rmp_serde::to_vec_named(&insert()).unwrap();
    assert_eq!(bytes[0], 0x82, "a map of url and statements");
    let full = insert()
        .statement("UPDATE t SET a = NULL", [])
        .password("env:SHOP")
        .defaults_file("/etc/app.cnf")
        .tls(Tls::Verify)
        .cacert("PEM")
        .once(true)
        .max_time(Duration::from_millis(1_500));
    let bytes = rmp_serde::to_vec_named(&full).unwrap();
    assert_eq!(rmp_serde::from_slice::<MysqlRequest>(&bytes).unwrap(), full);
}

proptest! {
    #[test]
    fn any_bytes_are_a_request_or_refused(bytes: Vec<u8>) {
        if let Ok(request) = rmp_serde::from_slice::<MysqlRequest>(&bytes) {
            let _ = (request.check(), request.destination(), request.to_string());
        }
    }
}
