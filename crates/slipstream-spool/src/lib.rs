//! Slipstream in one dependency: a program stores a slow or flaky call on local disk, which takes about a
//! microsecond, and a worker run by cron or systemd delivers it later.
//!
//! ```no_run
//! use slipstream_spool::http::HttpRequest;
//! use slipstream_spool::{Collector, Spool};
//!
//! // The spool that the command line uses: SLIPSTREAM_DIR, the settings files, or /tmp/slipstream.
//! let collector = Collector::new(Spool::open_configured()?);
//! let request = HttpRequest::get("http://example.com/").header("x-foo", "bar");
//! let stored = collector.store(&request)?;
//! println!("stored as {}", stored.id);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `slipstream work` delivers it, from cron or systemd. A program that delivers by itself takes the feature
//! `deliver`, and a `Worker`.
//!
//! # Features
//! - `http` (default), `tcp`, `mysql`: the kinds of requests, to store.
//! - `deliver`: the worker, and what delivers those kinds. `http` then builds libcurl.
//! - `tokio`: `AsyncCollector`, for async programs that store durably or a great deal.
//!
//! # Non-goals
//! Anything of its own but `AsyncCollector`: the other crates say what their parts do.

pub use slipstream_core::{
    Collector, Dedupe, DeliveryOptions, Destination, Engine, Invalid, Overwritten, RecordId,
    Request, Source, StoreError, Stored, Timestamp, operator,
};
#[cfg(feature = "http")]
pub use slipstream_http as http;
pub use slipstream_log::{OnFull, Settings, Spool, SpoolError, SpoolStatus};
#[cfg(feature = "mysql")]
pub use slipstream_mysql as mysql;
#[cfg(feature = "tcp")]
pub use slipstream_tcp as tcp;
#[cfg(feature = "deliver")]
pub use slipstream_worker as worker;

#[cfg(feature = "tokio")]
mod async_collector;
#[cfg(feature = "tokio")]
pub use async_collector::AsyncCollector;
