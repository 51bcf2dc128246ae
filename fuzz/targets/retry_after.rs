//! A Retry-After of any text: a wait of ten years at most, or none; a later now never makes it longer.

use std::time::{Duration, SystemTime};

use crate::retry_after::parse;

pub(crate) fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let wait = parse(&text, None, now);
    assert!(wait.is_none_or(|wait| wait <= Duration::from_secs(10 * 365 * 24 * 60 * 60)));
    let later = parse(&text, None, now + Duration::from_secs(3_600));
    assert_eq!(wait.is_some(), later.is_some());
    assert!(later <= wait);
    assert_eq!(wait, parse(&format!(" {text}\t"), None, now));
    // A date of the answer that cannot be read is ignored.
    assert_eq!(wait, parse(&text, Some("never"), now));
    let dated = parse(&text, Some(&text), now);
    assert_eq!(dated.is_some(), wait.is_some());
}
