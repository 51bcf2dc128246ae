//! Root and other users' spools. These tests need root, and pass without it.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;

use crate::receiver::Receiver;
use crate::run::{Spool, assert_refused, ran};

/// The user and group that every machine has.
pub(crate) const NOBODY: u32 = 65_534;
/// A user that no machine has.
const STRANGER: u32 = 3_999_999_999;

pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

pub(crate) fn give(path: &Path, uid: u32) {
    chown(path, Some(uid), Some(uid)).unwrap();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give(&entry.unwrap().path(), uid);
        }
    }
}

pub(crate) fn owners(path: &Path) -> Vec<u32> {
    let mut found = vec![path.metadata().unwrap().uid()];
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            found.extend(owners(&entry.unwrap().path()));
        }
    }
    found.dedup();
    found
}

#[test]
fn root_works_another_users_spool_as_that_user() {
    if !is_root() {
        return;
    }
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/held")]);
    spool.quietly(["store", &receiver.url("/404")]);
    give(spool.path().parent().unwrap(), NOBODY);
    let mut command = spool.command(["work", "--attempts=1"]);
    let worker = command.stdout(Stdio::piped()).spawn().unwrap();
    let held = receiver.wait_for_held();
    let status = std::fs::read_to_string(format!("/proc/{}/status", worker.id())).unwrap();
    let line = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ")
    };
    let four = [NOBODY; 4].map(|id| id.to_string()).join(" ");
    assert_eq!((line("Uid:"), line("Gid:")), (four.clone(), four));
    assert_eq!(line("Groups:"), NOBODY.to_string());
    assert_eq!(line("CapEff:"), "0000000000000000");
    drop(held);
    assert_eq!(worker.wait_with_output().unwrap().status.code(), Some(1));
    assert_eq!(owners(&spool.path()), [NOBODY]);
    assert_eq!(spool.sums(), [2, 0, 1, 1]);
    assert_eq!(spool.run(["check", "--repair"]).code, Some(0));
    assert_eq!(spool.run(["failed", "retry", "--all"]).code, Some(0));
    assert_eq!(spool.sums(), [2, 1, 0, 1]);
    assert_eq!(owners(&spool.path()), [NOBODY]);
    assert_eq!(spool.run(["purge", "--yes"]).code, Some(0));
    assert_eq!(owners(&spool.path()), [NOBODY]);
}

#[test]
fn root_does_not_work_the_spool_of_a_user_without_an_account() {
    if !is_root() {
        return;
    }
    let spool = Spool::new();
    spool.quietly(["store", "http://h/"]);
    give(&spool.path(), STRANGER);
    for command in [&["work"][..], &["status"], &["purge"], &["check"], &["failed", "list"]] {
        let refused = spool.run(command);
        let words = "setpriv --reuid 3999999999 --regid 3999999999 --clear-groups slipstream";
        assert_refused(&refused, words);
    }
    give(&spool.path(), 0);
    assert_eq!(spool.sums(), [1, 1, 0, 0]);
}

#[test]
fn root_does_not_store_into_another_users_spool() {
    if !is_root() {
        return;
    }
    let spool = Spool::new();
    assert_eq!(spool.run(["store", "http://h/"]), ran(0, "", ""));
    give(&spool.path(), NOBODY);
    assert_refused(&spool.run(["store", "http://h/"]), "run as that user");
}

#[test]
fn a_user_who_shares_with_a_group_of_others_is_told_whom_to_add() {
    if !is_root() {
        return;
    }
    let spool = Spool::new();
    give(spool.path().parent().unwrap(), NOBODY);
    let mut init = spool.command(["init", "--group=daemon"]);
    let told = spool.tell(init.uid(NOBODY).gid(NOBODY).output().unwrap());
    assert_refused(
        &told,
        "SPOOL is to be shared with group daemon (1), which user nobody (65534) is not in; run `usermod -aG daemon nobody`",
    );
}

#[test]
fn of_roots_powers_another_users_spool_has_those_that_were_allowed() {
    if !is_root() {
        return;
    }
    let (spool, receiver) = (Spool::new(), Receiver::new());
    let path = spool.path().with_file_name("s.sock");
    let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let hook = receiver.url("/hook");
    spool.quietly(["store", "--sign-secret=env:HOOK", &hook]);
    spool.quietly(["store", "--query=DO 1", "--password-env=HOOK", "mysql://app@127.0.0.1:9/"]);
    spool.quietly(["store", "-d", "x", &format!("unix://{}", path.display())]);
    give(spool.path().parent().unwrap(), NOBODY);
    let keys = spool.path().with_file_name("keys");
    let work = |more: &[&str]| {
        let mut command = spool.command([&["work", "--attempts=1"], more].concat());
        // libcurl would write the keys of its connections there when it starts.
        command.env("HOOK", "whsec_c2VzYW1l").env("SSLKEYLOGFILE", &keys);
        spool.tell(command.output().unwrap())
    };
    let worked = work(&[]);
    assert_eq!(worked.code, Some(1), "{worked:?}");
    let told = ["--allow-secret env:HOOK`", "env:HOOK@mysql://127.0.0.1:9`", "--allow-host unix:"];
    for words in told {
        assert!(worked.out.contains(words), "{words}: {worked:?}");
    }
    assert!(!keys.exists(), "the environment is root's");
    assert_eq!((receiver.got().len(), socket.accept().is_err()), (0, true));
    assert_eq!(spool.run(["failed", "retry", "--all"]).code, Some(0));
    let allowed = format!("--allow-host=unix:{}", path.display());
    work(&["--allow-secret=env:HOOK", &allowed]);
    assert!(receiver.only().header("webhook-signature").is_some());
    assert!(socket.accept().is_ok());
}

#[test]
fn the_environment_that_root_was_started_with_is_not_the_owners_to_read() {
    if !is_root() {
        return;
    }
    let (spool, receiver) = (Spool::new(), Receiver::new());
    spool.quietly(["store", &receiver.url("/held")]);
    give(spool.path().parent().unwrap(), NOBODY);
    let mut command = spool.command(["work", "--quiet"]);
    let worker = command.env("HOOK", "whsec_c2VzYW1l").spawn().unwrap();
    let held = receiver.wait_for_held();
    let read = |uid| {
        let mut cat = std::process::Command::new("cat");
        let file = format!("/proc/{}/environ", worker.id());
        cat.arg(file).uid(uid).gid(uid).output().unwrap()
    };
    let (ours, theirs) = (read(0), read(NOBODY));
    assert!(ours.stdout.windows(5).any(|part| part == b"HOOK="), "{ours:?}");
    assert!(!theirs.status.success() && theirs.stdout.is_empty(), "{theirs:?}");
    drop(held);
    assert!(worker.wait_with_output().unwrap().status.success());
}
