//! The types and traits that the parts of Slipstream share: a [`Request`] and its [`Record`], the
//! [`Engine`] that keeps records, the [`Driver`] that performs them, the [`Collector`] through
//! which a program stores them, and the [`operator`]'s interface to what is kept.
//!
//! A request of your own needs a type that serde can write, and one `impl`:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use slipstream_core::{Destination, Invalid, Record, RecordId, Request, Timestamp};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Beep { times: u8 }
//!
//! impl Request for Beep {
//!     const KIND: &'static str = "beep";
//!     fn destination(&self) -> Destination { Destination::new("beep://speaker") }
//!     fn check(&self) -> Result<(), Invalid> {
//!         if self.times == 0 { return Err(Invalid::new("a beep of no times; give 1 to 255")) }
//!         Ok(())
//!     }
//! }
//!
//! let id = RecordId::new(Timestamp::from_millis(1_795_498_157_482), [7; 10]);
//! let record = Record::new(&Beep { times: 3 }, id)?;
//! let same = Record::decode(&record.encode()).unwrap();
//! assert_eq!(same.request::<Beep>().unwrap().times, 3);
//! assert!(Record::new(&Beep { times: 0 }, id).is_err());
//! # Ok::<(), Invalid>(())
//! ```
//!
//! # Non-goals
//! Files, sockets and threads. Nothing here does I/O but reading the machine's clock
//! ([`SystemClock`]) and its randomness ([`RecordId::generate`]).

mod clock;
mod collector;
mod driver;
mod engine;
mod invalid;
mod json_line;
#[cfg(test)]
mod messages;
mod net;
mod quote;
mod request;
mod retry_policy;
mod secret;

pub use clock::{Clock, SystemClock, Timestamp};
pub use collector::{Collector, Stored};
pub use driver::handler::{Attempt, Handler};
pub use driver::notifier::Notifier;
pub use driver::outcome::{Failure, FailureScope, HASTY_MS, Outcome};
pub use driver::{Completion, Driver, Job};
pub use engine::Engine;
pub use engine::backlog::{Backlog, BacklogError, Next};
pub use engine::claim::{Claim, Settlement, Ticket, TryNow};
pub use engine::last_run::{LastRun, Trouble, truncated};
pub use engine::operator;
pub use engine::receipt::{Duplicate, Overwritten, Receipt, StoreError};
pub use invalid::Invalid;
pub use json_line::{Aside, read_base64, read_line, read_seconds};
pub use net::address_gate::{AddressGate, check_allowed};
pub use net::host::{bare_host, host_of, port_of, split_port};
pub use net::url::reference::{resolved, with_two_slashes, without_dots};
pub use net::url::{UrlParts, unsendable, without_user};
pub use quote::quoted;
pub use request::Request;
pub use request::delivery_options::{Dedupe, DeliveryOptions};
pub use request::destination::Destination;
pub use request::id::RecordId;
pub use request::record::{DecodeError, Head, Record, decode_body, destination_of};
pub use request::shown::{LEFT_OUT, Shown, name_of_secret};
pub use request::source::Source;
pub use request::timeout::Timeout;
pub use request::tls::{Tls, check_certificates, check_pem};
pub use retry_policy::{RetryPolicy, Statuses, Step};
pub use secret::SecretRef;
