//! `slipstream failed`: what was dead-lettered is listed, and delivered on request.

use std::sync::mpsc::Sender;

use crate::receiver::Receiver;
use crate::run::{Ran, Spool, assert_refused, log_of, ran};
use crate::scrub::scrub;

/// No request has it.
const NOBODY: &str = "019ac1d3-8f00-7c3e-9f00-2d3e4f5a6b7c";

/// A spool with two failed requests in one log and a third in another.
fn spool_with_failed(receiver: &Receiver) -> Spool {
    let spool = Spool::new();
    let secret = receiver.url("/404?key=s3cret").replace("//127", "//s3cret:s3cret@127");
    spool.quietly(["store", "--source=a", "-H", "cookie: s3cret", "-d", "s3cret", &secret]);
    spool.quietly(["store", "--source=a", &receiver.url("/500")]);
    spool.quietly(["store", "--source=b", &receiver.url("/410")]);
    spool.run(["work", "--attempts=1"]);
    assert_eq!(spool.sums(), [3, 0, 3, 0]);
    spool
}

fn listed(spool: &Spool) -> Vec<String> {
    let list = spool.run(["failed", "list"]);
    assert_eq!(list.code, Some(0), "{list:?}");
    let mut lines: Vec<_> = list.out.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The id of the request that failed with this status.
fn id(spool: &Spool, status: &str) -> String {
    // Ids, ports and times have such digits, too.
    let path = format!("/{status}");
    let line = listed(spool).into_iter().find(|line| line.contains(&path)).unwrap();
    line.split(' ').next().unwrap().to_owned()
}

fn retry(spool: &Spool, args: &[&str]) -> Ran {
    spool.run([&["failed", "retry"], args].concat())
}

#[test]
fn a_failed_request_is_a_line_without_its_secrets() {
    let spool = spool_with_failed(&Receiver::new());
    let lines: Vec<_> = listed(&spool).iter().map(|line| scrub(line)).collect();
    let expected = [
        "ID  http  POST http://***@HOST/404?key=***  1 attempt  stored AGE ago  failed/LOG  404 Not Found",
        "ID  http  GET http://HOST/500  1 attempt  stored AGE ago  failed/LOG  500 Internal Server Error",
        "ID  http  GET http://HOST/410  1 attempt  stored AGE ago  failed/LOG  410 Gone",
    ];
    assert_eq!(lines, expected);
    let json = spool.run(["failed", "list", "--json"]);
    let line = r#"{"id":"ID","kind":"http","to":"http://HOST","request":"POST http://***@HOST/404?key=***","attempts":1,"stored":"TIME","log":"failed/LOG","age_seconds":0,"reason":"404 Not Found","status":404}"#;
    assert_eq!((json.code, &*json.err), (Some(0), ""));
    assert_eq!(json.out.lines().count(), 3);
    assert!(
        scrub(&json.out).lines().any(|shown| shown.replace("_seconds\":1", "_seconds\":0") == line),
        "{json:?}"
    );
}

#[test]
fn all_are_retried_with_their_ids_and_all_their_attempts() {
    let receiver = Receiver::new();
    let spool = spool_with_failed(&receiver);
    let will = |code, will| {
        ran(code, &format!("3 requests in 2 logs {will} be delivered by the next worker\n"), "")
    };
    assert_eq!(retry(&spool, &["--all", "--dry-run"]), will(0, "would"));
    assert_eq!(spool.sums(), [3, 0, 3, 0]);
    let before = listed(&spool);
    assert_eq!(retry(&spool, &["--all"]), will(0, "will"));
    assert_eq!(spool.sums(), [3, 3, 0, 0]);
    let none = ran(0, "", "slipstream: no failed requests in SPOOL\n");
    assert_eq!(spool.run(["failed", "list"]), none);
    spool.run(["work", "--attempts=1"]);
    assert_eq!(receiver.got().len(), 6);
    assert_eq!(listed(&spool), before);
}

#[test]
fn one_is_retried_by_its_id_and_the_others_stay_failed() {
    let receiver = Receiver::new();
    let spool = spool_with_failed(&receiver);
    let expected = "1 request in 1 log will be delivered by the next worker\n";
    assert_eq!(retry(&spool, &[&id(&spool, "404")]), ran(0, expected, ""));
    assert_eq!(spool.sums(), [3, 1, 2, 0]);
    let left: Vec<_> = listed(&spool).iter().map(|line| scrub(line)).collect();
    let expected = [
        "ID  http  GET http://HOST/500  1 attempt  stored AGE ago  processing/LOG  500 Internal Server Error",
        "ID  http  GET http://HOST/410  1 attempt  stored AGE ago  failed/LOG  410 Gone",
    ];
    assert_eq!(left, expected);
    spool.run(["work", "--attempts=1"]);
    assert_eq!(receiver.got().len(), 4);
    assert_eq!(spool.sums(), [3, 0, 3, 0]);
}

#[test]
fn an_id_that_is_not_there_is_said_and_the_others_are_retried() {
    let spool = spool_with_failed(&Receiver::new());
    let found = id(&spool, "404");
    for (dry, will) in [(&["--dry-run"][..], "would"), (&[], "will")] {
        let some = retry(&spool, &[dry, &[NOBODY, &found]].concat());
        let out = format!("1 request in 1 log {will} be delivered by the next worker\n");
        let err = format!(
            "slipstream: {NOBODY} is not among the failed requests; `slipstream failed list` shows those there are\n"
        );
        assert_eq!(some, ran(1, &out, &err));
    }
    let json = retry(&spool, &["--json", NOBODY]);
    let out = format!(
        r#"{{"requests":0,"logs":0,"dry_run":false,"missing":["{NOBODY}"],"worker_running":false,"left":0}}"#
    );
    assert_eq!((json.code, json.out), (Some(1), out + "\n"));
    assert_refused(&retry(&spool, &["17"]), "invalid value '17' for '");
}

#[test]
fn what_failed_beside_others_that_wait_is_retried_while_no_worker_runs() {
    let receiver = Receiver::new();
    let spool = spool_with_failed(&receiver);
    let (one, two) = (id(&spool, "404"), id(&spool, "500"));
    assert_eq!(retry(&spool, &[&one]).code, Some(0));
    for (dry, will) in [(&["--dry-run"][..], "would"), (&[], "will")] {
        let again = retry(&spool, &[dry, &[&two]].concat());
        assert_eq!(again.out.lines().count(), 1);
        assert!(again.out.contains(&format!(" {will} be delivered")), "{again:?}");
        assert!(again.out.starts_with("1 request in 1 log "), "{again:?}");
        assert_eq!((again.code, &*again.err), (Some(0), ""));
    }
    assert_eq!(spool.sums(), [3, 2, 1, 0]);
    let waits = format!(
        "slipstream: {one} is not among the failed requests: it waits for the next worker already, or was settled since\n"
    );
    assert_eq!(retry(&spool, &[&one]).err, waits);
}

/// A spool whose worker has a log in which one request failed and another waits; the worker, and
/// what it waits for.
fn spool_with_worker(receiver: &Receiver) -> (Spool, std::process::Child, Sender<()>) {
    let spool = Spool::new();
    for path in ["/404", "/held"] {
        spool.quietly(["store", "--source=a", &receiver.url(path)]);
    }
    // One after the other.
    let mut work = spool.command(["work", "--quiet", "--attempts=1", "--concurrency=1"]);
    let worker = work.stderr(std::process::Stdio::null()).spawn().unwrap();
    let held = receiver.wait_for_held();
    (spool, worker, held)
}

#[test]
fn what_a_running_worker_has_is_failed_for_every_command_and_left_alone() {
    let receiver = Receiver::new();
    let (spool, mut worker, held) = spool_with_worker(&receiver);
    assert_eq!(spool.sums(), [2, 1, 1, 0]);
    let status = spool.status();
    assert_eq!(status["states"]["failed"]["requests"], 1, "{status}");
    assert_eq!(status["states"]["processing"]["requests"], 1, "{status}");
    assert_eq!(status["failed_in_processing"], 1, "{status}");
    let text = spool.run(["status"]).out;
    let note = "1 failed request still in processing/, since others in the same log wait\n";
    assert!(text.ends_with(note), "{text}");
    let lines: Vec<_> = listed(&spool).iter().map(|line| scrub(line)).collect();
    assert_eq!(
        lines,
        ["ID  http  GET http://HOST/404  1 attempt  stored AGE ago  processing/LOG  404 Not Found"]
    );
    let id = id(&spool, "404");
    let why = "left alone: a running worker has the log; retry it after the worker has ended\n";
    for (dry, will) in [(&["--dry-run"][..], "would"), (&[], "will")] {
        let nothing = format!("0 requests in 0 logs {will} be delivered by the next worker\n");
        let one = retry(&spool, &[dry, &[&id]].concat());
        assert_eq!(one, ran(1, &nothing, &format!("slipstream: {id} is {why}")));
        let all = retry(&spool, &[dry, &["--all"]].concat());
        assert_eq!(all, ran(1, &nothing, &format!("slipstream: 1 failed request {why}")));
    }
    let json = retry(&spool, &["--all", "--json"]).out;
    let expected =
        r#"{"requests":0,"logs":0,"dry_run":false,"missing":[],"worker_running":true,"left":1}"#;
    assert_eq!(json.trim_end(), expected);
    drop(held);
    assert_eq!(worker.wait().unwrap().code(), Some(1));
    assert_eq!(spool.status()["failed_in_processing"], 0);
    assert_eq!(retry(&spool, &[&id]).code, Some(0));
}

#[test]
fn a_request_that_cannot_be_read_is_listed_and_retried_with_all() {
    let spool = Spool::new();
    spool.run(["init"]);
    let (name, bytes) = log_of(b"s3cret");
    std::fs::write(spool.path().join("failed").join(&name), bytes).unwrap();
    let line = format!("-  -  unreadable  0 attempts  -  failed/{name}  nothing is noted of it\n");
    assert_eq!(spool.run(["failed", "list"]), ran(0, &line, ""));
    assert_eq!(retry(&spool, &[NOBODY]).code, Some(1));
    let will = "1 request in 1 log will be delivered by the next worker\n";
    assert_eq!(retry(&spool, &["--all"]), ran(0, will, ""));
}

#[test]
fn no_spool_has_nothing_that_failed() {
    let spool = Spool::new();
    let none = "slipstream: no failed requests in SPOOL\n";
    assert_eq!(spool.run(["failed", "list"]), ran(0, "", none));
    assert_eq!(spool.run(["failed", "list", "--json"]), ran(0, "", ""));
    let nothing = "0 requests in 0 logs will be delivered by the next worker\n";
    assert_eq!(retry(&spool, &["--all"]), ran(0, nothing, ""));
    assert_eq!(retry(&spool, &[NOBODY]).code, Some(1));
    assert!(!spool.path().exists());
}
