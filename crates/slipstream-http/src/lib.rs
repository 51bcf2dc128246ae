//! HTTP and HTTPS requests, stored now and delivered later:
//!
//! ```
//! use slipstream_http::HttpRequest;
//!
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path().join("spool");
//! let request = HttpRequest::get("http://example.com/").header("x-foo", "bar");
//! let spool = slipstream_log::Spool::open(dir)?;
//! let collector = slipstream_core::Collector::new(spool);
//! let stored = collector.store(&request)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`HttpRequest`] is what a program stores, [`parse_line`] reads one from a line of JSON.
//! With the feature `deliver`, which is on by default, `HttpDriver` sends them over
//! libcurl, many at a time. Programs that only store leave the feature out, and libcurl
//! and TLS with it.
//!
//! Absent on purpose: redirects, cookies and caches. A redirect is a failure that somebody
//! should look at; following it would send a stored secret wherever a server says.

mod batch;
mod masked;
mod quote;
mod request;
mod url;

#[cfg(feature = "deliver")]
mod driver;
#[cfg(feature = "deliver")]
mod options;
#[cfg(feature = "deliver")]
mod retry_after;
#[cfg(feature = "deliver")]
mod transfer;
#[cfg(feature = "deliver")]
mod verdict;

pub use batch::{Aside, parse_line, parse_line_beside};
pub use masked::masked_url;
pub use request::HttpRequest;

#[cfg(feature = "deliver")]
pub use driver::HttpDriver;
#[cfg(feature = "deliver")]
pub use options::HttpOptions;
