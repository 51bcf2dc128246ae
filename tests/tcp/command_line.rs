//! The binary against the same servers: what its users type.

use slipstream_tests::Program;

use crate::servers::{ask, beanstalkd, lines, redis, rsyslog, url};

#[test]
fn what_is_stored_by_a_command_line_is_with_its_server_after_a_run() {
    let program = Program::new();
    let (redis, rsyslog, beanstalkd, lines) = (redis(), rsyslog("", ""), beanstalkd(), lines());
    let push = ["store", "--framing=crlf", "--expect", "^:[0-9]+$", "-d"];
    program.well([&push[..], &["LPUSH jobs 17", &url(&redis)]].concat());
    let syslog = ["store", "--framing=octets", "--share", "-d"];
    for n in 0..3 {
        let message = format!("<14>1 2026-11-24T12:00:00Z shop app - - - order {n}");
        program.well([&syslog[..], &[&message, &url(&rsyslog)]].concat());
    }
    let put = ["store", "--framing=crlf", "--expect", "^INSERTED ", "-d", "put 0 0 60 5\r\nhello"];
    program.well([&put[..], &[&url(&beanstalkd)]].concat());
    let batch: String = (0..100)
        .map(|n| {
            let url = url(&lines);
            format!("{{\"url\":\"{url}\",\"data\":\"shop.orders {n}\",\"framing\":\"line\",\"share\":true}}\n")
        })
        .collect();
    let batch = program.file("batch", &batch);
    program.well(["store".as_ref(), "--batch".as_ref(), batch.as_os_str()]);
    program.well(["work", "--quiet"]);
    assert_eq!(program.total("delivered"), 105);
    assert_eq!(ask(&redis, "LLEN jobs\r\n"), ":1\r\n");
    let last = |log: &str| (0..3).all(|n| log.contains(&format!("order {n}\n")));
    rsyslog.file_once("log", last);
    assert!(ask(&beanstalkd, "peek-ready\r\n").starts_with("FOUND 1 5"));
    let log = lines.file_once("lines", |log| log.lines().count() == 100);
    assert!((0..100).all(|n| log.contains(&format!("shop.orders {n}\n"))));
}

#[test]
fn an_answer_that_no_attempt_would_change_is_given_up_at_once_and_shown() {
    let (program, redis) = (Program::new(), redis());
    let url = url(&redis);
    let store = ["store", "--framing=crlf", "--expect=^:", "--fail-on=^-(ERR|WRONGTYPE)", "-d"];
    program.well([&store[..], &["NOSUCH 1", &url]].concat());
    assert_eq!(program.run(["work", "--quiet"]).status.code(), Some(1));
    let listed = program.well(["failed", "list"]);
    assert!(listed.contains("  1 attempt  "), "{listed}");
    let id = listed.split_whitespace().next().unwrap();
    let shown = program.well(["failed", "show", id]);
    assert!(shown.contains("-ERR unknown command"), "{shown}");
}
