//! What a fuzzer once found worth keeping is tried again on every run of the tests: option files of any
//! text. fuzz/targets says what is checked.
//!
//! # Non-goals
//! Making up new bytes: fuzz/Cargo.toml describes that.
#![cfg(feature = "deliver")]
#![allow(dead_code, reason = "modules of the crate are taken as they are")]

#[path = "../src/deliver/option_file.rs"]
mod option_file;
#[path = "../../../fuzz/targets/option_file.rs"]
mod option_files;
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[test]
fn an_option_file_of_any_text_says_what_its_lines_do() {
    replay::vary("option_file", option_files::check);
}
