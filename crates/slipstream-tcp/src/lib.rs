//! Bytes over a stream, stored now and delivered later: a line of graphite's, a syslog message,
//! a job for beanstalkd, a command for redis.
//!
//! ```
//! use slipstream_tcp::{Framing, TcpRequest};
//!
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path().join("spool");
//! let metric = TcpRequest::new("tcp://127.0.0.1:2003", "shop.orders 1 1795498157")
//!     .framing(Framing::Line);
//! let job = TcpRequest::new("tcp://127.0.0.1:11300", "put 0 0 60 5\r\nhello")
//!     .framing(Framing::Crlf)
//!     .expect("^INSERTED ");
//! let spool = slipstream_log::Spool::open(dir)?;
//! let collector = slipstream_core::Collector::new(spool);
//! collector.store(&metric)?;
//! collector.store(&job)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`TcpRequest`] is what a program stores, [`parse_line`] reads one from a line of JSON. With the
//! feature `deliver`, which is on by default, `TcpHandler` sends them. Programs that only store
//! leave the feature out, and TLS with it.
//!
//! # What delivered means
//!
//! With [`expect`](TcpRequest::expect): the peer answered, and its answer matches. Nothing else
//! shows that the receiving program did what was asked.
//!
//! With [`until`](TcpRequest::until) alone: the peer answered something, whole.
//!
//! With neither, our side is shut down behind the last byte, and then:
//!
//! - The peer closes its side, too, and its kernel has acknowledged everything: delivered. A program
//!   that closes a socket, or dies, before it has read everything makes Linux send a reset
//!   instead, over TCP as on a Unix socket, so this says that it read all of it, if not what it
//!   did with it: a program that is killed with what it has just read loses that. It costs one round trip. carbon, rsyslog, redis, beanstalkd and most others close as soon as they have read
//!   the end.
//! - The peer leaves its side open for as long as `TcpOptions::close_wait`, a second: delivered
//!   if its kernel has acknowledged everything. The program may not have read it yet, and if it dies,
//!   it is lost.
//! - A reset, or bytes that are not acknowledged within the idle time-out: a failure that is tried
//!   again. Some of the bytes may have been taken then, so a receiver may see them twice.
//!
//! # Non-goals
//!
//! Datagrams, STARTTLS, proxies, and dialogues of more than one question and one answer. A connection serves one request, unless requests [say](TcpRequest::share) that
//! they can share one.

mod json;
#[cfg(test)]
mod messages;
mod request;
mod url;

#[cfg(feature = "deliver")]
mod deliver;

pub use json::{parse_line, parse_line_beside};
pub use request::TcpRequest;
pub use request::framing::{Framing, Until};
pub use slipstream_core::Tls;

#[cfg(feature = "deliver")]
pub use deliver::handler::TcpHandler;
#[cfg(feature = "deliver")]
pub use deliver::options::TcpOptions;
