//! `slipstream config`, and what files change.

use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::run::{Ran, Spool, ran};

/// Runs it with this file.
fn run_with_file(spool: &Spool, file: &str, args: &[&str]) -> Ran {
    let path = spool.file("slipstream.toml", file);
    let ran = spool.command(args).env("SLIPSTREAM_CONFIG", &path).output().unwrap();
    let mut ran = spool.tell(ran);
    let named = |text: &str| text.replace("HERE/slipstream.toml", "FILE");
    (ran.out, ran.err) = (named(&ran.out), named(&ran.err));
    ran
}

#[test]
fn every_setting_is_shown_with_where_it_comes_from() {
    let spool = Spool::new();
    let file = "
        [store]
        durable = true
        [work]
        concurrency = 7
        allow-host = ['a', 'b']
        proxy = 'http://me:s3cret@proxy:3128'
        ping = 'https://hc-ping.com/0123'
    ";
    let shown = run_with_file(&spool, file, &["--log-format=text", "config"]);
    let expected = "\
setting               value                       from
dir                   SPOOL  SLIPSTREAM_DIR
log-format            text                        the command line
store.durable         true                        FILE
store.source          -                           default
store.ttl             -                           default
store.retry           -                           default
store.warn-after      1h                          default
work.attempts         3                           default
work.backoff          2s                          default
work.retry            -                           default
work.concurrency      7                           FILE
work.max-time         8m                          default
work.max-idle         10s                         default
work.stop-timeout     8s                          default
work.max-age          -                           default
work.connect-timeout  10s                         default
work.request-timeout  2m                          default
work.deny-private     false                       default
work.allow-host       a, b                        FILE
work.allow-secret     -                           default
work.proxy            http://***@proxy:3128       FILE
work.ping             ***                         FILE
";
    let mut lines: Vec<_> = shown.out.lines().map(str::to_owned).collect();
    lines.truncate(expected.lines().count() + 1);
    // As wide as the directory's own name is.
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let shown: Vec<_> = lines.iter().map(|line| words(line)).collect();
    for line in expected.lines() {
        assert!(shown.contains(&words(line)), "{line} is not among {lines:#?}");
    }
}

#[test]
fn a_program_gets_the_same_as_json_and_a_secret_only_when_it_asks() {
    let spool = Spool::new();
    let file = "[work]\nproxy = 'http://me:s3cret@proxy:3128'\nallow-host = ['a']";
    let shown = run_with_file(&spool, file, &["config", "--json"]);
    let report: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(report["files"], json!([{"path": "FILE", "read": true}]));
    let named = |report: &Value, name: &str| {
        let all = report["settings"].as_array().unwrap();
        all.iter().find(|setting| setting["name"] == name).unwrap().clone()
    };
    assert_eq!(
        named(&report, "work.proxy"),
        json!({"name": "work.proxy", "value": "http://***@proxy:3128", "from": "file", "place": "FILE"})
    );
    assert_eq!(named(&report, "work.allow-host")["value"], json!(["a"]));
    assert_eq!(
        named(&report, "work.max-age"),
        json!({"name": "work.max-age", "value": null, "from": "default"})
    );
    let shown = run_with_file(&spool, file, &["config", "--json", "--show-secrets"]);
    let report: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(named(&report, "work.proxy")["value"], "http://me:s3cret@proxy:3128");
}

#[test]
fn the_sample_is_a_file_with_every_setting_that_reads_back() {
    let spool = Spool::new();
    let sample = spool.run(["config", "--sample"]);
    assert_eq!((sample.code, &*sample.err), (Some(0), ""));
    assert_eq!(run_with_file(&spool, &sample.out, &["status"]).code, Some(0));
    // Each with a value that its option would take.
    let in_force: String = sample
        .out
        .lines()
        .map(|line| match line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')) {
            Some(setting) if !setting.ends_with("= \"\"") => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    assert!(in_force.contains("\nconcurrency = 100\n"), "{in_force}");
    assert_eq!(run_with_file(&spool, &in_force, &["work", "--explain"]).code, Some(0));
}

#[test]
fn a_file_says_where_to_store_and_how_a_spool_is_made() {
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let file = format!("dir = {:?}\n[init]\nslots = 3\nrotate = '5m'", spool.path());
    let path = spool.file("slipstream.toml", file);
    let with_file = |args: &[&str]| {
        let mut command = spool.command(args);
        command.env_remove("SLIPSTREAM_DIR").env("SLIPSTREAM_CONFIG", &path);
        spool.tell(command.output().unwrap())
    };
    assert_eq!(with_file(&["store", &receiver.url("/")]), ran(0, "", ""));
    let made = with_file(&["init"]);
    assert!(
        made.out.starts_with("SPOOL is a spool with these settings already\n  slots       3\n")
    );
    assert_eq!(with_file(&["work", "--quiet"]), ran(0, "", ""));
    assert_eq!(receiver.got().len(), 1);
}

#[test]
fn a_flag_that_a_file_sets_is_undone_by_its_opposite_where_there_is_no_file_too() {
    let spool = Spool::new();
    for file in ["", "[work]\nquiet = true\n[store]\ndurable = true"] {
        // Of the kinds, none refuses what says nothing of a request.
        for url in ["http://127.0.0.1:1/", "tcp://127.0.0.1:1"] {
            assert_eq!(
                run_with_file(&spool, file, &["store", "--no-durable", "-dx", url]),
                ran(0, "", "")
            );
        }
        let told = run_with_file(&spool, file, &["work", "--no-quiet", "--attempts=1"]);
        assert!(told.out.starts_with("Processing Job: ..DONE\n"), "{told:?}");
    }
    let quiet = run_with_file(&spool, "[work]\nquiet = true", &["work"]);
    assert_eq!(quiet, ran(0, "", ""));
}

#[test]
fn one_s_own_file_wins_over_the_system_s_and_none_need_be_there() {
    let spool = Spool::new();
    let home = spool.path().parent().unwrap().to_owned();
    let shown = |home: &std::path::Path| {
        let mut command = spool.command(["config", "--json"]);
        command.env_remove("SLIPSTREAM_CONFIG").env("XDG_CONFIG_HOME", home);
        let report: Value =
            serde_json::from_str(&spool.tell(command.output().unwrap()).out).unwrap();
        report["files"].clone()
    };
    // There may be one on the machine that the test runs on.
    assert_eq!(shown(&home)[0]["path"], "/etc/slipstream.toml");
    assert_eq!(shown(&home)[1]["read"], false);
    spool.file("slipstream.toml", "[work]\nquiet = true");
    assert_eq!(shown(&home)[1]["read"], true);
}

#[test]
fn a_file_that_is_wrong_stops_every_command_and_says_where() {
    let spool = Spool::new();
    for (file, error) in [
        ("[work]\nconcurency = 5", "in the config file FILE: unknown key 'concurency' in [work]; "),
        ("[work", "in the config file FILE: invalid TOML at line 1, column 6: "),
        (
            "[work]\nmax-time = 'soon'",
            "in the config file FILE: invalid value 'soon' for '--max-time",
        ),
    ] {
        let refused = run_with_file(&spool, file, &["work"]);
        assert_eq!((refused.code, &*refused.out), (Some(2), ""), "{file}");
        let line = format!("slipstream: {error}");
        assert!(refused.err.starts_with(&line), "{file}: {}", refused.err);
        assert_eq!(refused.err.lines().count(), 1);
    }
    let missing = spool.command(["status"]).env("SLIPSTREAM_CONFIG", "/nowhere/a.toml").output();
    let missing = spool.tell(missing.unwrap());
    assert_eq!(
        missing,
        ran(
            2,
            "",
            "slipstream: cannot read the config file /nowhere/a.toml; mend it, or have SLIPSTREAM_CONFIG name another: No such file or directory (os error 2)\n"
        )
    );
}

#[test]
fn a_policy_that_is_given_wins_over_all_of_a_file_s() {
    let spool = Spool::new();
    let path = spool.file("slipstream.toml", "[work]\nattempts = 9\nbackoff = '9s'");
    let explained = |args: &[&str], retry: Option<&str>| {
        let mut command = spool.command(["work", "--explain"].iter().chain(args));
        command.env("SLIPSTREAM_CONFIG", &path);
        if let Some(retry) = retry {
            command.env("SLIPSTREAM_RETRY", retry);
        }
        let out = spool.tell(command.output().unwrap()).out;
        out.split(",factor").next().unwrap().to_owned()
    };
    assert_eq!(explained(&[], None), "attempts=9,base=9s");
    assert_eq!(explained(&["--retry=attempts=4"], None), "attempts=4,base=2s");
    assert_eq!(explained(&[], Some("attempts=5")), "attempts=5,base=2s");
    assert_eq!(explained(&["--attempts=2"], Some("attempts=5")), "attempts=2,base=2s");
}

#[test]
fn a_spool_that_a_file_describes_wrongly_is_not_made_and_one_line_says_why() {
    let spool = Spool::new();
    let file = "[init]\non-full = 'wait'";
    let refused = run_with_file(&spool, file, &["store", "http://127.0.0.1:9/"]);
    let expected = "slipstream: in the config file FILE: invalid value 'wait' for '--on-full <POLICY>'; expected overwrite or reject; see `slipstream init --help`\n";
    assert_eq!(refused, ran(2, "", expected));
    assert!(!spool.path().exists());
}

#[test]
fn a_value_that_a_command_would_refuse_is_shown_and_said() {
    let spool = Spool::new();
    let file = "[store]\nttl = 'soon'\n[work]\nconcurrency = -3\n[init]\non-full = 'wait'";
    let shown = run_with_file(&spool, file, &["config"]);
    assert_eq!(shown.code, Some(2));
    assert!(shown.out.contains("work.concurrency      -3"), "{}", shown.out);
    let said: Vec<_> = shown.err.lines().collect();
    for (line, (value, help)) in said.iter().zip([
        ("invalid value 'soon' for '--ttl", "see `slipstream store --help`"),
        ("invalid value '-3' for '--concurrency", "see `slipstream work --help`"),
        ("invalid value 'wait' for '--on-full", "see `slipstream init --help`"),
    ]) {
        assert!(line.starts_with("slipstream: in the config file FILE: "), "{line}");
        assert!(line.contains(value) && line.ends_with(help), "{line}");
    }
    assert_eq!(said.len(), 3, "{said:?}");
}

#[test]
fn help_is_given_whatever_a_file_says() {
    let spool = Spool::new();
    for args in [&["--help"][..], &["--version"], &["work", "--help"], &["store", "-h"]] {
        let shown = run_with_file(&spool, "nonsense = 1", args);
        assert_eq!((shown.code, &*shown.err), (Some(0), ""), "{args:?}");
        assert!(shown.out.contains("lipstream"), "{args:?}: {}", shown.out);
    }
}
