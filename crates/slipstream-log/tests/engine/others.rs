//! Programs that are not ours: golden files, and a writer in another language.

use std::process::Command;

use slipstream_core::{Record, Verdict};
use slipstream_log::Stage;

use crate::bench::{Bench, next};

#[test]
fn a_record_that_a_python_script_appended_from_the_document_alone_comes_out() {
    let mut bench = Bench::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/append.py");
    // Once into a log that the script makes, once behind a record of ours.
    for round in 1..=2 {
        let ran = Command::new("python3")
            .arg(script)
            .arg(bench.path())
            .args(["http://example.com/ping", "http://example.com:80"])
            .output()
            .expect("python3 is there: `cargo xtask setup` installs it");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        assert_eq!(bench.totals().pending, round);
    }
    bench.store().unwrap();
    assert_eq!(bench.other().check(false).unwrap().findings, []);
    let mut backlog = bench.backlog();
    let claim = next(&mut *backlog).unwrap();
    let record = Record::decode(&claim.payload).unwrap();
    assert_eq!(record.kind, "http");
    assert_eq!(record.destination.as_str(), "http://example.com:80");
    assert!(record.id.stored().as_millis() > 1_700_000_000_000);
    backlog.settle(claim.ticket, Verdict::Delivered).unwrap();
    assert!(bench.files(Stage::Failed).is_empty());
}
