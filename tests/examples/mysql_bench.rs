//! Inserts by the bare client library in a loop, and through spool and worker, into the same server.
//!
//! `mysql_bench BARE COUNT ROUNDS` prints a line of JSON for each round:
//! `{"durable":true,"bare":S,"store":S,"work":S}`, in seconds for COUNT requests; BARE is the
//! program with the loop, which has as many connections as the worker. First with a server that
//! syncs each commit, then with a server that leaves it to the system.
//!
//! # Non-goals
//! Anything but inserts of a small row, a request each.

use std::error::Error;
use std::process::{Command, Stdio};
use std::time::Instant;

use slipstream_core::{Collector, Engine};
use slipstream_log::Spool;
use slipstream_mysql::{MysqlHandler, MysqlOptions, MysqlRequest};
use slipstream_tests::MariaDb;
use slipstream_worker::Worker;

/// What a worker has by default.
const CONNECTIONS: u64 = 4;

const INSERT: &str = "INSERT INTO t (id, body) VALUES (?, ?)";

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [program, count, rounds] = args.as_slice() else {
        return Err("usage: mysql_bench BARE COUNT ROUNDS".into());
    };
    let (count, rounds): (u64, u32) = (count.parse()?, rounds.parse()?);
    for durable in [true, false] {
        let options: &[&str] = match durable {
            true => &["--innodb-flush-log-at-trx-commit=1", "--innodb-flush-method=fsync"],
            false => &[],
        };
        let server = MariaDb::start(options);
        server.sql("CREATE TABLE shop.t (id BIGINT PRIMARY KEY, body VARCHAR(300))");
        for _ in 0..rounds {
            let bare = bare(program, &server, count)?;
            finish(&server, count)?;
            let (store, work) = ours(&server, count)?;
            finish(&server, count)?;
            println!(r#"{{"durable":{durable},"bare":{bare},"store":{store},"work":{work}}}"#);
        }
    }
    Ok(())
}

/// Everything is there, and goes.
fn finish(server: &MariaDb, count: u64) -> Result<(), Box<dyn Error>> {
    let found = server.number("SELECT COUNT(*) FROM t");
    server.sql("TRUNCATE shop.t");
    if found == count { Ok(()) } else { Err(format!("{found} rows instead of {count}").into()) }
}

fn bare(program: &str, server: &MariaDb, count: u64) -> Result<f64, Box<dyn Error>> {
    let mut command = Command::new(program);
    command.arg(server.url()).args([count, CONNECTIONS].map(|n| n.to_string()));
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{program} failed ({})", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

fn ours(server: &MariaDb, count: u64) -> Result<(f64, f64), Box<dyn Error>> {
    let (url, body) = (server.url(), "x".repeat(300));
    let dir = tempfile::tempdir()?;
    let spool = || Spool::open(dir.path().join("spool"));
    let began = Instant::now();
    let collector = Collector::new(spool()?);
    for id in 0..count {
        let request = MysqlRequest::new(&url).statement(INSERT, [id.into(), body.as_str().into()]);
        collector.store(&request)?;
    }
    let store = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let handler = MysqlHandler::new(MysqlOptions::default());
    let summary = Worker::new(spool()?.backlog()?).handler(handler).run(&mut ())?;
    let work = began.elapsed().as_secs_f64();
    if summary.failed > 0 {
        return Err(format!("{} failed", summary.failed).into());
    }
    Ok((store, work))
}
