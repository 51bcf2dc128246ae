//! Every message of this crate in a few snapshots, so that wording can be reviewed.

use slipstream_core::Request;

use crate::json::parse_line;
use crate::request::MysqlRequest;
use crate::request::param::Param;

/// Lines of a batch that are refused, and what is said then.
#[test]
fn refusals() {
    let lines = [
        r#"{"url":"mysql:h","query":"DO 1"}"#,
        r#"{"url":"mysql://h/db","query":"DO 1"}"#,
        r#"{"url":"mysql://me:s3cret@h/db","query":"DO 1"}"#,
        r#"{"url":"mysql://me@h/db/t","query":"DO 1"}"#,
        r#"{"url":"mysql://me@h/db?a=1","query":"DO 1"}"#,
        r#"{"url":"mysql://me@h/db?socket=run/s","query":"DO 1"}"#,
        r#"{"url":"mysql://me@h/a b","query":"DO 1"}"#,
        r#"{"url":"mysql://me@h/%00","query":"DO 1"}"#,
        r#"{"url":"mysql://me@h:0/db","query":"DO 1"}"#,
        r#"{"url":"mysql://me@h/db"}"#,
        r#"{"url":"mysql://me@h/db","statements":[]}"#,
        r#"{"url":"mysql://me@h/db","query":""}"#,
        r#"{"url":"mysql://me@h/db","query":"DO ?","params":[1,2]}"#,
        r#"{"url":"mysql://me@h/db","query":"DO ?","params":[[1]]}"#,
        r#"{"url":"mysql://me@h/db","query":"DO ?","params":[{"base64":"?"}]}"#,
        r#"{"url":"mysql://me@h/db","query":"DO ?","params":[{"hex":"00"}]}"#,
        r#"{"url":"mysql://me@h/db","query":"BEGIN"}"#,
        r#"{"url":"mysql://me@h/db","statements":[{"query":"DO 1"},{"query":"DROP TABLE t"}]}"#,
        r#"{"url":"mysql://me@h/db","query":"DROP TABLE t","once":true}"#,
        r#"{"url":"mysql://me@h/","query":"DO 1","once":true}"#,
        r#"{"url":"mysql://me@h/db","query":"DO 1","password":"s3cret"}"#,
        r#"{"url":"mysql://h/db","query":"DO 1","defaults_file":"my.cnf"}"#,
        r#"{"url":"mysql://me@h/db","query":"DO 1","cacert":"none"}"#,
        r#"{"url":"mysql://me@h/db","query":"DO 1","server_public_key":"none"}"#,
        r#"{"url":"mysql://me@h/db","query":"DO 1","tls":"always"}"#,
        r#"{"url":"mysql://me@h/db","query":"DO 1","max_time":0}"#,
    ];
    let mut text = String::new();
    for line in lines {
        let refused = parse_line(line.as_bytes()).and_then(|request| request.check());
        let said = refused.err().map_or("(is taken)".to_owned(), |error| error.to_string());
        text.push_str(&format!("{line}\n  {said}\n"));
    }
    for param in ["int:x", "uint:-1", "float:x", "bool:x", "json:x", "base64:?"] {
        text.push_str(&format!("{param}\n  {}\n", Param::parse(param).unwrap_err()));
    }
    let infinite = MysqlRequest::new("mysql://me@h/db").statement("DO ?", [Param::Float(f64::NAN)]);
    text.push_str(&format!("not a number\n  {}\n", infinite.check().unwrap_err()));
    insta::assert_snapshot!(text);
}

#[cfg(feature = "deliver")]
mod deliver {
    use std::io;
    use std::time::Duration;

    use crate::deliver::classify;
    use crate::deliver::trouble::Trouble;
    use crate::deliver::wire::Error;
    use crate::request::MysqlRequest;

    fn errors() -> Vec<Error> {
        let message = "Duplicate entry 'me@example.com' for key 'PRIMARY'".to_owned();
        vec![
            Error::Server { code: 1062, message },
            Error::Lost(io::Error::from_raw_os_error(104)),
            Error::Lost(io::Error::from_raw_os_error(24)),
            Error::Silent(Duration::from_secs(30)),
            Error::Late,
            Error::Protocol("words of what is wrong"),
            Error::Tls("words of OpenSSL".to_owned()),
            Error::NoTls,
            Error::Plugin("auth_ed25519".to_owned()),
            Error::Unprotected,
            Error::Key,
            Error::Params { wanted: 2, given: 1 },
            Error::TooMuch(1 << 20),
        ]
    }

    /// What is noted of an attempt, by what happened.
    #[test]
    fn failures() {
        let message = || "CREATE command denied".to_owned();
        let mut all: Vec<_> = errors().into_iter().map(Trouble::Wire).collect();
        all.extend([
            Trouble::Commit(Error::NoTls),
            Trouble::Ended,
            Trouble::StoredCode,
            Trouble::NoTable { code: 1142, message: message() },
        ]);
        let said = all.iter().map(|trouble| {
            let debug = format!("{trouble:?}");
            format!("{debug}\n  {}\n", classify::trouble(trouble, None, "h:3306").reason)
        });
        let mut text: String = said.collect();
        for error in errors() {
            if matches!(error, Error::NoTls | Error::Tls(_) | Error::Unprotected) {
                let reason = classify::guarded(&error, "h:3306").reason;
                text.push_str(&format!("{error:?}, where the password is guarded\n  {reason}\n"));
            }
        }
        let request = MysqlRequest::new("mysql://me@h/db")
            .statement("DO 1; DO 'me@example.com'", [])
            .max_time(Duration::from_millis(500));
        let message = "You have an error in your SQL syntax; check the manual that corresponds to your MariaDB server version for the right syntax to use near 'DO 'me@example.com'' at line 1".to_owned();
        for error in [Error::Server { code: 1064, message }, Error::Late] {
            let text_of = classify::trouble(&Trouble::Wire(error), Some(&request), "h:3306").reason;
            text.push_str(&format!("with a request's own words and time\n  {text_of}\n"));
        }
        insta::assert_snapshot!(text);
    }
}
