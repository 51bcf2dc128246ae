//! The engine on a real disk.

mod bench;
mod check;
mod drop;
mod keeping;
mod looking;
mod places;
mod spool;
mod terms;
mod trouble;
