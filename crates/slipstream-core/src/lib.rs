//! What the parts of Slipstream agree on: a [`Request`] and its [`Record`], the
//! [`Engine`] that keeps records, the [`Driver`] that performs them, and the
//! [`Collector`] through which a program stores them.
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

mod address_gate;
mod clock;
mod collector;
mod delivery_options;
mod driver;
mod engine;
mod host;
mod id;
mod line;
#[cfg(test)]
mod messages;
mod outcome;
mod quote;
mod record;
mod request;
mod retry_policy;
mod secret;
mod source;

pub use address_gate::{AddressGate, check_allowed};
pub use clock::{Clock, SystemClock, Timestamp};
pub use collector::{Collector, Stored};
pub use delivery_options::{Dedupe, DeliveryOptions};
pub use driver::{Attempt, Completion, Driver, Handler, Job, Notifier};
pub use engine::{
    Backlog, BacklogError, Claim, Duplicate, Engine, Next, Overwritten, Receipt, Settlement,
    StoreError, Ticket, TryNow,
};
pub use host::{bare_host, host_of, split_port};
pub use id::RecordId;
pub use line::{Aside, read_line, read_seconds};
pub use outcome::{Failure, FailureScope, HASTY_MS, Outcome};
pub use quote::quoted;
pub use record::{DecodeError, Head, Record, decode_body, destination_of};
pub use request::{Destination, Invalid, Request};
pub use retry_policy::{RetryPolicy, Statuses, Step};
pub use secret::SecretRef;
pub use source::Source;
