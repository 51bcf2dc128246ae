//! Requests of the kind `mysql` against a real MariaDB.

mod command_line;
mod group;
mod isolation;
mod login;
mod once;
mod servers;
mod statements;

use std::sync::atomic::{AtomicU8, Ordering};

use slipstream_core::{Attempt, Collector, Failure, Handler, Outcome, RecordId, Source};
use slipstream_log::Spool;
use slipstream_mysql::{MysqlHandler, MysqlOptions, MysqlRequest};
use slipstream_tests::MariaDb;

/// A server with a table `t`.
fn server() -> MariaDb {
    let server = MariaDb::start(&[]);
    server.sql("CREATE TABLE shop.t (id BIGINT PRIMARY KEY, n INT NOT NULL DEFAULT 0)");
    server
}

fn handler() -> MysqlHandler {
    MysqlHandler::new(MysqlOptions::default())
}

/// An attempt of a request that was not tried before.
fn attempt() -> Attempt {
    static LAST: AtomicU8 = AtomicU8::new(0);
    let mut id = [7; 16];
    id[0] = LAST.fetch_add(1, Ordering::Relaxed);
    Attempt::new(RecordId::from_bytes(id), 1)
}

fn perform(handler: &MysqlHandler, request: &MysqlRequest) -> Outcome {
    handler.perform(request, &attempt())
}

/// The same of several that go together, as often as it takes until all are come to.
fn perform_batch(handler: &MysqlHandler, requests: &[(MysqlRequest, Attempt)]) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    while outcomes.len() < requests.len() {
        let more = handler.perform_batch(&requests[outcomes.len()..]);
        assert!(!more.is_empty(), "it came to none");
        outcomes.extend(more);
    }
    outcomes
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        Outcome::Delivered => panic!("it was delivered"),
    }
}

/// A request that inserts this row.
fn insert(server: &MariaDb, id: u64) -> MysqlRequest {
    MysqlRequest::new(server.url()).statement("INSERT INTO t (id) VALUES (?)", [id.into()])
}

/// A spool in which these are stored.
fn stored(requests: impl IntoIterator<Item = MysqlRequest>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::new(spool(&dir)).source(Source::named("one"));
    for request in requests {
        collector.store(&request).unwrap();
    }
    dir
}

fn spool(dir: &tempfile::TempDir) -> Spool {
    Spool::open(dir.path().join("spool")).unwrap()
}
