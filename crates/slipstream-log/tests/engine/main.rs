//! The engine on a real disk.

mod bench;
mod check;
mod spool;
