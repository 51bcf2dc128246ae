use std::collections::HashSet;

use super::*;
use slipstream_core::Timestamp;

fn log(salt: u64) -> LogName {
    LogName { slot: 3, stamp: Timestamp::from_millis(1_795_498_937_482), salt }
}

fn gone(delivered: u64, overwritten: u64) -> Gone {
    let mut outcomes = Outcomes::default();
    (outcomes.delivered, outcomes.overwritten) = (delivered, overwritten);
    Gone { bytes: 100, outcomes }
}

fn parse(bytes: &[u8]) -> Accounts {
    let mut ledger = Accounts::default();
    ledger.extend(bytes);
    ledger
}

fn lines(entries: &[Entry]) -> String {
    entries.iter().map(render).collect()
}

fn stored(salt: u64, requests: u64) -> Entry {
    Entry::Stored { log: log(salt).to_string(), sealed: Sealed { requests, bytes: 100 } }
}

#[test]
fn an_entry_repeated_after_a_crash_counts_once() {
    let gone_entry = || Entry::Gone { log: log(1).to_string(), gone: gone(2, 1) };
    let text = lines(&[stored(1, 3), stored(1, 3), gone_entry(), gone_entry()]);
    let folded = parse(text.as_bytes()).folded_without(&HashSet::new());
    assert_eq!((folded.stored, folded.outcomes.sum()), (3, 3));
    assert_eq!(folded.slots[&3], OverwrittenSum { logs: 1, requests: 1, bytes: 100 });
}

#[test]
fn an_entry_that_was_cut_short_spoils_none_but_itself() {
    let whole = lines(&[stored(1, 3)]);
    for cut in 1..=whole.len() {
        let text = format!("{}{whole}", &whole[..cut]);
        let ledger = parse(text.as_bytes());
        assert_eq!(ledger.logs[&log(1)].stored.unwrap().requests, 3, "cut at {cut}");
        let torn = cut > 1 && cut < whole.len() - 1;
        assert_eq!((ledger.torn, ledger.spoiled), (u64::from(torn), 0), "cut at {cut}");
    }
}

#[test]
fn counts_read_back_from_the_word_that_holds_them() {
    let counts = Counts { sealed: Sealed { requests: 12, bytes: 3456 }, gone: gone(9, 3) };
    assert_eq!(counts.word(), "gone-12-3456-100-9-0-0-3-0");
    assert_eq!(Counts::of_word(&counts.word()), Some(counts));
    for word in ["gone-1-2-3", "gone-1-2-3-4-5-6-7-8-9", "gone-1-2-3-4-5-6-7-x", "done"] {
        assert_eq!(Counts::of_word(word), None, "{word}");
    }
}

#[test]
fn zeros_behind_the_last_entry_spoil_none() {
    let text = lines(&[stored(1, 3)]) + "\0\0\0\0";
    assert_eq!(parse(text.as_bytes()).logs[&log(1)].stored.unwrap().requests, 3);
}

#[test]
fn a_ledger_reads_back_as_it_was_rendered() {
    let text = lines(&[
        stored(1, 3),
        stored(2, 5),
        Entry::Gone { log: log(2).to_string(), gone: gone(5, 0) },
    ]);
    let mut ledger = parse(text.as_bytes());
    ledger.folded = ledger.folded_without(&HashSet::from([log(1)]));
    assert_eq!(parse(ledger.render().as_bytes()), ledger);
    assert_eq!(ledger.folded.stored, 5);
}

#[test]
fn a_flipped_bit_spoils_one_entry() {
    let text = lines(&[stored(1, 3), stored(2, 5)]).into_bytes();
    for bit in 0..text.len() * 8 {
        let mut bytes = text.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let ledger = parse(&bytes);
        let sum: u64 =
            ledger.logs.values().filter_map(|account| Some(account.stored?.requests)).sum();
        assert!([3, 5, 8].contains(&sum), "bit {bit} made it {sum}");
        assert_eq!(ledger.torn, 0, "bit {bit} looks as if a process had not finished");
    }
}

#[test]
fn one_log_s_account_is_what_the_whole_ledger_says_of_it_whatever_is_damaged() {
    let gone_entry = |salt| Entry::Gone { log: log(salt).to_string(), gone: gone(2, 1) };
    let text = lines(&[
        stored(1, 3),
        stored(2, 5),
        gone_entry(2),
        stored(1, 4),
        Entry::Folded(Folded { stored: 7, ..Folded::default() }),
        stored(3, 1),
    ]);
    let agree = |bytes: &[u8]| {
        let ledger = parse(bytes);
        for log in [1, 2, 3, 4].map(log) {
            let mut only = Accounts::default();
            only.extend_by(bytes, &log.to_string());
            let told = |ledger: &Accounts| ledger.logs.get(&log).copied().unwrap_or_default();
            assert_eq!(told(&only), told(&ledger), "{}", bytes.escape_ascii());
        }
    };
    for cut in 0..=text.len() {
        agree(&text.as_bytes()[..cut]);
        agree(&text.as_bytes()[cut..]);
    }
    for bit in 0..text.len() * 8 {
        let mut bytes = text.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        agree(&bytes);
    }
    // Newlines that are gone leave several entries in one line.
    agree(text.replace('\n', " ").as_bytes());
}
