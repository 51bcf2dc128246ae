//! The fuzzer's corpus, replayed on every run of the tests: logs, ledgers and names of any bytes.
//! fuzz/targets defines what is checked.
//!
//! # Non-goals
//! Making up new bytes. fuzz/Cargo.toml describes how to do that.

#[path = "../../../fuzz/targets/ledger.rs"]
mod ledger;
#[path = "../../../fuzz/targets/log.rs"]
mod log;
#[path = "../../../fuzz/targets/name.rs"]
mod name;
#[path = "../../../fuzz/replay.rs"]
mod replay;
#[path = "../../../fuzz/targets/settings.rs"]
mod settings;

#[test]
fn any_bytes_are_read_as_a_log_to_their_end() {
    replay::replay("log", log::check);
}

#[test]
fn any_bytes_are_read_as_a_ledger_without_a_panic() {
    replay::replay("ledger", ledger::check);
}

#[test]
fn any_bytes_are_a_log_s_only_name_or_none() {
    replay::replay("name", name::check);
}

#[test]
fn any_bytes_are_settings_within_bounds_or_refused() {
    replay::vary("settings", settings::check);
}
