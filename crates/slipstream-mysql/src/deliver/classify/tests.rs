//! Which failures pass, and whose fault they are.

use std::time::Duration;

use super::*;

fn answered(code: u16, message: &str) -> Failure {
    let error = Error::Server { code, message: message.to_owned() };
    trouble(&Trouble::Wire(error), None, "db:3306")
}

#[test]
fn a_servers_number_tells_whether_trying_again_helps_and_whose_fault_it_is() {
    let passing = (true, FailureScope::Request);
    let unwell = (true, FailureScope::Destination);
    let wrong = (false, FailureScope::Request);
    let table = [
        (1213, "Deadlock found", passing),
        (1205, "Lock wait timeout exceeded", passing),
        (1969, "Query execution was interrupted (max_statement_time exceeded)", passing),
        (1040, "Too many connections", unwell),
        (1203, "User app already has more than 'max_user_connections'", unwell),
        (1226, "User 'app' has exceeded the 'max_user_connections' resource", unwell),
        (1290, "running with the --read-only option", unwell),
        (1290, "running with the --secure-file-priv option", wrong),
        (1836, "Running in read-only mode", unwell),
        (1053, "Server shutdown in progress", unwell),
        (1021, "Disk full", unwell),
        (1114, "The table 't' is full", unwell),
        (1045, "Access denied for user 'app'@'h' (using password: YES)", passing),
        (9001, "Max connect timeout reached", unwell),
        (1044, "Access denied for user 'app'@'h' to database 'd'", wrong),
        (1049, "Unknown database 'd'", wrong),
        (1142, "INSERT command denied", wrong),
        (1064, "You have an error in your SQL syntax", wrong),
        (1146, "Table 'd.t' doesn't exist", wrong),
        (1054, "Unknown column 'a' in 'field list'", wrong),
        (1062, "Duplicate entry 'a' for key 'PRIMARY'", wrong),
        (1452, "Cannot add or update a child row", wrong),
        (1048, "Column 'a' cannot be null", wrong),
        (1406, "Data too long for column 'a' at row 1", wrong),
    ];
    for (code, message, expected) in table {
        let failure = answered(code, message);
        assert_eq!((failure.transient, failure.scope), expected, "{code} {message}");
        assert_eq!(failure.status, Some(code));
        assert_eq!(failure.answer.as_deref(), Some(message));
    }
}

#[test]
fn a_reason_is_the_number_and_the_text_without_values() {
    let failure = answered(1062, "Duplicate entry 'sesame' for key 'PRIMARY'");
    assert_eq!(failure.reason, "1062 Duplicate entry '***' for key 'PRIMARY'");
}

#[test]
fn of_two_statements_in_one_it_is_said_how_to_give_them() {
    let error =
        || Trouble::Wire(Error::Server { code: SYNTAX, message: "near 'x' at line 1".to_owned() });
    let request = |query: &str| MysqlRequest::new("mysql://a@db/").statement(query, []);
    let two = trouble(&error(), Some(&request("DO 1; DO 2")), "db");
    assert!(two.reason.ends_with("not with ';' between them"), "{}", two.reason);
    let one = trouble(&error(), Some(&request("DO 1 2;")), "db");
    assert_eq!(one.reason, "1064 near 'x' at line 1");
}

#[test]
fn a_silent_server_is_at_fault_and_a_request_that_is_short_of_time_itself() {
    let silent = trouble(&Trouble::Wire(Error::Silent(Duration::from_secs(30))), None, "db:3306");
    assert_eq!(silent.reason, "no answer within 30s (db:3306)");
    assert_eq!((silent.transient, silent.scope), (true, FailureScope::Destination));
    let request = MysqlRequest::new("").max_time(Duration::from_secs(1));
    let late = trouble(&Trouble::Wire(Error::Late), Some(&request), "db:3306");
    assert_eq!((late.transient, late.scope), (true, FailureScope::Request));
}
