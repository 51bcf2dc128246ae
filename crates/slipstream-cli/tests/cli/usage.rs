//! The command line itself: help, versions, and what is no command.

use std::process::Stdio;

use crate::run::{Spool, assert_refused};

#[test]
fn no_command_shows_the_help_and_fails() {
    let ran = Spool::new().run::<&str>([]);
    assert_eq!((ran.code, &*ran.out), (Some(2), ""));
    assert!(ran.err.contains("Usage: slipstream"), "{ran:?}");
    assert!(ran.err.contains("Examples:"), "{ran:?}");
    let ran = Spool::new().run(["failed"]);
    assert_eq!((ran.code, &*ran.out), (Some(2), ""));
    assert!(ran.err.contains("Usage: slipstream failed"), "{ran:?}");
}

#[test]
fn help_that_was_asked_for_is_output() {
    for command in [
        "store",
        "work",
        "status",
        "init",
        "purge",
        "failed",
        "retry-now",
        "check",
        "inspect",
        "doctor",
        "setup",
        "completions",
        "man",
    ] {
        let ran = Spool::new().run([command, "--help"]);
        assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{ran:?}");
        assert!(ran.out.contains(&format!("Usage: slipstream {command}")), "{ran:?}");
        assert!(ran.out.contains("--dir <DIR>"), "{ran:?}");
    }
    let version = Spool::new().run(["--version"]);
    assert_eq!(version.out, concat!("slipstream ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn what_cannot_be_understood_is_refused_in_one_line() {
    let table: &[(&[&str], &str)] = &[
        (&["deliver"], "unrecognized subcommand 'deliver'; see `slipstream --help`"),
        (&["wrok"], "similar subcommand exists: 'work'"),
        (
            &["store"],
            "the following required arguments were not provided: <URL>...; see `slipstream store --help`",
        ),
        (&["store", "--jsn", "1", "http://h/"], "similar argument exists: '--json'"),
        (&["store", "-F", "a=1", "--json", "1", "http://h/"], "cannot be used with"),
        (&["store", "--batch", "-", "http://h/"], "cannot be used with"),
        (&["work", "--attempts", "0"], "'--attempts <N>'"),
        (&["work", "--concurrency", "10001"], "expected a whole number from 1 to 10000"),
        (&["work", "--concurrency", "0"], "expected a whole number from 1 to 10000"),
        (&["work", "--max-age", "0"], "expected a duration above zero"),
        (&["work", "--backoff", "soon"], "500ms, 60s or 5m; see `slipstream work --help`"),
        (&["failed", "retry"], "--error <TEXT>>; see `slipstream failed retry --help`"),
        (
            &["failed", "retry", "--all", "1"],
            "invalid value '1' for '[ID]...'; expected one such as 019ac1d3",
        ),
        (
            &["purge", "--state", "lost"],
            "invalid value 'lost' for '--state <STATE>'; expected collecting, ready, processing or failed; see `slipstream purge --help`",
        ),
    ];
    for (args, words) in table {
        let spool = Spool::new();
        assert_refused(&spool.run(*args), words);
        assert!(!spool.path().exists(), "{args:?}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let spool = Spool::new();
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["check"],
        &["failed", "list"],
        &["init"],
        &["--help"],
    ] {
        let mut command = spool.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{args:?}");
    }
}

#[test]
fn an_error_cannot_write_to_the_terminal() {
    let spool = Spool::new();
    let ran = spool.run(["--dir", "/nowhere\u{1b}[2J\n/spool", "store", "http://h/"]);
    assert_refused(&ran, "/nowhere\\u{1b}[2J\\n/spool");
}
