//! Feeds a corpus to a target, for the tests named `replay` in crates/.

use std::fs;
use std::path::Path;

/// Feeds every file of a target's corpus to it, and reports which file it does not bear.
pub(crate) fn replay(target: &str, check: fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files = 0;
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let held = std::panic::catch_unwind(|| check(&bytes));
        assert!(held.is_ok(), "{} breaks it; why stands above", path.display());
        files += 1;
    }
    assert!(files >= 5, "only {files} files in {}", dir.display());
}

/// The same, and for each file what a few changes make of it: for targets that no fuzzer reaches, since
/// what they check is private. SLIPSTREAM_FUZZ_ROUNDS says how many, 300 unless it is set.
#[allow(dead_code, reason = "not every crate has such a target")]
pub(crate) fn vary(target: &str, check: fn(&[u8])) {
    replay(target, check);
    let rounds = std::env::var("SLIPSTREAM_FUZZ_ROUNDS").ok().and_then(|text| text.parse().ok());
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files = fs::read_dir(&dir).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
    let files: Vec<_> = files.collect();
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = move |below: usize| {
        // xorshift: the same on every run.
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        (chance % below.max(1) as u64) as usize
    };
    for round in 0..rounds.unwrap_or(300_usize) * files.len() {
        let mut bytes = files[round % files.len()].clone();
        for _ in 0..=draw(4) {
            let at = draw(bytes.len());
            match draw(6) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << draw(8),
                1 if !bytes.is_empty() => drop(bytes.drain(at..(at + draw(8)).min(bytes.len()))),
                2 => bytes.truncate(at),
                3 => bytes.insert(at, [0, 0xff, 0xfe, 0xfb, b'"', b'\n', b'9', b'{'][draw(8)]),
                4 => {
                    let other = &files[draw(files.len())];
                    let from = draw(other.len());
                    let part = other[from..(from + draw(32)).min(other.len())].to_vec();
                    drop(bytes.splice(at..at, part));
                }
                _ if !bytes.is_empty() => bytes[at] = draw(256) as u8,
                _ => {}
            }
        }
        let held = std::panic::catch_unwind(|| check(&bytes));
        assert!(held.is_ok(), "{target}: \"{}\" breaks it", bytes.escape_ascii());
    }
}
