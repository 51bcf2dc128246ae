//! `slipstream work --explain`: which policy counts, and which is refused. What is shown of one is in the transcripts.

use serde_json::Value;

use crate::run::{Spool, assert_refused};

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
        (
            &["--retry", "attempts=many"],
            "'attempts=many' for '--retry <POLICY>'; expected a whole number from 1 to 65535",
        ),
        (&["--retry", "often=1"], "'often=1' for '--retry <POLICY>'; expected NAME=VALUE"),
        (&["--attempts", "70000"], "expected a whole number from 1 to 65535"),
        (&["--backoff", "7d"], "expected a time up to 6 days"),
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
    assert_refused(&spool.tell(output), "'often' for '--retry <POLICY>'; expected NAME=VALUE");
}
