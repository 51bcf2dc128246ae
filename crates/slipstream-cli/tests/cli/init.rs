//! `slipstream init`: makes a spool once, and never changes one.

use std::os::unix::fs::MetadataExt;

use crate::run::{Spool, assert_refused, ran};

const DEFAULTS: &str = "
  slots       16
  rotate      1m
  logs        10
  on-full     overwrite
  record-max  8.0 MiB
  log-max     64.0 MiB
  group       none
  network-fs  refused
";

#[test]
fn it_makes_a_spool_with_the_defaults() {
    let spool = Spool::new();
    let made = format!("made a spool in SPOOL{DEFAULTS}");
    assert_eq!(spool.run(["init"]), ran(0, &made, ""));
    let again = format!("SPOOL is a spool with these settings already{DEFAULTS}");
    assert_eq!(spool.run(["init"]), ran(0, &again, ""));
    spool.quietly(["store", "http://h/"]);
    assert_eq!(spool.run(["init"]), ran(0, &again, ""));
}

#[test]
fn it_makes_a_spool_with_other_settings() {
    let spool = Spool::new();
    let made = "made a spool in SPOOL
  slots       4
  rotate      500ms
  logs        3
  on-full     reject
  record-max  64.0 KiB
  log-max     1.0 MiB
  group       none
  network-fs  allowed
";
    let options = "--slots 4 --rotate 500ms --logs 3 --on-full reject --record-max 64KiB --log-max 1MiB --network-fs";
    let args = ["init"].into_iter().chain(options.split(' '));
    assert_eq!(spool.run(args), ran(0, made, ""));
}

#[test]
fn it_makes_a_spool_that_a_group_shares() {
    let spool = Spool::new();
    // A user may give a file to a group of their own.
    let gid = std::fs::metadata("/proc/self").unwrap().gid().to_string();
    let made = spool.run(["init", "--group", &gid]);
    assert_eq!((made.code, &*made.err), (Some(0), ""), "{made:?}");
    let line = made.out.lines().find(|line| line.starts_with("  group  "));
    assert!(line.is_some_and(|line| line.contains(&gid)), "{made:?}");
    assert_eq!(std::fs::metadata(spool.path()).unwrap().mode() & 0o7777, 0o2770);
    spool.quietly(["store", "http://h/"]);
}

#[test]
fn other_settings_than_a_spool_has_are_an_error_that_lists_them() {
    let spool = Spool::new();
    spool.run(["init", "--slots", "4"]);
    let other = spool.run(["init", "--slots", "8", "--rotate", "90"]);
    let words = "SPOOL is a spool already, with slots 4, not 8, rotate 1m, not 1m 30s; its";
    assert_refused(&other, words);
}

#[test]
fn impossible_settings_are_refused_and_make_nothing() {
    let table: &[(&[&str], &str)] = &[
        (&["--slots", "0"], "1 to 999"),
        (&["--rotate", "0s"], "1ms"),
        (&["--rotate", "10us"], "whole number of milliseconds"),
        (&["--rotate", "soon"], "500ms, 60s or 5m"),
        (&["--logs", "0"], "1 to 10000"),
        (&["--record-max", "much"], "64KiB, 8MiB or 1GiB"),
        (&["--log-max", "1KiB"], "one record may need"),
        (&["--on-full", "explode"], "expected overwrite or reject"),
        (&["--group", "no such group"], "there is no group 'no such group'"),
    ];
    for (args, words) in table {
        let spool = Spool::new();
        assert_refused(&spool.run([&["init"], *args].concat()), words);
        assert!(!spool.path().exists(), "{args:?}");
    }
}

#[test]
fn a_directory_with_other_things_in_it_is_left_alone() {
    let spool = Spool::new();
    std::fs::create_dir(spool.path()).unwrap();
    std::fs::write(spool.path().join("thesis"), "").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(spool.path(), mode).unwrap();
    assert_refused(&spool.run(["init"]), "has other things in it ('thesis')");
}
