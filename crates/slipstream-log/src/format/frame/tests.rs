use proptest::prelude::*;

use super::*;

fn header() -> LogHeader {
    LogHeader {
        slot: 3,
        salt: 0x8f3a_6c1e_5d2b_9a47,
        opened: Timestamp::from_millis(1_795_498_157_482),
        stamp: Timestamp::from_millis(1_795_498_157_483),
    }
}

#[test]
fn a_log_header_survives_any_flipped_bit() {
    let whole = header().encode();
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole;
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(LogHeader::parse(&bytes), Some(header()), "bit {bit}");
    }
}

#[test]
fn zeros_are_neither_a_log_header_nor_a_frame() {
    assert_eq!(LogHeader::parse(&[0; 128]), None);
    assert_eq!(FrameHeader::parse(&[0; 64], 0), None);
    assert_eq!(LogHeader::parse(&[]), None);
    assert_eq!(FrameHeader::parse(&[], 0), None);
}

#[test]
fn frames_behind_a_torn_record_are_aligned_again() {
    let mut frames = Frames::with_capacity(64);
    frames.push(|bytes| bytes.extend_from_slice(b"payload"));
    for end in 128..160 {
        let written = frames.bytes_at(end).len() as u64;
        let start = end + written - frames.size() as u64;
        assert_eq!(start % 8, 0, "appended at {end}");
        assert!(start - end < 8);
    }
}

#[test]
fn a_frame_is_of_one_log_only() {
    let mut frames = Frames::with_capacity(64);
    frames.push(|bytes| bytes.extend_from_slice(b"payload"));
    frames.seal(7);
    let bytes = frames.bytes_at(128);
    let parsed = FrameHeader::parse(bytes, 7).unwrap();
    assert_eq!((parsed.length, parsed.frame_len()), (7, 40));
    assert_eq!(FrameHeader::parse(bytes, 8), None);
}

#[test]
fn a_clock_that_is_set_back_makes_no_request_wait_longer_than_at_first() {
    let noon = Timestamp::from_millis(1_795_521_600_000);
    let settlement = SettlementField::FRESH.due_in(Duration::from_secs(30), noon);
    assert_eq!(settlement.remaining(noon), Duration::from_secs(30));
    assert_eq!(settlement.remaining(noon.after(Duration::from_secs(31))), Duration::ZERO);
    let days_before = Timestamp::from_millis(noon.as_millis() - 3 * 86_400_000);
    assert_eq!(settlement.remaining(days_before), Duration::from_secs(32));
    assert_eq!(SettlementField::FRESH.remaining(Timestamp::from_millis(0)), Duration::ZERO);
}

fn any_state() -> impl Strategy<Value = State> {
    prop::sample::select(CODES.map(|(_, state)| state).to_vec())
}

fn any_settlement() -> impl Strategy<Value = SettlementField> {
    let settled = (any_state(), any::<u16>(), 0u64..1 << 48, any::<u16>());
    let settled = settled.prop_map(|(state, attempts, due, wait)| {
        let due = Timestamp::from_millis(due);
        SettlementField { state, attempts, due, wait, begun: None }
    });
    let begun = (any::<u16>(), any::<u16>()).prop_map(|(attempts, before)| SettlementField {
        attempts,
        begun: Some(before),
        ..SettlementField::FRESH
    });
    prop_oneof![settled, begun]
}

#[test]
fn a_request_that_ends_its_worker_each_time_uses_up_its_attempts() {
    let mut settlement = SettlementField::FRESH;
    let mut begun = 0;
    while settlement.resumed().attempts < 3 && begun < 100 {
        settlement = SettlementField::parse(&settlement.begin().encode());
        begun += 1;
    }
    assert_eq!(begun, u32::from(INTERRUPTIONS_MAX) + 3);
}

proptest! {
    #[test]
    fn interruptions_within_the_limit_use_up_no_attempt(
        failures in 0u16..99, kills in 0..=INTERRUPTIONS_MAX,
    ) {
        let mut settlement = SettlementField { attempts: failures, ..SettlementField::FRESH };
        for _ in 0..kills {
            settlement = SettlementField::parse(&settlement.begin().encode());
        }
        prop_assert_eq!(settlement.resumed().attempts, failures);
        prop_assert_eq!(settlement.interruptions(), kills);
        prop_assert_eq!(settlement.begin().attempts, failures + 1);
    }

    #[test]
    fn a_settlement_reads_back(settlement in any_settlement()) {
        prop_assert_eq!(SettlementField::parse(&settlement.encode()), settlement);
    }

    #[test]
    fn a_flipped_bit_in_a_settlement_reads_as_fresh(
        settlement in any_settlement(), bit in 0usize..128,
    ) {
        let mut bytes = settlement.encode();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(SettlementField::parse(&bytes), SettlementField::FRESH);
    }

    #[test]
    fn a_flipped_bit_in_a_frame_header_is_noticed(payload: Vec<u8>, salt: u64, bit in 0usize..128) {
        let mut frames = Frames::with_capacity(0);
        frames.push(|bytes| bytes.extend_from_slice(&payload));
        frames.seal(salt);
        let mut bytes = frames.bytes_at(0).to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(FrameHeader::parse(&bytes, salt), None);
    }
}
