//! Slipstream's file engine: a spool on local disk that needs no daemon.
//!
//! ```
//! use std::time::Duration;
//!
//! use slipstream_core::operator::Operator;
//! use slipstream_core::{Collector, Destination, Invalid, Request};
//! use slipstream_log::Spool;
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Serialize, Deserialize)]
//! # struct Beep { times: u8 }
//! # impl Request for Beep {
//! #     const KIND: &'static str = "beep";
//! #     fn destination(&self) -> Destination { Destination::new("beep://speaker") }
//! #     fn check(&self) -> Result<(), Invalid> { Ok(()) }
//! # }
//! # let dir = tempfile::tempdir()?;
//! # let dir = dir.path().join("spool");
//!
//! let collector = Collector::new(Spool::open(&dir)?);
//! let stored = collector.store(&Beep { times: 3 })?;
//! println!("stored as {}", stored.id);
//!
//! let status = Spool::open(&dir)?.status(Duration::ZERO)?;
//! assert_eq!(status.totals.pending, 1);
//! assert!(status.totals.balanced());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Requests are appended to *logs*, one for each *slot* of sources. A log that is a minute old is
//! sealed and waits; ten may wait in a slot, then the oldest is evicted and counted. A worker
//! claims logs, settles each record in place, and removes what is done. A log changes its stage by
//! rename(2) alone. docs/format.md describes every byte and every crash.
//!
//! # Non-goals
//! What a request means, threads, and any write to a log that moves bytes.

mod consume;
mod dead_letters;
mod dir;
mod error;
#[cfg(test)]
mod faults;
mod format;
pub mod fs;
mod lifecycle;
#[cfg(test)]
mod messages;
mod operate;
mod spool;
mod store;

pub use dir::spool_dir::SpoolDir;
pub use error::SpoolError;
pub use format::log_name::Stage;
pub use format::settings::{OnFull, Settings};
pub use format::slot::slot_of;
#[doc(hidden)]
pub use format::{frame, log_name as name, scan as walk};
pub use lifecycle::entries::OverwrittenSum;
pub use operate::configured::{SettingsFile, settings_files};
pub use operate::forecast::Forecast;
pub use operate::inspect::{InspectError, LogReader};
pub use operate::slots::{LogStatus, SlotStatus};
pub use operate::status::SpoolStatus;
pub use spool::Spool;
pub use spool::builder::SpoolBuilder;
