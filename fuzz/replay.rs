//! Feeds a corpus to a target, for the tests named `replay` in crates/.

use std::fs;
use std::path::Path;

/// Feeds every file of a target's corpus to it, and tells which one it does not bear.
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
