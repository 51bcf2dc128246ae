//! The engine on a real disk.

mod bench;
mod check;
mod dead_letters;
mod delivery_options;
mod drop;
mod keeping;
mod looking;
mod places;
mod spool;
mod trouble;
