//! The spool's fsck finds what is wrong, and repairs it without losing a readable record.

use slipstream_core::Settlement;
use slipstream_core::operator::{Operator, OperatorError};
use slipstream_log::Stage;

use crate::bench::{Bench, MINUTE, drain};

/// One sealed log of three records, and another being collected.
fn bench() -> (Bench, std::path::PathBuf) {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.store().unwrap();
    }
    bench.clock.advance(MINUTE);
    bench.store().unwrap();
    let name = bench.files(Stage::Ready).remove(0);
    let path = bench.path().join("ready").join(name);
    (bench, path)
}

/// What is wrong, and what is still wrong after a repair.
fn findings(bench: &Bench) -> (Vec<String>, Vec<String>) {
    let words = |repair| {
        let report = bench.other().check(repair).unwrap();
        report
            .problems
            .into_iter()
            .chain(report.leftovers)
            .map(|finding| format!("{} {}", finding.part, finding.what))
            .collect::<Vec<_>>()
    };
    let found = words(false);
    assert_eq!(words(false), found, "a check changed something");
    // What is repaired first may repair the rest.
    assert!(words(true).iter().all(|what| found.contains(what)));
    (found, words(false))
}

#[test]
fn a_healthy_spool_has_no_findings_at_any_stage() {
    let (mut bench, _) = bench();
    let report = bench.other().check(false).unwrap();
    assert_eq!((report.problems.len(), report.parts, report.records), (0, 2, 4));
    let mut backlog = bench.backlog();
    drain(&mut *backlog, |n| {
        if n == 1 { Settlement::Failed } else { Settlement::Retry { after: MINUTE } }
    });
    backlog.close().unwrap();
    bench.store().unwrap();
    assert_eq!(findings(&bench), (Vec::new(), Vec::new()));
}

#[test]
fn a_flipped_bit_in_the_last_record_is_found_while_its_log_is_being_collected() {
    let (bench, _) = bench();
    let name = bench.files(Stage::Collecting).remove(0);
    let path = bench.path().join("collecting").join(name);
    let mut bytes = std::fs::read(&path).unwrap();
    // In its payload, which is followed by less than eight zeros.
    let last = bytes.len() - 12;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let report = bench.other().check(false).unwrap();
    assert_eq!((report.problems.len(), report.parts, report.records), (1, 2, 3), "{report:?}");
    // A writer that has the log's lock may be appending to it.
    let log = std::fs::File::open(&path).unwrap();
    rustix::fs::flock(&log, rustix::fs::FlockOperation::LockShared).unwrap();
    assert_eq!(bench.other().check(false).unwrap().problems.len(), 0);
}

#[test]
fn a_flipped_bit_is_found_and_set_aside_and_the_other_records_are_delivered() {
    let (bench, path) = bench();
    let mut bytes = std::fs::read(&path).unwrap();
    // In the payload of the second of three.
    let middle = 144 + (bytes.len() - 144) / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (found, left) = findings(&bench);
    assert!(found[0].contains("on are no records"), "{found:?}");
    assert_eq!(left, Vec::<String>::new());
    assert!(bench.files(Stage::Failed)[0].ends_with(".damaged"));
    assert_eq!(drain(&mut *bench.backlog(), |_| Settlement::Delivered), [1, 3, 4]);
    let totals = bench.totals();
    assert_eq!((totals.outcomes.delivered, totals.outcomes.set_aside), (3, 1));
}

#[test]
fn a_repair_does_not_take_a_half_made_copy_of_damage_for_a_whole_one() {
    let (bench, path) = bench();
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 20;
    bytes[last] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap();
    let aside = bench.path().join("failed").join(format!("{name}.damaged"));
    std::fs::write(&aside, "-- 1").unwrap();
    let (found, left) = findings(&bench);
    assert!(found[0].contains("on are no records"), "{found:?}");
    assert_eq!(left, Vec::<String>::new());
    let copy = std::fs::read(&aside).unwrap();
    assert!(copy.ends_with(&[&bytes[last..], b"\n"].concat()), "{copy:?}");
}

#[test]
fn what_a_repair_could_not_remove_is_not_called_mended() {
    let (bench, path) = bench();
    let name = path.file_name().unwrap().to_str().unwrap();
    for stuck in ["ledger.new-1", "collecting/s003.log.new-1", &format!("removing/{name}.purged")] {
        // A directory is nothing that can be removed as a file is.
        let stuck = bench.path().join(stuck);
        std::fs::create_dir(&stuck).unwrap();
        let report = bench.other().check(true).unwrap();
        let mended: Vec<_> = report.problems.iter().map(|finding| finding.mended).collect();
        assert_eq!(mended, [false], "{report:?}");
        std::fs::remove_dir(&stuck).unwrap();
    }
}

#[test]
fn a_log_removed_by_hand_is_counted_as_purged_by_a_repair() {
    let (bench, path) = bench();
    std::fs::remove_file(path).unwrap();
    let (found, left) = findings(&bench);
    assert!(found[0].contains("3 requests were in it, and it is gone"), "{found:?}");
    assert!(found[1].contains("4 requests were stored and 1 are accounted for"), "{found:?}");
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(bench.totals().outcomes.purged, 3);
}

#[test]
fn spoiled_and_missing_entries_are_found_and_written_anew() {
    let (bench, _) = bench();
    let ledger = bench.path().join("ledger");
    let mut bytes = std::fs::read(&ledger).unwrap();
    let last = bytes.len() - 4;
    bytes[last] ^= 1;
    std::fs::write(&ledger, bytes).unwrap();
    let (found, left) = findings(&bench);
    assert!(found[0].contains("1 entries cannot be read"), "{found:?}");
    assert!(found[1].contains("was not counted when it was sealed"), "{found:?}");
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(bench.totals().stored, 4);
}

#[test]
fn what_is_no_log_is_named_and_left_alone() {
    let (bench, path) = bench();
    std::fs::write(bench.path().join("ready/notes.txt"), "mine").unwrap();
    std::fs::write(bench.path().join("collecting/s011.log.new-0123"), "").unwrap();
    let renamed = path.with_file_name("s011-20261124T054200000Z-0000000000000001.log");
    std::fs::rename(path, renamed).unwrap();
    let (found, left) = findings(&bench);
    assert!(found.iter().any(|what| what.starts_with("ready/notes.txt not a log")), "{found:?}");
    assert!(
        found.iter().any(|what| what.contains("was being made when a process ended")),
        "{found:?}"
    );
    assert!(found.iter().any(|what| what.contains("has another log's header")), "{found:?}");
    assert!(left.iter().any(|what| what.contains("notes.txt")), "{left:?}");
    assert_eq!(std::fs::read_to_string(bench.path().join("ready/notes.txt")).unwrap(), "mine");
    assert_eq!(drain(&mut *bench.backlog(), |_| Settlement::Delivered), [1, 2, 3, 4]);
}

#[test]
fn a_repair_waits_for_no_worker_and_a_check_needs_none() {
    let (bench, _) = bench();
    let backlog = bench.backlog();
    assert!(matches!(bench.other().check(true), Err(OperatorError::Busy { .. })));
    assert!(bench.other().check(false).is_ok());
    backlog.close().unwrap();
}

#[test]
fn a_log_with_another_name_elsewhere_is_a_finding_and_not_the_end_of_the_check() {
    let (bench, path) = bench();
    std::fs::hard_link(&path, bench.path().join("elsewhere")).unwrap();
    let report = bench.other().check(false);
    // The sums cannot be made while it cannot be opened, and that is reported.
    let words =
        report.map_or_else(|error| format!("{error:?}"), |report| format!("{:?}", report.problems));
    assert!(words.contains("a hard link"), "{words}");
    assert!(words.contains("cannot be opened"), "{words}");
}
