//! `slipstream status`: for people and for programs.

use serde_json::json;

use crate::receiver::Receiver;
use crate::run::{Spool, assert_refused, ran};

#[test]
fn no_spool_is_all_zeros_and_a_note() {
    let spool = Spool::new();
    let note = "slipstream: nothing stored yet in SPOOL\n";
    let state = r#"{"logs":0,"requests":0,"bytes":0,"oldest_age_seconds":null}"#;
    let text = format!(
        r#"{{"states":{{"collecting":{state},"ready":{state},"processing":{state},"failed":{state}}},"totals":{{"stored":0,"delivered":0,"pending":0,"failed":0,"set_aside":0,"overwritten":0,"expired":0,"purged":0}},"balanced":true,"worker":{{"running":false,"pid":null}},"failed_in_processing":0}}"#
    );
    assert_eq!(spool.run(["status", "--json"]), ran(0, &(text + "\n"), note));
    assert!(!spool.path().exists());
}

#[test]
fn json_tells_where_everything_is() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/")]);
    spool.quietly(["store", &receiver.url("/404")]);
    spool.run(["work", "--attempts=1"]);
    spool.quietly(["store", &receiver.url("/")]);
    let status = spool.status();
    let states = &status["states"];
    for (state, logs, requests) in
        [("collecting", 1, 1), ("ready", 0, 0), ("processing", 0, 0), ("failed", 1, 1)]
    {
        assert_eq!(states[state]["logs"], logs, "{status}");
        assert_eq!(states[state]["requests"], requests, "{status}");
        assert_eq!(states[state]["bytes"].as_u64() > Some(0), logs > 0);
        assert_eq!(states[state]["oldest_age_seconds"].is_u64(), logs > 0);
    }
    let totals = json!({
        "stored": 3, "delivered": 1, "pending": 1, "failed": 1,
        "set_aside": 0, "overwritten": 0, "expired": 0, "purged": 0
    });
    assert_eq!(status["totals"], totals);
}

#[test]
fn people_get_a_table_and_the_sum() {
    let spool = Spool::new();
    spool.run(["init"]);
    let table = "\
state       logs  requests  bytes  oldest
collecting     0         0    0 B       -
ready          0         0    0 B       -
processing     0         0    0 B       -
failed         0         0    0 B       -

0 stored = 0 delivered + 0 pending + 0 failed + 0 set aside + 0 overwritten + 0 expired + 0 purged
the sum holds
no worker runs
";
    assert_eq!(spool.run(["status"]), ran(0, table, ""));
}

#[test]
fn a_log_that_was_taken_away_by_hand_shows_in_the_sum_and_the_exit_code() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/404")]);
    spool.run(["work", "--attempts=1"]);
    for log in std::fs::read_dir(spool.path().join("failed")).unwrap() {
        std::fs::remove_file(log.unwrap().path()).unwrap();
    }
    let status = spool.run(["status"]);
    assert_eq!(status.code, Some(1), "{status:?}");
    let words = "\nthe sum does NOT hold: stored 1, accounted 0\n";
    assert!(status.out.contains(words), "{status:?}");
    let json = spool.run(["status", "--json"]);
    assert_eq!(json.code, Some(1));
    assert!(json.out.contains(r#""balanced":false"#), "{json:?}");
}

#[test]
fn a_spool_that_cannot_be_read_is_an_error() {
    let spool = Spool::new();
    std::fs::write(spool.path(), "a file").unwrap();
    assert_refused(&spool.run(["status"]), "SPOOL is a file");
}
