use proptest::prelude::*;

use super::*;

#[test]
fn a_name_tells_slot_time_and_identity() {
    let name = LogName {
        slot: 3,
        stamp: Timestamp::from_millis(1_795_498_937_482),
        salt: 0x8f3a_6c1e_5d2b_9a47,
    };
    let text = "s003-20261124T054217482Z-8f3a6c1e5d2b9a47.log";
    assert_eq!(name.to_string(), text);
    assert_eq!(LogName::parse(text), Some(name));
}

#[test]
fn what_is_no_name_is_refused() {
    for text in [
        "",
        "s003.log",
        "s3-20261124T054217482Z-8f3a6c1e5d2b9a47.log",
        "s003-20261124T054217482Z-8F3A6C1E5D2B9A47.log",
        "s003-20261324T054217482Z-8f3a6c1e5d2b9a47.log",
        "s003-20260230T054217482Z-8f3a6c1e5d2b9a47.log",
        "s003-20261124T054260000Z-8f3a6c1e5d2b9a47.log",
        "s003-2026112éT05421748Z-8f3a6c1e5d2b9a47.log",
        "s003-20261124T054217482Z-8f3a6c1e5d2b9a47.log.done",
        "s003-20261124T054217482Z-8f3a6c1e5d2b9a47-1.log",
    ] {
        assert_eq!(LogName::parse(text), None, "{text}");
    }
}

#[test]
fn a_departing_log_keeps_its_name_and_has_the_reason_behind_it() {
    let log = LogName { slot: 0, stamp: Timestamp::from_millis(0), salt: 1 };
    for why in RetireReason::ALL {
        let text = format!("{log}.{}", why.word());
        assert_eq!(split_retiring(&text), Some((log, why.word())));
        assert_eq!(RetireReason::of_word(why.word()), Some(why));
    }
    assert_eq!(split_retiring(&log.to_string()), None);
    assert_eq!(RetireReason::of_word("gone-1"), None);
}

#[test]
fn a_collecting_log_is_named_by_its_slot() {
    assert_eq!(collecting_name(3), "s003.log");
    assert_eq!(parse_collecting("s003.log"), Some(3));
    assert_eq!(parse_collecting("s3.log"), None);
    assert_eq!(parse_collecting("s003.log.tmp"), None);
}

fn stamps() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), LAST_MILLI - 2..LAST_MILLI + 3, Just(u64::MAX)]
}

proptest! {
    #[test]
    fn a_name_reads_back_and_sorts_by_age(slot: u16, salt: u64, a in 0..LAST_MILLI, b in 0..LAST_MILLI) {
        let name = |stamp| LogName { slot, salt, stamp: Timestamp::from_millis(stamp) };
        prop_assert_eq!(LogName::parse(&name(a).to_string()), Some(name(a)));
        prop_assert_eq!(name(a).to_string().cmp(&name(b).to_string()), a.cmp(&b));
    }

    #[test]
    fn the_name_of_any_header_reads_back(slot: u16, salt: u64, opened: u64, stamp in stamps()) {
        let [opened, stamp] = [opened, stamp].map(Timestamp::from_millis);
        let name = LogName::of(&LogHeader { slot, salt, opened, stamp });
        prop_assert_eq!(LogName::parse(&name.to_string()), Some(name));
    }

    #[test]
    fn any_text_is_a_name_or_none(text in "s[0-9]{3}-[0-9TZ]{17,20}-[0-9a-f]{16}\\.log") {
        let _ = LogName::parse(&text);
    }
}
