//! What the tests share: the built binary on a spool of its own, and a real nginx on loopback.
//!
//! Guaranteed: what a test started ends with the test, and its files are gone.
//! Absent on purpose: a way to go on without a server. `cargo xtask test` installs nginx, and a
//! test that finds none fails and says so.

mod nginx;
mod program;

pub use nginx::{Hit, Nginx};
pub use program::Program;
