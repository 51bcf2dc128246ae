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

mod json;
#[cfg(test)]
mod messages;
mod request;
mod url;

#[cfg(feature = "deliver")]
mod deliver;

pub use json::{parse_line, parse_line_beside};
pub use request::masked::masked_url;
pub use request::multipart::Part;
pub use request::{
    Auth, HttpRequest, HttpVersion, IpVersion, OPTIONS, OptionRow, OptionValue, Options, Redaction,
    RedirectScheme, RedirectedAs, Topic, ValueShape,
};

#[cfg(feature = "deliver")]
pub use deliver::driver::HttpDriver;
#[cfg(feature = "deliver")]
pub use deliver::options::HttpOptions;
#[cfg(feature = "deliver")]
pub use deliver::proxies::Proxies;
