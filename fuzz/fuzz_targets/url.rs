//! Feeds ../targets/url.rs, which says what is checked.
#![no_main]

#[path = "../targets/url.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::check(data));
