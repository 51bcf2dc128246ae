//! Parts that the tests share: the built binary on a spool of its own, a real nginx, a real proxy,
//! a real MariaDB and other real servers on loopback, and certificates that openssl made for them.
//!
//! # Invariants
//! What a test started ends with the test, and its files are gone.
//!
//! # Non-goals
//! A way to go on without a server. `cargo xtask test` installs them, and a test that finds none
//! fails and says so.

mod certificates;
mod daemon;
mod mariadb;
mod nginx;
mod program;
mod proxy;

pub use certificates::{Certificates, Pair};
pub use daemon::Daemon;
pub use mariadb::{MariaDb, MariaDbSession};
pub use nginx::{Hit, Nginx};
pub use program::Program;
pub use proxy::Proxy;
