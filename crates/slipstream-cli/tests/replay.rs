//! What a fuzzer once found worth keeping is tried again on every run of the tests: requests of the
//! kinds tcp and mysql, of any bytes. fuzz/targets says what is checked.
//!
//! # Non-goals
//! Making up new bytes. fuzz/Cargo.toml says how to do that.

#[allow(dead_code, reason = "a module of the binary is taken as it is")]
#[path = "../src/curl/glob.rs"]
mod glob;
#[path = "../../../fuzz/targets/kinds.rs"]
mod kinds;
#[path = "../../../fuzz/targets/glob.rs"]
mod patterns;
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[test]
fn any_bytes_are_a_request_of_a_kind_or_refused() {
    replay::replay("kinds", kinds::check);
}

#[test]
fn any_text_stands_for_a_bounded_number_of_urls() {
    replay::vary("glob", patterns::check);
}
