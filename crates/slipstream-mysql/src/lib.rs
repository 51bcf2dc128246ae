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

mod json;
#[cfg(test)]
mod messages;
mod request;
mod url;

#[cfg(feature = "deliver")]
mod deliver;

pub use json::{parse_line, parse_line_beside};
pub use request::param::Param;
pub use request::{MysqlRequest, Statement, Tls};

#[cfg(feature = "deliver")]
pub use deliver::handler::MysqlHandler;
#[cfg(feature = "deliver")]
pub use deliver::options::MysqlOptions;
