//! Stores requests durably from a hundred tasks at once: `cargo run -p slipstream-spool --features tokio
//! --example async_store -- DIR`.

use std::error::Error;
use std::time::Instant;

use slipstream_spool::http::HttpRequest;
use slipstream_spool::{AsyncCollector, Spool};

/// How many tasks store at once.
const TASKS: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let spool = match std::env::args_os().nth(1) {
        Some(dir) => Spool::open(dir)?,
        None => Spool::open_configured()?,
    };
    let collector = AsyncCollector::new(spool.durable())?;
    let start = Instant::now();
    let store = |number: usize| {
        let collector = collector.clone();
        let request = HttpRequest::get(format!("http://127.0.0.1:9/{number}"));
        tokio::spawn(async move { collector.store(&request).await })
    };
    let tasks: Vec<_> = (0..TASKS).map(store).collect();
    for task in tasks {
        task.await??;
    }
    println!("{TASKS} requests stored durably in {:?}", start.elapsed());
    Ok(())
}
