//! Storing from async code: batches, errors, the end of the program.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use slipstream_core::operator::Operator;
use slipstream_core::{Backlog, BacklogError, Receipt, Record};
use slipstream_spool::{
    AsyncCollector, Destination, Engine, Invalid, Overwritten, Request, Source, Spool, StoreError,
};

#[derive(Serialize, Deserialize)]
struct Note {
    text: String,
}

impl Request for Note {
    const KIND: &'static str = "note";

    fn destination(&self) -> Destination {
        Destination::new("note://wall")
    }

    fn check(&self) -> Result<(), Invalid> {
        match &*self.text {
            "" => Err(Invalid::new("an empty note")),
            _ => Ok(()),
        }
    }
}

fn note(text: impl Into<String>) -> Note {
    Note { text: text.into() }
}

/// What an engine is given at once: the notes of each call.
type Calls = Arc<Mutex<Vec<Vec<String>>>>;

/// An engine whose every call waits until it is let go.
struct Gate {
    calls: Calls,
    entered: Sender<()>,
    let_go: Mutex<Receiver<Result<Receipt, StoreError>>>,
}

/// A collector over such an engine; what it was given, what reports a call, and what lets a call
/// go.
#[allow(clippy::type_complexity)]
fn gate() -> (AsyncCollector, Calls, Receiver<()>, Sender<Result<Receipt, StoreError>>) {
    let calls = Calls::default();
    let ((entered, enters), (lets_go, let_go)) = (channel(), channel());
    let gate = Gate { calls: Arc::clone(&calls), entered, let_go: Mutex::new(let_go) };
    (AsyncCollector::new(gate).unwrap(), calls, enters, lets_go)
}

impl Engine for Gate {
    fn store(&self, _: &Source, records: &[Record]) -> Result<Receipt, StoreError> {
        let texts = records.iter().map(|record| record.request::<Note>().unwrap().text).collect();
        self.calls.lock().unwrap().push(texts);
        self.entered.send(()).unwrap();
        self.let_go.lock().unwrap().recv().unwrap()
    }

    fn backlog(&self) -> Result<Box<dyn Backlog>, BacklogError> {
        unreachable!("nothing is delivered here")
    }
}

/// As many tasks as notes, each of which stores one. They are begun in this order.
fn tasks(
    collector: &AsyncCollector,
    notes: &[&str],
) -> Vec<tokio::task::JoinHandle<Result<slipstream_spool::Stored, StoreError>>> {
    let task = |text: &&str| {
        let (collector, note) = (collector.clone(), note(*text));
        tokio::spawn(async move { collector.store(&note).await })
    };
    notes.iter().map(task).collect()
}

/// Lets every task run as far as it can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_waits_while_the_engine_is_busy_is_stored_by_one_call() {
    let (collector, calls, entered, let_go) = gate();
    let first = tasks(&collector, &["first"]);
    settle().await;
    entered.recv().unwrap();
    let others = tasks(&collector, &["a", "b", "c"]);
    settle().await;
    let overwritten = Overwritten::new("s001", 3, 100);
    let mut receipt = Receipt::default();
    receipt.overwritten.push(overwritten);
    let_go.send(Ok(Receipt::default())).unwrap();
    let_go.send(Ok(receipt)).unwrap();
    for task in first {
        task.await.unwrap().unwrap();
    }
    let mut told = Vec::new();
    for task in others {
        told.push(task.await.unwrap().unwrap());
    }
    assert_eq!(*calls.lock().unwrap(), [vec!["first"], vec!["a", "b", "c"]]);
    let overwritten: Vec<_> = told.iter().map(|stored| stored.overwritten.len()).collect();
    assert_eq!(overwritten, [1, 0, 0], "it is told once");
}

#[tokio::test]
async fn an_error_of_the_engine_is_told_to_every_task_and_to_none_of_the_next_batch() {
    type Is = fn(&StoreError) -> bool;
    let cases: [(StoreError, Is); 3] = [
        (StoreError::Full("no room".into()), |error| matches!(error, StoreError::Full(_))),
        (StoreError::DurabilityUnknown("no disk".into()), |error| {
            matches!(error, StoreError::DurabilityUnknown(_))
        }),
        (StoreError::Engine("no engine".into()), |error| matches!(error, StoreError::Engine(_))),
    ];
    for (error, is) in cases {
        let (collector, _, entered, let_go) = gate();
        let first = tasks(&collector, &["first"]);
        settle().await;
        entered.recv().unwrap();
        let others = tasks(&collector, &["a", "b"]);
        settle().await;
        let words = error.to_string();
        let_go.send(Ok(Receipt::default())).unwrap();
        let_go.send(Err(error)).unwrap();
        let_go.send(Ok(Receipt::default())).unwrap();
        for task in first {
            task.await.unwrap().unwrap();
        }
        for task in others {
            let error = task.await.unwrap().unwrap_err();
            assert!(is(&error), "{error:?}");
            assert_eq!(error.to_string(), words);
        }
        collector.store(&note("later")).await.unwrap();
    }
}

/// A spool whose first call waits until it is let go.
struct Held {
    spool: Spool,
    let_go: Mutex<Receiver<()>>,
}

impl Engine for Held {
    fn store(&self, source: &Source, records: &[Record]) -> Result<Receipt, StoreError> {
        // For the calls behind the first, the other end is gone.
        let _ = self.let_go.lock().unwrap().recv();
        self.spool.store(source, records)
    }

    fn backlog(&self) -> Result<Box<dyn Backlog>, BacklogError> {
        self.spool.backlog()
    }
}

#[tokio::test]
async fn one_that_is_too_large_or_invalid_fails_alone() {
    let home = tempfile::tempdir().unwrap();
    let spool = Spool::open(home.path().join("spool")).unwrap();
    let limit = usize::try_from(spool.settings().record_max).unwrap();
    let (lets_go, let_go) = channel();
    let held = Held { spool: spool.clone(), let_go: Mutex::new(let_go) };
    let collector = AsyncCollector::new(held).unwrap();
    let large = "x".repeat(limit + 1);
    let tasks = tasks(&collector, &["a", &large, "b", "", "c"]);
    settle().await;
    drop(lets_go);
    let mut told = Vec::new();
    for task in tasks {
        told.push(task.await.unwrap());
    }
    assert!(matches!(told[1], Err(StoreError::TooLarge { .. })), "{:?}", told[1]);
    assert!(matches!(told[3], Err(StoreError::Invalid(_))), "{:?}", told[3]);
    assert_eq!(told.iter().filter(|told| told.is_ok()).count(), 3);
    assert_eq!(spool.status(Duration::ZERO).unwrap().totals.pending, 3);
}

#[test]
fn what_tasks_gave_away_is_stored_before_the_last_collector_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let spool = Spool::open(home.path().join("spool")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let collector = AsyncCollector::new(spool.clone().durable()).unwrap();
        drop(tasks(&collector, &["a"; 50]));
        settle().await;
    });
    drop(runtime);
    assert_eq!(spool.status(Duration::ZERO).unwrap().totals.pending, 50);
}
