//! What a fuzzer once found worth keeping is tried again on every run of the tests: requests of the
//! kinds tcp and mysql, of any bytes. fuzz/targets says what is checked.
//!
//! Absent on purpose: making up new bytes. fuzz/Cargo.toml tells how to do that.

#[path = "../../../fuzz/targets/kinds.rs"]
mod kinds;
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[test]
fn any_bytes_are_a_request_of_a_kind_or_refused() {
    replay::replay("kinds", kinds::check);
}
