//! The engine on a real disk.

mod bench;
mod check;
mod keeping;
mod others;
mod spool;
mod terms;
