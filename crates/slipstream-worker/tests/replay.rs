//! What a fuzzer once found worth keeping is tried again on every run of the tests: what an earlier run
//! left, of any bytes. fuzz/targets says what is checked.
//!
//! # Non-goals
//! Making up new bytes: fuzz/Cargo.toml describes that.
#![allow(dead_code, reason = "a module of the crate is taken as it is")]

#[path = "../../../fuzz/targets/last_run.rs"]
mod last_run;
#[path = "../../../fuzz/targets/memory.rs"]
mod memories;
#[path = "../src/report/destination_state.rs"]
mod memory;
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[test]
fn any_bytes_tell_of_an_earlier_run_or_of_none() {
    replay::vary("last_run", last_run::check);
}

#[test]
fn any_bytes_are_remembered_within_bounds() {
    replay::vary("memory", memories::check);
}
