//! `slipstream doctor`: what it finds, and what to do.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use crate::run::{Spool, log_of, ran};
use crate::schema::assert_holds;

/// What was found. Whether this machine's disk is full, or in memory, is its own business.
fn found(spool: &Spool) -> Vec<String> {
    let told = spool.run(["doctor"]);
    let found: Vec<_> = told.out.lines().filter_map(|line| line.strip_prefix("found ")).collect();
    assert_eq!((told.code, &*told.err), (Some(i32::from(!found.is_empty())), ""), "{told:?}");
    for name in ["why it matters  ", "what to do  "] {
        assert_eq!(told.out.matches(&format!("\n{name}")).count(), found.len(), "{told:?}");
    }
    let machine = |line: &&str| line.contains("(tmpfs)") || line.contains("is nearly full");
    let ours = found.into_iter().filter(|line| !machine(line));
    ours.map(|line| line.trim().to_owned()).collect()
}

#[test]
fn a_spool_where_all_is_well_has_nothing_to_tell() {
    let spool = Spool::new();
    spool.quietly(["store", "http://127.0.0.1:9/"]);
    assert_eq!(found(&spool), [""; 0]);
    let json = assert_holds("doctor", &spool.run(["doctor", "--json"]).out);
    assert_eq!(json["spool"], "SPOOL");
}

#[test]
fn no_spool_and_one_that_cannot_be_opened_are_found() {
    let spool = Spool::new();
    assert_eq!(found(&spool), ["there is no spool at SPOOL"]);
    let text = "\
found           there is no spool at SPOOL
why it matters  nothing was stored, or it was stored in another directory (a service may have a /tmp of its own)
what to do      name the directory that programs store in with --dir or SLIPSTREAM_DIR, or make it with `slipstream init`

";
    assert_eq!(spool.run(["doctor"]), ran(1, text, ""));
    let json = spool.run(["doctor", "--json"]);
    assert_eq!(json.code, Some(1));
    let finding = &assert_holds("doctor", &json.out)["findings"][0];
    let told = text.lines().filter_map(|line| line.split_once("  "));
    let told: Vec<_> = told.map(|(_, words)| words.trim()).collect();
    for (name, words) in ["what", "why", "to_do"].iter().zip(told) {
        assert_eq!(finding[name], words);
    }
    assert_eq!(finding["severity"], "critical");
    std::fs::write(spool.path(), "a file").unwrap();
    assert!(found(&spool)[0].starts_with("SPOOL is a file"), "{:?}", found(&spool));
}

#[test]
fn a_part_that_a_cleaner_took_is_found() {
    let spool = Spool::new();
    spool.run(["init"]);
    std::fs::remove_dir(spool.path().join("ready")).unwrap();
    let gone = "SPOOL/ready is gone; `slipstream --dir SPOOL check --repair` makes it again";
    assert_eq!(found(&spool), [gone]);
    assert_eq!(spool.run(["check", "--repair"]).code, Some(0));
    assert_eq!(found(&spool), [""; 0]);
}

#[test]
fn what_no_worker_takes_and_a_clock_that_was_wrong_are_found() {
    let spool = Spool::new();
    spool.run(["init"]);
    let (name, bytes) = log_of(b"x");
    let old = name.replace("s003-2026", "s003-2020");
    std::fs::write(spool.path().join("ready").join(old), bytes).unwrap();
    let lock = File::options().write(true).open(spool.path().join("worker.lock")).unwrap();
    lock.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000)).unwrap();
    let lines = found(&spool);
    let end = "ago; none has ever finished a run here";
    assert!(lines.len() == 1 && lines[0].ends_with(end), "{lines:?}");
    let run =
        r#"{"began":1577836800000,"at":1577836800000,"ended":1577836800000,"ending":"broken"}"#;
    let run_file = spool.path().join("worker.run");
    std::fs::write(&run_file, run).unwrap();
    let lines = found(&spool);
    let end = " ago, and worker.lock was taken 2020-09-13T12:26:40.000Z since";
    assert!(lines.len() == 2 && lines[0].ends_with(end), "{lines:?}");
    assert_eq!(lines[1], "the last run, which began 2020-01-01T00:00:00.000Z, broke off");
    std::fs::remove_file(run_file).unwrap();
    lock.set_modified(SystemTime::now() + Duration::from_secs(7_230)).unwrap();
    let lines = found(&spool);
    assert!(
        lines.len() == 2 && lines[1].contains("something in the spool was made at"),
        "{lines:?}"
    );
}

#[test]
fn a_process_that_has_another_spool_at_the_same_path_is_found() {
    let spool = Spool::new();
    spool.run(["init"]);
    let script = "mount -t tmpfs none \"$1\" && mkdir \"$1/spool\" && echo there && read end";
    let mut other = Command::new("unshare");
    other.args(["-m", "sh", "-c", script, "sh"]).arg(spool.path().parent().unwrap());
    let other = other.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    // Where that is not to be had, nothing can be shown.
    let Ok(mut other) = other else { return };
    let mut line = String::new();
    BufReader::new(other.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let lines = found(&spool);
    drop(other.stdin.take());
    other.wait().unwrap();
    if line == "there\n" {
        let expected = format!("at SPOOL another spool is seen by sh (process {})", other.id());
        assert_eq!(lines, [expected]);
    }
}

#[test]
fn what_another_user_made_is_found() {
    let spool = Spool::new();
    spool.run(["init"]);
    let path = spool.path().join("ready/s000.log");
    std::fs::write(&path, "").unwrap();
    // Only root can give a file away.
    if std::os::unix::fs::chown(&path, Some(1), None).is_ok() {
        let line = "1 file of another user or group, such as SPOOL/ready/s000.log";
        assert_eq!(found(&spool), [line]);
    }
    // A file of another user that is a log cannot be counted either; that is reported, and the rest
    // is looked at.
    std::fs::remove_file(&path).unwrap();
    let (name, bytes) = log_of(b"x");
    let path = spool.path().join("ready").join(&name);
    std::fs::write(&path, bytes).unwrap();
    if std::os::unix::fs::chown(&path, Some(1), None).is_ok() {
        let found = found(&spool);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(
            found[0],
            format!("1 file of another user or group, such as SPOOL/ready/{name}")
        );
        let words = format!("cannot open SPOOL/ready/{name}: it belongs to another user");
        assert!(found[1].starts_with(&words), "{found:?}");
    }
}
