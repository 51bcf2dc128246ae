//! Attacks by a member of a spool's group on its directories: no call is led out of the spool.

use std::collections::BTreeMap;
use std::fs::{self as std_fs, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags, mkfifoat, renameat_with};

use super::*;
use crate::fs::beneath::OLD_KERNEL;

const DIRS: [&str; 5] = ["collecting", "ready", "processing", "failed", "removing"];

/// A spool's directory, and one outside that is not to be touched.
struct Bench {
    home: tempfile::TempDir,
    disk: Disk,
}

impl Bench {
    fn new() -> Self {
        let us = rustix::process::geteuid().as_raw();
        Self::with(Access::Owner(us))
    }

    fn with(access: Access) -> Self {
        let home = tempfile::tempdir().unwrap();
        for dir in DIRS.map(|dir| format!("spool/{dir}")).iter().chain([&"outside".to_owned()]) {
            std_fs::create_dir_all(home.path().join(dir)).unwrap();
            std_fs::write(home.path().join(dir).join("log"), "precious").unwrap();
        }
        std_fs::write(home.path().join("spool/log"), "precious").unwrap();
        let root = std_fs::File::open(home.path().join("spool")).unwrap();
        Self { disk: Disk::new(root.into(), access), home }
    }

    fn spool(&self, name: &str) -> PathBuf {
        self.home.path().join("spool").join(name)
    }

    fn outside(&self) -> PathBuf {
        self.home.path().join("outside")
    }

    /// What is outside, with what could have been changed of it.
    fn untouched(&self) -> BTreeMap<String, (u64, u32, u64, String)> {
        let entries = std_fs::read_dir(self.outside()).unwrap();
        let look = |entry: std_fs::DirEntry| {
            let it = entry.metadata().unwrap();
            let text = std_fs::read_to_string(entry.path()).unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, (it.ino(), it.mode(), it.nlink(), text))
        };
        entries.map(|entry| look(entry.unwrap())).collect()
    }
}

type Call = (&'static str, fn(&Disk, &str) -> io::Result<()>);

/// Every call that takes a path, on a directory.
const CALLS: [Call; 14] = [
    ("open to append", |disk, dir| disk.open(&format!("{dir}/log"), Open::Append).map(drop)),
    ("open to update", |disk, dir| disk.open(&format!("{dir}/log"), Open::Update).map(drop)),
    ("open to read", |disk, dir| disk.open(&format!("{dir}/log"), Open::Read).map(drop)),
    ("create", |disk, dir| disk.create(&format!("{dir}/new")).map(drop)),
    ("rename from", |disk, dir| disk.rename(&format!("{dir}/log"), "new", Replace::Never)),
    ("rename to", |disk, dir| disk.rename("log", &format!("{dir}/new"), Replace::Never)),
    ("rename over", |disk, dir| disk.rename("log", &format!("{dir}/log"), Replace::Always)),
    ("rename within", |disk, dir| {
        disk.rename(&format!("{dir}/log"), &format!("{dir}/new"), Replace::Never)
    }),
    ("remove", |disk, dir| disk.remove(&format!("{dir}/log"))),
    ("list", |disk, dir| disk.list(dir).map(drop)),
    ("stat", |disk, dir| disk.stat(&format!("{dir}/log")).map(drop)),
    ("modified", |disk, dir| disk.modified(&format!("{dir}/log")).map(drop)),
    ("sync", |disk, dir| disk.sync_dir(dir)),
    ("watch", |disk, dir| disk.watch(Path::new("/"), &[dir], Box::new(|| {}))?.arm()),
];

type Swap = (&'static str, fn(&Bench, &PathBuf));

/// What a directory may be replaced by.
const SWAPS: [Swap; 7] = [
    ("a link outside", |bench, dir| symlink(bench.outside(), dir).unwrap()),
    ("a relative link outside", |_, dir| symlink("../outside", dir).unwrap()),
    ("a link to another stage", |_, dir| symlink("ready.away", dir).unwrap()),
    ("a file", |_, dir| std_fs::write(dir, "").unwrap()),
    ("a pipe", |_, dir| mkfifoat(CWD, dir, Mode::RWXU).unwrap()),
    ("a directory that all may write to", |_, dir| {
        std_fs::create_dir(dir).unwrap();
        std_fs::write(dir.join("log"), "theirs").unwrap();
        std_fs::set_permissions(dir, Permissions::from_mode(0o777)).unwrap();
    }),
    ("nothing", |_, _| {}),
];

fn each_kernel(mut test: impl FnMut()) {
    for old in [false, true] {
        OLD_KERNEL.set(old);
        test();
    }
    OLD_KERNEL.set(false);
}

#[test]
fn no_call_is_led_out_of_the_spool_by_a_directory_that_was_replaced() {
    each_kernel(|| {
        for dir in DIRS {
            for (by, swap) in SWAPS {
                let bench = Bench::new();
                let before = bench.untouched();
                // Once looked into, it may be remembered.
                bench.disk.stat(&format!("{dir}/log")).unwrap();
                std_fs::rename(bench.spool(dir), bench.spool(&format!("{dir}.away"))).unwrap();
                swap(&bench, &bench.spool(dir));
                for (call, make) in CALLS {
                    let refused = make(&bench.disk, dir);
                    if (call, by) == ("watch", "nothing") {
                        assert!(refused.is_ok(), "it is watched once it is there again");
                        continue;
                    }
                    let Err(error) = refused else { panic!("{call} in {dir}, now {by}") };
                    let kind = match by {
                        "nothing" => io::ErrorKind::NotFound,
                        _ => io::ErrorKind::InvalidInput,
                    };
                    assert_eq!(error.kind(), kind, "{call} in {dir}, now {by}: {error}");
                }
                assert_eq!(bench.untouched(), before, "{dir}, now {by}");
                assert_eq!(
                    bench.disk.list(".").unwrap().len(),
                    if by == "nothing" { 6 } else { 7 }
                );
            }
        }
    });
}

#[test]
fn a_directory_of_another_user_is_refused_as_a_part_of_the_spool() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for (access, uid, gid) in
        [(Access::Owner(0), 65_534, 0), (Access::Group(4_242), 0, 0), (Access::Group(4_242), 0, 1)]
    {
        let bench = Bench::with(access);
        chown(bench.spool("failed"), Some(uid), Some(gid)).unwrap();
        for (call, make) in CALLS {
            let error = make(&bench.disk, "failed").expect_err(call);
            assert!(error.to_string().contains("another user or group"), "{call}: {error}");
        }
    }
}

#[test]
fn calls_go_on_in_a_directory_that_was_made_again() {
    each_kernel(|| {
        for dir in DIRS {
            let bench = Bench::new();
            let old = bench.disk.stat(&format!("{dir}/log")).unwrap();
            std_fs::rename(bench.spool(dir), bench.spool("away")).unwrap();
            std_fs::create_dir(bench.spool(dir)).unwrap();
            let gone = bench.disk.stat(&format!("{dir}/log")).unwrap_err();
            assert_eq!(gone.kind(), io::ErrorKind::NotFound, "{dir}");
            bench.disk.create(&format!("{dir}/log")).unwrap();
            assert_ne!(bench.disk.stat(&format!("{dir}/log")).unwrap().identity, old.identity);
            for (call, make) in CALLS.iter().filter(|(call, _)| !call.starts_with("rename")) {
                let made = make(&bench.disk, dir);
                assert!(made.is_ok() || ["stat", "modified"].contains(call), "{call}: {made:?}");
            }
            assert_eq!(std_fs::read_to_string(bench.spool("away/log")).unwrap(), "precious");
        }
    });
}

#[test]
fn a_name_that_leads_elsewhere_is_refused_by_every_call() {
    each_kernel(|| {
        let bench = Bench::new();
        let before = bench.untouched();
        for dir in ["..", "../outside", "", "/", "failed/..", "failed/../../outside", ".", "a\0b"] {
            for (call, make) in CALLS {
                // The spool itself can be listed, synced and watched.
                let own = dir == "." && ["list", "sync", "watch"].contains(&call);
                assert_eq!(make(&bench.disk, dir).is_ok(), own, "{call} in '{dir}'");
            }
        }
        let outside = bench.outside().join("log").to_str().unwrap().to_owned();
        let names = ["..", ".", "", "failed/..", "failed/.", "failed/", "failed//log", "./log"];
        for path in names.iter().copied().chain(["/etc/passwd", "a/b/c", &outside]) {
            let disk = &bench.disk;
            for refused in [
                disk.open(path, Open::Read).map(drop),
                disk.create(path).map(drop),
                disk.rename(path, "new", Replace::Always),
                disk.rename("log", path, Replace::Always),
                disk.remove(path),
                disk.stat(path).map(drop),
                disk.modified(path).map(drop),
            ] {
                let error = refused.expect_err(path);
                let kinds = [io::ErrorKind::InvalidInput, io::ErrorKind::NotFound];
                assert!(kinds.contains(&error.kind()), "'{path}': {error}");
            }
        }
        assert_eq!(bench.untouched(), before);
    });
}

#[test]
fn a_directory_that_is_exchanged_for_a_link_all_the_time_leads_no_call_outside() {
    let bench = Bench::new();
    let before = bench.untouched();
    symlink(bench.outside(), bench.spool("bait")).unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let exchanges = scope.spawn(|| {
            let (dir, bait) = (bench.spool("failed"), bench.spool("bait"));
            let mut exchanged = 0_u64;
            while !over.load(Ordering::Relaxed) {
                renameat_with(CWD, &dir, CWD, &bait, RenameFlags::EXCHANGE).unwrap();
                exchanged += 1;
            }
            exchanged
        });
        let (mut done, mut refused) = (0, 0);
        for round in 0..20_000 {
            let (_, make) = CALLS[round % (CALLS.len() - 1)];
            match make(&bench.disk, "failed") {
                Ok(()) => done += 1,
                Err(_) => refused += 1,
            }
            // What the calls moved away is put back.
            let _ = bench.disk.create("log");
            let _ = bench.disk.create("failed/log");
            let _ = bench.disk.remove("failed/new");
            let _ = bench.disk.remove("new");
        }
        over.store(true, Ordering::Relaxed);
        assert!(exchanges.join().unwrap() > 100);
        assert!(done > 0 && refused > 0, "{done} {refused}");
    });
    assert_eq!(bench.untouched(), before);
}

#[test]
fn a_change_in_a_directory_that_was_made_again_is_heard_of() {
    let bench = Bench::new();
    let (told, heard) = mpsc::channel();
    let wake = move || told.send(()).unwrap_or(());
    let watch = bench.disk.watch(Path::new("/"), &["collecting"], Box::new(wake)).unwrap();
    std_fs::rename(bench.spool("collecting"), bench.spool("away")).unwrap();
    std_fs::create_dir(bench.spool("collecting")).unwrap();
    watch.arm().unwrap();
    bench.disk.create("new").unwrap();
    bench.disk.rename("new", "collecting/new", Replace::Never).unwrap();
    heard.recv_timeout(Duration::from_secs(10)).unwrap();
    // The thread that listens ends with the watch, even when its directory is gone.
    std_fs::remove_dir_all(bench.spool("collecting")).unwrap();
    drop(watch);
    assert!(heard.recv_timeout(Duration::from_secs(10)).is_err());
}

#[test]
fn a_file_that_the_group_may_not_read_is_none_of_a_shared_spool() {
    let us = rustix::process::getegid().as_raw();
    let bench = Bench::with(Access::Group(us));
    let log = bench.spool("failed/log");
    for (mode, fits) in [(0o660, true), (0o600, false), (0o640, false), (0o604, false)] {
        std_fs::set_permissions(&log, Permissions::from_mode(mode)).unwrap();
        let opened = bench.disk.open("failed/log", Open::Read).map(drop);
        assert_eq!(opened.is_ok(), fits, "{mode:o}: {opened:?}");
    }
    bench.disk.create("failed/new").unwrap();
    bench.disk.open("failed/new", Open::Update).unwrap();
}

#[test]
fn a_file_of_ones_own_is_judged_alike_after_another_process_has_removed_it() {
    let bench = Bench::new();
    let created = bench.disk.root.open("mine", OFlags::RDWR | OFlags::CREATE, Mode::RUSR).unwrap();
    bench.disk.root.judge_own(created.as_fd()).unwrap();
    bench.disk.remove("mine").unwrap();
    bench.disk.root.judge_own(created.as_fd()).unwrap();
    let gone = bench.disk.rename("mine", "ours", Replace::Always).unwrap_err();
    assert_eq!(gone.kind(), io::ErrorKind::NotFound);
}
