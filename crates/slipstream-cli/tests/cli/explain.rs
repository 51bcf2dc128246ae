//! `slipstream work --explain`: the policy, its schedule, and what it is worth.

use serde_json::Value;

use crate::run::{Spool, assert_refused, ran};

#[test]
fn the_schedule_of_the_default_is_a_table_with_a_warning() {
    let spool = Spool::new();
    let table = "\
attempts=3,base=2s,factor=2,cap=10m,jitter=0.2,retry-after-cap=1h

attempt  round  wait  earliest    latest
      1      1    0s        0s        0s
      2      1    2s        2s  2s 400ms
      3      1    4s        6s  7s 200ms

Times count from the first attempt. What is due between two runs waits for the next one, and a
destination may ask for up to 1h more (Retry-After). A request that none of its
3 attempts delivered is kept in failed/.
A longer schedule may have waits of up to 6 days and 65,535 attempts in all. It ends earlier
where a request expires (store --ttl, work --max-age), and where too much waits in processing/:
1,440 logs in a slot, or as many bytes as may wait in ready/; the oldest log is overwritten then.
";
    let warning = "slipstream: the last attempt is made 7s 200ms after the first, and the next run (5m later) finds nothing left to try: a destination that is down for that long has its requests given up; for more, add rounds, such as rounds=4,every=1h\n";
    assert_eq!(spool.run(["work", "--explain"]), ran(0, table, warning));
    assert_eq!(spool.run(["work", "--explain", "--every=7s"]), ran(0, table, ""));
    assert!(!spool.path().exists());
}

#[test]
fn json_tells_each_attempt() {
    let spool = Spool::new();
    let retry = "--retry=attempts=2,base=10s,rounds=2,every=1d,jitter=0";
    let explained = spool.run(["work", "--explain", "--json", retry]);
    let expected = r#"{"policy":"attempts=2,base=10s,factor=2,cap=10m,jitter=0,rounds=2,every=1day,retry-after-cap=1h","attempts":4,"every_seconds":300.0,"ends_before_next_run":false,"schedule":[{"attempt":1,"round":1,"wait_seconds":0.0,"earliest_seconds":0.0,"latest_seconds":0.0},{"attempt":2,"round":1,"wait_seconds":10.0,"earliest_seconds":10.0,"latest_seconds":10.0},{"attempt":3,"round":2,"wait_seconds":86400.0,"earliest_seconds":86410.0,"latest_seconds":86410.0},{"attempt":4,"round":2,"wait_seconds":10.0,"earliest_seconds":86420.0,"latest_seconds":86420.0}]}"#;
    assert_eq!(explained, ran(0, &format!("{expected}\n"), ""));
}

#[test]
fn flags_win_over_the_policy_and_the_policy_over_the_environment() {
    let spool = Spool::new();
    let policy = |args: &[&str], env: &str| {
        let mut command = spool.command(["work", "--explain", "--json"]);
        let output = command.args(args).env("SLIPSTREAM_RETRY", env).output().unwrap();
        let ran = spool.tell(output);
        assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{ran:?}");
        let report: Value = serde_json::from_str(&ran.out).unwrap();
        report["policy"].as_str().unwrap().to_owned()
    };
    let begins = |text: String, begin: &str| assert!(text.starts_with(begin), "{text}");
    begins(policy(&[], "attempts=7,base=1m"), "attempts=7,base=1m,");
    begins(policy(&["--retry=attempts=5"], "attempts=7,base=1m"), "attempts=5,base=2s,");
    let flags = ["--retry=attempts=5,base=1m,cap=2m", "--attempts=4", "--backoff=1h"];
    begins(policy(&flags, ""), "attempts=4,base=1h,factor=2,cap=1h,");
}

#[test]
fn a_policy_that_is_none_is_refused() {
    let table: &[(&[&str], &str)] = &[
        (&["--retry", "attempts=many"], "attempts 'many' is no number from 1 to 65535"),
        (&["--retry", "often=1"], "knows no 'often'; write such as"),
        (&["--attempts", "70000"], "attempts '70000' is no number from 1 to 65535"),
        (&["--backoff", "7d"], "base '7days' is no time up to 6 days"),
        (&["--retry", "rounds=9000", "--attempts", "9"], "more than 65535 attempts"),
        (&["--every", "1m"], "were not provided: --explain"),
        (&["--json"], "were not provided: --explain"),
        (&["--explain", "--every", "often"], "expected a duration such as"),
    ];
    for (args, words) in table {
        let spool = Spool::new();
        assert_refused(&spool.run([&["work"], *args].concat()), words);
    }
    let spool = Spool::new();
    let mut command = spool.command(["work"]);
    let output = command.env("SLIPSTREAM_RETRY", "often").output().unwrap();
    assert_refused(&spool.tell(output), "'often' is no name=value");
}
