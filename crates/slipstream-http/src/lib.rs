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
//! How a request is sent, if not as usual, is a part of it: [`Options`]. Unless they say so,
//! a redirect is not followed, but a failure to look at.
//!
//! # Non-goals
//!
//! Caches, and cookies that a server sets, but for redirects of the same request.

mod batch;
mod entries;
mod masked;
#[cfg(test)]
mod messages;
mod multipart;
mod request;
mod url;

#[cfg(feature = "deliver")]
mod answer;
#[cfg(feature = "deliver")]
mod configure;
#[cfg(feature = "deliver")]
mod driver;
#[cfg(feature = "deliver")]
mod head;
#[cfg(feature = "deliver")]
mod jar;
#[cfg(feature = "deliver")]
mod options;
#[cfg(feature = "deliver")]
mod outcome;
#[cfg(feature = "deliver")]
mod policy;
#[cfg(feature = "deliver")]
mod proxies;
#[cfg(feature = "deliver")]
mod raw;
#[cfg(feature = "deliver")]
mod redirect;
#[cfg(feature = "deliver")]
mod retry_after;
#[cfg(feature = "deliver")]
mod route;
#[cfg(feature = "deliver")]
mod signature;
#[cfg(feature = "deliver")]
mod times;
#[cfg(feature = "deliver")]
mod transfer;
#[cfg(feature = "deliver")]
mod trip;
#[cfg(feature = "deliver")]
mod verdict;

pub use batch::{parse_line, parse_line_beside};
pub use masked::masked_url;
pub use multipart::Part;
pub use request::{
    Auth, HttpRequest, HttpVersion, IpVersion, Options, RedirectScheme, RedirectedAs,
};

#[cfg(feature = "deliver")]
pub use driver::HttpDriver;
#[cfg(feature = "deliver")]
pub use options::HttpOptions;
#[cfg(feature = "deliver")]
pub use proxies::Proxies;
