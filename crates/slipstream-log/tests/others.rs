//! A writer in another language, made from the document alone.
//!
//! A test program of its own: a child that is being started holds every lock of the process that
//! starts it, until it has become a program itself, and other tests would find their spools busy.

use std::process::Command;
use std::time::Duration;

use slipstream_core::operator::Operator;
use slipstream_core::{
    DeliveryOptions, Destination, Engine, Next, Record, RecordId, Settlement, Source, Timestamp,
};
use slipstream_log::{Settings, Spool, Stage};

#[test]
fn a_record_that_a_python_script_appended_comes_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let spool = Spool::builder()
        .settings(Settings { slots: 1, ..Settings::default() })
        .open(&path)
        .unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/append.py");
    let append = || {
        let ran = Command::new("python3")
            .arg(script)
            .arg(&path)
            .args(["http://example.com/ping", "http://example.com:80"])
            .output()
            .expect("python3 is there: `cargo xtask setup` installs it");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    };
    let own = Record {
        id: RecordId::generate(Timestamp::from_millis(1_795_498_920_000)),
        kind: "beep".to_owned(),
        destination: Destination::new("beep://speaker"),
        options: DeliveryOptions::default(),
        body: Vec::new(),
    };
    // Once into a log that the script makes, once behind a record of the engine's, and the engine's
    // behind a record of the script's.
    append();
    spool.store(&Source::parent(), &[own]).unwrap();
    append();
    assert_eq!(spool.status(Duration::ZERO).unwrap().totals.pending, 3);
    assert_eq!(spool.check(false).unwrap().problems, []);
    let mut backlog = spool.backlog().unwrap();
    let mut theirs = 0;
    while let Next::Work(claim) = backlog.next().unwrap() {
        let record = Record::decode(&claim.payload).unwrap();
        if record.kind == "http" {
            assert_eq!(record.destination.as_str(), "http://example.com:80");
            assert!(record.id.stored().as_millis() > 1_700_000_000_000);
            theirs += 1;
        }
        backlog.settle(claim.ticket, Settlement::Delivered).unwrap();
    }
    assert_eq!(theirs, 2);
    backlog.close().unwrap();
    assert!(spool.sealed_logs(Stage::Failed).unwrap().is_empty());
    let totals = spool.status(Duration::ZERO).unwrap().totals;
    assert!(totals.balanced() && totals.outcomes.delivered == 3, "{totals:?}");
}
