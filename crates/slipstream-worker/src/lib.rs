//! Slipstream's worker: drains a [backlog](slipstream_core::Backlog) and returns.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use slipstream_core::{Attempt, Destination, Handler, Invalid, Outcome, Request};
//! use slipstream_worker::Worker;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Beep { times: u8 }
//!
//! impl Request for Beep {
//!     const KIND: &'static str = "beep";
//!     fn destination(&self) -> Destination { Destination::new("beep://speaker") }
//!     fn check(&self) -> Result<(), Invalid> { Ok(()) }
//! }
//!
//! struct Speaker;
//!
//! impl Handler for Speaker {
//!     type Request = Beep;
//!     fn perform(&self, _: &Beep, _: &Attempt) -> Outcome { Outcome::Delivered }
//! }
//!
//! # use slipstream_core::{Backlog, BacklogError, Claim, Next, Record, RecordId, Ticket, Settlement};
//! # struct Queue(Vec<Record>);
//! # impl Queue { fn backlog(self) -> Result<Box<dyn Backlog>, BacklogError> { Ok(Box::new(self)) } }
//! # impl Backlog for Queue {
//! #     fn next(&mut self) -> Result<Next, BacklogError> {
//! #         let Some(record) = self.0.pop() else { return Ok(Next::Empty) };
//! #         let ticket = Ticket(self.0.len() as u64);
//! #         Ok(Next::Work(Claim::new(ticket, record.encode(), 0)))
//! #     }
//! #     fn spilled(
//! #         &mut self,
//! #         _: std::ops::Bound<u128>,
//! #     ) -> Result<Option<Claim>, BacklogError> { Ok(None) }
//! #     fn begin(&mut self, _: Ticket) -> Result<u32, BacklogError> { Ok(1) }
//! #     fn settle(&mut self, _: Ticket, _: Settlement) -> Result<(), BacklogError> { Ok(()) }
//! #     fn finish(&mut self) -> Result<(), BacklogError> { Ok(()) }
//! # }
//! # let record = Record::new(&Beep { times: 3 }, RecordId::from_bytes([7; 16]))?;
//! # let engine = Queue(vec![record]);
//! // `engine` is any slipstream_core::Engine in which one Beep is stored.
//! let summary = Worker::new(engine.backlog()?).handler(Speaker).run(&mut ())?;
//! assert_eq!((summary.delivered, summary.failed), (1, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Worker`] claims records, hands each to the driver or handler of its kind, and settles how it
//! ended. [`RetryPolicy`] says how often and how patiently, [`Limits`] how much at once and for how
//! long; an [`Observer`] receives every event while it happens, a [`Stopper`] ends a run early.
//! Each destination gets its share of the slots by how it answers, so that a dead or slow
//! destination holds up no other.
//!
//! # Non-goals
//!
//! What a request means (that is its driver's), where records are kept (its
//! engine's), output, signals and configuration (the program's).

mod drivers;
#[cfg(test)]
mod messages;
mod reason;
mod report;
mod run;
mod schedule;
mod stop;
mod subject;
mod worker;

pub use drivers::thread_pool::Threads;
pub use report::note::Note;
pub use report::observer::{Doing, Ending, Event, Observer, RunError, Summary};
pub use slipstream_core::{LastRun, RetryPolicy, Trouble};
pub use stop::Stopper;
pub use worker::{Limits, Worker};
