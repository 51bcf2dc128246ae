//! SQL statements for MySQL and MariaDB, stored now and executed later:
//!
//! ```
//! use slipstream_core::Request;
//! use slipstream_mysql::{MysqlRequest, Param};
//!
//! let request = MysqlRequest::new("mysql://app@db.example.com/shop")
//!     .statement("INSERT INTO visits (page, seen) VALUES (?, ?)", ["/home".into(), Param::from(3)])
//!     .password("env:SHOP_PASSWORD");
//! request.check()?;
//! # Ok::<(), slipstream_core::Invalid>(())
//! ```
//!
//! [`MysqlRequest`] is what a program stores: one statement, or several that are executed in one
//! transaction; [`parse_line`] reads one from a line of JSON. With the feature `deliver`, which is
//! on by default, `MysqlHandler` executes them: delivered means committed. Programs that only store
//! leave the feature out, and TLS with it.
//!
//! A password is never a part of a request, only its name is ([`MysqlRequest::password`],
//! [`MysqlRequest::defaults_file`]).
//!
//! # Non-goals
//! Results. A request is sent to change something; rows that come back are read and thrown away.

mod batch;
mod masked;
#[cfg(test)]
mod messages;
mod param;
mod request;
mod sql;
mod url;

#[cfg(feature = "deliver")]
mod endpoint;
#[cfg(feature = "deliver")]
mod group;
#[cfg(feature = "deliver")]
mod handler;
#[cfg(feature = "deliver")]
mod once;
#[cfg(feature = "deliver")]
mod option_file;
#[cfg(feature = "deliver")]
mod options;
#[cfg(feature = "deliver")]
mod plain;
#[cfg(feature = "deliver")]
mod pool;
#[cfg(feature = "deliver")]
mod protection;
#[cfg(feature = "deliver")]
mod resolve;
#[cfg(feature = "deliver")]
mod session;
#[cfg(feature = "deliver")]
mod sharing;
#[cfg(feature = "deliver")]
mod verdict;
#[cfg(feature = "deliver")]
mod wire;

pub use batch::{parse_line, parse_line_beside};
pub use param::Param;
pub use request::{MysqlRequest, Statement, Tls};

#[cfg(feature = "deliver")]
pub use handler::MysqlHandler;
#[cfg(feature = "deliver")]
pub use options::MysqlOptions;
