//! What a fuzzer once found worth keeping is tried again on every run of the tests: records and
//! lines of a batch of any bytes. fuzz/targets says what is checked.
//!
//! # Non-goals
//! Making up new bytes: fuzz/Cargo.toml describes that.

#[path = "../../../fuzz/targets/batch.rs"]
mod batch;
#[path = "../../../fuzz/targets/record.rs"]
mod record;
#[path = "../../../fuzz/replay.rs"]
mod replay;
#[cfg(feature = "deliver")]
#[path = "../src/deliver/retry_after.rs"]
mod retry_after;
#[cfg(feature = "deliver")]
#[path = "../../../fuzz/targets/retry_after.rs"]
mod waits;

#[test]
fn any_bytes_are_read_as_a_record_or_refused() {
    replay::replay("record", record::check);
}

#[test]
fn any_bytes_are_a_line_of_a_batch_or_refused() {
    replay::replay("batch", batch::check);
}

#[cfg(feature = "deliver")]
#[test]
fn any_text_is_a_bounded_wait_or_none() {
    replay::vary("retry_after", waits::check);
}
