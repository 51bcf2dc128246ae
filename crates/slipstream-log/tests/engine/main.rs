//! The engine on a real disk.

mod bench;
mod check;
mod others;
mod spool;
