//! Logs that are no files, or cannot be used, beside logs that can: on a real disk.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, FileType, FlockOperation, Mode, flock, mknodat};
use slipstream_core::operator::{Act, Operator};
use slipstream_core::{Backlog, Clock as _, Engine, Next, Settlement, Source, Timestamp};
use slipstream_log::frame::LogHeader;
use slipstream_log::{Settings, Spool, Stage, slot_of};

use crate::bench::{Bench, MINUTE, next, number};

/// What may be put where a log belongs.
const INTRUDERS: [&str; 8] =
    ["pipe", "link", "dangling link", "directory", "socket", "empty file", "hard link", "device"];

/// The name of a log that the spool never had.
const FOREIGN: &str = "s002-20261124T054217482Z-8f3a6c1e5d2b9a47.log";

fn plant(kind: &str, at: &Path, dir: &Path) {
    let outside = dir.join("outside");
    std::fs::write(&outside, "precious").unwrap();
    let mode = Mode::from_raw_mode(0o600);
    match kind {
        "pipe" => mknodat(CWD, at, FileType::Fifo, mode, 0).unwrap(),
        "link" => symlink(outside, at).unwrap(),
        "dangling link" => symlink("nowhere", at).unwrap(),
        "directory" => std::fs::create_dir(at).unwrap(),
        "socket" => drop(UnixListener::bind(at).unwrap()),
        "empty file" => std::fs::write(at, "").unwrap(),
        "hard link" => std::fs::hard_link(outside, at).unwrap(),
        // Only root may; a pipe otherwise.
        "device" => {
            let null = rustix::fs::makedev(1, 3);
            let made = mknodat(CWD, at, FileType::CharacterDevice, mode, null);
            made.or_else(|_| mknodat(CWD, at, FileType::Fifo, mode, 0)).unwrap();
        }
        _ => unreachable!(),
    }
}

/// A spool of four slots with a request in the first two.
fn bench() -> Bench {
    let mut bench = Bench::with(Settings { slots: 4, ..Settings::default() });
    for slot in 0..2 {
        store_in(&mut bench, slot);
    }
    bench
}

fn store_in(bench: &mut Bench, slot: u16) {
    let mut sources = (0..100).map(|n| Source::named(format!("shop{n}")));
    let source = sources.find(|source| slot_of(source, 4) == slot).unwrap();
    let record = bench.record();
    bench.spool.store(&source, &[record]).unwrap();
}

/// A run; what came out of it, and how it was closed.
fn work(bench: &Bench, settlement: &Settlement) -> (BTreeSet<u64>, Result<(), String>) {
    let mut backlog = bench.backlog();
    let seen = drain(bench, &mut *backlog, settlement);
    let closed = backlog.close();
    (seen, closed.map_err(|error| format!("{:#}", chain(&error))))
}

fn drain(bench: &Bench, backlog: &mut dyn Backlog, settlement: &Settlement) -> BTreeSet<u64> {
    let mut seen = BTreeSet::new();
    for _ in 0..10_000 {
        match backlog.next().unwrap() {
            Next::Work(claim) => {
                let number = number(&claim);
                backlog.begin(claim.ticket).unwrap();
                backlog.settle(claim.ticket, settlement.clone()).unwrap();
                assert!(seen.insert(number), "{number} came out twice");
            }
            Next::Wait(wait) if wait <= Duration::from_secs(10) => bench.clock.advance(wait),
            Next::Asked(_) => {}
            Next::Wait(_) | Next::Empty => break,
        }
    }
    seen
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}

fn names(bench: &Bench, dir: &str) -> Vec<String> {
    let entries = std::fs::read_dir(bench.path().join(dir)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_is_no_log_but_named_like_one_ends_neither_a_run_nor_a_listing() {
    for kind in INTRUDERS {
        for dir in ["collecting", "ready", "processing", "failed", "removing"] {
            let case = format!("{kind} in {dir}");
            let bench = bench();
            let name = match dir {
                "collecting" => "s002.log".to_owned(),
                "removing" => format!("{FOREIGN}.done"),
                _ => FOREIGN.to_owned(),
            };
            plant(kind, &bench.path().join(dir).join(&name), bench.dir.path());
            let looked = bench.other().status(Duration::ZERO).unwrap();
            let unread = kind != "empty file";
            assert_eq!(looked.skipped.len(), usize::from(unread), "{case}: {:?}", looked.skipped);
            assert_eq!(looked.totals.pending, 2, "{case}");
            let (seen, closed) = work(&bench, &Settlement::Failed);
            assert_eq!(seen, [1, 2].into(), "{case}");
            let claimed = matches!(dir, "collecting" | "ready" | "processing");
            assert_eq!(closed.is_err(), unread && claimed, "{case}: {closed:?}");
            let retried = bench.spool.apply(Act::Retry, &mut |_| true).unwrap();
            assert_eq!(retried.requests, 2, "{case}");
            let (seen, _) = work(&bench, &Settlement::Failed);
            assert_eq!(seen, [1, 2].into(), "{case}, retried");
            assert_eq!(bench.spool.apply(Act::Drop, &mut |_| true).unwrap().requests, 2, "{case}");
            for stage in Stage::ALL {
                let purged = bench.spool.purge(stage).unwrap();
                let left = unread && stage.name() == dir;
                assert_eq!(purged.skipped.len(), usize::from(left), "{case}: {purged:?}");
            }
            let totals = bench.other().status(Duration::ZERO).unwrap().totals;
            assert!(totals.balanced() && totals.outcomes.purged == 2, "{case}: {totals:?}");
            assert_eq!(
                std::fs::read_to_string(bench.dir.path().join("outside")).unwrap(),
                "precious",
                "{case}"
            );
        }
    }
}

#[test]
fn what_stands_where_a_log_must_go_is_put_aside_and_the_log_goes_there() {
    for kind in INTRUDERS {
        for (settlement, dir, end) in [
            (Settlement::Failed, "failed", ""),
            (Settlement::Delivered, "removing", ".done"),
            (Settlement::Delivered, "processing", ""),
        ] {
            let case = format!("{kind} in {dir}");
            let mut bench = bench();
            bench.clock.advance(MINUTE);
            for slot in 0..2 {
                store_in(&mut bench, slot);
            }
            let [first, second] = &bench.files(Stage::Ready)[..] else { panic!() };
            let name = if first.starts_with("s000") { first } else { second };
            plant(kind, &bench.path().join(dir).join(format!("{name}{end}")), bench.dir.path());
            let (seen, closed) = work(&bench, &settlement);
            assert_eq!(seen, [1, 2, 3, 4].into(), "{case}");
            // What has the name of an existing log, and is not a log, is not another log.
            if dir != "processing" || kind == "empty file" {
                closed.unwrap_or_else(|error| panic!("{case}: {error}"));
            }
            let (seen, _) = work(&bench, &settlement);
            assert_eq!(seen, BTreeSet::new(), "{case}");
            let totals = bench.totals();
            let all = [totals.failed, totals.outcomes.delivered];
            let wanted = if settlement == Settlement::Failed { [4, 0] } else { [0, 4] };
            assert_eq!(all, wanted, "{case}: {totals:?}");
            let aside = names(&bench, dir);
            let aside = aside.iter().filter(|name| name.contains(".displaced-"));
            // An empty file is a log: of the two with one name, the log that is further goes first.
            let own = kind == "empty file" && dir != "failed";
            assert_eq!(aside.count(), usize::from(!own), "{case}: {:?}", names(&bench, dir));
        }
    }
}

#[test]
fn a_lock_that_is_held_on_a_settled_log_neither_stalls_nor_ends_a_run() {
    for settlement in [Settlement::Delivered, Settlement::Failed] {
        let mut bench = bench();
        let mut backlog = bench.backlog();
        let claim = next(&mut *backlog).unwrap();
        let claimed = bench.files(Stage::Processing);
        let log = std::fs::File::open(bench.path().join("processing").join(&claimed[0])).unwrap();
        flock(&log, FlockOperation::LockExclusive).unwrap();
        let start = std::time::Instant::now();
        backlog.settle(claim.ticket, settlement.clone()).unwrap();
        let seen = drain(&bench, &mut *backlog, &settlement);
        assert_eq!(seen.len(), 1);
        store_in(&mut bench, 3);
        assert_eq!(drain(&bench, &mut *backlog, &settlement).len(), 1);
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        let error = chain(&backlog.close().unwrap_err());
        assert!(error.contains(&claimed[0]) && error.contains("locked"), "{error}");
        drop(log);
        // Given back, it goes with the next run.
        let (seen, closed) = work(&bench, &settlement);
        assert_eq!((seen, closed), (BTreeSet::new(), Ok(())));
        assert_eq!(bench.files(Stage::Processing), [""; 0]);
        let totals = bench.totals();
        assert_eq!(totals.failed + totals.outcomes.delivered, 3);
    }
}

#[test]
fn several_logs_that_are_held_keep_the_others_of_their_slot_waiting_no_longer_than_one() {
    let mut bench = bench();
    bench.clock.advance(MINUTE);
    for _ in 0..4 {
        store_in(&mut bench, 3);
        bench.clock.advance(MINUTE);
    }
    store_in(&mut bench, 3);
    let ready = bench.files(Stage::Ready);
    let ours: Vec<_> = ready.iter().filter(|name| name.starts_with("s003")).take(3).collect();
    assert_eq!(ours.len(), 3);
    let hold = |name: &&String| {
        let log = std::fs::File::open(bench.path().join("ready").join(name)).unwrap();
        flock(&log, FlockOperation::LockExclusive).unwrap();
        log
    };
    let _held: Vec<_> = ours.iter().map(hold).collect();
    let began = bench.clock.elapsed();
    let (seen, closed) = work(&bench, &Settlement::Delivered);
    assert_eq!(seen.len(), 4, "{seen:?}");
    let waited = bench.clock.elapsed() - began;
    assert!(waited < Duration::from_secs(12), "{waited:?}");
    assert!(closed.unwrap_err().contains("3 files"));
}

#[test]
fn a_lock_that_is_given_back_is_no_trouble() {
    let bench = bench();
    let mut backlog = bench.backlog();
    let claim = next(&mut *backlog).unwrap();
    let claimed = bench.files(Stage::Processing);
    let log = std::fs::File::open(bench.path().join("processing").join(&claimed[0])).unwrap();
    flock(&log, FlockOperation::LockExclusive).unwrap();
    backlog.settle(claim.ticket, Settlement::Delivered).unwrap();
    drop(log);
    bench.clock.advance(Duration::from_secs(1));
    drain(&bench, &mut *backlog, &Settlement::Delivered);
    assert_eq!(bench.files(Stage::Processing), [""; 0]);
    backlog.close().unwrap();
}

#[test]
fn waiting_logs_hold_no_descriptors_and_a_fresh_request_comes_out_behind_thousands() {
    let mut bench = Bench::with(Settings { slots: 1, logs: 10_000, ..Settings::default() });
    for _ in 0..300 {
        bench.store().unwrap();
        bench.clock.advance(MINUTE);
    }
    let mut backlog = bench.backlog();
    let before = descriptors();
    while let Some(claim) = next(&mut *backlog) {
        backlog.settle(claim.ticket, Settlement::Retry { after: 24 * 60 * MINUTE }).unwrap();
    }
    assert!(descriptors() < before + 30, "{} of {before}", descriptors());
    bench.store().unwrap();
    bench.clock.advance(MINUTE);
    let claim = next(&mut *backlog).unwrap();
    assert_eq!(number(&claim), 301);
    backlog.settle(claim.ticket, Settlement::Delivered).unwrap();
    // Each is opened again when it is due.
    bench.clock.advance(24 * 60 * MINUTE);
    let seen = drain(&bench, &mut *backlog, &Settlement::Delivered);
    assert_eq!(seen.len(), 300);
    backlog.close().unwrap();
    assert_eq!(bench.totals().outcomes.delivered, 301);
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn a_waiting_log_that_is_taken_away_or_replaced_is_told_and_costs_itself_alone() {
    for replaced in [false, true] {
        let bench = bench();
        let mut backlog = bench.backlog();
        while let Some(claim) = next(&mut *backlog) {
            backlog.settle(claim.ticket, Settlement::Retry { after: MINUTE }).unwrap();
        }
        drop(backlog);
        bench.clock.advance(MINUTE / 2);
        // The next run opens each once, and then again.
        let mut backlog = bench.backlog();
        while let Some(claim) = next(&mut *backlog) {
            backlog.settle(claim.ticket, Settlement::Release { after: claim.visible_in }).unwrap();
        }
        fill_the_few_that_are_open(&bench, &mut *backlog);
        let name = bench.files(Stage::Processing).into_iter().find(|name| name.starts_with("s000"));
        let path = bench.path().join("processing").join(name.unwrap());
        let kept = bench.dir.path().join("kept");
        std::fs::rename(&path, &kept).unwrap();
        let replacement: PathBuf = bench.path().join("processing").join(FOREIGN);
        if replaced {
            std::fs::copy(&kept, &replacement).unwrap();
            std::fs::rename(&replacement, &path).unwrap();
        }
        bench.clock.advance(2 * MINUTE);
        let seen = drain(&bench, &mut *backlog, &Settlement::Delivered);
        assert_eq!(seen, [2].into());
        let error = chain(&backlog.close().unwrap_err());
        assert!(error.contains("was taken away, or replaced"), "{error}");
        // A copy of it is a log like any other, to the next run.
        let (seen, closed) = work(&bench, &Settlement::Delivered);
        assert_eq!((seen.contains(&1), closed), (replaced, Ok(())));
    }
}

/// Has the backlog close every log that it has not just used.
fn fill_the_few_that_are_open(bench: &Bench, backlog: &mut dyn Backlog) {
    let spool = Spool::builder().clock(bench.clock.clone()).open(bench.path()).unwrap();
    for n in 0..20 {
        let mut other = Bench::new();
        other.stored = 1_000 + n;
        let record = other.record();
        spool.store(&Source::named(format!("x{n}")), &[record]).unwrap();
        bench.clock.advance(MINUTE / 60);
        // Their own minute is not over, so each slot's is claimed as it is.
        while let Some(claim) = next(backlog) {
            backlog.settle(claim.ticket, Settlement::Retry { after: 24 * 60 * MINUTE }).unwrap();
        }
    }
}

/// Writes another header into a log, with right checks, as a member of the spool's group may.
fn forge(path: &Path, change: impl FnOnce(&mut LogHeader)) {
    let mut bytes = std::fs::read(path).unwrap();
    let mut header = LogHeader::parse(&bytes).unwrap();
    change(&mut header);
    // Both copies; the seal behind them stays.
    bytes[..128].copy_from_slice(&header.encode()[..128]);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_header_with_absurd_times_or_another_slot_has_its_log_worked_once_in_a_run() {
    let last = 253_402_300_799_999;
    for millis in [0, 1, last - 1, last, last + 1, 1 << 48, u64::MAX - 1, u64::MAX] {
        for slot in [0, 1, 3, 4, 999, u16::MAX] {
            for sealed in [false, true] {
                let case = format!("{millis}, slot {slot}, sealed {sealed}");
                let mut bench = bench();
                let forged = |header: &mut LogHeader| {
                    let time = Timestamp::from_millis(millis);
                    (header.stamp, header.opened, header.slot) = (time, time, slot);
                };
                forge(&bench.path().join("collecting/s000.log"), forged);
                if sealed {
                    bench.clock.advance(2 * MINUTE);
                    store_in(&mut bench, 0);
                }
                let mut backlog = bench.backlog();
                let mut seen = Vec::new();
                // Both are out before either is settled, and the spool is looked at again.
                let mut tickets = Vec::new();
                while let Some(claim) = next(&mut *backlog) {
                    seen.push(number(&claim));
                    tickets.push(claim.ticket);
                    bench.clock.advance(MINUTE);
                }
                for ticket in tickets {
                    backlog.begin(ticket).unwrap();
                    backlog.settle(ticket, Settlement::Retry { after: MINUTE }).unwrap();
                }
                bench.clock.advance(2 * MINUTE);
                while let Some(claim) = next(&mut *backlog) {
                    seen.push(number(&claim));
                    backlog.settle(claim.ticket, Settlement::Delivered).unwrap();
                }
                backlog.close().unwrap();
                seen.sort_unstable();
                let all = 1..=if sealed { 3 } else { 2 };
                // Once to be deferred, and once more when it was due.
                let twice: Vec<_> = all.clone().flat_map(|number| [number, number]).collect();
                assert_eq!(seen, twice, "{case}");
                assert_eq!(bench.totals().outcomes.delivered, all.count() as u64, "{case}");
            }
        }
    }
}

#[test]
fn a_header_that_names_a_log_which_there_is_keeps_neither_writers_nor_the_worker_from_going_on() {
    for stage in [Stage::Ready, Stage::Processing, Stage::Failed] {
        let mut bench = bench();
        bench.clock.advance(MINUTE);
        store_in(&mut bench, 0);
        if stage != Stage::Ready {
            let settlement = if stage == Stage::Failed {
                Settlement::Failed
            } else {
                Settlement::Retry { after: MINUTE }
            };
            let mut backlog = bench.backlog();
            while let Some(claim) = next(&mut *backlog) {
                backlog.settle(claim.ticket, settlement.clone()).unwrap();
            }
            backlog.close().unwrap();
            store_in(&mut bench, 0);
        }
        let there = bench.files(stage).into_iter().find(|name| name.starts_with("s000")).unwrap();
        // A copy that may be appended to: the same name, though another file.
        let path = bench.path().join("collecting/s000.log");
        std::fs::copy(bench.path().join(stage.name()).join(&there), &path).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[128..144].fill(0);
        std::fs::write(&path, bytes).unwrap();
        for _ in 0..3 {
            bench.clock.advance(2 * MINUTE);
            store_in(&mut bench, 0);
        }
        let mut backlog = bench.backlog();
        let mut seen = BTreeSet::new();
        while let Some(claim) = next(&mut *backlog) {
            seen.insert(number(&claim));
            backlog.settle(claim.ticket, Settlement::Delivered).unwrap();
        }
        backlog.close().unwrap();
        assert!(
            seen.is_superset(&(bench.stored - 2..=bench.stored).collect()),
            "{stage}: {seen:?}"
        );
        let totals = bench.other().status(Duration::ZERO).unwrap().totals;
        assert_eq!(totals.pending, 0, "{stage}: {totals:?}");
    }
}
