//! Slipstream's file engine: a spool on local disk that needs no daemon.
//!
//! ```
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
//! let status = Spool::open(&dir)?.status()?;
//! assert_eq!(status.totals.pending, 1);
//! assert!(status.totals.balanced());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Requests are appended to *logs*, one for each *slot* of sources. A log that is a minute old is
//! sealed and waits; ten may wait in a slot, then the oldest gives way and is counted. A worker
//! claims logs, settles each record in place, and removes what is done. A log changes its
//! stage by rename(2) alone. docs/format.md tells every byte and every crash.
//!
//! # Non-goals
//! What a request means, threads, and any write to a log that moves bytes.

mod accounts;
mod ages;
mod append;
mod backlog;
mod check;
mod configured;
mod create;
mod dedupe;
mod depart;
mod drop;
mod error;
#[cfg(test)]
mod faults;
pub mod frame;
pub mod fs;
mod group_sync;
mod inspect;
mod ledger;
mod left;
#[cfg(test)]
mod messages;
pub mod name;
mod overdue;
mod pending;
mod purge;
mod retry;
mod ring;
mod seal;
mod settings;
mod skipped;
mod slot;
mod spool;
mod spool_dir;
mod status;
mod tally;
pub mod walk;
mod worker_lock;
mod writers;

pub use ages::{AGES, ByAge, Destinations, Waiting};
pub use check::{Finding, Report};
pub use configured::{SettingsFile, settings_files};
pub use drop::Dropped;
pub use error::SpoolError;
pub use inspect::{InspectError, LogReader};
pub use ledger::{Outcomes, OverwrittenSum};
pub use name::Stage;
pub use overdue::Overdue;
pub use purge::Purged;
pub use retry::Retried;
pub use ring::{Forecast, LogStatus, SlotStatus};
pub use settings::{OnFull, Settings};
pub use skipped::Skipped;
pub use slot::slot_of;
pub use spool::Spool;
pub use spool_dir::SpoolDir;
pub use status::{StageStatus, Status, Totals};
pub use worker_lock::{Holder, WORKER_SILENCE};
