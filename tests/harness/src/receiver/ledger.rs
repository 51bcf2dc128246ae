//! A receiver's record of the requests that it took.
//!
//! # Invariants
//! A request is counted, and is in the ledger file, before it is answered: a process that kills the
//! receiver loses nothing that was acknowledged.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::http::Head;

/// Counts that other threads may read at any time.
#[derive(Debug, Default)]
pub struct Counts {
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) distinct: AtomicU64,
    pub(super) repeats: AtomicU64,
    pub(super) without_key: AtomicU64,
    kept: Mutex<Vec<Taken>>,
}

/// A request that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Method and target.
    pub line: String,
    /// Its Idempotency-Key.
    pub key: Option<String>,
    /// Its body.
    pub body: String,
}

impl Counts {
    /// The counts as a JSON object. Keys, present or not, are zero
    /// unless keys are remembered.
    pub fn json(&self) -> String {
        serde_json::json!({
            "connections": self.connections.load(Relaxed),
            "requests": self.requests.load(Relaxed),
            "bytes": self.bytes.load(Relaxed),
            "distinct": self.distinct.load(Relaxed),
            "repeats": self.repeats.load(Relaxed),
            "without_key": self.without_key.load(Relaxed),
        })
        .to_string()
    }

    /// How many requests came.
    pub fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// The requests that were kept, in the order they came.
    pub fn kept(&self) -> MutexGuard<'_, Vec<Taken>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much to remember.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Keys, to distinguish first deliveries from repeats.
    pub keys: bool,
    /// Whole requests, for [`Counts::kept`].
    pub requests: bool,
    /// One line a request: key, method and target, length of the body, status.
    pub file: Option<File>,
}

/// Counts and remembers.
pub(super) struct Ledger {
    memory: Memory,
    /// Keys by their hash: a million of them must fit beside a benchmark. Two that
    /// share 64 bits would count as one; among a million that is one run in 30 million.
    seen: HashSet<u64>,
    hasher: RandomState,
    lines: Vec<u8>,
}

impl Ledger {
    pub(super) fn new(memory: Memory) -> Self {
        Self { memory, seen: HashSet::new(), hasher: RandomState::new(), lines: Vec::new() }
    }

    pub(super) fn take(&mut self, counts: &Counts, head: &Head<'_>, body: &[u8], status: u16) {
        counts.requests.fetch_add(1, Relaxed);
        counts.bytes.fetch_add(body.len() as u64, Relaxed);
        if self.memory.keys {
            let count = match head.key {
                None => &counts.without_key,
                Some(key) if self.seen.insert(self.hasher.hash_one(key)) => &counts.distinct,
                Some(_) => &counts.repeats,
            };
            count.fetch_add(1, Relaxed);
        }
        if self.memory.requests {
            counts.kept().push(Taken {
                line: [text(head.method), text(head.target)].join(" "),
                key: head.key.map(text),
                body: text(body),
            });
        }
        if self.memory.file.is_some() {
            self.lines.extend_from_slice(head.key.unwrap_or(b"-"));
            for part in [head.method, head.target] {
                self.lines.push(b' ');
                self.lines.extend_from_slice(part);
            }
            self.lines.extend_from_slice(format!(" {} {status}\n", body.len()).as_bytes());
        }
    }

    /// Writes out what was taken; to be called before it is answered.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if let Some(file) = &mut self.memory.file
            && !self.lines.is_empty()
        {
            file.write_all(&self.lines)?;
            self.lines.clear();
        }
        Ok(())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
