//! A spool that is open on both sides of a fork, with real processes.
//!
//! A program of its own, so that no other test's threads are there to be forked.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::unistd::{ForkResult, fork};
use rustix::process::{
    Pid, Signal, WaitOptions, getpid, getppid, kill_process, set_parent_process_death_signal,
    waitpid,
};
use slipstream_core::operator::Operator;
use slipstream_core::{
    Backlog, BacklogError, DeliveryOptions, Destination, Engine, Next, Notifier, Record, RecordId,
    Settlement, Source, StoreError, Timestamp,
};
use slipstream_log::{Settings, Spool};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(120);

/// One at a time: each forks this process, and all its threads' locks with it.
static TURN: Mutex<()> = Mutex::new(());

/// What a child ends by when all was well: not in a way that runs anything of its parent's.
const WELL: Signal = Signal::TERM;

/// A process that was forked off.
struct Child(Pid);

impl Child {
    /// Runs this in a process of its own, which ends well only if it returns true.
    fn begin(work: impl FnOnce() -> bool) -> Self {
        let parent = getpid();
        // SAFETY: the child never returns from here. It takes no lock but the allocator's, which
        // libc sets right in a child, and the locks that this test is about.
        match unsafe { fork() }.expect("fork") {
            ForkResult::Parent { child } => {
                Self(Pid::from_raw(child.as_raw()).expect("a child has an id"))
            }
            ForkResult::Child => {
                let _ = set_parent_process_death_signal(Some(Signal::KILL));
                let well = getppid() == Some(parent) && work();
                let how = if well { WELL } else { Signal::KILL };
                let _ = kill_process(getpid(), how);
                loop {
                    std::thread::park();
                }
            }
        }
    }

    /// Whether it ended well; None while it lasts.
    fn ended(&self) -> Option<bool> {
        let (_, status) = waitpid(Some(self.0), WaitOptions::NOHANG).unwrap()?;
        status.signaled().then(|| status.terminating_signal() == Some(WELL.as_raw()))
    }

    fn expect_well(self) {
        let begun = Instant::now();
        while begun.elapsed() < LONG {
            match self.ended() {
                Some(well) => return assert!(well, "a child's checks failed"),
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        }
        let _ = kill_process(self.0, Signal::KILL);
        panic!("a child has not ended in {LONG:?}");
    }

    /// For children, which may not panic.
    fn ended_well(&self) -> bool {
        let (_, status) = match waitpid(Some(self.0), WaitOptions::empty()) {
            Ok(Some(ended)) => ended,
            _ => return false,
        };
        status.terminating_signal() == Some(WELL.as_raw())
    }
}

fn alone() -> impl Drop {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of all numbers, `process` has the numbers with it in the upper half.
fn record(process: u64, number: u64) -> Record {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&process.to_be_bytes());
    id[8..].copy_from_slice(&number.to_be_bytes());
    Record {
        id: RecordId::from_bytes(id),
        kind: "beep".to_owned(),
        destination: Destination::new("beep://speaker"),
        options: DeliveryOptions::default(),
        body: vec![b'x'; 40],
    }
}

fn store(spool: &Spool, process: u64, number: u64) -> Result<(), StoreError> {
    spool.store(&Source::named("one"), &[record(process, number)]).map(drop)
}

/// Sets a flag when it goes: threads that run until then end, too, when a check fails before.
struct SetAtEnd<'a>(&'a AtomicBool);

impl Drop for SetAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The same in a child, which says why it could not.
fn stored(spool: &Spool, process: u64, number: u64) -> bool {
    let stored = store(spool, process, number);
    if let Err(error) = &stored {
        // Past the test's capture, which a child must not touch.
        let text = format!("process {process}, number {number}: {error:?}\n");
        let _ = std::fs::write("/dev/stderr", text);
    }
    stored.is_ok()
}

/// Which requests came out, by process and number, and how often.
type Came = HashMap<(u64, u64), u32>;

/// Takes out and settles what is there, whatever has to be waited for.
fn drain_all(backlog: &mut dyn Backlog, seen: &mut Came) {
    let begun = Instant::now();
    while let Next::Wait(wait) = drain(backlog, seen) {
        assert!(begun.elapsed() < LONG, "the backlog does not come to an end");
        std::thread::sleep(wait);
    }
}

/// Takes out and settles what comes at once, and returns what is next then.
fn drain(backlog: &mut dyn Backlog, seen: &mut Came) -> Next {
    loop {
        let claim = match backlog.next().unwrap() {
            Next::Work(claim) => claim,
            other => return other,
        };
        let id = Record::decode(&claim.payload).unwrap().id;
        let half = |at: usize| u64::from_be_bytes(id.as_bytes()[at..at + 8].try_into().unwrap());
        *seen.entry((half(0), half(8))).or_default() += 1;
        backlog.begin(claim.ticket).unwrap();
        backlog.settle(claim.ticket, Settlement::Delivered).unwrap();
    }
}

/// A spool with room for everything.
fn spool_in(dir: &Path, rotate_ms: u64) -> Spool {
    let settings = Settings { rotate_ms, logs: 10_000, ..Settings::default() };
    Spool::builder().settings(settings).open(dir.join("spool")).unwrap()
}

/// A slot's log changes this often, in the test that stops processes in the middle of a store.
const ROTATION: u64 = 20;

/// For how long a child stores: over the end of the log that it inherited.
const LASTS: Duration = Duration::from_millis(2 * ROTATION);

/// Stores until the time is over, and leaves in a file how much was acknowledged.
fn store_for_a_while(spool: &Spool, process: u64, file: &Path) -> bool {
    let (begun, mut number) = (Instant::now(), 0);
    while begun.elapsed() < LASTS {
        if store(spool, process, number).is_err() {
            return false;
        }
        number += 1;
    }
    std::fs::write(file, number.to_string()).is_ok()
}

/// Waits until a log has just begun, by the wall clock that logs go by.
fn wait_for_a_new_log() {
    let phase = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.expect("the clock is set").as_millis() as u64 % ROTATION
    };
    while phase() > 3 {
        std::thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_when_processes_share_a_spool_over_a_fork() {
    const CHILDREN: u64 = 4;
    let _alone = alone();
    let rounds: u64 = std::env::var("SLIPSTREAM_FORK_ROUNDS")
        .map_or(60, |number| number.parse().expect("a number of rounds"));
    let dir = tempfile::tempdir().unwrap();
    let spool = spool_in(dir.path(), ROTATION);
    let mut backlog = Spool::open(spool.path()).unwrap().backlog().unwrap();
    let (mut seen, mut stored) = (HashMap::new(), 0);
    let (mut lost, mut doubled) = (0, 0);
    for round in 0..rounds {
        wait_for_a_new_log();
        // Opens the log that the children inherit.
        store(&spool, u64::MAX, round).unwrap();
        let files: Vec<_> = (0..CHILDREN).map(|at| dir.path().join(at.to_string())).collect();
        let storing = |at: u64| Child::begin(|| store_for_a_while(&spool, at, &files[at as usize]));
        let children: Vec<_> = (0..CHILDREN).map(storing).collect();
        // Stopped at any point of a store, while the others come to the end of the log.
        std::thread::sleep(Duration::from_millis(ROTATION / 2));
        let stopped = children[(round % CHILDREN) as usize].0;
        kill_process(stopped, Signal::STOP).unwrap();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(ROTATION) {
            drain(&mut *backlog, &mut seen);
        }
        kill_process(stopped, Signal::CONT).unwrap();
        children.into_iter().for_each(Child::expect_well);
        drain_all(&mut *backlog, &mut seen);
        for (at, file) in files.iter().enumerate() {
            let acknowledged: u64 = std::fs::read_to_string(file).unwrap().parse().unwrap();
            stored += acknowledged;
            for number in 0..acknowledged {
                match seen.remove(&(at as u64, number)) {
                    None => lost += 1,
                    Some(times) => doubled += u64::from(times > 1),
                }
            }
        }
        assert_eq!(seen.remove(&(u64::MAX, round)), Some(1));
        assert_eq!(seen, HashMap::new(), "something came that was not acknowledged");
    }
    eprintln!("{stored} stored in {rounds} rounds, {lost} lost, {doubled} came twice");
    assert_eq!((lost, doubled), (0, 0), "of {stored}");
    backlog.close().unwrap();
    let totals = spool.status(Duration::ZERO).unwrap().totals;
    assert!(totals.balanced() && totals.pending == 0, "{totals:?}");
    assert_eq!(totals.outcomes.delivered, stored + rounds);
}

#[test]
fn a_child_stores_whatever_its_parents_threads_were_doing_at_the_fork() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let spool = spool_in(dir.path(), 1_000);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // One slot's mutex, and the leadership of its syncs, are held most of the time.
        for thread in 0..3 {
            let (spool, over) = (spool.clone().durable(), &over);
            scope.spawn(move || {
                let mut number = 0;
                while !over.load(Ordering::SeqCst) {
                    store(&spool, thread, number).unwrap();
                    number += 1;
                }
            });
        }
        let _over = SetAtEnd(&over);
        for number in 0..60 {
            let spool = spool.clone().durable();
            let child = Child::begin(move || {
                stored(&spool, 3, number)
                    // And a child of the child, which inherits what that has open.
                    && Child::begin(|| stored(&spool, 4, number)).ended_well()
                    && stored(&spool, 5, number)
            });
            child.expect_well();
        }
    });
    let totals = spool.status(Duration::ZERO).unwrap().totals;
    assert!(totals.balanced() && totals.pending >= 180, "{totals:?}");
}

fn is_forked(error: BacklogError) -> bool {
    error.to_string().contains("forked off")
        || std::error::Error::source(&error).is_some_and(|it| it.to_string().contains("forked off"))
}

#[test]
fn a_child_can_neither_use_its_parents_backlog_nor_give_its_lock_back() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let spool = spool_in(dir.path(), 1_000);
    store(&spool, 0, 0).unwrap();
    let mut backlog = spool.backlog().unwrap();
    let heard = std::sync::Arc::new(AtomicBool::new(false));
    let hears = std::sync::Arc::clone(&heard);
    backlog.follow(Notifier::new(move || hears.store(true, Ordering::SeqCst))).unwrap();
    let Next::Work(claim) = backlog.next().unwrap() else {
        panic!("nothing came out");
    };
    let mut backlog = Some(backlog);
    let child = Child::begin(|| {
        let mut backlog = backlog.take().expect("it was copied");
        let refused = backlog.next().is_err_and(is_forked)
            && backlog.begin(claim.ticket).is_err_and(is_forked)
            && backlog.settle(claim.ticket, Settlement::Delivered).is_err_and(is_forked)
            && backlog.finish().is_err_and(is_forked);
        drop(backlog);
        refused && matches!(spool.backlog(), Err(BacklogError::Busy { .. }))
    });
    child.expect_well();
    let Some(mut backlog) = backlog else {
        panic!("only the child took it");
    };
    assert!(matches!(spool.backlog(), Err(BacklogError::Busy { .. })));
    assert!(spool.status(Duration::ZERO).unwrap().worker.is_some());
    backlog.begin(claim.ticket).unwrap();
    backlog.settle(claim.ticket, Settlement::Delivered).unwrap();
    // Its watch still notifies of what comes.
    while !matches!(backlog.next().unwrap(), Next::Empty) {}
    heard.store(false, Ordering::SeqCst);
    store(&spool, 0, 1).unwrap();
    let begun = Instant::now();
    while !heard.load(Ordering::SeqCst) {
        assert!(begun.elapsed() < LONG, "the parent does not hear of what is stored any more");
        std::thread::yield_now();
    }
    drain_all(&mut *backlog, &mut Came::new());
    backlog.close().unwrap();
}

#[test]
fn a_child_that_lives_on_keeps_no_lock_of_a_worker_that_has_ended() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let spool = spool_in(dir.path(), 1_000);
    let backlog = spool.backlog().unwrap();
    let child = Child::begin(|| {
        loop {
            std::thread::park();
        }
    });
    drop(backlog);
    let next = spool.backlog();
    let _ = kill_process(child.0, WELL);
    child.expect_well();
    assert!(next.is_ok());
    // Asking whether a worker runs takes its lock for a moment, too.
    drop(next);
    assert_eq!(spool.status(Duration::ZERO).unwrap().worker, None);
}

#[test]
fn of_requests_with_one_key_one_is_stored_whichever_side_of_a_fork_they_come_from() {
    let _alone = alone();
    let dir = tempfile::tempdir().unwrap();
    let spool = spool_in(dir.path(), 1_000);
    store(&spool, 9, 0).unwrap();
    let keyed = |process, number| {
        let mut record = record(process, number);
        record.options.dedupe = Some(slipstream_core::Dedupe {
            key: format!("key {number}"),
            window: Duration::from_secs(3_600),
        });
        record
    };
    let storing = |process| {
        let spool = spool.clone();
        Child::begin(move || {
            (0..200)
                .all(|number| spool.store(&Source::named("one"), &[keyed(process, number)]).is_ok())
        })
    };
    let children: Vec<_> = (0..4).map(storing).collect();
    children.into_iter().for_each(Child::expect_well);
    assert_eq!(spool.status(Duration::ZERO).unwrap().totals.pending, 201);
}

#[test]
fn ids_that_are_made_on_both_sides_of_a_fork_differ() {
    let _alone = alone();
    let now = Timestamp::from_millis(1_795_498_157_482);
    RecordId::generate(now);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("id");
    let child = Child::begin(|| std::fs::write(&file, RecordId::generate(now).as_bytes()).is_ok());
    let own = RecordId::generate(now);
    child.expect_well();
    assert_ne!(std::fs::read(&file).unwrap(), own.as_bytes());
}
