//! Feeds ../targets/kinds.rs, which says what is checked.
#![no_main]

#[path = "../targets/kinds.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::check(data));
