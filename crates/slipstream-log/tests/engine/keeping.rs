//! What the engine keeps beside the records: notes, the worker's state, notifications of changes.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use slipstream_core::operator::{Act, Letter, Operator};
use slipstream_core::{
    DeliveryOptions, Destination, Engine, Next, Notifier, Record, Settlement, TryNow,
};
use slipstream_log::{Settings, Spool, Stage};

use crate::bench::{Bench, MINUTE, drain, next, number, source};

/// What is in failed/ beside the logs.
fn notes(bench: &Bench) -> Vec<String> {
    bench.files(Stage::Failed).into_iter().filter(|name| name.ends_with(".notes")).collect()
}

#[test]
fn notes_stay_with_their_log_and_go_with_it() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    let claim = next(&mut *backlog).unwrap();
    backlog.note(claim.ticket, "connection refused\nreally");
    backlog.settle(claim.ticket, Settlement::Failed).unwrap();
    assert!(next(&mut *backlog).is_none());
    backlog.close().unwrap();
    let [name] = &notes(&bench)[..] else { panic!("{:?}", notes(&bench)) };
    assert!(bench.files(Stage::Failed).contains(&name.replace(".notes", "")));
    let text = std::fs::read_to_string(bench.path().join("failed").join(name)).unwrap();
    assert_eq!(text, "connection refused really\n");
    assert_eq!(bench.other().check(false).unwrap().problems.len(), 0);
    bench.spool.purge(Stage::Failed).unwrap();
    assert_eq!(notes(&bench), Vec::<String>::new());
}

#[test]
fn notes_are_read_line_by_line_and_one_that_is_too_long_or_not_ended_is_passed_over() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    let claim = next(&mut *backlog).unwrap();
    let log = bench.spool.sealed_logs(Stage::Processing).unwrap().remove(0);
    let read = |bench: &Bench| {
        let mut lines = Vec::new();
        let mut look = |letter: &Letter<'_>| {
            letter.each_note(|line| lines.push(line.to_owned())).unwrap();
            ControlFlow::Break(())
        };
        assert_eq!(bench.other().each_letter(&mut look).unwrap(), []);
        lines
    };
    assert_eq!(read(&bench), Vec::<String>::new());
    backlog.note(claim.ticket, "first");
    let lines: Vec<_> = (0..100).map(|n| format!("{n} {}", "x".repeat(500))).collect();
    lines.iter().for_each(|line| backlog.note(claim.ticket, line));
    assert_eq!(read(&bench), [&["first".to_owned()], &lines[..]].concat());
    let path = bench.path().join(format!("failed/{log}.notes"));
    for long in [70_000, (64 << 10) - 1, 64 << 10, 200_000] {
        let text = format!("first\n{}\n{}\nnot ende", "y".repeat(long), lines.join("\n"));
        std::fs::write(&path, text).unwrap();
        let read = read(&bench);
        assert_eq!((&*read[0], &*read[read.len() - 1]), ("first", &*lines[lines.len() - 1]));
        let kept = read.len() - lines.len();
        assert!(kept == 1 || (kept == 2 && long < 64 << 10), "{long}: {kept}");
    }
}

#[test]
fn notes_without_a_log_are_cleared_away_by_the_next_worker() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    let claim = next(&mut *backlog).unwrap();
    backlog.note(claim.ticket, "a line");
    drop(backlog);
    let log = bench.files(Stage::Processing).remove(0);
    drop(bench.backlog());
    assert_eq!(notes(&bench), [format!("{log}.notes")]);
    std::fs::remove_file(bench.path().join("processing").join(log)).unwrap();
    drop(bench.backlog());
    assert_eq!(notes(&bench), Vec::<String>::new());
}

#[test]
fn the_notes_of_a_small_log_take_no_more_than_64_kib() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    let claim = next(&mut *backlog).unwrap();
    for _ in 0..1_000 {
        backlog.note(claim.ticket, &"x".repeat(999));
    }
    let name = notes(&bench).remove(0);
    let len = std::fs::metadata(bench.path().join("failed").join(name)).unwrap().len();
    assert_eq!(len, 65_000);
}

#[test]
fn what_a_run_remembers_the_next_one_recalls() {
    let bench = Bench::new();
    let mut backlog = bench.backlog();
    assert_eq!(backlog.recall(), None);
    backlog.remember(b"down: a");
    backlog.remember(b"down: b");
    drop(backlog);
    let mut backlog = bench.backlog();
    assert_eq!(backlog.recall().as_deref(), Some(&b"down: b"[..]));
    backlog.remember(b"");
    assert_eq!(backlog.recall(), None);
    assert_eq!(bench.other().check(false).unwrap().problems.len(), 0);
}

#[test]
fn a_memory_that_another_user_wrote_or_could_have_written_is_not_recalled() {
    use std::os::unix::fs::{PermissionsExt, chown};

    let bench = Bench::new();
    let mut backlog = bench.backlog();
    backlog.remember(b"down: a");
    let memory = bench.path().join("worker.memory");
    let permit = |mode| std::fs::set_permissions(&memory, PermissionsExt::from_mode(mode)).unwrap();
    assert!(backlog.recall().is_some());
    permit(0o660);
    assert_eq!(backlog.recall(), None);
    permit(0o600);
    assert!(backlog.recall().is_some());
    // Only root can give a file away.
    if chown(&memory, Some(3_101), None).is_ok() {
        assert_eq!(backlog.recall(), None);
    }
}

#[test]
fn a_follower_is_woken_by_a_store_and_finds_it_at_once() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    let (pen, woken) = channel();
    backlog.follow(Notifier::new(move || pen.send(()).unwrap_or_default())).unwrap();
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), [1]);
    for number in 2..10 {
        bench.store().unwrap();
        woken.recv_timeout(Duration::from_secs(10)).unwrap();
        // Another request is in flight all the while.
        assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), [number]);
    }
}

#[test]
fn a_retry_wakes_a_follower() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    let (pen, woken) = channel();
    backlog.follow(Notifier::new(move || pen.send(()).unwrap_or_default())).unwrap();
    drain(&mut *backlog, |_| Settlement::Failed);
    assert!(next(&mut *backlog).is_none());
    assert_eq!(bench.other().apply(Act::Retry, &mut |_| true).unwrap().requests, 1);
    woken.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(drain(&mut *backlog, |_| Settlement::Delivered), [1]);
}

#[test]
fn more_logs_may_wait_for_a_later_run_than_may_be_ready_within_the_same_bytes() {
    let settings =
        Settings { logs: 2, log_max: 64 << 10, record_max: 63 << 10, ..Settings::default() };
    let mut bench = Bench::with(settings);
    let store = |bench: &mut Bench, bytes: usize| {
        let record =
            Record { body: vec![0; bytes], options: DeliveryOptions::default(), ..bench.record() };
        bench.spool.store(&source(), &[record]).unwrap();
        let mut backlog = bench.backlog();
        drain(&mut *backlog, |_| Settlement::Retry { after: MINUTE * 60 * 24 });
        backlog.close().unwrap();
        bench.clock.advance(MINUTE);
    };
    for _ in 0..20 {
        store(&mut bench, 100);
    }
    assert_eq!(bench.totals().pending, 20);
    // 2 logs of 64 KiB: one of 60 KB, and what is newer than the rest.
    for _ in 0..3 {
        store(&mut bench, 60_000);
    }
    let totals = bench.totals();
    assert_eq!((totals.pending, totals.outcomes.overwritten), (2, 21));
}

#[test]
fn what_failed_in_a_log_that_still_waits_is_retried_while_no_worker_has_it() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        bench.store().unwrap();
    }
    let failing_first = |number| match number {
        1 => Settlement::Failed,
        _ => Settlement::Retry { after: MINUTE * 60 },
    };
    let mut backlog = bench.backlog();
    drain(&mut *backlog, failing_first);
    let retried = bench.other().apply(Act::Retry, &mut |_| true).unwrap();
    assert_eq!((retried.requests, retried.worker_running), (0, true));
    backlog.close().unwrap();
    let retried = bench.other().apply(Act::Retry, &mut |_| true).unwrap();
    assert_eq!((retried.parts, retried.requests, retried.worker_running), (1, 1, false));
    let totals = bench.totals();
    assert_eq!((totals.pending, totals.failed), (2, 0));
    let first = next(&mut *bench.backlog()).unwrap();
    assert_eq!((first.attempts, first.visible_in), (0, Duration::ZERO));
}

#[test]
fn a_retry_makes_the_next_worker_forget_who_did_not_answer() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    drain(&mut *backlog, |_| Settlement::Failed);
    backlog.remember(b"down: a");
    backlog.close().unwrap();
    assert_eq!(bench.other().apply(Act::Retry, &mut |_| false).unwrap().requests, 0);
    assert!(bench.backlog().recall().is_some());
    assert_eq!(bench.other().apply(Act::Retry, &mut |_| true).unwrap().requests, 1);
    let asked = bench.backlog().next().unwrap();
    let Next::Asked(asked) = asked else { panic!("{asked:?}") };
    assert_eq!(asked, [TryNow::To(Destination::new("beep://speaker"))]);
}

#[test]
fn a_worker_that_stays_notices_that_its_spool_was_moved() {
    let bench = Bench::new();
    let mut backlog = bench.backlog();
    backlog.follow(Notifier::new(|| ())).unwrap();
    assert!(next(&mut *backlog).is_none());
    std::fs::rename(bench.path(), bench.path().with_extension("old")).unwrap();
    drop(bench.other());
    bench.clock.advance(Duration::from_secs(1));
    let words = backlog.next().unwrap_err().to_string();
    assert!(words.contains("was moved, emptied or made anew"), "{words}");
}

/// What is done to a spool's directory, and the directory that it is in.
type Change = fn(&Path, &Path);

fn empty(path: &Path) {
    for entry in std::fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        let removed = match path.is_dir() {
            true => std::fs::remove_dir_all(path),
            false => std::fs::remove_file(path),
        };
        removed.unwrap();
    }
}

#[test]
fn a_worker_that_stays_is_woken_when_its_spool_is_not_there_any_more() {
    let changes: [(&str, Change); 6] = [
        ("emptied", |_, spool| empty(spool)),
        ("removed", |_, spool| std::fs::remove_dir_all(spool).unwrap()),
        ("renamed", |_, spool| std::fs::rename(spool, spool.with_extension("old")).unwrap()),
        ("its parent renamed", |parent, _| {
            std::fs::rename(parent, parent.with_extension("old")).unwrap();
        }),
        ("settings replaced", |_, spool| {
            let settings = spool.join("settings.json");
            std::fs::copy(&settings, spool.join("new")).unwrap();
            std::fs::rename(spool.join("new"), settings).unwrap();
        }),
        ("lock removed", |_, spool| std::fs::remove_file(spool.join("worker.lock")).unwrap()),
    ];
    for (name, change) in changes {
        let dir = tempfile::tempdir().unwrap();
        let parent = dir.path().join("parent");
        std::fs::create_dir(&parent).unwrap();
        let path = parent.join("spool");
        let mut backlog = Spool::open(&path).unwrap().backlog().unwrap();
        let (pen, woken) = channel();
        backlog.follow(Notifier::new(move || pen.send(()).unwrap_or_default())).unwrap();
        assert!(matches!(backlog.next(), Ok(Next::Empty)), "{name}");
        change(&parent, &path);
        // It may be woken more than once while that is done.
        loop {
            woken.recv_timeout(Duration::from_secs(10)).expect(name);
            match backlog.next() {
                Ok(Next::Empty) => {}
                Ok(other) => panic!("{name}: {other:?}"),
                Err(error) => {
                    let words = error.to_string();
                    assert!(words.contains("was moved, emptied or made anew"), "{name}: {words}");
                    break;
                }
            }
        }
    }
}

#[test]
fn what_an_operator_asks_for_is_told_before_what_was_retried_and_everything_that_waits_comes_out_once()
 {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.store().unwrap();
    }
    let mut backlog = bench.backlog();
    let hour = MINUTE * 60;
    let verdicts = |number| match number {
        1 => Settlement::Failed,
        2 => Settlement::Retry { after: hour },
        _ => Settlement::Delivered,
    };
    drain(&mut *backlog, verdicts);
    assert!(next(&mut *backlog).is_none());
    bench.store().unwrap();
    drain(&mut *backlog, |_| Settlement::Failed);
    bench.other().apply(Act::Retry, &mut |_| true).unwrap();
    bench.clock.advance(Duration::from_secs(1));
    let mut told = Vec::new();
    loop {
        match backlog.next().unwrap() {
            Next::Asked(asked) => told.push(format!("{asked:?}")),
            Next::Work(claim) => {
                told.push(format!("{} early: {}", number(&claim), claim.early));
                let wait = Settlement::Release { after: claim.visible_in };
                backlog
                    .settle(claim.ticket, if claim.early { wait } else { Settlement::Delivered })
                    .unwrap();
            }
            Next::Wait(due) => {
                assert!(due > hour - MINUTE, "{due:?}");
                break;
            }
            Next::Empty => panic!("one waits"),
        }
    }
    let asked = format!("{:?}", [TryNow::To(Destination::new("beep://speaker"))]);
    assert_eq!(told, [&asked, "2 early: true", "4 early: false"]);
    // Reported once; a run that is killed leaves it to the next, a run that ends takes it away.
    drop(backlog);
    let mut backlog = bench.backlog();
    assert!(matches!(backlog.next().unwrap(), Next::Asked(_)));
    backlog.close().unwrap();
    assert!(!matches!(bench.backlog().next().unwrap(), Next::Asked(_)));
}

#[test]
fn a_worker_that_stays_is_told_of_what_an_operator_asks_when_that_wakes_it() {
    let mut bench = Bench::new();
    bench.store().unwrap();
    let mut backlog = bench.backlog();
    let (pen, woken) = channel();
    backlog.follow(Notifier::new(move || pen.send(()).unwrap_or_default())).unwrap();
    drain(&mut *backlog, |_| Settlement::Retry { after: MINUTE * 60 });
    assert!(matches!(backlog.next().unwrap(), Next::Wait(_)));
    // A moment after the last look, by a clock that does not move.
    bench.other().try_now(&[]).unwrap();
    woken.recv_timeout(Duration::from_secs(10)).expect("it is woken");
    let Next::Asked(asked) = backlog.next().unwrap() else { panic!("it is told at once") };
    assert_eq!(asked, [TryNow::All]);
}
