//! A name of any bytes: what is taken for a log's name is spelt as that log's name is, so no log
//! has two; and every log has a name that is read back.

use slipstream_core::Timestamp;
use slipstream_log::name::{LogName, collecting_name, parse_collecting};

pub(crate) fn check(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Some(name) = LogName::parse(text) {
            assert_eq!(name.to_string(), text);
        }
        if let Some(slot) = parse_collecting(text) {
            assert_eq!(collecting_name(slot), text);
        }
    }
    let Some((stamp, rest)) = data.split_first_chunk::<8>() else {
        return;
    };
    let Some((salt, rest)) = rest.split_first_chunk::<8>() else {
        return;
    };
    let Some((slot, _)) = rest.split_first_chunk::<2>() else {
        return;
    };
    let slot = u16::from_le_bytes(*slot);
    let stamp = Timestamp::from_millis(u64::from_le_bytes(*stamp));
    let name = LogName { stamp, slot, salt: u64::from_le_bytes(*salt) };
    let read = LogName::parse(&name.to_string()).expect("a log's own name is a name");
    // Times beyond the year 9999 have one name.
    assert!(read.stamp <= stamp && (read.slot, read.salt) == (name.slot, name.salt));
    assert_eq!(parse_collecting(&collecting_name(slot)), Some(slot));
}
